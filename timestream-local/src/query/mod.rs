//! Queries that run: each in a thread of its own that steps through its statement and hands over page by page, so
//! that no result is ever in memory as a whole.

mod answer;
mod catalog;
mod connection;
mod insights;
mod job;
mod pager;
mod prepare;
mod run;
mod scheduled;
mod scheduled_rows;
mod slot;
mod tokens;
mod unload;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};

use crate::calendar::{Clock, now_ns};
use crate::error::{ApiError, ErrorKind};
use crate::objects::ObjectRoot;
use crate::sql::Times;
use crate::storage::{Catalog, Reader};
pub(crate) use catalog::View;
use job::Job;
use pager::{Event, Outcome, Page, broken};
pub(crate) use scheduled_rows::ScheduledRow;
use slot::Taker;
use tokens::ClientTokens;

/// Most queries that are compiled, run or have pages left.
const MAX_QUERIES: usize = 32;
/// Most queries of them that write objects.
const MAX_UNLOADS: usize = 2;
/// How long a call waits for one of those places.
const PLACE_WAIT: Duration = Duration::from_secs(1);
/// How long a query keeps its place without being asked for a page when another query needs one.
const IDLE: Duration = Duration::from_secs(60);
/// Most queries remembered, to answer a page again or to tell that a query was cancelled.
const MAX_KNOWN: usize = 64;
/// How long a call waits for a page before it answers an empty one with a token. The SDKs wait for 60 s.
const PAGE_WAIT: Duration = Duration::from_secs(30);
/// How long, and how often, a token may be used (service model, member NextToken of Query).
const TOKEN_LIFE: Duration = Duration::from_secs(3600);
const TOKEN_USES: u32 = 5;

/// A call of Query without a NextToken.
pub(crate) struct NewQuery {
    /// The query's text.
    pub(crate) text: String,
    /// Rows on a page, if the client said.
    pub(crate) max_rows: Option<usize>,
    /// The client's own token for this query.
    pub(crate) client_token: Option<String>,
    /// The last page is to have insights.
    pub(crate) with_insights: bool,
}

/// All queries that run.
pub(crate) struct Queries {
    reader: Reader,
    clock: Clock,
    /// What stands for S3, if anything does.
    objects: Option<ObjectRoot>,
    places: Arc<Semaphore>,
    unloads: Arc<Semaphore>,
    known: Mutex<HashMap<String, Arc<Known>>>,
    client_tokens: Mutex<ClientTokens>,
    /// The beginning of this process' query IDs, by which they differ from those of other processes.
    process: String,
    started: AtomicU64,
}

/// A query that has been answered with a page.
struct Known {
    text: String,
    /// What each page begins with.
    begin: Vec<u8>,
    taker: Taker<Outcome>,
    pages: AsyncMutex<Pages>,
    state: Mutex<State>,
}

impl Known {
    /// Whether it holds a place, and is to go on.
    fn is_open(&self) -> bool {
        let state = locked(&self.state);
        !state.finished && !state.cancelled && !self.taker.has_ended()
    }
}

struct State {
    /// When it was last asked for a page.
    used: Instant,
    cancelled: bool,
    /// All pages were made.
    finished: bool,
}

/// The pages of a query.
struct Pages {
    number: u64,
    /// The last answer, which a client may ask for again, but for the first.
    answer: Bytes,
    /// It has the last page.
    is_last: bool,
    /// A page that was made and has not been answered.
    ready: Option<Page>,
    /// When the token of the page was given out, and how often it was used.
    since: Instant,
    uses: u32,
}

impl Queries {
    /// Queries on what `reader` opens, which go by `clock`, with `objects` in the place of S3.
    pub(crate) fn new(reader: Reader, clock: Clock, objects: Option<ObjectRoot>) -> Self {
        Queries {
            reader,
            clock,
            objects,
            places: Arc::new(Semaphore::new(MAX_QUERIES)),
            unloads: Arc::new(Semaphore::new(MAX_UNLOADS)),
            known: Mutex::default(),
            client_tokens: Mutex::default(),
            process: format!("AEBQ{:016X}", RandomState::new().hash_one(now_ns())),
            started: AtomicU64::new(0),
        }
    }

    /// Starts a query. Returns the body of its first answer.
    pub(crate) async fn start(&self, query: NewQuery, catalog: Arc<Catalog>) -> Result<Bytes, ApiError> {
        let NewQuery { text, max_rows, client_token, with_insights } = query;
        if let Some(token) = client_token {
            locked(&self.client_tokens).note(&token, (&text, max_rows, with_insights), Instant::now())?;
        }
        let permit = self.place(PLACE_WAIT).await?;
        let id = format!("{}{:08X}", self.process, self.started.fetch_add(1, Ordering::Relaxed) + 1);
        let job = Job {
            id: id.clone(),
            text: text.clone(),
            view: View::new(catalog),
            reader: self.reader.clone(),
            objects: self.objects.clone(),
            unloads: Arc::clone(&self.unloads),
            max_rows: max_rows.unwrap_or(usize::MAX),
            times: Times { now_ns: self.clock.now_ns(), scheduled: None },
            with_insights,
        };
        let taker = run::start(job, permit)?;
        let begin = answer::begin(&id, &pager::columns(&taker).await?);
        let first = page(&taker).await?;
        // With MaxRows, the service answers at once only what fits one page; otherwise just the token.
        let (page, ready) = match first {
            Some(first) if first.last || max_rows.is_none() => (first, None),
            first => (Page::empty(&begin), first),
        };
        let is_last = page.last;
        let answer = answer::end(&id, page, 0);
        if !is_last {
            let pages = Pages { number: 0, answer: Bytes::new(), is_last, ready, since: Instant::now(), uses: 0 };
            let state = State { used: Instant::now(), cancelled: false, finished: false };
            self.remember(id, Known { text, begin, taker, pages: AsyncMutex::new(pages), state: Mutex::new(state) });
        }
        Ok(answer)
    }

