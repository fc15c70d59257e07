//! The byte budget: what all requests of the process may hold in memory together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request may wait for others to give bytes back before it is told to come again.
const PATIENCE: Duration = Duration::from_millis(500);

/// A number of bytes, shared by all requests. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Budget {
    free: Arc<Semaphore>,
    limit: usize,
}

/// Bytes taken from a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    permit: OwnedSemaphorePermit,
}

/// The budget stayed exhausted for as long as a request may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

impl Budget {
    /// A budget of `limit` bytes, at most 4 GiB.
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(u32::MAX as usize);
        Budget { free: Arc::new(Semaphore::new(limit)), limit }
    }

    /// The bytes in use.
    pub fn in_use(&self) -> usize {
        self.limit - self.free.available_permits()
    }

    /// The budget's size in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// A reservation of no bytes, to be grown.
    pub async fn reserve(&self, bytes: usize) -> Result<Reservation, Exhausted> {
        let permit = self.take(bytes).await?;
        Ok(Reservation { budget: self.clone(), permit })
    }

    async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Exhausted> {
        let bytes = u32::try_from(bytes).map_err(|_| Exhausted)?;
        let permit = tokio::time::timeout(PATIENCE, self.free.clone().acquire_many_owned(bytes)).await;
        permit.ok().and_then(Result::ok).ok_or(Exhausted)
    }
}

impl Reservation {
    /// Takes or gives back bytes until the reservation is `bytes` large.
    ///
    /// # Errors
    /// [`Exhausted`] when the bytes did not become free in half a second, or never can.
    pub async fn resize(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let held = self.permit.num_permits();
        if bytes > held {
            self.permit.merge(self.budget.take(bytes - held).await?);
        } else {
            drop(self.permit.split(held - bytes));
        }
        Ok(())
    }

    /// The bytes reserved.
    pub fn bytes(&self) -> usize {
        self.permit.num_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_budget_refuses_after_a_short_wait_and_recovers() {
        let budget = Budget::new(100);
        let mut first = budget.reserve(60).await.unwrap();
        assert_eq!(budget.reserve(50).await.unwrap_err(), Exhausted);
        first.resize(10).await.unwrap();
        let second = budget.reserve(90).await.unwrap();
        assert_eq!(first.resize(11).await, Err(Exhausted));
        assert_eq!(budget.in_use(), 100);
        drop(second);
        drop(first);
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_whole_budget_is_refused() {
        assert_eq!(Budget::new(100).reserve(101).await.unwrap_err(), Exhausted);
        assert_eq!(Budget::new(100).reserve(usize::MAX).await.unwrap_err(), Exhausted);
    }
}
