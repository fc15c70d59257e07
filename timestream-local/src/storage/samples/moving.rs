//! Moves the plain samples that an older program stored as rows into chunks, a slice in each transaction.

use super::super::series_list;
use super::{chunks, rows};
use rusqlite::{Connection, OptionalExtension};

/// Samples moved in a transaction, about.
const SAMPLES: usize = if cfg!(test) { 3 } else { 20_000 };
/// Series looked at in a transaction.
const SERIES: usize = 512;

/// Makes the list of tables whose rows are to be moved, each with the last series that is done.
pub(super) const CREATE: &str = "CREATE TABLE moves(table_number INTEGER PRIMARY KEY, series INTEGER NOT NULL);";

/// Notes that the rows of a table are to be moved.
pub(super) fn plan(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO moves VALUES(?1, 0)", [number]).map(drop)
}

/// Forgets a table.
pub(super) fn drop_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM moves WHERE table_number = ?1", [number]).map(drop)
}

/// Whether there are rows to be moved.
pub(super) fn is_needed(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare("SELECT 1 FROM moves LIMIT 1")?.exists([])
}

/// Moves a slice. True when nothing is left to move.
pub(super) fn step(connection: &mut Connection) -> rusqlite::Result<bool> {
    let transaction = connection.transaction()?;
    let found = transaction
        .query_row("SELECT table_number, series FROM moves LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((number, mut done)) = found else { return Ok(true) };
    let all = series_list::after(&transaction, number, done, SERIES)?;
    let mut left = SAMPLES;
    for series in &all {
        let samples = rows::plain(&transaction, number, *series, left)?;
        if let Some(last) = samples.last() {
            chunks::insert(&transaction, number, *series, &samples)?;
            rows::remove_plain(&transaction, number, *series, last.time)?;
        }
        left -= samples.len();
        if left == 0 {
            break;
        }
        done = *series;
    }
    if all.is_empty() {
        tracing::info!(table = number, "the samples of an older version are brought over");
        drop_table(&transaction, number)?;
    } else {
        transaction.execute("UPDATE moves SET series = ?2 WHERE table_number = ?1", (number, done))?;
    }
    transaction.commit()?;
    Ok(false)
}
