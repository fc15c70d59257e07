//! The calls to Timestream: clients per caller, bodies, retries, and the outcome of each sample.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::error::{Error, Kind};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::{Code, Operation};
use crate::telemetry::rate_limit::{RateLimit, of_each_kind};
use crate::telemetry::reason::{Failed, Rejected};

pub mod body;
pub mod call;
pub mod caller_clients;
pub mod caller_keys;
pub mod clients;
mod counted_credentials;
pub mod destination;
mod interceptors;
pub mod metering;
pub mod pending;
mod prepared;
pub mod record;
mod rejection;
pub mod retry;
pub mod service_error;
pub mod settings;
mod signing;
pub(crate) mod transport;

use call::Call;
use caller_clients::CallerClients;
use destination::Destination;
use pending::{Outcome, PendingWrite};
use record::Record;
use retry::RetryPolicy;
use transport::Accepted;

/// Halves of one refused call that are sent side by side.
const MAX_HALVES: usize = 8;

/// How the sink writes.
#[derive(Debug, Clone, Copy)]
pub struct SinkSettings {
    /// Retries of a failed WriteRecords call.
    pub max_retries: u32,
}

/// Delivers calls, many at once, each in a task of its own. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Sink {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: SinkSettings,
    destination: Destination,
    runtime: Handle,
    metrics: Arc<Metrics>,
    abandon: CancellationToken,
    rejections: Vec<RateLimit>,
    failures: Vec<RateLimit>,
}

impl Sink {
    /// A sink that writes to `destination`, with tasks on `runtime`. When `abandon` is cancelled, all samples in flight
    /// fail at once, to be answered 503.
    pub fn new(
        settings: SinkSettings,
        destination: Destination,
        runtime: Handle,
        metrics: Arc<Metrics>,
        abandon: CancellationToken,
    ) -> Self {
        let (rejections, failures) = (of_each_kind(Rejected::ALL.len()), of_each_kind(Failed::ALL.len()));
        Sink { inner: Arc::new(Inner { settings, destination, runtime, metrics, abandon, rejections, failures }) }
    }

    /// Delivers `call`: each of its records gets an outcome by the call's deadline. Does not block.
    pub fn deliver(&self, call: Call) {
        let inner = self.inner.clone();
        self.inner.runtime.spawn(async move { inner.deliver(call).await });
    }
}

impl Inner {
    async fn deliver(&self, call: Call) {
        let caller = call.caller.clone();
        let deadline = call.deadline();
        // The permit also bounds how many bodies are in memory: each is written when its call may go.
        let slot = tokio::select! {
            slot = tokio::time::timeout_at(deadline, caller.slots.acquire()) => slot.ok().and_then(Result::ok),
            () = self.abandon.cancelled() => return self.settle_all(&call, &abandoned()),
        };
        let Some(_slot) = slot else {
            let message = "the calls before it took until the request's time limit";
            return self.settle_all(
                &call,
                &Outcome::Failed(Failed::Timeout, Error::new(Kind::TimedOut, "RequestTimeout", message)),
            );
        };
        self.metrics.call_records.record(call.record_count() as f64);
        self.metrics.call_wait.record(call.waited().as_secs_f64());
        if let Some(halves) = self.attempt(&caller, call, deadline).await {
            // Boxed: this is rare, and would make the future of every delivery larger.
            Box::pin(self.deliver_halves(&caller, halves, deadline)).await;
        }
    }

