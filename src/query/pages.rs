//! The pages of one query: fetched one ahead, retried, and cancelled in Timestream when they are dropped midway.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_timestreamquery::Client;
use aws_sdk_timestreamquery::error::SdkError;
use aws_sdk_timestreamquery::operation::query::{QueryError, QueryOutput};
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::points::{Points, taking_points};
use crate::error::{Error, Kind};
use crate::sink::retry::{RetryPolicy, retry_while};
use crate::sink::service_error::from_sdk;
use crate::telemetry::metrics::{Code, Operation, ReadMetrics};

/// How long a CancelQuery may take. Nobody waits for it.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages that are fetched before they are asked for: the next comes while one is read.
const AHEAD: usize = 1;

/// The calls that a page's token serves, the first and its retries (Timestream's API reference, Query, NextToken).
const CALLS_OF_TOKEN: u32 = 5;

/// The most CancelQuery calls under way. Beyond it, queries are left to end by themselves.
pub(super) const MAX_CANCELS: usize = 32;

/// How a read request calls Timestream: the same for all of its calls.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) client: Client,
    pub(super) retry: RetryPolicy,
    pub(super) metrics: ReadMetrics,
    pub(super) cancels: Arc<Semaphore>,
    /// Whether part of the answer to the request was sent. From then on no call is repeated: only the reader can start
    /// again.
    pub(super) sent: Arc<AtomicBool>,
}

/// A page of an answer.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) output: QueryOutput,
    /// The points of its time series, where they are asked for.
    pub(super) points: Points,
}

/// A page, or `None` behind the last.
type Fetched = Result<Option<Page>, Error>;

/// A query, and whether the points of its time series are taken out of its pages.
#[derive(Debug, Clone)]
struct Asked {
    sql: Arc<str>,
    takes_points: bool,
}

/// The bound on CancelQuery calls under way.
pub(super) fn cancel_permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_CANCELS))
}

impl Asking {
    /// The pages of a query.
    pub(super) fn pages(&self, sql: &str) -> Pages {
        self.begin(Asked { sql: sql.into(), takes_points: false })
    }

    /// The pages of a query, with the points of its time series apart.
    pub(super) fn pages_with_points(&self, sql: &str) -> Pages {
        self.begin(Asked { sql: sql.into(), takes_points: true })
    }

    fn begin(&self, asked: Asked) -> Pages {
        let query_id = Arc::new(Mutex::new(None));
        let (sender, pages) = mpsc::channel(AHEAD);
        let fetching = tokio::spawn(fetch_all(self.clone(), asked, Arc::clone(&query_id), sender));
        let running = Running { asking: self.clone(), query_id };
        Pages { running, pages: Some(pages), _fetching: AbortOnDropHandle::new(fetching) }
    }

    fn ask(&self, asked: &Asked, token: Option<&str>) -> BoxFuture<'static, Result<Page, Error>> {
        let (metrics, takes_points) = (self.metrics.clone(), asked.takes_points);
        let call = self.client.query().query_string(&*asked.sql).set_next_token(token.map(str::to_owned));
        Box::pin(async move {
            metrics.requests.increment(1);
            let start = Instant::now();
            let under_way = metrics.calls.begin(Operation::Query);
            let (answer, points) =
                if takes_points { taking_points(call.send()).await } else { (call.send().await, Points::default()) };
            let answer = answer.map(|output| Page { output, points }).map_err(|error| of_query(&error));
            metrics.duration.record(start.elapsed());
            under_way.end(answer.as_ref().map_or_else(Code::of_error, |_| Code::Ok));
            answer
        })
    }
}

/// The error of a Query call. Only the message tells that the table lacks a column of the query, or that a row is too
/// large.
fn of_query<R: std::fmt::Debug>(error: &SdkError<QueryError, R>) -> Error {
    let names_column = |message: &str| message.contains("Column '") && message.contains("does not exist");
    let names_size = |message: &str| message.contains("max page response size");
    let told = from_sdk(error);
    match error.as_service_error() {
        Some(QueryError::ValidationException(refused)) if refused.message().is_some_and(names_column) => {
            told.as_kind(Kind::UnknownColumn)
        }
        Some(_) if names_size(told.message()) => told.as_kind(Kind::RowTooLarge),
        Some(QueryError::ValidationException(_) | QueryError::QueryExecutionException(_)) => {
            told.as_kind(Kind::QueryRefused)
        }
        _ => told,
    }
}

