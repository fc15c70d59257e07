//! The thread of one query.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::params_from_iter;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Page;
use crate::error::{ApiError, ErrorKind};
use crate::sql::{Cell, Column, Compiled, Listing};
use crate::storage::open_reader;

/// The size of a page, in bytes of JSON, that the service keeps below.
const PAGE_BYTES: usize = 1 << 20;
/// SQLite's and the functions' recursion is bounded; this is ample for it.
const STACK_BYTES: usize = 8 << 20;

/// The JSON of ColumnInfo.
pub(super) fn column_info(columns: &[Column]) -> String {
    let info = columns
        .iter()
        .map(|column| json!({"Name": column.name, "Type": {"ScalarType": column.column_type.api_name()}}));
    Value::from_iter(info).to_string()
}

/// ColumnInfo and rows of a result that needs no SQLite.
pub(super) fn listing(listing: &Listing) -> (String, Vec<u8>) {
    let info = listing.columns.iter().map(|column| match column.column_type {
        crate::sql::ColumnType::Dimensions => {
            let varchar = |name: &str| json!({"Name": name, "Type": {"ScalarType": "VARCHAR"}});
            let row = json!({"RowColumnInfo": [varchar("dimension_name"), varchar("data_type")]});
            json!({"Name": column.name, "Type": {"ArrayColumnInfo": {"Type": row}}})
        }
        scalar => json!({"Name": column.name, "Type": {"ScalarType": scalar.api_name()}}),
    });
    let scalar = |text: &String| json!({"ScalarValue": text});
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => scalar(text),
        Cell::Dimensions(dimensions) => {
            let row =
                |(name, data_type): &(String, String)| json!({"RowValue": {"Data": [scalar(name), scalar(data_type)]}});
            json!({"ArrayValue": dimensions.iter().map(row).collect::<Vec<_>>()})
        }
    };
    let rows = listing.rows.iter().map(|row| json!({"Data": row.iter().map(cell).collect::<Vec<_>>()}).to_string());
    (Value::from_iter(info).to_string(), rows.collect::<Vec<_>>().join(",").into_bytes())
}

/// Starts a query; its pages come one at a time, and it ends when nobody waits for the next.
pub(super) fn start(
    file: PathBuf,
    select: Compiled,
    max_rows: usize,
) -> Result<mpsc::Receiver<Result<Page, ApiError>>, ApiError> {
    let (sender, receiver) = mpsc::channel(1);
    let run = move || {
        if let Err(error) = run(&file, &select, max_rows, &sender) {
            // Nobody waits for the error of a query that was cancelled.
            let _ = sender.blocking_send(Err(error));
        }
    };
    std::thread::Builder::new()
        .name("query".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(run)
        .map_err(|error| ApiError::new(ErrorKind::Throttling, format!("no thread for another query: {error}")))?;
    Ok(receiver)
}

fn run(
    file: &std::path::Path,
    select: &Compiled,
    max_rows: usize,
    sender: &mpsc::Sender<Result<Page, ApiError>>,
) -> Result<(), ApiError> {
    let failed = |error: rusqlite::Error| ApiError::new(ErrorKind::QueryExecution, error.to_string());
    let connection = open_reader(file)?;
    let mut statement = connection.prepare(&select.sql).map_err(failed)?;
    // A literal whose clause falls away, as of LIMIT 0, leaves a value at the end that nothing asks for.
    let parameters = select.parameters.iter().take(statement.parameter_count());
    let mut rows = statement.query(params_from_iter(parameters)).map_err(failed)?;
    let (mut page, mut count) = (Vec::new(), 0);
    while let Some(row) = rows.next().map_err(failed)? {
        if count == max_rows || page.len() >= PAGE_BYTES {
            let full = Page { rows: Arc::new(std::mem::take(&mut page)), last: false };
            count = 0;
            if sender.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
        page.extend_from_slice(if count == 0 { b"{\"Data\":[" } else { b",{\"Data\":[" });
        count += 1;
        for (index, column) in select.columns.iter().enumerate() {
            if index > 0 {
                page.push(b',');
            }
            match column.column_type.text(row.get_ref(index).map_err(failed)?) {
                None => page.extend_from_slice(b"{\"NullValue\":true}"),
                Some(text) => {
                    page.extend_from_slice(b"{\"ScalarValue\":");
                    serde_json::to_writer(&mut page, &text).map_err(|error| ApiError::internal(error.to_string()))?;
                    page.push(b'}');
                }
            }
        }
        page.extend_from_slice(b"]}");
    }
    let _ = sender.blocking_send(Ok(Page { rows: Arc::new(page), last: true }));
    Ok(())
}
