//! Queries that run: each in a thread of its own that steps through its statement and hands over a page at a time, so
//! that no result is ever in memory as a whole.

mod catalog;
mod run;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc;

use crate::error::{ApiError, ErrorKind};
use crate::sql::{self, Statement};
use crate::storage::{Catalog, now_ns};

/// Queries with pages left, at most. The one that was longest not asked for makes room for a new one.
const MAX_OPEN: usize = 64;

/// A page of a result: the JSON of its rows, and whether there are more.
#[derive(Clone)]
pub(crate) struct Page {
    rows: Arc<Vec<u8>>,
    last: bool,
}

/// All queries that run.
pub(crate) struct Queries {
    file: PathBuf,
    open: Mutex<HashMap<String, Arc<Open>>>,
    started: AtomicU64,
}

/// A query with pages left.
struct Open {
    text: String,
    columns: String,
    pages: AsyncMutex<Pages>,
    used: Mutex<Instant>,
}

/// The pages of a query. The latest stays, since a client may ask for it again.
struct Pages {
    receiver: mpsc::Receiver<Result<Page, ApiError>>,
    number: u64,
    page: Page,
}

impl Queries {
    /// Queries on the database in `file`.
    pub(crate) fn new(file: PathBuf) -> Self {
        Queries { file, open: Mutex::default(), started: AtomicU64::new(0) }
    }

    /// Starts a query: the body of its first page.
    pub(crate) async fn start(&self, text: &str, catalog: Arc<Catalog>, max_rows: usize) -> Result<Vec<u8>, ApiError> {
        let id = self.new_id();
        let view = catalog::View(catalog);
        let query = text.to_owned();
        // The parser recurses; a blocking thread keeps that off the runtime's.
        let compiled = tokio::task::spawn_blocking(move || sql::compile(&query, &view, now_ns())).await;
        let compiled = compiled.map_err(|_| ApiError::internal("compiling the query failed"))?;
        let select = match compiled.map_err(|error| ApiError::validation(error.message))? {
            Statement::Select(select) => select,
            Statement::Listing(listing) => {
                let (columns, rows) = run::listing(&listing);
                return Ok(body(&id, &columns, &Page { rows: Arc::new(rows), last: true }, 0));
            }
        };
        let columns = run::column_info(&select.columns);
        let mut receiver = run::start(self.file.clone(), select, max_rows)?;
        let page = received(&mut receiver).await?;
        let answer = body(&id, &columns, &page, 0);
        if !page.last {
            let pages = AsyncMutex::new(Pages { receiver, number: 0, page });
            let open = Open { text: text.to_owned(), columns, pages, used: Mutex::new(Instant::now()) };
            self.keep(id, open);
        }
        Ok(answer)
    }

    /// A further page: the body that holds it. The page before may be asked for again.
    pub(crate) async fn next(&self, text: &str, token: &str) -> Result<Vec<u8>, ApiError> {
        let invalid = || ApiError::validation("The NextToken is invalid or has expired.");
        let (id, number) = token.split_once('.').ok_or_else(invalid)?;
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let open = self.open().get(id).cloned().ok_or_else(invalid)?;
        if open.text != text {
            return Err(ApiError::validation("The query text is not that of the NextToken."));
        }
        *open.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let mut pages = open.pages.lock().await;
        if number == pages.number + 1 {
            pages.page = received(&mut pages.receiver).await?;
            pages.number = number;
        } else if number != pages.number || number == 0 {
            return Err(invalid());
        }
        Ok(body(id, &open.columns, &pages.page, number))
    }

    /// Ends a query. It need not be running any more.
    pub(crate) fn cancel(&self, id: &str) -> Result<(), ApiError> {
        let known = id.strip_prefix("q").and_then(|number| number.parse::<u64>().ok());
        if known.is_none_or(|number| number > self.started.load(Ordering::Relaxed)) {
            return Err(ApiError::validation(format!("The query {id} does not exist.")));
        }
        // Its thread ends when it finds nobody to give the next page to.
        self.open().remove(id);
        Ok(())
    }

    fn keep(&self, id: String, open: Open) {
        let mut all = self.open();
        if all.len() >= MAX_OPEN {
            let used = |open: &Arc<Open>| *open.used.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(oldest) = all.iter().min_by_key(|(_, open)| used(open)).map(|(id, _)| id.clone()) {
                all.remove(&oldest);
            }
        }
        all.insert(id, Arc::new(open));
    }

    fn new_id(&self) -> String {
        format!("q{}", self.started.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn received(receiver: &mut mpsc::Receiver<Result<Page, ApiError>>) -> Result<Page, ApiError> {
    let ended = || Err(ApiError::new(ErrorKind::InternalServer, "the query ended unexpectedly"));
    receiver.recv().await.unwrap_or_else(ended)
}

fn body(id: &str, columns: &str, page: &Page, number: u64) -> Vec<u8> {
    let token = if page.last { String::new() } else { format!("\"NextToken\":\"{id}.{}\",", number + 1) };
    let progress = if page.last { "100.0" } else { "0.0" };
    let mut body = format!("{{\"QueryId\":\"{id}\",{token}\"ColumnInfo\":{columns},\"Rows\":[").into_bytes();
    body.extend_from_slice(&page.rows);
    body.extend_from_slice(
        format!("],\"QueryStatus\":{{\"ProgressPercentage\":{progress},\"CumulativeBytesScanned\":0,\"CumulativeBytesMetered\":0}}}}")
            .as_bytes(),
    );
    body
}
