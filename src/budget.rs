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
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn budget_of(bytes: usize) -> Budget {
        Budget::new(Limit::new("the limit", bytes))
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_budget_refuses_after_a_short_wait_and_recovers() {
        let budget = budget_of(100);
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
            assert_eq!(budget_of(100).reserve(bytes).await.unwrap_err(), Exhausted::ForEver);
        }
        let caller = budget_of(100).for_caller(Arc::default());
        assert_eq!(caller.reserve(67).await.unwrap_err(), Exhausted::ForEver);
        let mut reservation = caller.reserve(60).await.unwrap();
        assert_eq!(reservation.resize(67).await, Err(Exhausted::ForEver));
    }

    #[tokio::test(start_paused = true)]
    async fn callers_who_hold_on_to_their_bytes_leave_some_to_the_others() {
        let budget = budget_of(1000);
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
        assert_eq!(newcomer.held(), 5);
        drop(reservation);
        assert_eq!(newcomer.held(), 0);
        drop(held);
        assert_eq!(budget.in_use(), 0);
    }

    /// The callers of requests: each with a share of its own, or all of them the same one without.
    fn callers(budget: &Budget, apart: bool) -> impl Fn() -> Budget {
        let budget = budget.clone();
        move || if apart { budget.for_caller(Arc::default()) } else { budget.clone() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_request_that_waits_does_not_hold_up_small_ones_of_others() {
        for apart in [true, false] {
            let budget = budget_of(100);
            let caller = callers(&budget, apart);
            let held = caller().reserve(50).await.unwrap();
            let (large, small) = (caller(), caller());
            let large = tokio::spawn(async move { large.reserve(60).await });
            tokio::task::yield_now().await;
            let start = Instant::now();
            for _ in 0..10 {
                small.reserve(10).await.unwrap();
            }
            assert_eq!((start.elapsed(), budget.in_use()), (Duration::ZERO, 50), "apart: {apart}");
            drop(held);
            assert!(large.await.unwrap().is_ok());
            assert_eq!(budget.in_use(), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_request_gets_its_turn_among_small_ones_that_take_more_than_it_leaves() {
        for (apart, count) in [(true, 24), (true, 50), (false, 24), (false, 50)] {
            let budget = budget_of(1000);
            let caller = callers(&budget, apart);
            let small = |hold: u64| {
                let budget = caller();
                tokio::spawn(async move {
                    loop {
                        let reservation = budget.reserve(25).await.unwrap();
                        tokio::time::sleep(Duration::from_millis(hold)).await;
                        drop(reservation);
                    }
                })
            };
            let small: Vec<_> = (0..count).map(|index| small(20 + index)).collect();
            tokio::time::sleep(Duration::from_millis(100)).await;
            for _ in 0..3 {
                drop(caller().reserve(600).await.unwrap());
            }
            assert!(small.iter().all(|task| !task.is_finished()), "no small one of {count} is refused");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_free_is_refused_to_nobody_whoever_waits() {
        let budget = budget_of(100);
        let stalled = budget.reserve(60).await.unwrap();
        let large: Vec<_> = (0..20)
            .map(|index| {
                let budget = budget.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(index * 40)).await;
                    budget.reserve(50).await.unwrap_err()
                })
            })
            .collect();
        for index in 0..100 {
            let start = Instant::now();
            let reservation = budget.reserve(30).await.unwrap();
            assert!(start.elapsed() <= PATIENCE, "{:?}", start.elapsed());
            tokio::time::sleep(Duration::from_millis(index % 20)).await;
            drop(reservation);
        }
        for large in large {
            assert_eq!(large.await.unwrap(), Exhausted::ForNow);
        }
        drop(stalled);
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_for_a_caller_who_holds_more() {
        let budget = budget_of(1000);
        let stalled = budget.for_caller(Arc::default());
        let held = stalled.reserve(600).await.unwrap();
        let small = budget.for_caller(Arc::default());
        let mut passing = Vec::new();
        for _ in 0..10 {
            passing.push(small.reserve(20).await.unwrap());
        }
        let stalled = tokio::spawn(async move { stalled.reserve(60).await.unwrap_err() });
        tokio::task::yield_now().await;
        let start = Instant::now();
        for _ in 0..10 {
            passing.remove(0);
            passing.push(small.reserve(20).await.unwrap());
        }
        passing.push(small.reserve(200).await.unwrap());
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(stalled.await.unwrap(), Exhausted::ForNow);
        drop((held, passing));
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_while_waiting_takes_nothing_along() {
        let budget = budget_of(100);
        let held = budget.reserve(80).await.unwrap();
        let waiting = |bytes: usize| {
            let budget = budget.clone();
            tokio::spawn(async move { budget.reserve(bytes).await })
        };
        let (gone, stays) = (waiting(90), waiting(60));
        tokio::task::yield_now().await;
        gone.abort();
        // The bytes are granted to one that goes before it learns of it.
        let unlucky = waiting(40);
        tokio::task::yield_now().await;
        drop(held);
        unlucky.abort();
        assert_eq!(stays.await.unwrap().unwrap().bytes(), 60);
        assert!(unlucky.await.is_err());
        assert_eq!(budget.in_use(), 0);
    }

    /// Whatever callers do, the bytes in use are those of their reservations, and each waits half a second at most.
    #[tokio::test(start_paused = true)]
    async fn any_callers_get_on_with_each_other() {
        for seed in 0..8 {
            let mut random = fastrand::Rng::with_seed(seed);
            let budget = budget_of(1000);
            let callers: Vec<_> = (0..4).map(|_| budget.for_caller(Arc::default())).collect();
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let (caller, seed) = (callers[random.usize(0..callers.len())].clone(), random.u64(..));
                    tokio::spawn(one_of_many(caller, fastrand::Rng::with_seed(seed)))
                })
                .collect();
            for task in tasks {
                if random.u8(0..10) == 0 {
                    task.abort();
                }
                let ended = task.await;
                assert!(ended.is_ok() || ended.unwrap_err().is_cancelled(), "seed {seed}");
            }
            assert_eq!(budget.in_use(), 0, "seed {seed}");
            assert!(callers.iter().all(|caller| caller.share.as_ref().is_some_and(|share| share.held() == 0)));
        }
    }

    async fn one_of_many(caller: Budget, mut random: fastrand::Rng) {
        for _ in 0..20 {
            let start = Instant::now();
            let reserved = caller.reserve(random.usize(0..700)).await;
            assert!(start.elapsed() <= PATIENCE + Duration::from_millis(1));
            let pause = Duration::from_millis(random.u64(0..200));
            if let Ok(mut reservation) = reserved {
                tokio::time::sleep(pause).await;
                let resized = reservation.resize(random.usize(0..700)).await;
                assert!(caller.in_use() >= reservation.bytes() && caller.in_use() <= caller.limit());
                if resized.is_ok() {
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}
