//! Delivers a request: through the write path, and again after a wait if that fails for now.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::error::{Direction, Error, Kind};
use crate::ingest::stored::Stored;
use crate::ingest::write::{WriteError, Writer};
use crate::sink::caller_clients::CallerClients;
use crate::telemetry::reason::Rejected;
use crate::write_request::WriteRequest;

/// Delivers requests.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) writer: Arc<Writer>,
    pub(super) caller: Arc<CallerClients>,
    /// How long a request is sent again.
    pub(super) give_up_after: Duration,
    /// Ends the waits.
    pub(super) stop: CancellationToken,
}

/// A request that is not delivered.
#[derive(Debug)]
pub(super) struct Failure {
    /// Why not.
    pub(super) error: Error,
    /// What became of its samples at the last attempt, if that is known.
    pub(super) stored: Option<Box<Stored>>,
}

impl Delivery {
    /// Delivers a request: when it returns `Ok`, each sample is stored, ignored or rejected.
    pub(super) async fn deliver(&self, request: WriteRequest) -> Result<Stored, Failure> {
        let begun = Instant::now();
        let mut attempt = 0u32;
        loop {
            let failure = match self.writer.write_decoded(self.caller.clone(), request.clone()).await {
                Ok(stored) => match failure_of(&stored) {
                    None => return Ok(stored),
                    Some(error) => Failure { error, stored: Some(Box::new(stored)) },
                },
                Err(WriteError::Answer(error)) => Failure { error, stored: None },
                Err(WriteError::Stop(error)) => return Err(Failure { error, stored: None }),
            };
            let may_pass = failure.error.kind().is_retryable();
            let wait = failure.error.retry_after_seconds(Direction::Write, attempt).filter(|_| may_pass);
            let Some(wait) = wait.map(Duration::from_secs) else { return Err(failure) };
            if begun.elapsed() + wait > self.give_up_after {
                return Err(given_up(failure, begun.elapsed()));
            }
            warn!(error = %failure.error, ?wait, "a part of the import failed, and is sent again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => return Err(failure),
            }
            attempt = attempt.saturating_add(1);
        }
    }
}

/// The error of a request of which samples are missing that other credentials, or another attempt, may save.
fn failure_of(stored: &Stored) -> Option<Error> {
    let tally = &stored.tally;
    if tally.rejected_by[Rejected::Unauthorized as usize] > 0 {
        let refused = |error: &&Error| matches!(error.kind(), Kind::CredentialsRefused | Kind::CredentialsExpired);
        let known = tally.first_rejection.as_ref().filter(refused).cloned();
        let unnamed = || Error::new(Kind::CredentialsRefused, "CredentialsError", "Timestream refuses the credentials");
        return Some(known.unwrap_or_else(unnamed));
    }
    tally.first_failure.clone()
}

fn given_up(failure: Failure, after: Duration) -> Failure {
    let Failure { error, stored } = failure;
    let message = format!("{} (given up after {} s)", error.message(), after.as_secs());
    Failure { error: Error::new(error.kind(), error.name().to_owned(), message), stored }
}
