//! Gathers the records of many requests into calls.
//!
//! Requests come over a bounded channel to one thread, which puts their samples into calls of a hundred, by caller and
//! group. A full call leaves at once. Calls that are not full leave after a short linger, the small ones among them
//! together. Where calls are billed, they wait until no request has come for that time, or five times as long, since the
//! more series meet the more they share. The thread only moves numbers: requests are decoded and grouped before, and
//! bodies are written after it, on the runtime's threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use tokio::sync::oneshot;

use crate::sink::Sink;
use crate::sink::call::{Call, Part};
use crate::sink::caller_clients::CallerClients;
use crate::sink::caller_keys::CallerId;
use crate::sink::pending::PendingWrite;

mod gather;
mod group;

/// Calls that are billed wait for requests that follow each other, up to so many times the linger.
const MAX_LINGERS: u32 = 5;

pub use gather::Gathering;
pub use group::{GroupKey, Grouper, Groups, Within};

/// A request whose samples are to be written under its caller's credentials.
#[derive(Debug)]
pub struct QueuedWrite {
    /// The caller.
    pub caller: Arc<CallerClients>,
    /// The request, with at least one sample.
    pub write: Arc<PendingWrite>,
    /// Its samples.
    pub groups: Groups,
}

/// The way into the batcher. Cloning shares the queue. The batcher ends when the last clone is dropped and all queued
/// requests are handed on.
#[derive(Debug, Clone)]
pub struct Queue {
    sender: Sender<QueuedWrite>,
    grouper: Grouper,
}

/// Why a request was not queued, with the request.
#[derive(Debug)]
pub enum NotQueued {
    /// The queue holds as many requests as it may.
    Full(Arc<PendingWrite>),
    /// The batcher's thread is gone, and the process about to end.
    Stopped(Arc<PendingWrite>),
}

impl Queue {
    /// Queues a request.
    ///
    /// # Errors
    /// As [`NotQueued`] says.
    pub fn push(&self, caller: Arc<CallerClients>, write: PendingWrite) -> Result<(), NotQueued> {
        let groups = self.grouper.groups(write.request());
        match self.sender.try_send(QueuedWrite { caller, write: Arc::new(write), groups }) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(queued)) => Err(NotQueued::Full(queued.write)),
            Err(TrySendError::Disconnected(queued)) => Err(NotQueued::Stopped(queued.write)),
        }
    }

    /// Requests that wait.
    pub fn len(&self) -> usize {
        self.sender.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.sender.is_empty()
    }
}

/// How records are gathered.
#[derive(Debug, Clone, Copy)]
pub struct BatcherSettings {
    /// Requests that may wait for the batcher.
    pub queue_capacity: usize,
    /// How long a call that is not full waits for more records.
    pub linger: Duration,
    /// Whether each call costs money. Then calls wait up to five lingers for requests that follow each other, and those
    /// whose records share much leave with fewer of them.
    pub is_billed: bool,
}

/// The batcher's thread.
#[derive(Debug)]
pub struct BatcherThread {
    thread: JoinHandle<()>,
    ended: oneshot::Receiver<()>,
}

impl BatcherThread {
    /// Waits until the thread has ended, as it does when the last [`Queue`] is dropped.
    ///
    /// # Errors
    /// The thread panicked.
    pub async fn ended(self) -> std::thread::Result<()> {
        // The thread's function owns the sender, so it is dropped at the end, also after a panic.
        let _ = self.ended.await;
        self.thread.join()
    }
}

/// Starts the batcher's thread.
///
/// # Errors
/// The system can't start a thread.
pub fn start(settings: BatcherSettings, sink: Sink) -> std::io::Result<(Queue, BatcherThread)> {
    let (sender, receiver) = crossbeam_channel::bounded(settings.queue_capacity.max(1));
    let longest_linger = if settings.is_billed { settings.linger * MAX_LINGERS } else { settings.linger };
    let batcher = Batcher { receiver, linger: settings.linger, longest_linger, sink, gathering: HashMap::new() };
    let (running, ended) = oneshot::channel();
    let thread = std::thread::Builder::new().name("batcher".into()).spawn(move || {
        let _running: oneshot::Sender<()> = running;
        batcher.run();
    })?;
    Ok((Queue { sender, grouper: Grouper::new(settings.is_billed) }, BatcherThread { thread, ended }))
}

struct Batcher {
    receiver: Receiver<QueuedWrite>,
    linger: Duration,
    longest_linger: Duration,
    sink: Sink,
    gathering: HashMap<CallerId, OfCaller>,
}

/// The calls of one caller that are not full.
struct OfCaller {
    caller: Arc<CallerClients>,
    gathering: Gathering,
    /// When they leave if no other request comes.
    leaves_at: Instant,
    /// When they leave at the latest, counted from the oldest record.
    latest: Instant,
}

impl Batcher {
    fn run(mut self) {
        loop {
            let next_departure = self.gathering.values().map(|gathering| gathering.leaves_at).min();
            let received = match next_departure {
                None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => self.receiver.recv_deadline(at),
            };
            match received {
                Ok(queued) => self.gather(&queued),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if next_departure.is_some_and(|at| at <= Instant::now()) {
                self.depart_due();
            }
        }
        for (_, gathering) in self.gathering.drain() {
            depart(&self.sink, gathering);
        }
    }

    fn gather(&mut self, queued: &QueuedWrite) {
        let QueuedWrite { caller, write, groups } = queued;
        let now = Instant::now();
        let of_caller = self.gathering.entry(caller.id()).or_insert_with(|| OfCaller {
            caller: caller.clone(),
            gathering: Gathering::default(),
            leaves_at: now,
            latest: now + self.longest_linger,
        });
        of_caller.leaves_at = of_caller.latest.min(now + self.linger);
        of_caller.gathering.add(write, groups, |parts| self.sink.deliver(Call { caller: caller.clone(), parts }));
        if of_caller.gathering.is_empty() {
            self.gathering.remove(&caller.id());
        }
    }

    fn depart_due(&mut self) {
        let now = Instant::now();
        for (_, gathering) in self.gathering.extract_if(|_, gathering| gathering.leaves_at <= now) {
            depart(&self.sink, gathering);
        }
    }
}

fn depart(sink: &Sink, OfCaller { caller, gathering, .. }: OfCaller) {
    gathering.depart(|parts: Vec<Part>| sink.deliver(Call { caller: caller.clone(), parts }));
}
