//! `POST /write`: from the bytes of a request to its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::content_type::{Compression, Content, Version};
use super::histogram::{self, NativeHistograms, Plan};
use super::not_stored::NotStored;
use super::repeated;
use super::replicas::{LeftOut, Listened, Replicas};
use super::stored::{self, Stored};
use super::validate::{self, DESCRIPTION_LIMIT, Dropped, Policy};
use super::written_headers::WrittenHeaders;
use super::{decode_v1, decode_v2};
use crate::batcher::{NotQueued, Queue};
use crate::budget::{Budget, Exhausted, Reservation};
use crate::error::{Direction, Error, Kind};
use crate::ha::{Elections, Ended, HaSettings};
use crate::http::body::{self, BodyLimits};
use crate::http::zstd;
use crate::sink::caller_clients::CallerClients;
use crate::sink::pending::{self, Outcome, PendingWrite, Tally};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::ElectedReplica;
use crate::telemetry::rate_limit::{RateLimit, of_each_kind};
use crate::telemetry::reason::{Failed, Ignored, Rejected};
use crate::write_request::{HistogramTally, WriteRequest};

/// How long past its deadline a request waits for the sink, which keeps the deadline itself.
const REPLY_MARGIN: Duration = Duration::from_secs(1);

/// How requests are taken in.
#[derive(Debug, Clone)]
pub struct WriteSettings {
    /// Limits of the body.
    pub limits: BodyLimits,
    /// What to do with samples that are not stored.
    pub policy: Policy,
    /// Series that a request may have.
    pub max_series: usize,
    /// What to do with native histograms.
    pub native_histograms: NativeHistograms,
    /// How HA pairs are told apart, if only one replica of each is to be listened to.
    pub ha: Option<HaSettings>,
    /// When a request is answered at the latest, counted from its body's last byte.
    pub timeout: Duration,
}

/// Takes write requests in.
#[derive(Debug)]
pub struct Writer {
    settings: WriteSettings,
    replicas: Option<Replicas>,
    budget: Budget,
    queue: Queue,
    metrics: Arc<Metrics>,
    ignored: Vec<RateLimit>,
    rejected: Vec<RateLimit>,
    not_stored: RateLimit,
}

