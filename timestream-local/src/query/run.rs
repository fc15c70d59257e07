//! The thread of one query: compiles it, steps through its statement, and hands over a page at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{ErrorCode, params_from_iter};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::catalog::View;
use super::connection;
use super::insights::{Insights, Traced};
use super::slot::{Giver, Taker, slot};
use crate::error::{ApiError, ErrorKind};
use crate::sql::{self, Cell, Column, Compiled, Listing, Statement, Times};
use crate::storage::{Reader, samples};

/// Bytes of rows on a page. The service's pages stay below 1 MB with everything around the rows.
const PAGE_BYTES: usize = 1_000_000;
/// Bytes of rows in a result, as in the service.
const MAX_RESULT_BYTES: u64 = 5 << 30;
/// What the service bills for a query at least, in bytes.
const METERED_AT_LEAST: u64 = 10_000_000;
/// How long a query may run, as in the service.
const MAX_TIME: Duration = Duration::from_secs(3600);
/// How long a page may wait for a client. A statement with rows left keeps the file from shrinking, so this is less than
/// the hour for which the service keeps a token.
const PATIENCE: Duration = Duration::from_secs(600);
/// Steps of SQLite's machine between two checks whether the query is still wanted.
const STEPS: i32 = 20_000;
/// The parser's, SQLite's and the functions' recursion is bounded; this is ample for it.
const STACK_BYTES: usize = 8 << 20;

/// A query to be run.
pub(super) struct Job {
    pub(super) text: String,
    pub(super) view: View,
    pub(super) reader: Reader,
    /// Rows on a page, at most.
    pub(super) max_rows: usize,
    pub(super) times: Times,
    /// The last page is to have insights.
    pub(super) with_insights: bool,
}

/// What a query's thread gives: the columns first, then pages.
pub(super) enum Event {
    Columns(Vec<Column>),
    Page(Page),
}

/// A page of a result.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    /// The JSON of its rows.
    pub(super) rows: Arc<Vec<u8>>,
    pub(super) last: bool,
    /// Bytes of rows up to the end of this page.
    pub(super) bytes: u64,
    /// QueryInsightsResponse, on the last page of a query that asked for it.
    pub(super) insights: Option<Arc<Value>>,
}

impl Page {
    /// The bytes that the service would bill up to the end of this page.
    pub(super) fn metered(&self) -> u64 {
        self.bytes.max(METERED_AT_LEAST)
    }
}

pub(super) type Outcome = Result<Event, ApiError>;

/// The columns, which a query gives first.
pub(super) async fn columns(taker: &Taker<Outcome>) -> Result<Vec<Column>, ApiError> {
    match taker.take().await.unwrap_or_else(|| Err(broken()))? {
        Event::Columns(columns) => Ok(columns),
        Event::Page(_) => Err(broken()),
    }
}

/// The error for a thread that ended without a word.
pub(super) fn broken() -> ApiError {
    ApiError::internal("the query ended unexpectedly")
}

/// Starts a query. Its thread ends, and gives back its permit, when all is taken, nobody takes the next page for ten
/// minutes, or what this returns is dropped.
pub(super) fn start(job: Job, permit: OwnedSemaphorePermit) -> Result<Taker<Outcome>, ApiError> {
    let (giver, taker) = slot();
    let run = move || {
        if let Err(error) = run(&job, &giver) {
            // Nobody waits for the error of a query that was cancelled.
            let _ = giver.give(Err(error), PATIENCE);
        }
        drop(giver);
        drop(permit);
    };
    std::thread::Builder::new()
        .name("query".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(run)
        .map_err(|error| ApiError::new(ErrorKind::Throttling, format!("no thread for another query: {error}")))?;
    Ok(taker)
}

fn run(job: &Job, giver: &Giver<Outcome>) -> Result<(), ApiError> {
    let statement = sql::compile_at(&job.text, &job.view, job.times);
    let statement = statement.map_err(|error| ApiError::validation(error.message))?;
    let columns = match &statement {
        Statement::Select(select) => &select.columns,
        Statement::Listing(listing) => &listing.columns,
    };
    if !giver.give(Ok(Event::Columns(columns.clone())), PATIENCE) {
        return Ok(());
    }
    let mut pager = Pager::new(job.max_rows, giver);
    let insights = match &statement {
        Statement::Select(select) => selected(job, select, giver, &mut pager)?,
        Statement::Listing(listing) => listed(listing, &mut pager).map(|()| Insights::default())?,
    };
    pager.finish(job.with_insights.then_some(insights));
    Ok(())
}

fn listed(listing: &Listing, pager: &mut Pager<'_>) -> Result<(), ApiError> {
    let scalar = |text: &String| json!({"ScalarValue": text});
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => scalar(text),
        Cell::Dimensions(dimensions) => {
            let row =
                |(name, data_type): &(String, String)| json!({"RowValue": {"Data": [scalar(name), scalar(data_type)]}});
            json!({"ArrayValue": dimensions.iter().map(row).collect::<Vec<_>>()})
        }
    };
    for row in &listing.rows {
        for (index, value) in row.iter().enumerate() {
            pager.separate(index);
            pager.page.extend_from_slice(cell(value).to_string().as_bytes());
        }
        if !pager.end_row()? {
            break;
        }
    }
    Ok(())
}

