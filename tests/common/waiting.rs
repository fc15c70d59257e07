//! Waits for what a test needs, and not for a time after which it ought to be there.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a test waits for anything. It is far more than what works takes on a busy machine: only a failure waits so
/// long.
pub const PATIENCE: Duration = Duration::from_secs(120);

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Looks for something until it is there, or the patience is over.
fn look_for<T>(mut find: impl FnMut() -> Option<T>) -> Option<T> {
    let (deadline, mut pause) = (Instant::now() + PATIENCE, FIRST_PAUSE);
    loop {
        // The last look comes after the deadline, however long the pause before it took.
        let is_last = Instant::now() > deadline;
        let found = find();
        if found.is_some() || is_last {
            return found;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits until there is something, and gives it.
pub fn found<T>(what: &str, find: impl FnMut() -> Option<T>) -> T {
    look_for(find).unwrap_or_else(|| panic!("waited in vain: {what}"))
}

/// Waits until a condition holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    found(what, || condition().then_some(()));
}

/// Waits until two sides are equal, and shows them if they never are.
pub fn eventually_equal<T: PartialEq + Debug>(what: &str, mut sides: impl FnMut() -> (T, T)) {
    let mut last = None;
    look_for(|| {
        let (left, right) = last.insert(sides());
        (left == right).then_some(())
    });
    let (left, right) = last.unwrap();
    assert_eq!(left, right, "{what}");
}

/// Tells threads to stop when it goes, so that a test that fails does not wait for them for ever.
pub struct StopAtEnd<'a>(pub &'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The least time that one of several tries takes. Others that use the machine may delay a try, but hardly all of them.
/// The first one below `limit` is the last.
pub fn fastest(tries: usize, limit: Duration, mut attempt: impl FnMut()) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..tries {
        let start = Instant::now();
        attempt();
        fastest = fastest.min(start.elapsed());
        if fastest < limit {
            break;
        }
    }
    fastest
}
