//! What a row of an answer holds, and which of these forms a table's reads may use.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use super::schema::TableKey;

/// What a row of an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowForm {
    /// The labels of a series.
    Labels,
    /// A series' labels, and its samples within a stretch of time.
    Series(Bin),
    /// A sample with the labels of its series. It takes many times more bytes and work than a row for each series.
    Sample,
}

/// The longest stretch of time whose samples stand in one row. A row has at most 1 MB, or the query fails; a sample takes
/// about 80 bytes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bin {
    /// As SQL writes it.
    pub(super) text: &'static str,
    pub(super) ms: i64,
}

/// From the longest to the shortest. Their rows take about half a MB if a series has a sample each second, each tenth of a
/// second, and each hundredth.
const BINS: [Bin; 3] =
    [Bin { text: "2h", ms: 7_200_000 }, Bin { text: "10m", ms: 600_000 }, Bin { text: "1m", ms: 60_000 }];

/// The form to begin with.
pub(super) const FIRST: RowForm = RowForm::Series(BINS[0]);

/// The most tables, counted per caller, of which something is remembered.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// How long it is remembered. Then the first form is tried again.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

/// The tables whose reads can't use the first form.
#[derive(Debug)]
pub(super) struct RowForms {
    entries: Mutex<LruCache<TableKey, (Instant, RowForm)>>,
}

impl RowForms {
    pub(super) fn new() -> Self {
        RowForms { entries: Mutex::new(LruCache::new(CAPACITY)) }
    }

    /// The form for samples of this table.
    pub(super) fn of(&self, key: &TableKey) -> RowForm {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(key) {
            Some((learnt, form)) if learnt.elapsed() < REMEMBERED_FOR => *form,
            _ => FIRST,
        }
    }

    /// Remembers that rows of `bin` are too large.
    pub(super) fn too_large(&self, key: &TableKey, bin: Bin) {
        let smaller = BINS.into_iter().find(|other| other.ms < bin.ms);
        self.put(key, smaller.map_or(RowForm::Sample, RowForm::Series));
    }

    /// Remembers that Timestream refuses a row for each series.
    pub(super) fn refused(&self, key: &TableKey) {
        self.put(key, RowForm::Sample);
    }

    /// Keeps a form, unless another request has learnt meanwhile that rows must be even smaller.
    fn put(&self, key: &TableKey, form: RowForm) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let is_smaller = |kept: &RowForm| match (kept, form) {
            (RowForm::Series(kept), RowForm::Series(new)) => kept.ms < new.ms,
            (kept, _) => *kept == RowForm::Sample,
        };
        match entries.get(key) {
            Some((learnt, kept)) if learnt.elapsed() < REMEMBERED_FOR && is_smaller(kept) => {}
            _ => {
                entries.put(key.clone(), (Instant::now(), form));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rows_become_smaller_and_at_last_samples_for_an_hour() {
        let key = TableKey { caller: [1; 32], database: "d".to_owned(), table: "t".to_owned() };
        let (forms, mut found) = (RowForms::new(), Vec::new());
        while let RowForm::Series(bin) = forms.of(&key) {
            found.push(bin.text);
            forms.too_large(&key, bin);
        }
        assert_eq!(found, ["2h", "10m", "1m"]);
        forms.too_large(&key, BINS[0]);
        assert_eq!(forms.of(&key), RowForm::Sample, "what is known is not forgotten");
        let other = TableKey { caller: [2; 32], ..key.clone() };
        assert_eq!(forms.of(&other), FIRST);
        forms.refused(&other);
        assert_eq!(forms.of(&other), RowForm::Sample);
        tokio::time::advance(REMEMBERED_FOR).await;
        assert_eq!((forms.of(&key), forms.of(&other)), (FIRST, FIRST));
    }
}
