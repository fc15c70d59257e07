//! The bytes of a budget, and which of the waiting requests gets them.
//!
//! A request that finds enough bytes free takes them, so a large request that waits does not hold up small ones. The
//! large one still gets its turn: bytes that were taken before its turn began are kept for it as they are given back.
//! The others share the bytes that were free then or are taken later. It is the turn of the request whose caller holds
//! the least; of several such requests, of the one that came first. A new request whose caller holds even less may take
//! kept bytes too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

/// A caller may hold this many times what is free. So some of the budget stays free however many callers are stalled:
/// the next caller may have two thirds of what the others left (Choudhury and Hahne, "Dynamic queue length
/// thresholds").
pub(super) const SHARE_OF_FREE: usize = 2;

/// What one caller holds of a budget. It changes only together with the budget.
#[derive(Debug, Default)]
pub struct Share {
    held: AtomicUsize,
}

/// Who asks, and for how much.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) bytes: usize,
    pub(super) share: Option<Arc<Share>>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    ask: Ask,
    granted: oneshot::Sender<u64>,
}

/// The bytes.
#[derive(Debug)]
pub(super) struct Pool {
    free: usize,
    /// How many of the free bytes are kept for the request whose turn it is.
    kept: usize,
    /// In the order in which they came.
    waiters: Vec<Waiter>,
    /// The number of the next waiter.
    next: u64,
    /// The number of the waiter whose turn it is.
    first: Option<u64>,
    /// Turns so far. They serve as a clock.
    turns: u64,
}

impl Share {
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Ask {
    fn held(&self) -> usize {
        self.share.as_deref().map_or(0, Share::held)
    }
}

impl Pool {
    pub(super) fn new(free: usize) -> Self {
        Pool { free, kept: 0, waiters: Vec::new(), next: 0, first: None, turns: 0 }
    }

    pub(super) fn free(&self) -> usize {
        self.free
    }

    /// Takes all bytes that are asked for, or none.
    pub(super) fn take(&mut self, ask: &Ask) -> bool {
        let kept = match self.turn() {
            Some(first) if self.waiters[first].ask.held() <= ask.held() => self.kept,
            _ => 0,
        };
        self.take_beside(kept, ask)
    }

    fn take_beside(&mut self, kept: usize, ask: &Ask) -> bool {
        let fits = self.fits_beside(kept, ask);
        if fits {
            self.free -= ask.bytes;
            self.kept = self.kept.min(self.free);
            if let Some(share) = &ask.share {
                share.held.fetch_add(ask.bytes, Ordering::Relaxed);
            }
        }
        fits
    }

    fn fits_beside(&self, kept: usize, ask: &Ask) -> bool {
        let is_within_share =
            ask.share.is_none() || ask.held().saturating_add(ask.bytes) <= self.free.saturating_mul(SHARE_OF_FREE);
        is_within_share && ask.bytes <= self.free - kept
    }

    /// Queues for the bytes. The receiver gets the time when they are taken. The number is that of the place in the
    /// queue.
    pub(super) fn wait(&mut self, ask: Ask) -> (u64, oneshot::Receiver<u64>) {
        let (granted, receiver) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        self.waiters.push(Waiter { number, ask, granted });
        self.turn();
        (number, receiver)
    }

    /// Ends the wait. Says whether the bytes are taken: before, or now as a last try, kept bytes included.
    pub(super) fn end(&mut self, number: u64) -> bool {
        let Some(index) = self.waiters.iter().position(|waiter| waiter.number == number) else { return true };
        let ask = self.remove(index).ask;
        let is_taken = self.take_beside(0, &ask);
        self.serve();
        is_taken
    }

    /// The time. It tells later which bytes were taken before the current turn.
    pub(super) fn now(&self) -> u64 {
        self.turns
    }

    /// Gives back bytes that were taken at `since`.
    pub(super) fn give_back(&mut self, bytes: usize, since: u64, share: Option<&Share>) {
        self.free += bytes;
        if let Some(share) = share {
            share.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        if self.turn().is_some() {
            if since < self.turns {
                self.kept += bytes;
            }
            self.serve();
        }
    }

    /// Gives free bytes to waiting requests.
    fn serve(&mut self) {
        while let Some(first) = self.turn() {
            let fits = |index: &usize| {
                self.fits_beside(if *index == first { 0 } else { self.kept }, &self.waiters[*index].ask)
            };
            let Some(index) = Some(first).filter(fits).or_else(|| (0..self.waiters.len()).find(fits)) else { return };
            let Waiter { ask, granted, .. } = self.remove(index);
            self.take_beside(0, &ask);
            // A waiter that has gone gives the bytes back.
            let _ = granted.send(self.turns);
        }
    }

    /// The index of the waiter whose turn it is.
    fn turn(&mut self) -> Option<usize> {
        let index = (0..self.waiters.len()).min_by_key(|index| self.waiters[*index].ask.held());
        let number = index.map(|index| self.waiters[index].number);
        if self.first != number {
            self.first = number;
            self.turns += 1;
        }
        index
    }

    /// Removes a waiter. If it was its turn, the bytes kept for it are free for all.
    fn remove(&mut self, index: usize) -> Waiter {
        let waiter = self.waiters.remove(index);
        if self.first == Some(waiter.number) {
            self.kept = 0;
        }
        waiter
    }
}
