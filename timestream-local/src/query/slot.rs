//! How a query's thread hands over its pages: a few at a time, and only while somebody may want the next.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// Values that may wait. With one alone, both ends often wait for each other where all cores are at work.
pub(super) const ROOM: usize = 2;

struct Shared<T> {
    state: Mutex<State<T>>,
    /// It is read between the steps of a statement, so it is outside the lock.
    unwanted: AtomicBool,
    taken: Condvar,
    given: Notify,
}

struct State<T> {
    values: VecDeque<T>,
    ended: bool,
}

/// Places for [`ROOM`] values, with an end for the thread that fills it and one for the tasks that empty it.
pub(super) fn slot<T>() -> (Giver<T>, Taker<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { values: VecDeque::with_capacity(ROOM), ended: false }),
        unwanted: AtomicBool::new(false),
        taken: Condvar::new(),
        given: Notify::new(),
    });
    (Giver(Arc::clone(&shared)), Taker(shared))
}

fn locked<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's end. Dropping it ends the values.
pub(super) struct Giver<T>(Arc<Shared<T>>);

impl<T> Giver<T> {
    /// Gives a value once there is a place for it. False when none got free within `patience`, or nobody wants more.
    pub(super) fn give(&self, value: T, patience: Duration) -> bool {
        let wait = |state: &mut State<T>| state.values.len() >= ROOM && self.is_wanted();
        let (mut state, _) =
            self.0.taken.wait_timeout_while(locked(&self.0), patience, wait).unwrap_or_else(PoisonError::into_inner);
        if state.values.len() >= ROOM || !self.is_wanted() {
            return false;
        }
        state.values.push_back(value);
        drop(state);
        self.0.given.notify_one();
        true
    }

    /// Whether somebody may still take a value.
    pub(super) fn is_wanted(&self) -> bool {
        !self.0.unwanted.load(Ordering::Relaxed)
    }

    /// [`Self::is_wanted`] as a function of its own.
    pub(super) fn wanted(&self) -> impl Fn() -> bool + Clone + Send + use<T>
    where
        T: Send + 'static,
    {
        let shared = Arc::clone(&self.0);
        move || !shared.unwanted.load(Ordering::Relaxed)
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        locked(&self.0).ended = true;
        self.0.given.notify_one();
    }
}

/// The other end. Dropping it tells the thread to end.
pub(super) struct Taker<T>(Arc<Shared<T>>);

impl<T> Taker<T> {
    /// The next value. `None` when there are no more. One task at a time may wait.
    pub(super) async fn take(&self) -> Option<T> {
        loop {
            let given = self.0.given.notified();
            {
                let mut state = locked(&self.0);
                if let Some(value) = state.values.pop_front() {
                    self.0.taken.notify_one();
                    return Some(value);
                }
                if state.ended || self.0.unwanted.load(Ordering::Relaxed) {
                    return None;
                }
            }
            given.await;
        }
    }

    /// Whether the thread has ended. Values may still be there.
    pub(super) fn has_ended(&self) -> bool {
        locked(&self.0).ended
    }

    /// Tells the thread to end.
    pub(super) fn refuse(&self) {
        self.0.unwanted.store(true, Ordering::Relaxed);
        // The lock is taken so that a thread about to wait does not miss the call.
        drop(locked(&self.0));
        self.0.taken.notify_one();
        self.0.given.notify_one();
    }
}

impl<T> Drop for Taker<T> {
    fn drop(&mut self) {
        self.refuse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn values_arrive_in_order_and_end() {
        let (giver, taker) = slot();
        let thread = std::thread::spawn(move || (0..100).all(|number| giver.give(number, PATIENCE)));
        for expected in 0..100 {
            assert_eq!(taker.take().await, Some(expected));
        }
        assert_eq!(taker.take().await, None);
        assert!(thread.join().unwrap());
    }

    #[test]
    fn nobody_waits_for_a_taker_that_is_gone() {
        let (giver, taker) = slot();
        assert!((0..ROOM).all(|number| giver.give(number, PATIENCE)));
        let thread = std::thread::spawn(move || giver.give(ROOM, PATIENCE));
        drop(taker);
        assert!(!thread.join().unwrap());
    }

    #[test]
    fn patience_ends() {
        let (giver, _taker) = slot();
        assert!((0..ROOM).all(|number| giver.give(number, PATIENCE)));
        assert!(!giver.give(ROOM, Duration::from_millis(5)));
        assert!(giver.is_wanted());
    }
}
