//! What an export would be, without exporting.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::pieces;
use super::settings::{ExportSettings, Target};
use super::table::Table;
use crate::error::Error;
use crate::query::Sizes;

/// Bytes of a line beside its labels: blanks, a time, and a value of eight digits.
const AROUND_LABELS: u64 = 26;

/// How large an export would be.
#[derive(Debug)]
pub struct Estimate {
    /// What each day holds.
    days: BTreeMap<String, Sizes>,
    /// Queries that the export would make.
    queries: u64,
    is_billed: bool,
}

/// Asks for the size of each day.
///
/// # Errors
/// What Timestream answers.
pub(super) async fn estimate(table: &Table, settings: &ExportSettings, is_billed: bool) -> Result<Estimate, Error> {
    let mut estimate = Estimate { days: BTreeMap::new(), queries: 0, is_billed };
    let selectors = settings.selectors.len() as u64;
    for day in pieces::days(settings.start_ms, settings.end_ms) {
        let mut sizes = Sizes::default();
        for selector in &settings.selectors {
            let found = table.sizes(selector, day.bounds).await?;
            sizes.series += found.series;
            sizes.samples += found.samples;
            sizes.letters += found.letters;
        }
        // Each day is counted, and read: for files in any case, for a receiver by hours if it has samples.
        let reads = match settings.target {
            Target::Files(_) => 1,
            Target::Receiver(_) if sizes.samples == 0 => 0,
            Target::Receiver(_) => pieces::hours(day.bounds.0, day.bounds.1 + 1).count() as u64,
        };
        estimate.queries += selectors * (1 + reads);
        if sizes.samples > 0 {
            estimate.days.insert(day.name, sizes);
        }
    }
    Ok(estimate)
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        writeln!(text, "{:<10}  {:>12}  {:>16}  {:>20}", "day", "series", "samples", "bytes of text")?;
        let (mut samples, mut bytes) = (0, 0);
        for (day, sizes) in &self.days {
            let of_day = sizes.letters + sizes.samples * AROUND_LABELS;
            writeln!(text, "{day:<10}  {:>12}  {:>16}  {of_day:>20}", sizes.series, sizes.samples)?;
            (samples, bytes) = (samples + sizes.samples, bytes + of_day);
        }
        writeln!(text, "{:<10}  {:>12}  {samples:>16}  {bytes:>20}", "all", "")?;
        writeln!(text, "The export would make {} queries.", self.queries)?;
        if self.is_billed {
            writeln!(
                text,
                "AWS bills reading by your account's age: accounts since 2024-04-29 by compute time, at least 30 seconds \
                 of 4 TCUs while queries run; older ones by bytes scanned, at least 10 MB a query, so here at least {} MB. \
                 This dry run itself scanned the labels of all samples.",
                self.queries * 10
            )?;
        }
        f.write_str(&text)
    }
}
