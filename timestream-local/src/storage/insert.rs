//! Records into rows: series found or made, versions compared, retention kept.

use super::catalog::{Catalog, Table, VALUE_TYPES};
use super::change::{no_database, no_table, save_table};
use super::writer::Failure;
use crate::error::{ApiError, RejectedRecord};
use crate::records::{MAX_DIMENSIONS, Record, Value, WriteCall, decode_key};
use crate::sql::calendar::timestamp_text;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};
use std::collections::HashMap;
use std::sync::Arc;

/// Most measure names of a table.
const MAX_MEASURES: usize = 8192;
/// Bytes of keys that the cache may hold before it starts anew.
const MAX_CACHE: usize = 64 << 20;
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

/// The ids of series written lately, by table and key.
#[derive(Default)]
pub(super) struct SeriesCache {
    ids: HashMap<i64, HashMap<Vec<u8>, i64>>,
    bytes: usize,
}

enum Outcome {
    Memory,
    Magnetic,
    Rejected(String, Option<i64>),
}

impl SeriesCache {
    /// Stores a call in the open transaction. `now` is in nanoseconds since 1970.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
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
            match self.store(connection, &mut table, record, now)? {
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
        &mut self,
        connection: &Connection,
        table: &mut Arc<Table>,
        record: Record,
        now: i64,
    ) -> Result<Outcome, Failure> {
        let accepted = match window(table, record.time, now) {
            Outcome::Rejected(reason, version) => return Ok(Outcome::Rejected(reason, version)),
            accepted => accepted,
        };
        let (bit, column) = place(&record.value);
        let series = self.ids.get(&table.number).and_then(|ids| ids.get(&record.key)).copied();
        let series = match series {
            Some(id) => id,
            None => match self.find_or_make(connection, table, &record.key)? {
                Ok(id) => id,
                Err(reason) => return Ok(Outcome::Rejected(reason, None)),
            },
        };
        let measure_name = decode_key(&record.key).map_or("", |(name, _)| name);
        register_measure(connection, table, measure_name, bit)?;
        let number = table.number;
        let inserted = connection
            .prepare_cached(&format!(
                "INSERT OR IGNORE INTO samples_{number}(series, time, version, {column}) VALUES(?1, ?2, ?3, ?4)"
            ))?
            .execute(params![series, record.time, record.version, record.value])?;
        if inserted == 1 {
            return Ok(accepted);
        }
        let key = params![series, record.time];
        let (version, existing) = connection
            .prepare_cached(&format!(
                "SELECT version, double, bigint, varchar, boolean, timestamp FROM samples_{number} \
                 WHERE series = ?1 AND time = ?2"
            ))?
            .query_row(key, |row| Ok((row.get::<_, i64>(0)?, read_value(row)?)))?;
        if record.version > version {
            // A value of another type takes the place of the old one.
            connection
                .prepare_cached(&format!("DELETE FROM samples_{number} WHERE series = ?1 AND time = ?2"))?
                .execute(key)?;
            return self.store(connection, table, record, now);
        }
        if existing.is_some_and(|existing| existing.same(&record.value)) {
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

    /// The id of a series that the cache does not hold, or why it cannot be.
    fn find_or_make(
        &mut self,
        connection: &Connection,
        table: &mut Arc<Table>,
        key: &[u8],
    ) -> Result<Result<i64, String>, Failure> {
        let number = table.number;
        let found = connection
            .prepare_cached(&format!("SELECT id FROM series_{number} WHERE key = ?1"))?
            .query_row([key], |row| row.get(0))
            .optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                let Some((measure_name, dimensions)) = decode_key(key) else {
                    return Err(ApiError::internal("a series key cannot be read").into());
                };
                let new = dimensions.iter().filter(|(name, _)| !table.columns.contains_key(*name)).count();
                if table.columns.len() + new > MAX_DIMENSIONS {
                    return Ok(Err(format!("The table exceeds the limit of {MAX_DIMENSIONS} dimensions.")));
                }
                if table.measures.len() >= MAX_MEASURES && !table.measures.contains_key(measure_name) {
                    return Ok(Err(format!("The table exceeds the limit of {MAX_MEASURES} measure names.")));
                }
                if new > 0 {
                    add_columns(connection, Arc::make_mut(table), &dimensions)?;
                }
                insert_series(connection, table, key, measure_name, &dimensions)?
            }
        };
        if self.bytes > MAX_CACHE {
            *self = SeriesCache::default();
        }
        self.bytes += key.len() + 64;
        self.ids.entry(number).or_default().insert(key.to_vec(), id);
        Ok(Ok(id))
    }
}