/// How a write request failed.
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
        let (ignored, rejected) = (of_each_kind(Ignored::ALL.len()), of_each_kind(Rejected::ALL.len()));
        let replicas = settings.ha.clone().map(|ha| {
            let elections = Elections::new(ha.failover_timeout, metrics.elected_changes.clone());
            Replicas::new(ha, elections)
        });
        Writer { settings, replicas, budget, queue, metrics, ignored, rejected, not_stored: RateLimit::default() }
    }

    /// The replicas of HA pairs that are listened to, by cluster.
    pub fn elected(&self) -> Vec<ElectedReplica> {
        self.replicas.as_ref().map_or_else(Vec::new, |replicas| replicas.elections().elected(Instant::now()))
    }

    /// Handles a request. When it returns `Ok`, every sample is in Timestream or counted as ignored. `written` gets the
    /// counts for the written headers in any case. Timestream has time until the time-out, or until `answer_by`.
    ///
    /// # Errors
    /// As [`WriteError`] says.
    pub async fn write<B>(
        &self,
        caller: Arc<CallerClients>,
        content: Content,
        body: B,
        answer_by: Option<Instant>,
        written: &mut WrittenHeaders,
    ) -> Result<(), WriteError>
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        let limits = self.settings.limits;
        let budget = match caller.share() {
            Some(share) => &self.budget.for_caller(share.clone()),
            None => &self.budget,
        };
        let (packed, mut memory) = body::read(body, limits, budget).await?;
        let deadline = Instant::now() + self.settings.timeout;
        let deadline = answer_by.map_or(deadline, |by| by.min(deadline));
        let mut decoded = self.decode(content, packed, &mut memory).await?;
        if decoded.series().len() > self.settings.max_series {
            self.count_refused(&decoded, Exhausted::ForEver);
            let (series, limit) = (decoded.series().len(), self.settings.max_series);
            let message = format!("the request has {series} series, over --write.max-series, {limit}");
            return Err(Error::new(Kind::TooLarge, "RequestTooLarge", message).into());
        }
        let Listened { left_out, elected } = self.listen(&caller, &mut decoded)?;
        let outcome = self.take_in(caller.clone(), decoded, left_out, memory, deadline, written).await;
        if let Some(replicas) = &self.replicas {
            let end = match &outcome {
                Ok(stored) => Ended::Done { has_stored: *stored > 0 },
                // What can never be stored does not come again.
                Err(WriteError::Answer(error)) if !error.kind().status(Direction::Write).is_server_error() => {
                    Ended::Done { has_stored: false }
                }
                Err(WriteError::Answer(_) | WriteError::Stop(_)) => Ended::ComesAgain,
            };
            replicas.settle(&caller, &elected, end);
        }
        outcome.map(drop)
    }

    /// Expands what is to be expanded, once there is memory for it, and stores. Gives how many samples are stored.
    async fn take_in(
        &self,
        caller: Arc<CallerClients>,
        mut decoded: WriteRequest,
        left_out: LeftOut,
        mut memory: Reservation,
        deadline: Instant,
        written: &mut WrittenHeaders,
    ) -> Result<u64, WriteError> {
        let needed = decoded.footprint() + decoded.records_footprint();
        let plan = match self.settings.native_histograms {
            NativeHistograms::Reject => None,
            // A request may grow to half of the budget, so that it does not have to wait until all is free.
            NativeHistograms::Expand => {
                let half = memory.budget().largest() / 2;
                Some(histogram::plan(&decoded, half.saturating_sub(needed)))
            }
        };
        // The client may hang up at any await. So samples are counted as received after this one, and from there on
        // each sample gets an outcome whatever happens.
        let fits = memory.resize(needed + plan.as_ref().map_or(0, Plan::bytes)).await;
        match fits {
            Ok(()) => {
                let not_stored = NotStored::new(&decoded, plan.as_ref());
                // The outcome of the rest is added when it is known.
                let stale = plan.as_ref().map_or(0, |plan| plan.stale);
                let samples = left_out.samples;
                let histograms = left_out.histograms + stale;
                *written = WrittenHeaders { samples, histograms, exemplars: decoded.exemplars };
                if let Some(plan) = &plan {
                    histogram::expand(&mut decoded, plan);
                }
                self.count_received(&decoded, &not_stored, plan.as_ref());
                let stored = self.store(caller, decoded, memory, deadline, written).await?;
                let samples = stored.tally.written;
                stored.answer(&not_stored)?;
                Ok(samples)
            }
            Err(why) => {
                self.count_refused(&decoded, why);
                Err(body::out_of_memory(why, memory.budget()).into())
            }
        }
    }

    /// Leaves out what comes from replicas that are not listened to, and counts it.
    fn listen(&self, caller: &CallerClients, request: &mut WriteRequest) -> Result<Listened, Error> {
        let Some(replicas) = &self.replicas else { return Ok(Listened::default()) };
        let listened =
            replicas.listen(caller, request).inspect_err(|_| self.count_failed(request, Failed::HaReplica))?;
        let LeftOut { samples, histograms, example } = listened.left_out;
        self.metrics.received_samples.increment(samples);
        self.metrics.received_histograms.increment(histograms);
        self.metrics.ignored(Ignored::HaReplica).increment(samples);
        self.metrics.ignored_histograms.increment(histograms);
        if let Some((series, sample)) = example {
            let example = || request.describe_sample(&series, sample, DESCRIPTION_LIMIT);
            self.metrics.examples.note_ignored(Ignored::HaReplica, example);
        }
        debug!(samples, histograms, "from replicas that are not elected");
        Ok(listened)
    }

    /// Stores a request that was decoded elsewhere, without native histograms, by the same rules, within the same memory
    /// and time-out. An error says that nothing is known to be stored; otherwise the tally says what became of each sample.
    ///
    /// # Errors
    /// As [`WriteError`] says. What may pass has a retryable kind.
    pub async fn write_decoded(&self, caller: Arc<CallerClients>, request: WriteRequest) -> Result<Stored, WriteError> {
        let memory = match self.budget.reserve(request.footprint() + request.records_footprint()).await {
            Ok(memory) => memory,
            Err(why) => {
                self.count_refused(&request, why);
                return Err(body::out_of_memory(why, &self.budget).into());
            }
        };
        self.count_received(&request, &NotStored::default(), None);
        let deadline = Instant::now() + self.settings.timeout;
        self.store(caller, request, memory, deadline, &mut WrittenHeaders::default()).await
    }

    async fn decode(
        &self,
        Content { version, compression }: Content,
        packed: Bytes,
        memory: &mut Reservation,
    ) -> Result<WriteRequest, WriteError> {
        let bad = |error| Error::invalid("ProtobufError", format!("the body is not a {}: {error}", version.message()));
        let limit = self.settings.limits.max_decoded_bytes;
        let factor = match version {
            Version::V1 => 1 + decode_v1::TABLES_FACTOR,
            Version::V2 => 1,
        };
        let unpacked = match compression {
            Compression::Snappy => body::decompress(&packed, limit, factor, memory).await?,
            Compression::Zstd => zstd::decompress(&packed, limit, factor, memory).await?,
        };
        drop(packed);
        Ok(match version {
            Version::V1 => decode_v1::decode(unpacked).map_err(bad)?,
            Version::V2 => {
                let survey = decode_v2::Survey::of(&unpacked).map_err(bad)?;
                let fits = memory.resize(unpacked.capacity() + survey.table_bytes()).await;
                fits.map_err(|why| body::out_of_memory(why, memory.budget()))?;
                decode_v2::decode(unpacked, &survey).map_err(bad)?
            }
        })
    }

    fn count_received(&self, request: &WriteRequest, not_stored: &NotStored, plan: Option<&Plan>) {
        let Metrics { received_samples, received_histograms, received_exemplars, .. } = &*self.metrics;
        received_samples.increment(request.sample_count() as u64);
        received_histograms.increment(request.histogram_count() as u64);
        received_exemplars.increment(request.exemplars);
        self.metrics.rejected_histograms.increment(not_stored.histograms);
        self.metrics.ignored_histograms.increment(plan.map_or(0, |plan| plan.stale));
        self.metrics.ignored_exemplars.increment(request.exemplars);
        let NotStored { histograms, .. } = not_stored;
        if *histograms > 0
            && let Some(suppressed) = self.not_stored.check()
        {
            warn!(histograms, suppressed, "native histograms are not stored");
        }
    }

    /// Counts a request that is refused as a whole, for its size or for the memory that it takes.
    fn count_refused(&self, request: &WriteRequest, why: Exhausted) {
        let (samples, histograms) = (request.sample_count() as u64, request.histogram_count() as u64);
        match why {
            Exhausted::ForNow => self.count_failed(request, Failed::MemoryLimit),
            Exhausted::ForEver => {
                self.metrics.received_samples.increment(samples);
                self.metrics.received_histograms.increment(histograms);
                self.metrics.rejected(Rejected::TooLarge).increment(samples);
                self.metrics.examples.note_rejected(Rejected::TooLarge, || whole_request(request));
                self.metrics.rejected_histograms.increment(histograms);
            }
        }
    }

    /// Counts a request that is refused as a whole, for now.
    fn count_failed(&self, request: &WriteRequest, why: Failed) {
        let (samples, histograms) = (request.sample_count() as u64, request.histogram_count() as u64);
        self.metrics.received_samples.increment(samples);
        self.metrics.received_histograms.increment(histograms);
        self.metrics.failed(why).increment(samples);
        self.metrics.examples.note_failed(why, || whole_request(request));
        self.metrics.failed_histograms.increment(histograms);
    }

    async fn store(
        &self,
        caller: Arc<CallerClients>,
        mut request: WriteRequest,
        memory: Reservation,
        deadline: Instant,
        written: &mut WrittenHeaders,
    ) -> Result<Stored, WriteError> {
        let received = request.sample_count() as u64;
        let mut dropped = validate::validate(&mut request, self.settings.policy).map_err(|error| {
            // The program stops. None of the request is stored, and its sender does not send it again.
            self.metrics.failed(Failed::Shutdown).increment(received);
            pending::count_histograms(&self.metrics, &HistogramTally::of(&request.expanded).or_failed());
            error!(error = %error, "request refused, as a fail-on option asks");
            WriteError::Stop(error)
        })?;
        let before = request.own_sample_count();
        if let Some((samples, example)) = repeated::drop_repeated(&mut request) {
            dropped.ignore(Ignored::Repeated, samples, || example);
        }
        let ignored_of_request = dropped.ignored_of_request + before - request.own_sample_count();
        request.mark_incomplete_histograms();
        let mut tally = self.count(&dropped);
        if request.sample_count() > 0 {
            let (write, reply) = PendingWrite::new(request, deadline, memory, self.metrics.clone());
            match self.queue.push(caller, write) {
                Ok(()) => {}
                Err(NotQueued::Full(write)) => {
                    let message = "the connector's queue is full; send again later";
                    let error = Error::new(Kind::Unavailable, "QueueFull", message);
                    write.settle_rest(Outcome::Failed(Failed::QueueFull, error));
                }
                Err(NotQueued::Stopped(write)) => {
                    let message = "the connector's batcher has stopped, and the process ends; send again later";
                    let error = Error::new(Kind::Unavailable, "BatcherStopped", message);
                    write.settle_rest(Outcome::Failed(Failed::Shutdown, error));
                }
            }
            let sent = match tokio::time::timeout_at(deadline + REPLY_MARGIN, reply).await {
                Ok(Ok(sent)) => sent,
                _ => {
                    return Err(
                        Error::new(Kind::TimedOut, "RequestTimeout", "Timestream did not answer in time").into()
                    );
                }
            };
            stored::merge(&mut tally, sent);
        } else {
            tally.histograms = HistogramTally::of(&request.expanded);
            pending::count_histograms(&self.metrics, &tally.histograms);
        }
        written.samples += tally.written.saturating_sub(tally.written_of_histograms) + ignored_of_request;
        written.histograms += tally.histograms.written + tally.histograms.ignored;
        Ok(Stored { received, dropped, tally })
    }

    fn count(&self, dropped: &Dropped) -> Tally {
        let mut tally = Tally::default();
        for (reason, samples, example) in &dropped.ignored {
            self.metrics.ignored(*reason).increment(*samples);
            self.metrics.examples.note_ignored(*reason, || example.clone());
            debug!(reason = reason.as_str(), samples, example, "samples ignored");
            // Stale markers come with every series that ends, so they need no warning.
            if *reason != Ignored::StaleMarker
                && let Some(suppressed) = self.ignored[*reason as usize].check()
            {
                warn!(reason = reason.as_str(), samples, example, suppressed, "samples ignored");
            }
        }
        for (reason, samples, why) in &dropped.rejected {
            self.metrics.rejected(*reason).increment(*samples);
            self.metrics.examples.note_rejected(*reason, || why.clone());
            debug!(reason = reason.as_str(), samples, why, "samples rejected");
            if let Some(suppressed) = self.rejected[*reason as usize].check() {
                warn!(reason = reason.as_str(), samples, why, suppressed, "samples rejected");
            }
            let error = Error::invalid("InvalidSeries", why.clone());
            tally.add(*samples, Outcome::Rejected(*reason, error));
        }
        tally
    }
}

/// The text that stands for a refused request in messages.
fn whole_request(request: &WriteRequest) -> String {
    let first = request.series().first().map(|series| request.describe(series, DESCRIPTION_LIMIT));
    let first = first.map_or(String::new(), |first| format!(", the first of {first}"));
    format!("a request of {} series with {} samples{first}", request.series().len(), request.sample_count())
}
