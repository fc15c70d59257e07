//! Readiness as latches: each room that must be ready before traffic comes holds one until then.

use std::sync::{Arc, Mutex, PoisonError};

/// Whether traffic may come, or what it waits for. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    waiting_for: Arc<Mutex<Vec<String>>>,
}

/// Something that traffic waits for, until it is dropped.
#[derive(Debug)]
pub struct Latch {
    readiness: Readiness,
    reason: String,
}

impl Readiness {
    /// Makes traffic wait for `reason` until the latch is dropped.
    pub fn hold(&self, reason: impl Into<String>) -> Latch {
        let reason = reason.into();
        self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner).push(reason.clone());
        Latch { readiness: self.clone(), reason }
    }

    /// What traffic waits for; nothing when it may come.
    pub fn waiting_for(&self) -> Vec<String> {
        self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        let mut waiting_for = self.readiness.waiting_for.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = waiting_for.iter().position(|reason| *reason == self.reason) {
            waiting_for.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_waits_until_the_last_latch_is_dropped() {
        let readiness = Readiness::default();
        let (one, other) = (readiness.hold("Timestream"), readiness.hold("start"));
        assert_eq!(readiness.waiting_for(), ["Timestream", "start"]);
        drop(one);
        assert_eq!(readiness.waiting_for(), ["start"]);
        drop(other);
        assert!(readiness.waiting_for().is_empty());
        let _draining = readiness.hold("draining");
        assert_eq!(readiness.waiting_for(), ["draining"]);
    }
}
