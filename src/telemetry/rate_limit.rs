//! Keeps a repeated warning from filling the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two warnings of one kind.
const INTERVAL: Duration = Duration::from_secs(10);

/// Lets one warning through per ten seconds and counts the others.
#[derive(Debug, Default)]
pub struct RateLimit {
    state: Mutex<State>,
}

/// A limit for each of so many kinds of warnings, so that a frequent kind does not hide a rare one.
pub fn of_each_kind(kinds: usize) -> Vec<RateLimit> {
    (0..kinds).map(|_| RateLimit::default()).collect()
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    suppressed: u64,
}

impl RateLimit {
    /// Whether to warn now: the number of suppressed warnings since the last one, or `None` to stay quiet.
    pub fn check(&self) -> Option<u64> {
        self.check_at(Instant::now())
    }

    fn check_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            state.suppressed += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_per_interval_that_tells_how_many_were_not_shown() {
        let limit = RateLimit::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(limit.check_at(start), Some(0));
        assert_eq!(limit.check_at(after(1)), None);
        assert_eq!(limit.check_at(after(9)), None);
        assert_eq!(limit.check_at(after(10)), Some(2));
        assert_eq!(limit.check_at(after(21)), Some(0));
    }
}
