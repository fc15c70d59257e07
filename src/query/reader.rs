//! Answers remote read requests.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_timestreamquery::Client;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::matcher::Matcher;
use super::pages::{Asking, ReadMetrics, cancel_permits};
use super::rows::{AnswerLimits, SeriesSet};
use super::schema::{Schema, SchemaCache, TableKey};
use super::sql;
use crate::error::{Error, Kind};
use crate::proto::{Query, QueryResult, ReadRequest, ReadResponse};
use crate::sink::retry::RetryPolicy;

/// Queries of one request that run side by side.
const SIDE_BY_SIDE: usize = 4;

/// The most queries in one request. Prometheus sends one.
const MAX_QUERIES: usize = 256;

/// The most matchers in one request.
const MAX_MATCHERS: usize = 1024;

/// Limits of the read path.
#[derive(Debug, Clone, Copy)]
pub struct ReadSettings {
    /// The longest that a read request may take.
    pub timeout: Duration,
    /// The most samples that one query may return.
    pub max_samples: usize,
    /// The most bytes that the series of one query may take while they are gathered.
    pub max_bytes: usize,
    /// The most read requests at once. Others wait for as long as their time-out lets them.
    pub max_concurrent: usize,
    /// Retries of a call to Timestream after the first attempt.
    pub max_retries: u32,
}

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
    /// Response type SAMPLES: to be encoded as protobuf and compressed with snappy's block format.
    Samples(ReadResponse),
}

/// Answers read requests. One per daemon.
pub struct Reader {
    settings: ReadSettings,
    metrics: ReadMetrics,
    schemas: SchemaCache,
    requests: Semaphore,
    cancels: Arc<Semaphore>,
}

impl Reader {
    /// A reader with these limits, which counts into `metrics`.
    pub fn new(settings: ReadSettings, metrics: ReadMetrics) -> Self {
        let requests = Semaphore::new(settings.max_concurrent.clamp(1, Semaphore::MAX_PERMITS));
        Reader { settings, metrics, schemas: SchemaCache::new(), requests, cancels: cancel_permits() }
    }

    /// Answers `request` from a table, with the caller's credentials. When the future is dropped, its queries are
    /// cancelled in Timestream.
    ///
    /// # Errors
    /// [`Kind::Invalid`] and [`Kind::TooLarge`] for a request that breaks a rule or a limit, [`Kind::Unavailable`]
    /// when it could not be answered in time, and whatever Timestream answers.
    pub async fn read(
        &self,
        caller: &Caller,
        database: &str,
        table: &str,
        request: ReadRequest,
    ) -> Result<ReadAnswer, Error> {
        let deadline = Instant::now() + self.settings.timeout;
        let queries = parse(request.queries)?;
        let _permit = self.permit(deadline).await?;
        let source = Source {
            reader: self,
            asking: Asking {
                client: caller.client.clone(),
                retry: RetryPolicy { max_retries: self.settings.max_retries, deadline },
                metrics: self.metrics.clone(),
                cancels: Arc::clone(&self.cancels),
            },
            key: TableKey { caller: caller.id, database: database.to_owned(), table: table.to_owned() },
        };
        let answers = stream::iter(queries).map(|query| source.answer(query)).buffered(SIDE_BY_SIDE);
        let results = tokio::time::timeout_at(deadline, answers.try_collect()).await.map_err(|_| too_late())??;
        Ok(ReadAnswer::Samples(ReadResponse { results }))
    }

    async fn permit(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Error> {
        match tokio::time::timeout_at(deadline, self.requests.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::new(
                Kind::Unavailable,
                "ReadConcurrencyError",
                format!("{} read requests are under way, and none ended in time", self.settings.max_concurrent),
            )),
        }
    }
}

/// A query with its matchers read.
struct ParsedQuery {
    bounds: (i64, i64),
    matchers: Arc<[Matcher]>,
}

fn parse(queries: Vec<Query>) -> Result<Vec<ParsedQuery>, Error> {
    let matchers: usize = queries.iter().map(|query| query.matchers.len()).sum();
    if queries.len() > MAX_QUERIES || matchers > MAX_MATCHERS {
        return Err(Error::new(
            Kind::TooLarge,
            "ReadRequestLimitError",
            format!("a read request has at most {MAX_QUERIES} queries and {MAX_MATCHERS} matchers"),
        ));
    }
    let parse = |query: Query| {
        let matchers = query.matchers.into_iter().map(Matcher::new).collect::<Result<_, Error>>()?;
        Ok(ParsedQuery { bounds: (query.start_timestamp_ms, query.end_timestamp_ms), matchers })
    };
    queries.into_iter().map(parse).collect()
}

fn too_late() -> Error {
    Error::new(Kind::Unavailable, "RequestTimeout", "the query did not end in time")
}

/// A table as one caller reads it during one request.
struct Source<'a> {
    reader: &'a Reader,
    asking: Asking,
    key: TableKey,
}

impl Source<'_> {
    async fn answer(&self, query: ParsedQuery) -> Result<QueryResult, Error> {
        match self.gather(&query).await {
            Err(error) if is_missing_column(&error) => {
                self.reader.schemas.forget(&self.key);
                self.gather(&query).await
            }
            answer => answer,
        }
    }

    async fn gather(&self, query: &ParsedQuery) -> Result<QueryResult, Error> {
        let schema = self.schema(&query.matchers).await?;
        let limits = AnswerLimits { samples: self.reader.settings.max_samples, bytes: self.reader.settings.max_bytes };
        let mut series = SeriesSet::new(Arc::clone(&query.matchers), limits);
        if let Some(sql) = sql::select(&self.key.database, &self.key.table, &schema, &query.matchers, query.bounds)? {
            tracing::debug!(sql, "query");
            let mut pages = self.asking.pages(&sql);
            while let Some(page) = pages.next().await? {
                self.asking.metrics.rows.increment(page.rows.len() as u64);
                series.add_page(&page.column_info, &page.rows)?;
            }
        }
        self.asking.metrics.samples.increment(series.samples() as u64);
        self.asking.metrics.other_rows.increment(series.other_rows());
        Ok(QueryResult { timeseries: series.finish() })
    }

    async fn schema(&self, matchers: &[Matcher]) -> Result<Arc<Schema>, Error> {
        let labels = matchers.iter().map(|matcher| matcher.label.as_str());
        if let Some(schema) = self.reader.schemas.get(&self.key, labels) {
            return Ok(schema);
        }
        let fetched = Instant::now();
        let sql = format!("DESCRIBE {}.{}", sql::identifier(&self.key.database), sql::identifier(&self.key.table));
        let mut pages = self.asking.pages(&sql);
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await? {
            rows.extend(page.rows);
        }
        let schema = Arc::new(Schema::of_describe(&rows));
        self.reader.schemas.put(self.key.clone(), fetched, Arc::clone(&schema));
        Ok(schema)
    }
}

/// Whether Timestream says that the table lacks a column that the schema has.
fn is_missing_column(error: &Error) -> bool {
    error.kind() == Kind::Invalid && error.message().contains("Column '") && error.message().contains("does not exist")
}

#[cfg(test)]
mod tests;