    /// Halves a call that is refused for its content until each bad record stands alone. For one bad record of a
    /// hundred this takes seven rounds and at most 14 further calls; for a hundred bad ones it takes 198 calls.
    async fn deliver_halves(&self, caller: &CallerClients, (first, second): (Call, Call), deadline: Instant) {
        let mut waiting = vec![second, first];
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < MAX_HALVES
                && let Some(call) = waiting.pop()
            {
                under_way.push(self.attempt(caller, call, deadline));
            }
            let Some(halves) = under_way.next().await else { break };
            waiting.extend(halves.into_iter().flat_map(|(first, second)| [second, first]));
        }
    }

    /// Sends a call and settles its records; or gives its halves, if one of its records may be bad.
    async fn attempt(&self, caller: &CallerClients, call: Call, deadline: Instant) -> Option<(Call, Call)> {
        match self.send(caller, &call, deadline).await {
            Ok(accepted) => self.settle_accepted(&call, accepted),
            Err(error) if error.kind() == Kind::Invalid && call.record_count() > 1 => return call.split(),
            Err(error) => self.settle_all(&call, &outcome_of(error)),
        }
        None
    }

    async fn send(&self, caller: &CallerClients, call: &Call, deadline: Instant) -> Result<Accepted, Error> {
        let Inner { settings, destination, metrics, abandon, .. } = self;
        let (body, metered) = body::write_records_body(&destination.database, &destination.table, call);
        let body = Bytes::from(body);
        let policy = RetryPolicy { max_retries: settings.max_retries, deadline };
        let attempts = retry::retry(policy, &metrics.write_retries, || async {
            let (client, generation) = caller.write().await?;
            let start = Instant::now();
            metrics.write_requests.increment(1);
            let under_way = metrics.calls.begin(Operation::WriteRecords);
            let answer = client.write_records(body.clone(), call.record_count()).await;
            metrics.write_duration.record(start.elapsed());
            under_way.end(code(&answer));
            match answer {
                Ok(accepted) => {
                    metrics.metered_units.increment(metered.units());
                    metrics.saved_units.increment(metered.units_without_sharing() - metered.units());
                    Ok(accepted)
                }
                Err(error) => {
                    debug!(error = %error, records = call.record_count(), "WriteRecords failed");
                    Err(caller.renew_write(generation, error).await)
                }
            }
        });
        tokio::select! {
            answer = attempts => answer,
            () = abandon.cancelled() => Err(shutting_down()),
        }
    }

    fn settle_accepted(&self, call: &Call, accepted: Accepted) {
        let Accepted::Partly(rejected) = accepted else { return self.settle_all(call, &Outcome::Written) };
        let mut rejected = rejected.into_iter().peekable();
        let mut index = 0;
        for part in &call.parts {
            let mut written = Vec::with_capacity(part.records.len());
            for record in &part.records {
                if let Some(rejection) = rejected.next_if(|rejection| rejection.index == index) {
                    let message = format!("{} ({})", rejection.reason, part.write.describe(*record));
                    let error = Error::invalid("RejectedRecordsException", message);
                    let reason = rejection::classify(&rejection.reason);
                    let outcome = Outcome::Rejected(reason, error);
                    self.log(&part.write, 1, &outcome);
                    part.write.settle_shown(*record, outcome);
                } else {
                    written.push(*record);
                }
                index += 1;
            }
            if !written.is_empty() {
                self.settle(&part.write, &written, Outcome::Written);
            }
        }
    }

    fn settle_all(&self, call: &Call, outcome: &Outcome) {
        for part in &call.parts {
            self.settle(&part.write, &part.records, outcome.clone());
        }
    }

    /// Logs the outcome of samples, and reports it to their request.
    fn settle(&self, write: &PendingWrite, records: &[Record], outcome: Outcome) {
        self.log(write, records.len(), &outcome);
        write.settle(records, outcome);
    }

    fn log(&self, write: &PendingWrite, samples: usize, outcome: &Outcome) {
        let request_id = write.request_id();
        match outcome {
            Outcome::Written => {}
            Outcome::Rejected(reason, error) => {
                debug!(reason = reason.as_str(), samples, error = %error, request_id, "samples rejected");
                if let Some(suppressed) = self.rejections[*reason as usize].check() {
                    warn!(reason = reason.as_str(), error = %error, suppressed, request_id, "Timestream rejected samples");
                }
            }
            Outcome::Failed(reason, error) => {
                if let Some(suppressed) = self.failures[*reason as usize].check() {
                    let mend = what_to_mend(*reason);
                    warn!(reason = reason.as_str(), error = %error, mend, suppressed, request_id, "samples could not be written");
                }
            }
        }
    }
}