fn selected(job: &Job, select: &Compiled, giver: &Giver<Outcome>, pager: &mut Pager<'_>) -> Result<Insights, ApiError> {
    let mut connection = connection::open(&job.reader)?;
    if select.sorts_series {
        // A sort in a file needs a folder for it that can be written and is not full.
        connection.pragma_update(None, "temp_store", "memory")?;
    }
    let (wanted, started) = (giver.wanted(), Instant::now());
    let has_to_end = move || !wanted() || started.elapsed() > MAX_TIME;
    connection.progress_handler(STEPS, Some(has_to_end.clone()))?;
    sql::end_evaluation_when(has_to_end);
    let snapshot = job.reader.begin(&connection)?;
    let format = samples::Format { write: sql::time_series, most: sql::MAX_ENTRIES };
    let traced: Vec<Traced> = job.view.used().into_iter().map(Traced::new).collect();
    for Traced { used, trace } in &traced {
        let trace = job.with_insights.then_some(trace);
        samples::make_readable(&connection, &snapshot, &used.table, format, trace)?;
    }
    let mut statement = connection.prepare(&select.sql).map_err(|error| unprepared(error, job))?;
    // The last literals may belong to a clause that was left out, such as LIMIT 0, so that nothing asks for them.
    let parameters = select.parameters.iter().take(statement.parameter_count());
    let mut rows = statement.query(params_from_iter(parameters)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        for (index, column) in select.columns.iter().enumerate() {
            pager.separate(index);
            let value = row.get_ref(index).map_err(failed)?;
            let written = column.column_type.write_datum(value, &mut pager.page);
            written.map_err(|failure| ApiError::internal(failure.to_string()))?;
        }
        if !pager.end_row()? {
            break;
        }
    }
    if job.with_insights { Ok(Insights::of(&connection, &traced)?) } else { Ok(Insights::default()) }
}

/// The error for a translation that SQLite refuses: it is too complex for SQLite, or a table is gone.
fn unprepared(error: rusqlite::Error, job: &Job) -> ApiError {
    match error.sqlite_error_code() {
        Some(ErrorCode::Unknown | ErrorCode::TooBig | ErrorCode::ApiMisuse) | None => {
            let what = error.to_string();
            tracing::debug!(error = %what, query = %job.text, "SQLite does not take a translation");
            match what.starts_with("no such table") {
                true => table_is_gone(),
                false => ApiError::validation(format!("The query is not supported: it is too complex ({what}).")),
            }
        }
        _ => failed(error),
    }
}

fn table_is_gone() -> ApiError {
    ApiError::validation("A table of the query has just been deleted.")
}

fn failed(error: rusqlite::Error) -> ApiError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => {
            ApiError::new(ErrorKind::QueryExecution, "The query was cancelled, or ran for longer than an hour.")
        }
        Some(ErrorCode::Unknown) if error.to_string().contains("no such table") => table_is_gone(),
        Some(ErrorCode::Unknown | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
            ApiError::new(ErrorKind::QueryExecution, error.to_string())
        }
        Some(_) => error.into(),
        None => ApiError::new(ErrorKind::QueryExecution, error.to_string()),
    }
}

/// Gathers rows into pages.
struct Pager<'g> {
    giver: &'g Giver<Outcome>,
    max_rows: usize,
    page: Vec<u8>,
    /// Where the row begins that is being written, and where what stands before it ends.
    row: usize,
    before: usize,
    rows: usize,
    /// Of all pages.
    all_rows: u64,
    bytes: u64,
}

impl<'g> Pager<'g> {
    fn new(max_rows: usize, giver: &'g Giver<Outcome>) -> Self {
        Pager { giver, max_rows, page: Vec::new(), row: 0, before: 0, rows: 0, all_rows: 0, bytes: 0 }
    }

    /// Writes what stands before the value of a column, the first of which begins a row.
    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.page.push(b',');
            return;
        }
        self.before = self.page.len();
        if self.before > 0 {
            self.page.push(b',');
        }
        self.row = self.page.len();
        self.page.extend_from_slice(b"{\"Data\":[");
    }

    /// Ends a row. If the page has no room for it, the page is given away without it first. False when nobody wants more.
    fn end_row(&mut self) -> Result<bool, ApiError> {
        self.page.extend_from_slice(b"]}");
        let length = self.page.len() - self.row;
        if length > PAGE_BYTES {
            let message = "Query aborted as max page response size has been exceeded by the output result row";
            return Err(ApiError::new(ErrorKind::QueryExecution, message));
        }
        let mut wanted = true;
        if self.rows == self.max_rows || self.before + length >= PAGE_BYTES {
            let mut next = Vec::with_capacity(self.before + length);
            next.extend_from_slice(self.page.get(self.row..).unwrap_or_default());
            self.page.truncate(self.before);
            wanted = self.give(None);
            self.page = next;
        }
        self.rows += 1;
        self.all_rows += 1;
        if self.bytes > MAX_RESULT_BYTES {
            return Err(ApiError::new(ErrorKind::QueryExecution, "The result is larger than 5 GB."));
        }
        Ok(wanted)
    }

    fn finish(&mut self, insights: Option<Insights>) {
        self.give(Some(insights));
    }

    /// Gives a page; the last one with its insights, if they were asked for.
    fn give(&mut self, end: Option<Option<Insights>>) -> bool {
        self.bytes += self.page.len() as u64;
        self.rows = 0;
        let rows = Arc::new(std::mem::take(&mut self.page));
        let last = end.is_some();
        let insights = end.flatten().map(|insights| Arc::new(insights.to_json(self.all_rows, self.bytes)));
        self.giver.give(Ok(Event::Page(Page { rows, last, bytes: self.bytes, insights })), PATIENCE)
    }
}
