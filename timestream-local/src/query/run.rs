//! The thread of one query: compiles it, steps through its statement, and hands over page by page.

use std::time::{Duration, Instant};

use rusqlite::{ErrorCode, Row, params_from_iter};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::answer;
use super::connection;
use super::insights::{Insights, Traced};
use super::job::Job;
use super::pager::{Event, Outcome, PATIENCE, Pager};
use super::slot::{Giver, Taker, slot};
use super::unload;
use crate::error::{ApiError, ErrorKind};
use crate::sql::{self, Cell, Column, Compiled, Listing, Statement};
use crate::storage::samples;

/// How long a query may run, as in the service.
const MAX_TIME: Duration = Duration::from_secs(3600);
/// Steps of SQLite's machine between two checks whether the query is still wanted.
const STEPS: i32 = 20_000;
/// What a sort of series may take of memory, in KiB, as SQLite wants it: that of 100,000 series with ten labels.
const SORT_MEMORY: i64 = -32_768;
/// The parser's, SQLite's and the functions' recursion is bounded; this is ample for it.
const STACK_BYTES: usize = 8 << 20;

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
    let begin = |pager: &mut Pager<'_>, columns: &[Column]| {
        pager.begin(answer::begin(&job.id, columns));
        giver.give(Ok(Event::Columns(columns.to_vec())), PATIENCE)
    };
    let mut pager = Pager::new(job.max_rows, giver, PATIENCE);
    let mut insights = Insights::default();
    match &statement {
        Statement::Select(select) => {
            if begin(&mut pager, &select.columns) {
                insights = selected(job, select, giver, &mut pager)?;
            }
        }
        Statement::Listing(listing) => {
            pager.is_listing = true;
            if begin(&mut pager, &listing.columns) {
                listed(listing, &mut pager)?;
            }
        }
        Statement::Unload(query) => {
            let (mut unloader, _place) = unload::begin(job, query)?;
            if begin(&mut pager, &unload::columns()) {
                insights = each_row(job, &query.select, giver, |row| unload::row(&mut unloader, &query.select, row))?;
                // A query that was cancelled has no list of its files.
                if giver.is_wanted() {
                    listed(&unload::listing(unloader.finish()?), &mut pager)?;
                }
            }
        }
    }
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
    each_row(job, select, giver, |row| {
        for (index, column) in select.columns.iter().enumerate() {
            pager.separate(index);
            let value = row.get_ref(index).map_err(failed)?;
            let written = column.column_type.write_datum(value, &mut pager.page);
            written.map_err(|failure| ApiError::internal(failure.to_string()))?;
        }
        pager.end_row()
    })
}

/// Runs a SELECT, and gives its rows away until no more are wanted. What it has read, if that is asked for.
fn each_row(
    job: &Job,
    select: &Compiled,
    giver: &Giver<Outcome>,
    mut take: impl FnMut(&Row<'_>) -> Result<bool, ApiError>,
) -> Result<Insights, ApiError> {
    let mut connection = connection::open(&job.reader)?;
    let mut cache: Option<i64> = None;
    if select.sorts_series {
        // A sort takes as much memory as the cache before it goes on in a file.
        cache = Some(connection.pragma_query_value(None, "cache_size", |row| row.get(0))?);
        connection.pragma_update(None, "cache_size", SORT_MEMORY)?;
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
        if let Some(cache) = cache.take() {
            // All is sorted when the first row comes.
            connection.pragma_update(None, "cache_size", cache)?;
        }
        if !take(row)? {
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

/// The error for a statement that SQLite breaks off.
pub(super) fn failed(error: rusqlite::Error) -> ApiError {
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
