//! What became of a text's lines and samples.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::ingest::stored::Stored;
use crate::telemetry::reason::Rejected;

/// Counts of samples, by reason.
type ByReason = BTreeMap<String, u64>;

/// What became of a text's lines and samples, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Totals {
    /// Samples read.
    pub(super) read: u64,
    /// Samples that Timestream has.
    pub(super) written: u64,
    /// Samples that no table of Timestream can hold and that do no harm.
    pub(super) ignored: ByReason,
    /// Samples that can never be stored.
    pub(super) rejected: ByReason,
    /// Samples that may be stored when they are sent again.
    pub(super) failed: u64,
    /// Lines that are no samples, but should be.
    pub(super) bad_lines: u64,
    /// Exemplars, which are not stored.
    pub(super) exemplars: u64,
}

impl Totals {
    /// Whether all samples are stored that can be.
    pub(super) fn are_good(&self) -> bool {
        self.rejected.is_empty() && self.failed == 0 && self.bad_lines == 0
    }

    /// Counts samples that can never be stored.
    pub(super) fn reject(&mut self, reason: Rejected, samples: u64) {
        count(&mut self.rejected, reason.as_str(), samples);
    }

    /// Counts the outcome of a request.
    pub(super) fn add_stored(&mut self, stored: &Stored) {
        self.written += stored.tally.written;
        self.failed += stored.tally.failed;
        for (reason, samples, _) in &stored.dropped.ignored {
            count(&mut self.ignored, reason.as_str(), *samples);
        }
        for (reason, samples) in Rejected::ALL.iter().zip(stored.tally.rejected_by) {
            self.reject(*reason, samples);
        }
    }

    /// The counts as a table for people.
    pub(super) fn table(&self) -> String {
        let mut rows = vec![("samples read".to_owned(), self.read), ("written".to_owned(), self.written)];
        rows.extend(self.ignored.iter().map(|(reason, samples)| (format!("ignored, {reason}"), *samples)));
        rows.extend(self.rejected.iter().map(|(reason, samples)| (format!("rejected, {reason}"), *samples)));
        rows.push(("failed".to_owned(), self.failed));
        rows.push(("bad lines".to_owned(), self.bad_lines));
        if self.exemplars > 0 {
            rows.push(("exemplars, not stored".to_owned(), self.exemplars));
        }
        let names = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let counts = rows.iter().map(|(_, count)| count.to_string().len()).max().unwrap_or_default();
        let mut table = String::new();
        for (name, count) in rows {
            // Writing to a string does not fail.
            let _ = writeln!(table, "{name:<names$}  {count:>counts$}");
        }
        table
    }
}

fn count(of: &mut ByReason, reason: &str, samples: u64) {
    if samples > 0 {
        *of.entry(reason.to_owned()).or_default() += samples;
    }
}

impl AddAssign<&Totals> for Totals {
    fn add_assign(&mut self, other: &Totals) {
        let Totals { read, written, ignored, rejected, failed, bad_lines, exemplars } = other;
        self.read += read;
        self.written += written;
        self.failed += failed;
        self.bad_lines += bad_lines;
        self.exemplars += exemplars;
        ignored.iter().for_each(|(reason, samples)| count(&mut self.ignored, reason, *samples));
        rejected.iter().for_each(|(reason, samples)| count(&mut self.rejected, reason, *samples));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_reason_and_only_what_there_is() {
        let mut totals = Totals { read: 1000, written: 990, bad_lines: 2, ..Totals::default() };
        count(&mut totals.ignored, "nan", 7);
        totals.reject(Rejected::RetentionWindow, 3);
        totals.reject(Rejected::Duplicate, 0);
        assert_eq!(
            totals.table(),
            "samples read                1000\n\
             written                      990\n\
             ignored, nan                   7\n\
             rejected, retention_window     3\n\
             failed                         0\n\
             bad lines                      2\n"
        );
        assert!(!totals.are_good());
        let mut sum = totals.clone();
        sum += &totals;
        assert_eq!((sum.read, sum.ignored["nan"], sum.rejected["retention_window"]), (2000, 14, 6));
    }

    #[test]
    fn what_is_ignored_is_no_fault() {
        let mut totals = Totals { read: 1, exemplars: 1, ..Totals::default() };
        count(&mut totals.ignored, "nan", 1);
        assert!(totals.are_good());
        assert!(totals.table().contains("exemplars, not stored  1\n"));
    }
}
