//! `POST /write`: from the bytes of a request to its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use hyper::{HeaderMap, header::HeaderValue};
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::body::{self, BodyLimits};
use super::decode_v1;
use super::repeated;
use super::validate::{self, Dropped, Policy};
use crate::batcher::{Queue, QueueFull};
use crate::budget::{Budget, Exhausted, Reservation};
use crate::error::{Error, Kind};
use crate::sink::caller_clients::CallerClients;
use crate::sink::pending::{Outcome, PendingWrite, Tally};
use crate::telemetry::Metrics;
use crate::telemetry::rate_limit::RateLimit;
use crate::telemetry::reason::{Failed, Ignored, Rejected};
use crate::write_request::WriteRequest;

/// How long past its deadline a request waits for the sink, which keeps the deadline itself.
const REPLY_MARGIN: Duration = Duration::from_secs(1);

/// How requests are taken in.
#[derive(Debug, Clone, Copy)]
pub struct WriteSettings {
    /// Limits of the body.
    pub limits: BodyLimits,
    /// What to do with samples that are not stored.
    pub policy: Policy,
    /// Series that a request may have.
    pub max_series: usize,
    /// When a request is answered at the latest, counted from its body's last byte.
    pub timeout: Duration,
}

/// Takes write requests in.
#[derive(Debug)]
pub struct Writer {
    settings: WriteSettings,
    budget: Budget,
    queue: Queue,
    metrics: Arc<Metrics>,
    ignored: RateLimit,
}

/// How a write request ended, other than well.
#[derive(Debug, Clone)]
pub enum WriteError {
    /// The request is answered with this error.
    Answer(Error),
    /// The request is answered with this error, and then the program stops, as `fail-on-…` options ask.
    Stop(Error),
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        WriteError::Answer(error)
    }
}

impl Writer {
    /// A writer that queues requests for the batcher.
    pub fn new(settings: WriteSettings, budget: Budget, queue: Queue, metrics: Arc<Metrics>) -> Self {
        Writer { settings, budget, queue, metrics, ignored: RateLimit::default() }
    }

    /// Handles a request. When it returns `Ok`, every sample is in Timestream or counted as ignored.
    ///
    /// # Errors
    /// As [`WriteError`] says.
    pub async fn write<B>(&self, caller: Arc<CallerClients>, headers: &HeaderMap, body: B) -> Result<(), WriteError>
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        check_headers(headers)?;
        let limits = self.settings.limits;
        let budget = match caller.share() {
            Some(share) => &self.budget.for_caller(share.clone()),
            None => &self.budget,
        };
        let (packed, mut memory) = body::read(body, limits, budget).await?;
        let deadline = Instant::now() + self.settings.timeout;
        let unpacked =
            body::decompress(&packed, limits.max_decoded_bytes, 1 + decode_v1::TABLES_FACTOR, &mut memory).await?;
        drop(packed);
        let decoded = decode_v1::decode(unpacked).map_err(|error| {
            Error::invalid("ProtobufError", format!("the body is not a prometheus.WriteRequest: {error}"))
        })?;
        if decoded.series().len() > self.settings.max_series {
            return Err(self.too_many_series(&decoded).into());
        }
        // The client may hang up at any await. So samples are counted as received after this one, and from there on
        // each has an outcome whatever happens.
        let fits = memory.resize(decoded.footprint() + decoded.records_footprint()).await;
        self.metrics.received_samples.increment(decoded.sample_count() as u64);
        match fits {
            Ok(()) => self.store(caller, decoded, memory, deadline).await,
            Err(why) => {
                let samples = decoded.sample_count() as u64;
                match why {
                    Exhausted::ForNow => self.metrics.failed(Failed::MemoryLimit).increment(samples),
                    Exhausted::ForEver => self.metrics.rejected(Rejected::TooLarge).increment(samples),
                }
                Err(body::out_of_memory(why, budget).into())
            }
        }
    }

    fn too_many_series(&self, request: &WriteRequest) -> Error {
        let samples = request.sample_count() as u64;
        self.metrics.received_samples.increment(samples);
        self.metrics.rejected(Rejected::TooLarge).increment(samples);
        let (series, limit) = (request.series().len(), self.settings.max_series);
        let message = format!("the request has {series} series, over --write.max-series, {limit}");
        Error::new(Kind::TooLarge, "RequestTooLarge", message)
    }

    async fn store(
        &self,
        caller: Arc<CallerClients>,
        mut request: WriteRequest,
        memory: Reservation,
        deadline: Instant,
    ) -> Result<(), WriteError> {
        let received = request.sample_count() as u64;
        let (histograms, exemplars) = (request.histograms, request.exemplars);
        self.metrics.ignored_exemplars.increment(exemplars);
        let mut dropped = validate::validate(&mut request, self.settings.policy).map_err(|error| {
            // The program stops; what was in hand is sent again to the next one.
            self.metrics.failed(Failed::Shutdown).increment(received);
            error!(error = %error, "stopping, as the fail-on options ask");
            WriteError::Stop(error)
        })?;
        dropped.ignore(Ignored::Repeated, repeated::drop_repeated(&mut request) as usize);
        let mut tally = self.count(&dropped);
        if request.sample_count() > 0 {
            let (write, reply) = PendingWrite::new(request, deadline, memory, self.metrics.clone());
            if let Err(QueueFull(write)) = self.queue.push(caller, write) {
                let message = "the connector's queue is full; send again later";
                let error = Error::new(Kind::Unavailable, "QueueFull", message);
                write.settle_rest(Outcome::Failed(Failed::QueueFull, error));
            }
            let written = match tokio::time::timeout_at(deadline + REPLY_MARGIN, reply).await {
                Ok(Ok(written)) => written,
                _ => {
                    return Err(
                        Error::new(Kind::Unavailable, "RequestTimeout", "Timestream did not answer in time").into()
                    );
                }
            };
            merge(&mut tally, written);
        }
        self.answer(received, &dropped, &tally, histograms)
    }

    fn count(&self, dropped: &Dropped) -> Tally {
        let mut tally = Tally::default();
        for (reason, samples) in &dropped.ignored {
            self.metrics.ignored(*reason).increment(*samples);
            // Stale markers come with every series that ends; nobody needs a warning of them.
            if *reason != Ignored::StaleMarker
                && let Some(suppressed) = self.ignored.check()
            {
                warn!(reason = reason.as_str(), samples, suppressed, "samples ignored");
            }
        }
        for (reason, samples, why) in &dropped.rejected {
            self.metrics.rejected(*reason).increment(*samples);
            debug!(reason = reason.as_str(), samples, why, "samples rejected");
            let error = Error::invalid("InvalidSeries", why.clone());
            tally.add(*samples, Outcome::Rejected(*reason, error));
        }
        tally
    }

    fn answer(&self, received: u64, dropped: &Dropped, tally: &Tally, histograms: u64) -> Result<(), WriteError> {
        let ignored = dropped.ignored_count();
        debug!(
            received,
            written = tally.written,
            ignored,
            rejected = tally.rejected,
            failed = tally.failed,
            "write request"
        );
        if let Some(error) = tally.error() {
            let Tally { written, rejected, failed, .. } = tally;
            let counts = format!(
                "of {received} samples {written} written, {ignored} ignored, {rejected} rejected, {failed} failed"
            );
            return Err(
                Error::new(error.kind(), error.name().to_owned(), format!("{} ({counts})", error.message())).into()
            );
        }
        if histograms > 0 {
            self.metrics.rejected_histograms.increment(histograms);
            let message =
                format!("{histograms} native histograms are not stored; the request's {} samples are", tally.written);
            return Err(Error::invalid("NativeHistogramsNotStored", message).into());
        }
        Ok(())
    }
}

