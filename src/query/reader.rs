//! Answers remote read requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aws_sdk_timestreamquery::Client;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::form::RowForms;
use super::limits::{ReadSettings, SIDE_BY_SIDE, no_memory, too_late};
use super::pages::{Asking, MAX_CANCELS, cancel_permits};
use super::request::{ParsedQuery, ResponseForm, parse, response_form};
use super::samples;
use super::schema::{SchemaCache, TableKey};
use super::series::SeriesSet;
use super::source::Source;
use super::sql::Order;
use super::stream::ChunkStream;
use crate::budget::{Budget, Limit, Reservation};
use crate::error::{Error, Kind};
use crate::proto::{ReadRequest, TimeSeries};
use crate::sink::retry::RetryPolicy;
use crate::telemetry::metrics::ReadMetrics;

/// Who asks.
#[derive(Clone)]
pub struct Caller {
    /// The client that signs with the caller's credentials.
    pub client: Client,
    /// Tells callers apart: the same for the same credentials, and no secret.
    pub id: [u8; 32],
}

/// The answer to a read request.
#[derive(Debug)]
pub enum ReadAnswer {
    /// Response type SAMPLES: a ReadResponse, compressed with snappy's block format.
    Samples(Bytes),
    /// Response type STREAMED_XOR_CHUNKS.
    Chunks(ChunkStream),
}

/// Answers read requests. One per daemon.
pub struct Reader {
    settings: ReadSettings,
    metrics: ReadMetrics,
    schemas: Arc<SchemaCache>,
    forms: Arc<RowForms>,
    requests: Arc<Semaphore>,
    cancels: Arc<Semaphore>,
    memory: Budget,
}

impl Reader {
    /// A reader with these limits, which counts into `metrics`.
    pub fn new(settings: ReadSettings, metrics: ReadMetrics) -> Self {
        Reader {
            settings,
            metrics,
            schemas: Arc::new(SchemaCache::new()),
            forms: Arc::new(RowForms::new()),
            requests: Arc::new(Semaphore::new(settings.max_concurrent.clamp(1, Semaphore::MAX_PERMITS))),
            cancels: cancel_permits(),
            memory: Budget::new(Limit::new("--read.memory-limit", settings.memory_limit_bytes)),
        }
    }

    /// Waits until no CancelQuery is under way.
    pub async fn cancelled(&self) {
        // The semaphore is never closed.
        let _ = self.cancels.acquire_many(MAX_CANCELS as u32).await;
    }

    /// The deadline of a request that comes now, `answer_by` at the latest.
    pub fn deadline(&self, answer_by: Option<Instant>) -> Instant {
        let deadline = Instant::now() + self.settings.timeout;
        answer_by.map_or(deadline, |by| by.min(deadline))
    }

    /// Answers `request` from a table, with the caller's credentials, by `deadline`. When the future is dropped, its queries are
    /// cancelled in Timestream.
    ///
    /// # Errors
    /// [`Kind::Invalid`] and [`Kind::TooLarge`] for a request that breaks a rule or a limit, [`Kind::TimedOut`]
    /// when it could not be answered in time, and whatever Timestream answers.
    pub async fn read(
        &self,
        caller: &Caller,
        database: &str,
        table: &str,
        request: ReadRequest,
        deadline: Instant,
    ) -> Result<ReadAnswer, Error> {
        let asked = Instant::now();
        let form = response_form(&request)?;
        let permit = self.permit(deadline).await?;
        let queries = parse(request.queries)?;
        let key = TableKey { caller: caller.id, database: database.to_owned(), table: table.to_owned() };
        let source = self.source(caller.client.clone(), key, asked, deadline);
        match form {
            ResponseForm::Samples => {
                let samples = self.samples(&source, queries, permit);
                tokio::time::timeout_at(deadline, samples).await.unwrap_or_else(|_| Err(too_late()))
            }
            ResponseForm::Chunks => {
                let max_samples = self.settings.max_samples;
                let memory = self.memory.clone();
                let chunks = ChunkStream::start(source, queries, max_samples, memory, deadline, permit).await?;
                Ok(ReadAnswer::Chunks(chunks))
            }
        }
    }