fn code(answer: &Result<Accepted, Error>) -> Code {
    match answer {
        Ok(Accepted::All) => Code::Ok,
        Ok(Accepted::Partly(_)) => Code::RejectedRecords,
        Err(error) => Code::of_error(error),
    }
}

fn shutting_down() -> Error {
    Error::new(Kind::Stopping, "Shutdown", "the connector is stopping; send again")
}

fn abandoned() -> Outcome {
    Outcome::Failed(Failed::Shutdown, shutting_down())
}

/// What an operator must do if samples will not succeed by themselves. Prometheus sends them again meanwhile.
fn what_to_mend(reason: Failed) -> Option<&'static str> {
    match reason {
        Failed::NotFound => Some("create the database and the table, or mend their names and --region"),
        Failed::AccessDenied => {
            Some("allow timestream:WriteRecords on the table and timestream:DescribeEndpoints on *")
        }
        Failed::Clock => Some("set the clock of this machine"),
        Failed::QuotaExceeded => Some("have the quota raised"),
        Failed::Throttled
        | Failed::Unavailable
        | Failed::Timeout
        | Failed::QueueFull
        | Failed::MemoryLimit
        | Failed::Shutdown
        | Failed::Conflict
        | Failed::HaReplica => None,
    }
}

/// The outcome of a call's samples after the error that ended the call.
fn outcome_of(error: Error) -> Outcome {
    match error.kind() {
        Kind::Throttled => Outcome::Failed(Failed::Throttled, error),
        Kind::QuotaExceeded => Outcome::Failed(Failed::QuotaExceeded, error),
        Kind::Stopping => Outcome::Failed(Failed::Shutdown, error),
        Kind::TimedOut => Outcome::Failed(Failed::Timeout, error),
        Kind::Unavailable
        | Kind::Unreachable
        | Kind::NoCredentials
        | Kind::Moved
        | Kind::SchemaChanged
        | Kind::RequestTimeout => Outcome::Failed(Failed::Unavailable, error),
        Kind::NotFound | Kind::MethodNotAllowed => Outcome::Failed(Failed::NotFound, error),
        Kind::Forbidden => Outcome::Failed(Failed::AccessDenied, error),
        Kind::ClockSkewed => Outcome::Failed(Failed::Clock, error),
        Kind::Conflict => Outcome::Failed(Failed::Conflict, error),
        Kind::CredentialsRefused | Kind::CredentialsExpired | Kind::Unauthenticated => {
            Outcome::Rejected(Rejected::Unauthorized, error)
        }
        Kind::TooLarge => Outcome::Rejected(Rejected::TooLarge, error),
        Kind::Invalid | Kind::UnknownColumn | Kind::QueryRefused | Kind::RowTooLarge | Kind::UnsupportedMedia => {
            Outcome::Rejected(Rejected::Invalid, error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_samples_is_decided_by_the_kind_of_the_error_and_not_by_its_name() {
        // The names of exceptions must not matter.
        for name in ["Shutdown", "RequestTimeout", "CredentialsError", "SomethingNew"] {
            let outcome = outcome_of(service_error::from_exception(Some(name), None));
            assert!(matches!(outcome, Outcome::Failed(Failed::Unavailable, _)), "{name}: {outcome:?}");
        }
        for (kind, reason) in [
            (Kind::Stopping, Failed::Shutdown),
            (Kind::TimedOut, Failed::Timeout),
            (Kind::Throttled, Failed::Throttled),
            (Kind::Unreachable, Failed::Unavailable),
        ] {
            let outcome = outcome_of(Error::new(kind, "Name", "message"));
            assert!(matches!(outcome, Outcome::Failed(found, _) if found == reason), "{kind:?}: {outcome:?}");
        }
    }
}
