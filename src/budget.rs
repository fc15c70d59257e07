//! The byte budget: what all requests of the process may hold in memory together, and how callers share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request may wait for others to give bytes back before it is told to come again.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a request that waits for its caller's share looks again.
const SHARE_POLL: Duration = Duration::from_millis(20);
/// A caller may hold this many times what is free. So however many callers are stalled, some of the budget stays free
/// for the others: whoever comes may have two thirds of what those before left (Choudhury and Hahne, "Dynamic queue
/// length thresholds").
const SHARE_OF_FREE: usize = 2;

/// A number of bytes, shared by all requests. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Budget {
    free: Arc<Semaphore>,
    limit: usize,
    share: Option<Arc<Share>>,
}

/// What one caller holds of a budget.
#[derive(Debug, Default)]
pub struct Share {
    held: AtomicUsize,
}

/// Bytes taken from a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    permit: OwnedSemaphorePermit,
}

/// Why bytes could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// The budget stayed exhausted for as long as a request may wait.
    ForNow,
    /// More was asked for than the caller can ever hold.
    ForEver,
}

impl Budget {
    /// A budget of `limit` bytes, at most 4 GiB.
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(u32::MAX as usize);
        Budget { free: Arc::new(Semaphore::new(limit)), limit, share: None }
    }

    /// The same budget for one of several callers, who leaves some of it to the others.
    pub fn for_caller(&self, share: Arc<Share>) -> Self {
        Budget { share: Some(share), ..self.clone() }
    }

    /// The bytes in use.
    pub fn in_use(&self) -> usize {
        self.limit - self.free.available_permits()
    }

    /// The budget's size in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The most that one caller can hold.
    pub fn largest(&self) -> usize {
        if self.share.is_some() { self.limit / (SHARE_OF_FREE + 1) * SHARE_OF_FREE } else { self.limit }
    }

    /// Takes `bytes`.
    ///
    /// # Errors
    /// [`Exhausted`] when the bytes did not become free in half a second, or never can.
    pub async fn reserve(&self, bytes: usize) -> Result<Reservation, Exhausted> {
        let permit = self.take(0, bytes).await?;
        Ok(Reservation { budget: self.clone(), permit })
    }

    #[cfg(test)]
    pub(crate) fn reserve_none(&self) -> Reservation {
        let permit = self.free.clone().try_acquire_many_owned(0);
        Reservation { budget: self.clone(), permit: permit.unwrap() }
    }

    /// Takes `bytes` for a reservation that holds `held`.
    async fn take(&self, held: usize, bytes: usize) -> Result<OwnedSemaphorePermit, Exhausted> {
        if held.saturating_add(bytes) > self.largest() {
            return Err(Exhausted::ForEver);
        }
        let permits = u32::try_from(bytes).map_err(|_| Exhausted::ForEver)?;
        let taken = async {
            while self.is_over_share(bytes) {
                tokio::time::sleep(SHARE_POLL).await;
            }
            self.free.clone().acquire_many_owned(permits).await
        };
        let permit = tokio::time::timeout(PATIENCE, taken).await.ok().and_then(Result::ok);
        let permit = permit.ok_or(Exhausted::ForNow)?;
        if let Some(share) = &self.share {
            share.held.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(permit)
    }

    fn is_over_share(&self, more: usize) -> bool {
        self.share.as_ref().is_some_and(|share| {
            let held = share.held.load(Ordering::Relaxed).saturating_add(more);
            more > 0 && held > self.free.available_permits().saturating_mul(SHARE_OF_FREE)
        })
    }

    fn give_back(&self, bytes: usize) {
        if let Some(share) = &self.share {
            share.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Reservation {
    /// Takes or gives back bytes until the reservation is `bytes` large.
    ///
    /// # Errors
    /// [`Exhausted`] when the bytes did not become free in half a second, or never can.
    pub async fn resize(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let held = self.bytes();
        if bytes > held {
            self.permit.merge(self.budget.take(held, bytes - held).await?);
        } else {
            self.budget.give_back(held - bytes);
            drop(self.permit.split(held - bytes));
        }
        Ok(())
    }

    /// The budget that it was taken from.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The bytes reserved.
    pub fn bytes(&self) -> usize {
        self.permit.num_permits()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_budget_refuses_after_a_short_wait_and_recovers() {
        let budget = Budget::new(100);
        let mut first = budget.reserve(60).await.unwrap();
        assert_eq!(budget.reserve(50).await.unwrap_err(), Exhausted::ForNow);
        first.resize(10).await.unwrap();
        let second = budget.reserve(90).await.unwrap();
        assert_eq!(first.resize(11).await, Err(Exhausted::ForNow));
        assert_eq!(budget.in_use(), 100);
        drop(second);
        drop(first);
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_whole_budget_is_refused() {
        for bytes in [101, usize::MAX] {
            assert_eq!(Budget::new(100).reserve(bytes).await.unwrap_err(), Exhausted::ForEver);
        }
        let caller = Budget::new(100).for_caller(Arc::default());
        assert_eq!(caller.reserve(67).await.unwrap_err(), Exhausted::ForEver);
        let mut reservation = caller.reserve(60).await.unwrap();
        assert_eq!(reservation.resize(67).await, Err(Exhausted::ForEver));
    }

    #[tokio::test(start_paused = true)]
    async fn callers_who_hold_on_to_their_bytes_leave_some_to_the_others() {
        let budget = Budget::new(1000);
        let mut held = Vec::new();
        for _ in 0..3 {
            let caller = budget.for_caller(Arc::default());
            while let Ok(reservation) = caller.reserve(10).await {
                held.push(reservation);
            }
        }
        assert!(budget.in_use() <= 970, "{}", budget.in_use());
        let newcomer = Arc::<Share>::default();
        let caller = budget.for_caller(newcomer.clone());
        let mut reservation = caller.reserve(10).await.unwrap();
        reservation.resize(20).await.unwrap();
        reservation.resize(5).await.unwrap();
        assert_eq!(newcomer.held.load(Ordering::Relaxed), 5);
        drop(reservation);
        assert_eq!(newcomer.held.load(Ordering::Relaxed), 0);
        drop(held);
        assert_eq!(budget.in_use(), 0);
    }
}
