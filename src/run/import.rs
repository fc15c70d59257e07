//! `import`: builds the write path for it, and runs it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::command::Reached;
use super::connector::start_error;
use super::tasks::Tasks;
use crate::batcher;
use crate::budget::{Budget, Limit};
use crate::error::Error;
use crate::import::{self, Import, ImportSettings};
use crate::ingest::write::Writer;
use crate::options::Options;
use crate::sink::Sink;
use crate::telemetry::summary;

/// How long what runs beside the import may take to end.
const LAST_TASKS: Duration = Duration::from_secs(2);

/// Imports until all is done, or `stop` is cancelled. The exit code is 0 if all samples are stored that can be.
///
/// # Errors
/// The import can't go on.
pub async fn run(options: Options, settings: ImportSettings, stop: CancellationToken) -> Result<ExitCode, Error> {
    let place = place(&options);
    let reached = Reached::open(options).await?;
    let imported = import(&reached, settings, place, stop).await;
    reached.close().await;
    imported.map(|is_good| if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the table is, for the state file.
fn place(options: &Options) -> String {
    match &options.embedded {
        Some(embedded) => {
            let folder = embedded.data_dir.clone().unwrap_or_default();
            format!("embedded in {}", std::path::absolute(&folder).unwrap_or(folder).display())
        }
        None => options.clients.region.clone(),
    }
}

async fn import(
    reached: &Reached,
    settings: ImportSettings,
    place: String,
    stop: CancellationToken,
) -> Result<bool, Error> {
    let Reached { options, metrics, .. } = reached;
    #[cfg(feature = "embedded")]
    if options.embedded.is_some() {
        super::embedded::create_table(&reached.clients, &options.destination).await?;
    }
    let abandon = CancellationToken::new();
    let sink = Sink::new(options.sink, options.destination.clone(), Handle::current(), metrics.clone(), abandon);
    let started = batcher::start(options.batcher, sink);
    let (queue, batcher) = started.map_err(|error| start_error("can't start the batcher", &error))?;
    let budget = Budget::new(Limit::new("--write.memory-limit", options.write_memory_limit));
    let writer = Arc::new(Writer::new(options.write.clone(), budget, queue, metrics.clone()));
    let (mut tasks, told) = (Tasks::default(), CancellationToken::new());
    tasks.spawn("summary", summary::run(metrics.clone(), told.clone()));
    let import = Import {
        settings,
        writer,
        caller: reached.caller()?,
        destination: options.destination.clone(),
        place,
        is_billed: options.embedded.is_none(),
        memory_limit: options.write_memory_limit,
    };
    let imported = import::run(import, stop).await;
    told.cancel();
    tasks.end(LAST_TASKS).await;
    // The import had the last handle of the queue, so the batcher ends.
    if tokio::time::timeout(LAST_TASKS, batcher.ended()).await.is_err() {
        error!("the batcher did not end");
    }
    imported
}
