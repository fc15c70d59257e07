//! Records into rows: retention kept, versions compared.

use super::catalog::{Catalog, Table};
use super::change::{no_database, no_table};
use super::row::{Columns, type_bit};
use super::series::{SeriesCache, add_multi};
use super::writer::Failure;
use crate::calendar::timestamp_text;
use crate::error::{ApiError, RejectedRecord};
use crate::records::{Record, WriteCall, decode_key};
use rusqlite::Connection;
use std::sync::Arc;

/// How far ahead of the clock a record may be, in nanoseconds.
const MAX_AHEAD: i64 = 15 * 60 * 1_000_000_000;
const HOUR: i64 = 3_600 * 1_000_000_000;

/// How many records a call stored, and where the service would have put them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ingested {
    /// Within the memory store's retention.
    pub(crate) memory: u64,
    /// Older.
    pub(crate) magnetic: u64,
}

enum Outcome {
    Memory,
    Magnetic,
    Rejected(String, Option<i64>),
}

/// Stores a call in the open transaction. `now` is in nanoseconds since 1970.
pub(super) fn write(
    connection: &Connection,
    cache: &mut SeriesCache,
    catalog: &mut Arc<Catalog>,
    call: WriteCall,
    now: i64,
) -> Result<Ingested, Failure> {
    if !catalog.databases.contains_key(&call.database) {
        return Err(no_database(&call.database).into());
    }
    let mut table = Arc::clone(catalog.table(&call.database, &call.table).ok_or_else(|| no_table(&call.table))?);
    let before = Arc::as_ptr(&table);
    let mut ingested = Ingested::default();
    let mut rejected = Vec::new();
    for (index, record) in call.records.into_iter().enumerate() {
        match store(connection, cache, &mut table, &record, now)? {
            Outcome::Memory => ingested.memory += 1,
            Outcome::Magnetic => ingested.magnetic += 1,
            Outcome::Rejected(reason, existing_version) => {
                rejected.push(RejectedRecord { index, reason, existing_version });
            }
        }
    }
    if Arc::as_ptr(&table) != before
        && let Some(database) = Arc::make_mut(catalog).databases.get_mut(&call.database)
    {
        database.tables.insert(call.table, table);
    }
    if rejected.is_empty() { Ok(ingested) } else { Err(ApiError::rejected(rejected).into()) }
}

fn store(
    connection: &Connection,
    cache: &mut SeriesCache,
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
    let columns = Columns::of(&record.measured, table);
    let row = [series, record.time, record.version];
    if columns.insert(connection, table.number, row, false)? {
        return Ok(accepted);
    }
    let Some((version, same)) = columns.compare(connection, table, series, record.time)? else {
        return Err(ApiError::internal("a record that is in the way cannot be found").into());
    };
    if record.version > version {
        // As a whole: what the new record does not have is gone.
        columns.insert(connection, table.number, row, true)?;
        return Ok(accepted);
    }
    if same {
        return Ok(accepted);
    }
    let reason = if record.version < version {
        format!(
            "The record version {} is lower than the existing version {version}. A higher version is required to \
             update the measure value.",
            record.version
        )
    } else {
        "A record already exists with the same time, dimensions, measure name, and record version. A higher record \
         version must be specified in order to update the measure value. Specifying record version is supported by \
         the latest SDKs."
            .to_owned()
    };
    Ok(Outcome::Rejected(reason, Some(version)))
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
    let magnetic = expiry(table, now);
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

/// The time before which a table's records are gone, in nanoseconds since 1970.
pub(super) fn expiry(table: &Table, now: i64) -> i64 {
    let retention = table.properties.retention;
    let kept = (retention.magnetic_days.saturating_mul(24)).max(retention.memory_hours);
    now.saturating_sub(kept.saturating_mul(HOUR)).max(0)
}