/// Which store a record of `time` belongs to, if any.
fn window(table: &Table, time: i64, now: i64) -> Outcome {
    let retention = table.properties.retention;
    let memory = now.saturating_sub(retention.memory_hours.saturating_mul(HOUR)).max(0);
    let end = now.saturating_add(MAX_AHEAD);
    if time >= memory && time < end {
        return Outcome::Memory;
    }
    let magnetic = now.saturating_sub(retention.magnetic_days.saturating_mul(24 * HOUR)).max(0);
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

fn add_columns(connection: &Connection, table: &mut Table, dimensions: &[(&str, &str)]) -> Result<(), Failure> {
    for (name, _) in dimensions {
        if !table.columns.contains_key(*name) {
            let position = table.columns.len();
            connection.execute_batch(&format!("ALTER TABLE series_{} ADD COLUMN d{position} TEXT", table.number))?;
            table.columns.insert((*name).to_owned(), position);
            table.properties.dimensions.push((*name).to_owned());
        }
    }
    save_table(connection, table)
}

fn insert_series(
    connection: &Connection,
    table: &Table,
    key: &[u8],
    measure_name: &str,
    dimensions: &[(&str, &str)],
) -> Result<i64, Failure> {
    let mut names = String::new();
    let mut marks = String::new();
    let mut values: Vec<&dyn ToSql> = vec![&key, &measure_name];
    for (name, value) in dimensions {
        if let Some(position) = table.columns.get(*name) {
            names += &format!(", d{position}");
            marks += ", ?";
            values.push(value);
        }
    }
    let sql = format!("INSERT INTO series_{}(key, measure_name{names}) VALUES(?, ?{marks})", table.number);
    connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(connection.last_insert_rowid())
}

/// Notes that a measure has values of a type.
fn register_measure(connection: &Connection, table: &mut Arc<Table>, name: &str, bit: u8) -> Result<(), Failure> {
    let types = table.measures.get(name).copied().unwrap_or(0);
    if types & bit == 0 {
        let sql = "INSERT OR REPLACE INTO measures(table_number, name, types) VALUES(?1, ?2, ?3)";
        connection.execute(sql, params![table.number, name, types | bit])?;
        Arc::make_mut(table).measures.insert(name.to_owned(), types | bit);
    }
    Ok(())
}

/// The bit and the column of a value's type.
fn place(value: &Value) -> (u8, &'static str) {
    let index = match value {
        Value::Double(_) => 0,
        Value::Bigint(_) => 1,
        Value::Varchar(_) => 2,
        Value::Boolean(_) => 3,
        Value::Timestamp(_) => 4,
    };
    let (bit, column, _) = VALUE_TYPES[index];
    (bit, column)
}

/// The value of a row of columns version, double, bigint, varchar, boolean, timestamp.
fn read_value(row: &Row<'_>) -> rusqlite::Result<Option<Value>> {
    Ok(match (row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?, row.get_ref(4)?, row.get_ref(5)?) {
        (ValueRef::Real(value), ..) => Some(Value::Double(value)),
        (_, ValueRef::Integer(value), ..) => Some(Value::Bigint(value)),
        (_, _, ValueRef::Text(value), ..) => Some(Value::Varchar(String::from_utf8_lossy(value).into_owned())),
        (_, _, _, ValueRef::Integer(value), _) => Some(Value::Boolean(value != 0)),
        (_, _, _, _, ValueRef::Integer(value)) => Some(Value::Timestamp(value)),
        _ => None,
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Double(value) => ToSqlOutput::from(*value),
            Value::Bigint(value) | Value::Timestamp(value) => ToSqlOutput::from(*value),
            Value::Varchar(value) => ToSqlOutput::from(value.as_str()),
            Value::Boolean(value) => ToSqlOutput::from(*value),
        })
    }
}
