//! `export`.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::command::Reached;
use crate::error::{Error, Kind};
use crate::export::ExportSettings;
use crate::options::Options;

/// Exports until all is done, or `stop` is cancelled.
///
/// # Errors
/// The transfer can't go on.
pub async fn run(options: Options, _settings: ExportSettings, _stop: CancellationToken) -> Result<ExitCode, Error> {
    let reached = Reached::open(options).await?;
    reached.caller()?;
    reached.close().await;
    Err(Error::new(Kind::Unavailable, "InternalError", "not written yet"))
}
