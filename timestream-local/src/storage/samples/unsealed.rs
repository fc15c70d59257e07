//! The samples of a series that are in memory, some of them at a time.

use super::chunk::Sample;
use super::heads::Key;
use super::snapshot::Snapshot;

/// Samples that are fetched at first, about, and then twice as many each time.
const FETCH: usize = if cfg!(test) { 2 } else { 64 };
const MAX_FETCH: usize = 65_536;

/// A cursor on them.
#[derive(Default)]
pub(super) struct Unsealed {
    samples: Vec<Sample>,
    next: usize,
    /// From which time to fetch more; `None` if there are no more.
    from: Option<i64>,
    fetch: usize,
}

impl Unsealed {
    /// Begins with the samples from a time.
    pub(super) fn begin(&mut self, from: i64) {
        self.samples.clear();
        (self.next, self.from, self.fetch) = (0, Some(from), FETCH);
    }

    /// The time of the next sample, up to `to`.
    pub(super) fn time(&mut self, snapshot: &Snapshot, key: Key, to: i64) -> rusqlite::Result<Option<i64>> {
        while self.next == self.samples.len()
            && let Some(from) = self.from
        {
            self.samples.clear();
            self.next = 0;
            let until = snapshot.unsealed(key, (from, to), self.fetch, &mut self.samples)?;
            self.from = until.checked_add(1).filter(|_| until < to);
            self.fetch = (self.fetch * 2).min(MAX_FETCH);
        }
        Ok(self.samples.get(self.next).map(|sample| sample.time))
    }

    /// Takes the next sample, which was fetched.
    pub(super) fn take(&mut self) -> Option<Sample> {
        let sample = self.samples.get(self.next).copied()?;
        self.next += 1;
        Some(sample)
    }

    /// A time before which there are none.
    pub(super) fn least(&self) -> i64 {
        match (self.samples.get(self.next), self.from) {
            (Some(sample), _) => sample.time,
            (None, Some(_)) => i64::MIN,
            (None, None) => i64::MAX,
        }
    }
}
