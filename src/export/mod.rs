//! Samples of Timestream to OpenMetrics files, or to a remote write receiver.
//!
//! Each piece of time is one query, whose series come in order: a day becomes files (`files`, `day`, `day_files`, `output`, `gzip`,
//! `disk`), an hour requests (`sending`, `so_far`, `requests`, `receiver`, `there`). What is finished stands in the state file.

mod day;
mod day_files;
mod disk;
mod dry_run;
mod files;
mod gzip;
mod outcome;
mod output;
mod page_sink;
mod pieces;
mod receiver;
mod requests;
mod sending;
mod settings;
mod share;
mod so_far;
mod table;
mod there;

use std::sync::Arc;

use crate::error::Error;
use crate::transfer::{Identity, State};
pub use dry_run::Estimate;
pub use outcome::{Outcome, Report};
pub use settings::{Auth, Compression, ExportSettings, FileSettings, ReceiverSettings, Target};
pub use table::Table;

/// Exports what an earlier process has not exported yet. `source` says where the samples come from.
///
/// # Errors
/// What Timestream, the receiver or the system refuses. Started again, the export goes on.
pub async fn export(table: Arc<Table>, settings: &ExportSettings, source: Identity) -> Result<Report, Error> {
    match &settings.target {
        Target::Files(target) => {
            files::make_directory(target)?;
            let mut state = State::open(&settings.state, &settings.identity(source))?;
            files::prepare(settings, target, &mut state)?;
            files::export(table, settings, target, &mut state).await
        }
        Target::Receiver(target) => {
            let mut state = State::open(&settings.state, &settings.identity(source))?;
            sending::export(&table, settings, target, &mut state).await
        }
    }
}

/// How large an export would be. `is_billed`: AWS is asked.
///
/// # Errors
/// What Timestream answers.
pub async fn estimate(table: &Table, settings: &ExportSettings, is_billed: bool) -> Result<Estimate, Error> {
    dry_run::estimate(table, settings, is_billed).await
}
