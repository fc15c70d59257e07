//! The byte budget: how many bytes all requests of the process may hold together, and how callers share them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod pool;

pub use pool::Share;
use pool::{Ask, Pool, SHARE_OF_FREE};

/// How long a request waits for others to give bytes back, before it is refused for now.
const PATIENCE: Duration = Duration::from_millis(500);

/// A limit in bytes, with a name for error messages: that of its option, if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The name.
    pub name: &'static str,
    /// The bytes.
    pub bytes: usize,
}

/// A number of bytes, shared by all requests. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Budget {
    pool: Arc<Mutex<Pool>>,
    limit: Limit,
    share: Option<Arc<Share>>,
}

/// Bytes taken from a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: usize,
    /// When the first of them were taken, by the pool's clock.
    since: u64,
}

/// Why bytes could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// The bytes did not become free in the time that a request may wait.
    ForNow,
    /// The caller can never hold so many bytes.
    ForEver,
}

impl Limit {
    /// A limit of this name.
    pub const fn new(name: &'static str, bytes: usize) -> Self {
        Limit { name, bytes }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bytes", self.name, self.bytes)
    }
}

impl Budget {
    /// A budget of as many bytes as `limit` says.
    pub fn new(limit: Limit) -> Self {
        Budget { pool: Arc::new(Mutex::new(Pool::new(limit.bytes))), limit, share: None }
    }

    /// The same budget for one of several callers, which leaves some of it to the others.
    pub fn for_caller(&self, share: Arc<Share>) -> Self {
        Budget { share: Some(share), ..self.clone() }
    }

    /// The bytes in use.
    pub fn in_use(&self) -> usize {
        self.limit.bytes - self.pool().free()
    }

    /// The budget's size in bytes.
    pub fn limit(&self) -> usize {
        self.limit.bytes
    }

    /// The budget's size, for messages.
    pub fn named_limit(&self) -> Limit {
        self.limit
    }

    /// The most that one caller can hold.
    pub fn largest(&self) -> usize {
        let limit = self.limit.bytes;
        if self.share.is_some() { limit / (SHARE_OF_FREE + 1) * SHARE_OF_FREE } else { limit }
    }

    /// Takes `bytes`.
    ///
    /// # Errors
    /// [`Exhausted`] when the bytes did not become free in half a second, or never can.
    pub async fn reserve(&self, bytes: usize) -> Result<Reservation, Exhausted> {
        let mut reservation = Reservation { budget: self.clone(), bytes: 0, since: 0 };
        reservation.resize(bytes).await?;
        Ok(reservation)
    }

    #[cfg(test)]
    pub(crate) fn reserve_none(&self) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0, since: 0 }
    }

    /// Takes bytes. Gives the time by the pool's clock.
    async fn take(&self, bytes: usize) -> Result<u64, Exhausted> {
        let ask = Ask { bytes, share: self.share.clone() };
        let (turn, granted) = {
            let mut pool = self.pool();
            if pool.take(&ask) {
                return Ok(pool.now());
            }
            let (number, granted) = pool.wait(ask);
            (Turn { budget: self, number, bytes, is_over: false }, granted)
        };
        let granted = tokio::time::timeout(PATIENCE, granted).await.ok().and_then(Result::ok);
        // The bytes may have come just as the wait ended.
        let taken = turn.end();
        granted.or(taken).ok_or(Exhausted::ForNow)
    }

    fn give_back(&self, bytes: usize, since: u64) {
        if bytes > 0 {
            self.pool().give_back(bytes, since, self.share.as_deref());
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue for bytes. Dropping it gives up the place, and the bytes.
struct Turn<'a> {
    budget: &'a Budget,
    number: u64,
    bytes: usize,
    is_over: bool,
}

impl Turn<'_> {
    /// Ends the wait. Gives the time when the bytes were taken, if they were.
    fn end(mut self) -> Option<u64> {
        self.is_over = true;
        let mut pool = self.budget.pool();
        pool.end(self.number).then(|| pool.now())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_over && self.budget.pool().end(self.number) {
            // Given back as the oldest, so that they are kept for the request whose turn it is.
            self.budget.give_back(self.bytes, 0);
        }
    }
}

impl Reservation {
    /// Takes or gives back bytes until the reservation is `bytes` large.
    ///
    /// # Errors
    /// [`Exhausted`] when the bytes did not become free in half a second, or never can.
    pub async fn resize(&mut self, bytes: usize) -> Result<(), Exhausted> {
        if bytes > self.budget.largest() {
            return Err(Exhausted::ForEver);
        }
        if bytes > self.bytes {
            let taken = self.budget.take(bytes - self.bytes).await?;
            if self.bytes == 0 {
                self.since = taken;
            }
        } else {
            self.budget.give_back(self.bytes - bytes, self.since);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// The budget that it was taken from.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The bytes reserved.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes, self.since);
    }
}

#[cfg(test)]
mod tests;