/// Fetches the pages one after the other, as long as there is room for the next.
async fn fetch_all(asking: Asking, asked: Asked, running: Arc<Mutex<Option<String>>>, pages: mpsc::Sender<Fetched>) {
    let mut token: Option<String> = None;
    while let Ok(room) = pages.reserve().await {
        let fetched = fetch(&asking, &asked, token.as_deref()).await;
        let (page, next) = match fetched.and_then(|page| with_next_token(page, token.as_deref())) {
            Ok(fetched) => fetched,
            Err(error) => return room.send(Err(error)),
        };
        *locked(&running) = next.as_ref().map(|_| page.output.query_id.clone());
        room.send(Ok(Some(page)));
        if next.is_none() {
            // Nobody may wait for it any more.
            let _ = pages.send(Ok(None)).await;
            return;
        }
        token = next;
    }
}

/// A page that `token` asked for, and the token of the next.
fn with_next_token(mut page: Page, token: Option<&str>) -> Result<(Page, Option<String>), Error> {
    let next = page.output.next_token.take();
    if next.is_some() && next.as_deref() == token {
        let message = "Timestream gave the same page token twice";
        return Err(Error::new(Kind::Unavailable, "UnexpectedAnswerError", message));
    }
    Ok((page, next))
}

/// Fetches one page. It may be fetched again with its token, until a part of the answer was sent.
async fn fetch(asking: &Asking, asked: &Asked, token: Option<&str>) -> Result<Page, Error> {
    let may_retry = || !asking.sent.load(Ordering::SeqCst);
    let most = if token.is_some() { CALLS_OF_TOKEN - 1 } else { u32::MAX };
    let retry = RetryPolicy { max_retries: asking.retry.max_retries.min(most), ..asking.retry };
    retry_while(retry, &asking.metrics.retries, may_retry, || asking.ask(asked, token)).await
}

fn locked(query_id: &Mutex<Option<String>>) -> MutexGuard<'_, Option<String>> {
    query_id.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pages of one query, while it runs.
pub(super) struct Pages {
    running: Running,
    /// `None` after the last page.
    pages: Option<mpsc::Receiver<Fetched>>,
    _fetching: AbortOnDropHandle<()>,
}

impl Pages {
    /// The next page, which may be empty, or `None` after the last. After an error there are no more pages.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, Error> {
        let Some(pages) = &mut self.pages else { return Ok(None) };
        let aborted = || Error::new(Kind::Unavailable, "InternalError", "fetching a page was aborted");
        let page = pages.recv().await.unwrap_or_else(|| Err(aborted()));
        match &page {
            Ok(Some(_)) => self.running.asking.metrics.pages.increment(1),
            Ok(None) | Err(_) => self.pages = None,
        }
        page
    }
}

impl Pages {
    /// Counts rows that were received.
    pub(super) fn count_rows(&self, rows: usize) {
        self.running.asking.metrics.rows.increment(rows as u64);
    }
}

/// Cancels the query if it is dropped with pages left.
struct Running {
    asking: Asking,
    /// `None` before the first page, and once the last has come.
    query_id: Arc<Mutex<Option<String>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(query_id) = locked(&self.query_id).take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let Ok(permit) = Arc::clone(&self.asking.cancels).try_acquire_owned() else { return };
        self.asking.metrics.cancels.increment(1);
        let (client, calls) = (self.asking.client.clone(), self.asking.metrics.calls.clone());
        runtime.spawn(async move {
            let under_way = calls.begin(Operation::CancelQuery);
            let cancel = client.cancel_query().query_id(query_id).send();
            let code = match tokio::time::timeout(CANCEL_TIMEOUT, cancel).await {
                Ok(Ok(_)) => Code::Ok,
                Ok(Err(error)) => {
                    let error = from_sdk(&error);
                    tracing::debug!(error = %error, "CancelQuery failed");
                    Code::of_error(&error)
                }
                Err(_) => {
                    tracing::debug!("CancelQuery timed out");
                    Code::Timeout
                }
            };
            under_way.end(code);
            drop(permit);
        });
    }
}
