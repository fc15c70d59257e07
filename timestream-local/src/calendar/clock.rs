//! The clock that a server goes by.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

/// Now by the system's clock, in nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The clock that a server goes by: the system's, which a test can put ahead so that it need not wait. All clones are one
/// clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<watch::Sender<i64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Clock(Arc::new(watch::Sender::new(0)))
    }

    /// Puts it ahead of what it shows. Servers that go by it do at once what has become due.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.0.send_modify(|ahead| *ahead = ahead.saturating_add(by));
    }

    /// Now, in nanoseconds since 1970.
    pub(crate) fn now_ns(&self) -> i64 {
        now_ns().saturating_add(*self.0.borrow())
    }

    /// Changes when the clock is put ahead.
    pub(crate) fn changes(&self) -> watch::Receiver<i64> {
        self.0.subscribe()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_are_put_ahead() {
        let clock = Clock::system();
        let (clone, changes) = (clock.clone(), clock.changes());
        let before = clone.now_ns();
        clock.advance(Duration::from_secs(3600));
        assert!(clone.now_ns() - before >= 3_600_000_000_000);
        assert!(changes.has_changed().unwrap());
    }
}