fn merge(tally: &mut Tally, other: Tally) {
    tally.written += other.written;
    tally.rejected += other.rejected;
    tally.failed += other.failed;
    tally.first_rejection = tally.first_rejection.take().or(other.first_rejection);
    tally.first_failure = tally.first_failure.take().or(other.first_failure);
}

/// Remote write 1.0: snappy, and protobuf without a `proto` parameter or with `prometheus.WriteRequest`. Both headers
/// may be missing.
fn check_headers(headers: &HeaderMap) -> Result<(), Error> {
    let unsupported = |what: String| Error::new(Kind::UnsupportedMedia, "UnsupportedMediaType", what);
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
    if let Some(encoding) = headers.get(CONTENT_ENCODING).map(text)
        && encoding != "snappy"
    {
        return Err(unsupported(format!("the content encoding {encoding:?} is not snappy")));
    }
    let Some(content_type) = headers.get(CONTENT_TYPE).map(text) else { return Ok(()) };
    let mut parts = content_type.split(';').map(str::trim);
    let proto = parts.clone().skip(1).find_map(|parameter| parameter.strip_prefix("proto="));
    let proto = proto.map(|proto| proto.trim_matches('"'));
    if parts.next() != Some("application/x-protobuf") || !matches!(proto, None | Some("prometheus.writerequest")) {
        return Err(unsupported(format!(
            "the content type {content_type:?} is not application/x-protobuf of prometheus.WriteRequest"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str, encoding: &str) -> HeaderMap {
        HeaderMap::from_iter([
            (CONTENT_TYPE, content_type.parse().unwrap()),
            (CONTENT_ENCODING, encoding.parse().unwrap()),
        ])
    }

    #[test]
    fn remote_write_1_is_taken_in_its_spellings() {
        check_headers(&HeaderMap::new()).unwrap();
        for content_type in [
            "application/x-protobuf",
            "Application/X-Protobuf",
            "application/x-protobuf;proto=prometheus.WriteRequest",
            "application/x-protobuf ; proto=\"prometheus.WriteRequest\"",
        ] {
            check_headers(&headers(content_type, "snappy")).unwrap();
        }
    }

    #[test]
    fn anything_else_is_unsupported() {
        for (content_type, encoding) in [
            ("application/json", "snappy"),
            ("application/x-protobuf", "gzip"),
            ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy"),
        ] {
            assert_eq!(check_headers(&headers(content_type, encoding)).unwrap_err().kind(), Kind::UnsupportedMedia);
        }
    }
}
