//! Stores the records of a call: checks their times, finds their series, and tells which records are rejected.

use super::catalog::{Catalog, Table, type_bit};
use super::failure::{Failure, no_database, no_table};
use super::samples::{Samples, Stored};
use super::series::{SeriesCache, add_multi};
use crate::calendar::{HOUR, MINUTE, timestamp_text};
use crate::error::{ApiError, RejectedRecord};
use crate::records::{Record, WriteCall, decode_key};
use rusqlite::Connection;
use std::sync::Arc;

/// How far ahead of the clock a record may be, in nanoseconds.
const MAX_AHEAD: i64 = 15 * MINUTE;

/// How many records a call stored, and where the service would have put them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ingested {
    /// Within the memory store's retention.
    pub(crate) memory: u64,
    /// Older.
    pub(crate) magnetic: u64,
}

/// What became of a call's records. A rejected one does not keep the others from being stored.
#[derive(Debug, Default)]
pub(super) struct Written {
    ingested: Ingested,
    rejected: Vec<RejectedRecord>,
}

impl Written {
    /// The answer to the call.
    pub(super) fn answer(self) -> Result<Ingested, ApiError> {
        if self.rejected.is_empty() { Ok(self.ingested) } else { Err(ApiError::rejected(self.rejected)) }
    }
}

enum Outcome {
    Memory,
    Magnetic,
    Rejected(String, Option<i64>),
}

/// Stores a call in the open transaction. `now` is in nanoseconds since 1970.
///
/// # Errors
/// A refusal has changed nothing. After any other error a part of the call may be stored, and the file may have series
/// and columns that `catalog` lacks.
pub(super) fn write(
    connection: &Connection,
    (cache, samples): (&mut SeriesCache, &mut Samples),
    catalog: &mut Arc<Catalog>,
    call: &WriteCall,
    now: i64,
) -> Result<Written, Failure> {
    if !catalog.databases.contains_key(&call.database) {
        return Err(Failure::Refused(no_database(&call.database)));
    }
    let found = catalog.table(&call.database, &call.table);
    let mut table = Arc::clone(found.ok_or_else(|| Failure::Refused(no_table(&call.table)))?);
    let before = Arc::as_ptr(&table);
    let mut written = Written::default();
    for (index, record) in call.records.iter().enumerate() {
        match store(connection, (cache, samples), &mut table, record, now)? {
            Outcome::Memory => written.ingested.memory += 1,
            Outcome::Magnetic => written.ingested.magnetic += 1,
            Outcome::Rejected(reason, existing_version) => {
                written.rejected.push(RejectedRecord { index, reason, existing_version });
            }
        }
    }
    if Arc::as_ptr(&table) != before
        && let Some(database) = Arc::make_mut(catalog).databases.get_mut(&call.database)
    {
        database.tables.insert(call.table.clone(), table);
    }
    Ok(written)
}

fn store(
    connection: &Connection,
    (cache, samples): (&mut SeriesCache, &mut Samples),
    table: &mut Arc<Table>,
    record: &Record,
    now: i64,
) -> Result<Outcome, Failure> {
    let accepted = window(table, record.time, now);
    if matches!(accepted, Outcome::Rejected(..)) {
        return Ok(accepted);
    }
    if let Some(name) = lacking(table, &record.key) {
        return Ok(Outcome::Rejected(
            format!("The record lacks the dimension {name}, a required partition key."),
            None,
        ));
    }
    if let Err(refusal) = add_multi(connection, table, &record.measured)? {
        return Ok(Outcome::Rejected(refusal, None));
    }
    let series = match cache.series(connection, table, &record.key, type_bit(&record.measured))? {
        Ok(series) => series.id,
        Err(refusal) => return Ok(Outcome::Rejected(refusal, None)),
    };
    match samples.store(connection, table, series, record)? {
        Stored::Yes => Ok(accepted),
        Stored::No { version } => Ok(Outcome::Rejected(in_the_way(record.version, version), Some(version))),
    }
}

/// Why a record is rejected when another one of its series and time is stored.
fn in_the_way(version: i64, existing: i64) -> String {
    if version < existing {
        return format!(
            "The record version {version} is lower than the existing version {existing}. A higher version is required \
             to update the measure value."
        );
    }
    "A record already exists with the same time, dimensions, measure name, and record version. A higher record version \
     must be specified in order to update the measure value. Specifying record version is supported by the latest SDKs."
        .to_owned()
}

/// A dimension that the table requires and the record lacks.
fn lacking<'a>(table: &'a Table, key: &[u8]) -> Option<&'a str> {
    let mut required = table.properties.required_dimensions().peekable();
    required.peek()?;
    let (_, dimensions) = decode_key(key)?;
    required.find(|name| dimensions.iter().all(|(other, _)| other != name))
}

/// Which store a record of `time` belongs to, if any.
fn window(table: &Table, time: i64, now: i64) -> Outcome {
    let retention = table.properties.retention;
    let memory = now.saturating_sub(retention.memory_hours.saturating_mul(HOUR)).max(0);
    let end = now.saturating_add(MAX_AHEAD);
    if time >= memory && time < end {
        return Outcome::Memory;
    }
    let magnetic = table.expiry(now);
    if table.magnetic_writes() && time < memory && time >= magnetic {
        return Outcome::Magnetic;
    }
    let (start, store) = if table.magnetic_writes() {
        (magnetic, "the magnetic store or memory store")
    } else {
        (memory, "the memory store")
    };
    let [start, end] = [start, end].map(timestamp_text);
    Outcome::Rejected(format!("The record timestamp is outside the time range [{start}, {end}) of {store}."), None)
}
