//! The samples of the open transaction, which are in memory until its log is written.

use super::chunk::Sample;
use super::heads::Key;
use std::collections::BTreeMap;

/// The samples of the open transaction, by series.
#[derive(Debug, Default)]
pub(super) struct Pending {
    series: BTreeMap<Key, PendingSeries>,
}

/// A series that the open transaction writes to.
#[derive(Debug)]
pub(super) struct PendingSeries {
    /// The time of its last sample or record, wherever it rests; `i64::MIN` if it has none.
    pub(super) last: i64,
    /// Its new samples, in the order in which they came.
    pub(super) samples: Vec<Sample>,
}

impl Pending {
    pub(super) fn get(&self, key: Key) -> Option<&PendingSeries> {
        self.series.get(&key)
    }

    /// The series of a key, whose last time before the transaction is given.
    pub(super) fn series(&mut self, key: Key, last: i64) -> &mut PendingSeries {
        self.series.entry(key).or_insert(PendingSeries { last, samples: Vec::new() })
    }

    pub(super) fn has_samples(&self) -> bool {
        self.series.values().any(|series| !series.samples.is_empty())
    }

    /// All series that the transaction writes to, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &PendingSeries)> {
        self.series.iter().map(|(key, series)| (*key, series))
    }

    pub(super) fn clear(&mut self) {
        self.series.clear();
    }
}

impl PendingSeries {
    pub(super) fn push(&mut self, sample: Sample) {
        self.samples.push(sample);
        self.last = self.last.max(sample.time);
    }

    pub(super) fn value_at(&self, time: i64) -> Option<f64> {
        self.samples.iter().find(|sample| sample.time == time).map(|sample| sample.value)
    }
}