    async fn samples(
        &self,
        source: &Source,
        queries: Vec<ParsedQuery>,
        permit: OwnedSemaphorePermit,
    ) -> Result<ReadAnswer, Error> {
        let held = AtomicUsize::new(0);
        let gather = |query| self.gather(source, query, &held);
        let gathered: Vec<(Vec<TimeSeries>, Reservation)> =
            stream::iter(queries).map(gather).buffered(SIDE_BY_SIDE).try_collect().await?;
        let (results, reservations): (Vec<_>, Vec<_>) = gathered.into_iter().unzip();
        let packed = tokio::task::spawn_blocking(move || samples::pack(results)).await;
        let bytes = packed.map_err(|_| Error::new(Kind::Unavailable, "InternalError", "encoding was aborted"))??;
        drop(permit);
        Ok(ReadAnswer::Samples(Bytes::from_owner(Packed::new(bytes, reservations).await?)))
    }

    /// The series of one query, with the memory that they take. `held` is the memory of all queries of the request.
    async fn gather(
        &self,
        source: &Source,
        query: ParsedQuery,
        held: &AtomicUsize,
    ) -> Result<(Vec<TimeSeries>, Reservation), Error> {
        let no_memory = |why| no_memory(why, &self.memory);
        let mut reservation = self.memory.reserve(0).await.map_err(no_memory)?;
        let Some((mut rows, columns)) = source.open(&query, Order::Any).await? else {
            return Ok((Vec::new(), reservation));
        };
        let start = |columns| SeriesSet::new(columns, Arc::clone(&query.matchers), self.settings.max_samples);
        let mut series = start(columns);
        let limit = self.settings.max_bytes;
        loop {
            let page = match rows.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) => {
                    let again = source.open_again(&query, Order::Any, &rows, error).await?;
                    let Some((again, columns)) = again else { return Ok((Vec::new(), reservation)) };
                    rows = again;
                    held.fetch_sub(series.bytes(), Ordering::SeqCst);
                    series = start(columns);
                    continue;
                }
            };
            let before = series.bytes();
            series.add_page(page.output.rows, page.points)?;
            let grown = series.bytes() - before;
            if held.fetch_add(grown, Ordering::SeqCst) + grown > limit {
                let message = format!(
                    "the answer would take more memory than --read.max-bytes, {limit} bytes; narrow its matchers or its \
                     range, or ask for STREAMED_XOR_CHUNKS"
                );
                return Err(Error::new(Kind::TooLarge, "AnswerSizeLimitError", message));
            }
            reservation.resize(series.bytes()).await.map_err(no_memory)?;
        }
        self.metrics.other_rows.increment(series.other_rows());
        let series = series.finish();
        self.metrics.samples.increment(series.iter().map(|one| one.samples.len() as u64).sum());
        Ok((series, reservation))
    }

    /// A table as a request that came at `asked` reads it.
    pub(super) fn source(&self, client: Client, key: TableKey, asked: Instant, deadline: Instant) -> Source {
        let (schemas, forms) = (Arc::clone(&self.schemas), Arc::clone(&self.forms));
        Source { schemas, forms, asking: self.asking(client, deadline), key, asked }
    }

    /// How a request calls Timestream.
    pub(super) fn asking(&self, client: Client, deadline: Instant) -> Asking {
        Asking {
            client,
            retry: RetryPolicy { max_retries: self.settings.max_retries, deadline },
            metrics: self.metrics.clone(),
            cancels: Arc::clone(&self.cancels),
            sent: Arc::new(AtomicBool::new(false)),
        }
    }

    /// One of the read slots.
    pub(super) async fn permit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Error> {
        match tokio::time::timeout_at(deadline, Arc::clone(&self.requests).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::new(
                Kind::Unavailable,
                "ReadConcurrencyError",
                format!("{} read requests are under way, and none ended in time", self.settings.max_concurrent),
            )),
        }
    }
}

/// A packed answer, which holds its memory until it is sent.
struct Packed {
    bytes: Vec<u8>,
    _reservations: Vec<Reservation>,
}

impl Packed {
    async fn new(bytes: Vec<u8>, mut reservations: Vec<Reservation>) -> Result<Self, Error> {
        let mut rest = bytes.len();
        for reservation in &mut reservations {
            let kept = reservation.bytes().min(rest);
            rest -= kept;
            reservation.resize(kept).await.map_err(|why| no_memory(why, reservation.budget()))?;
        }
        Ok(Packed { bytes, _reservations: reservations })
    }
}

impl AsRef<[u8]> for Packed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
