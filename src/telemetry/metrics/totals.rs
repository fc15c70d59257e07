//! Counters that the connector itself reads too: for its page, its log and CloudWatch.

use std::ops::Sub;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use metrics::Counter;
use metrics::atomics::AtomicU64;

/// A counter whose total can be read. Cloning shares it.
///
/// The exporter's counters can't be read. So this one counts, and sets the exporter's to the total whenever the metrics
/// are written.
#[derive(Debug, Clone)]
pub struct Total {
    total: Arc<AtomicU64>,
    exported: Counter,
}

impl Total {
    pub(super) fn new(exported: Counter) -> Self {
        Total { total: Arc::default(), exported }
    }

    /// Counts.
    pub fn increment(&self, count: u64) {
        self.total.fetch_add(count, Ordering::Release);
    }

    /// The count since the start.
    pub fn get(&self) -> u64 {
        self.total.load(Ordering::Acquire)
    }

    pub(super) fn export(&self) {
        self.exported.absolute(self.get());
    }
}

/// Samples since the start.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Received.
    pub received: u64,
    /// Written.
    pub written: u64,
    /// Ignored, for whatever reason.
    pub ignored: u64,
    /// Rejected, for whatever reason.
    pub rejected: u64,
    /// Failed, for whatever reason.
    pub failed: u64,
}

impl Sub for Totals {
    type Output = Totals;

    fn sub(self, before: Totals) -> Totals {
        Totals {
            received: self.received - before.received,
            written: self.written - before.written,
            ignored: self.ignored - before.ignored,
            rejected: self.rejected - before.rejected,
            failed: self.failed - before.failed,
        }
    }
}
