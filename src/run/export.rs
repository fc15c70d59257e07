//! `export`: what it is started with, and what is printed at its end.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use super::command::Reached;
use crate::error::{Error, Kind};
use crate::export::{self, ExportSettings, Table};
use crate::options::Options;
use crate::transfer::Identity;
use crate::units::rfc3339;

/// How long queries that were given up may take to be cancelled.
const LAST_CANCELS: Duration = Duration::from_secs(5);

/// Exports until all is done, or `stop` is cancelled. The exit code is 0 if all samples that were counted were read.
///
/// # Errors
/// The export can't go on. Started again, it goes on where it was.
pub async fn run(options: Options, settings: ExportSettings, stop: CancellationToken) -> Result<ExitCode, Error> {
    has_data(&options)?;
    has_passed(settings.end_ms)?;
    let source = source(&options);
    let is_billed = options.embedded.is_none();
    let reached = Reached::open(options).await?;
    let (read, destination) = (reached.options.read, reached.options.destination.clone());
    let table = Arc::new(Table::new(read, reached.metrics.read.clone(), reached.caller()?, destination));
    let work = async {
        if settings.dry_run {
            print(&export::estimate(&table, &settings, is_billed).await?);
            return Ok(ExitCode::SUCCESS);
        }
        let report = export::export(Arc::clone(&table), &settings, source).await?;
        print(&report);
        Ok(if report.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    };
    let ended = tokio::select! {
        ended = work => ended,
        () = stop.cancelled() => {
            let message = "the export was interrupted: started again with the same options, it goes on where it was";
            Err(Error::new(Kind::Stopping, "Interrupted", message))
        }
    };
    table.cancelled(LAST_CANCELS).await;
    drop(table);
    reached.close().await;
    ended
}

/// Prints to standard output. If its reader has closed it, nobody wants the text.
fn print(text: &dyn std::fmt::Display) {
    let _ = std::io::stdout().write_all(text.to_string().as_bytes());
}

/// Whether there is anything to export: the embedded Timestream would make a new directory for its data.
fn has_data(options: &Options) -> Result<(), Error> {
    let data_dir = options.embedded.as_ref().and_then(|embedded| embedded.data_dir.as_ref());
    match data_dir {
        Some(data_dir) if !data_dir.is_dir() => {
            let message = format!("there is no data in {}: look at --embedded.data-dir", data_dir.display());
            Err(Error::invalid("ParseOptionError", message))
        }
        _ => Ok(()),
    }
}

/// Whether the end of an export has passed. Days to come would be noted as finished, and have nothing.
fn has_passed(end_ms: i64) -> Result<(), Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    if end_ms <= now {
        return Ok(());
    }
    let is_milliseconds = end_ms / 1000 <= now;
    let hint = if is_milliseconds { " (Unix times are given in seconds, not in milliseconds)" } else { "" };
    let message = format!("--end lies in the future{hint}; accepted: a time that has passed, such as {}", rfc3339(now));
    Err(Error::invalid("ParseOptionError", message))
}

/// Where the samples come from, for the state file.
fn source(options: &Options) -> Identity {
    let place = match &options.embedded {
        Some(embedded) => {
            let data_dir = embedded.data_dir.clone().unwrap_or_default();
            let absolute = std::fs::canonicalize(&data_dir).unwrap_or(data_dir);
            ("--embedded.data-dir", absolute.display().to_string())
        }
        None => ("--region", options.clients.region.clone()),
    };
    let endpoint = |flag| (flag, options.flags.get(flag).cloned().unwrap_or_default());
    let destination = &options.destination;
    let named = [
        ("--default-database", destination.database.clone()),
        ("--default-table", destination.table.clone()),
        endpoint("query-base-endpoint"),
        endpoint("query-discovery-endpoint"),
        place,
    ];
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
