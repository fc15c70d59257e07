//! What has become of the days of an export, and the table of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// What has become of a day, or of a part of it. The state file keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Series that have samples. Of a day that went in parts: the most of a part.
    pub series: u64,
    /// Samples exported.
    pub samples: u64,
    /// Samples read: also those that are not exported, since SQL finds more than is selected, since two selectors select
    /// them, or since another of the same millisecond replaces them.
    pub read: u64,
    /// Samples that `count(*)` finds with the same conditions.
    pub counted: u64,
    /// Rows without a number.
    pub other_rows: u64,
    /// Files, or requests.
    pub parts: u64,
}

impl Outcome {
    /// Adds a part of the same day.
    pub(super) fn add(&mut self, part: Outcome) {
        self.series = self.series.max(part.series);
        self.samples += part.samples;
        self.read += part.read;
        self.counted += part.counted;
        self.other_rows += part.other_rows;
        self.parts += part.parts;
    }

    /// Whether all that `count(*)` found was read.
    pub(super) fn agrees(&self) -> bool {
        self.read == self.counted
    }
}

/// What has become of an export.
#[derive(Debug, Default)]
pub struct Report {
    /// By day.
    pub days: BTreeMap<String, Outcome>,
    /// What the parts are called: files or requests.
    pub(super) parts: &'static str,
}

impl Report {
    /// Whether each day has all samples that were counted.
    pub fn agrees(&self) -> bool {
        self.days.values().all(Outcome::agrees)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rows = vec![["day", "series", "samples", "read", "count(*)", self.parts, ""].map(str::to_owned)];
        let mut total = Outcome::default();
        for (day, outcome) in &self.days {
            if *outcome != Outcome::default() {
                rows.push(row(day, outcome));
            }
            total.add(*outcome);
        }
        let mut all = row("all", &total);
        // A series of several days is one, and it is not known which are.
        all[1] = String::new();
        rows.push(all);
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..6).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let line = cells.collect::<Vec<_>>().join("  ") + row[6].as_str();
            writeln!(text, "{}", line.trim_end())?;
        }
        if total.samples < total.read {
            let rest = total.read - total.samples;
            writeln!(
                text,
                "{rest} samples read are not exported: SQL found series that are not selected, two selectors select \
                 them, or another of the same millisecond replaces them"
            )?;
        }
        if total.other_rows > 0 {
            writeln!(text, "{} rows are no samples: their value is neither a double nor a bigint", total.other_rows)?;
        }
        if !self.agrees() {
            writeln!(
                text,
                "what was read differs from what was counted: the table was written to meanwhile, or samples are \
                 missing; export these days again, with a state of their own"
            )?;
        }
        f.write_str(&text)
    }
}

fn row(day: &str, outcome: &Outcome) -> [String; 7] {
    let Outcome { series, samples, read, counted, parts, .. } = outcome;
    let numbers = [series, samples, read, counted, parts].map(u64::to_string);
    let [series, samples, read, counted, parts] = numbers;
    let note = if outcome.agrees() { "" } else { "  DIFFERS" };
    [day.to_owned(), series, samples, read, counted, parts, note.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_differ_are_marked() {
        let day = |samples, read, counted| Outcome { series: 2, samples, read, counted, other_rows: 0, parts: 1 };
        let mut report = Report { parts: "files", ..Report::default() };
        report.days.insert("2026-11-28".to_owned(), day(1000, 1000, 1000));
        report.days.insert("2026-11-30".to_owned(), Outcome::default());
        assert!(report.agrees());
        assert_eq!(
            report.to_string(),
            "day         series  samples  read  count(*)  files\n\
             2026-11-28       2     1000  1000      1000      1\n\
             all                    1000  1000      1000      1\n"
        );
        report.days.insert("2026-11-29".to_owned(), day(9, 10, 11));
        assert!(!report.agrees());
        let text = report.to_string();
        assert!(text.contains("2026-11-29       2        9    10        11      1  DIFFERS\n"), "{text}");
        assert!(text.contains("1 samples read are not exported") && text.contains("export these days again"), "{text}");
    }
}
