//! All days of an export to OpenMetrics files, a few side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::outcome::{Outcome, Report};
use super::pieces::{self, Piece};
use super::settings::{ExportSettings, FileSettings};
use super::share::Share;
use super::table::Table;
use super::{day, day_files, disk};
use crate::error::{Error, Kind};
use crate::transfer::{Progress, State};

/// Noted in the state once the directory is known to hold no other files of these days.
const PREPARED: &str = "directory";

/// Exports the days that `state` does not know, and notes them there.
///
/// # Errors
/// What Timestream answers, or the system refuses.
pub(super) async fn export(
    table: Arc<Table>,
    settings: &ExportSettings,
    files: &FileSettings,
    state: &mut State,
) -> Result<Report, Error> {
    let days: Vec<Piece> = pieces::days(settings.start_ms, settings.end_ms).collect();
    let mut report = Report { parts: "files", ..Report::default() };
    let mut left = Vec::new();
    let total = days.len() as u64;
    for day in days {
        match state.finished(&day.name) {
            Some(outcome) => {
                report.days.insert(day.name, known(outcome)?);
            }
            None => left.push(day),
        }
    }
    let before = total - left.len() as u64;
    if before > 0 {
        tracing::info!(finished = before, days = total, "the export goes on where it was");
    }
    let progress = Progress::start("exported", total * Share::WHOLE, before * Share::WHOLE);
    let work = stream::iter(left).map(|day| {
        let (table, selectors) = (Arc::clone(&table), settings.selectors.clone());
        let (files, progress) = (files.clone(), progress.clone());
        // A task of its own, so that days use several cores.
        AbortOnDropHandle::new(tokio::spawn(async move {
            let exported = day::export(&table, &selectors, &files, &day, &progress).await;
            exported.map(|(outcome, files)| (day, outcome, files))
        }))
    });
    let mut work = work.buffer_unordered(settings.parallel);
    while let Some(exported) = work.next().await {
        let exported = exported.map_err(|_| Error::new(Kind::Unavailable, "InternalError", "a day was aborted"))?;
        let (day, outcome, files) = exported?;
        files.rename()?;
        state.finish(&day.name, json!(outcome))?;
        report.days.insert(day.name, outcome);
    }
    Ok(report)
}

/// The outcome that the state file keeps.
pub(super) fn known(outcome: &Value) -> Result<Outcome, Error> {
    serde_json::from_value(outcome.clone())
        .map_err(|error| Error::invalid("StateFileError", format!("the state file has a bad outcome: {error}")))
}

/// Makes the directory of the files where it is missing.
///
/// # Errors
/// `ExportFileError`: the system refuses it.
pub(super) fn make_directory(files: &FileSettings) -> Result<(), Error> {
    let directory = &files.directory;
    std::fs::create_dir_all(directory).map_err(|error| disk::failed(directory, &error))
}

/// Makes sure, before an export begins, that no files are there with the names that its own will have, and notes that. Later
/// they are its own, and those of days that are not finished are removed.
///
/// # Errors
/// `ExportFileError`: there are such files, or the system refuses to look.
pub(super) fn prepare(settings: &ExportSettings, files: &FileSettings, state: &mut State) -> Result<(), Error> {
    if state.reached(PREPARED) > 0 {
        return Ok(());
    }
    let directory = &files.directory;
    let days: BTreeSet<String> = pieces::days(settings.start_ms, settings.end_ms).map(|day| day.name).collect();
    let is_of_a_day = |name: &str| {
        let day = name.get(.."2026-11-28".len()).unwrap_or_default();
        days.contains(day) && day_files::is_of(name, day)
    };
    match day_files::of_days(directory, is_of_a_day)?.first() {
        None => state.reach(PREPARED, 1),
        Some(found) => {
            let what = "is there already, and not of this export: name another directory, or remove it";
            Err(Error::invalid("ExportFileError", format!("{} {what}", found.display())))
        }
    }
}
