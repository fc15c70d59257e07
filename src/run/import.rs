//! `import`.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind};
use crate::import::ImportSettings;
use crate::options::Options;

/// Imports until all is done, or `stop` is cancelled.
///
/// # Errors
/// The transfer can't go on.
pub async fn run(_options: Options, _settings: ImportSettings, _stop: CancellationToken) -> Result<ExitCode, Error> {
    Err(Error::new(Kind::Unavailable, "InternalError", "not written yet"))
}