    /// Returns the body with a further page. The last page answered may be asked for again.
    pub(crate) async fn next(&self, text: &str, token: &str) -> Result<Bytes, ApiError> {
        let invalid = || ApiError::validation("The NextToken is invalid or has expired.");
        let (id, number) = token.split_once('.').ok_or_else(invalid)?;
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let known = locked(&self.known).get(id).cloned().ok_or_else(invalid)?;
        if known.text != text {
            return Err(ApiError::validation("Invalid pagination token: the query text is not that of the NextToken."));
        }
        locked(&known.state).used = Instant::now();
        let mut pages = known.pages.lock().await;
        if locked(&known.state).cancelled {
            return Err(ApiError::new(ErrorKind::Conflict, "Unable to poll results for a cancelled query."));
        }
        if pages.since.elapsed() > TOKEN_LIFE {
            return Err(invalid());
        }
        if number == pages.number + 1 && !pages.is_last {
            let next = match pages.ready.take() {
                Some(ready) => Some(ready),
                None => page(&known.taker).await?,
            };
            let page = next.unwrap_or_else(|| Page::empty(&known.begin));
            let is_last = page.last;
            let answer = answer::end(id, page, number);
            *pages = Pages { number, answer, is_last, ready: None, since: Instant::now(), uses: 1 };
            locked(&known.state).finished = is_last;
        } else if number == pages.number && number > 0 && pages.uses < TOKEN_USES {
            pages.uses += 1;
        } else {
            return Err(invalid());
        }
        Ok(pages.answer.clone())
    }

    /// Ends a query. Answers a message if it had ended already.
    pub(crate) fn cancel(&self, id: &str) -> Result<Option<&'static str>, ApiError> {
        let number = id.strip_prefix(&self.process).and_then(|number| u64::from_str_radix(number, 16).ok());
        if number.is_none_or(|number| number > self.started.load(Ordering::Relaxed)) {
            return Err(ApiError::validation(format!("The query {id} does not exist.")));
        }
        let Some(known) = locked(&self.known).get(id).cloned() else {
            return Ok(Some("The query has ended already."));
        };
        let mut state = locked(&known.state);
        if state.finished {
            return Ok(Some("The query has ended already."));
        }
        if std::mem::replace(&mut state.cancelled, true) {
            return Ok(Some("The query has been cancelled already."));
        }
        known.taker.refuse();
        Ok(None)
    }

    /// A place for a query to run in, within some time. When all are taken, the query that was idle longest ends.
    async fn place(&self, patience: Duration) -> Result<OwnedSemaphorePermit, ApiError> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(permit);
        }
        let end = Instant::now() + patience;
        loop {
            // Another one may have become idle for long enough meanwhile.
            self.end_idle();
            let step = end.saturating_duration_since(Instant::now()).min(PLACE_WAIT);
            match tokio::time::timeout(step, Arc::clone(&self.places).acquire_owned()).await {
                Ok(Ok(permit)) => return Ok(permit),
                Err(_) if Instant::now() < end => {}
                _ => {
                    let what = format!("{MAX_QUERIES} queries are running or have pages left. Try again later.");
                    return Err(ApiError::new(ErrorKind::Throttling, what));
                }
            }
        }
    }

    fn end_idle(&self) {
        let mut known = locked(&self.known);
        let used = |known: &Arc<Known>| locked(&known.state).used;
        // What has ended has given its place back.
        let open = known.iter().filter(|(_, known)| known.is_open());
        let longest = open.map(|(id, known)| (used(known), id.clone())).min();
        if let Some((_, id)) = longest.filter(|(used, _)| used.elapsed() > IDLE) {
            known.remove(&id);
        }
    }

    fn remember(&self, id: String, query: Known) {
        let mut known = locked(&self.known);
        known.retain(|_, known| locked(&known.state).used.elapsed() < TOKEN_LIFE);
        if known.len() >= MAX_KNOWN {
            // Ended queries go first. Of the others there are at most MAX_QUERIES.
            let order = |known: &Arc<Known>| (known.is_open(), locked(&known.state).used);
            if let Some(id) = known.iter().min_by_key(|(_, known)| order(known)).map(|(id, _)| id.clone()) {
                known.remove(&id);
            }
        }
        known.insert(id, Arc::new(query));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next page. `None` when it takes too long.
async fn page(taker: &Taker<Outcome>) -> Result<Option<Page>, ApiError> {
    match tokio::time::timeout(PAGE_WAIT, taker.take()).await {
        Err(_) => Ok(None),
        Ok(Some(Ok(Event::Page(page)))) => Ok(Some(page)),
        Ok(Some(Ok(Event::Columns(_)))) => Err(broken()),
        Ok(Some(Err(error))) => Err(error),
        Ok(None) => Err(ApiError::validation("The NextToken is invalid or has expired.")),
    }
}

#[cfg(test)]
mod tests;
