//! Series: their numbers, and the dimensions and measures that a table learns from them.

use super::catalog::{MeasureInfo, Table, series_table};
use super::failure::Failure;
use super::properties::MultiMeasure;
use super::samples;
use super::schema::{save_measure, save_table};
use crate::records::{MAX_DIMENSIONS, Measured, decode_key};
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};
use std::collections::HashMap;
use std::sync::Arc;

/// Most measure names of a table.
const MAX_MEASURES: usize = 8192;
/// Most names of values of a table's multi-measure records.
const MAX_MULTI: usize = 1024;
/// Bytes of keys that the cache may hold. It is emptied when they are more.
const MAX_CACHE: usize = 64 << 20;

/// Why a record is rejected.
pub(super) type Refusal = String;

/// A series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Series {
    /// Its number in the table of series.
    pub(super) id: i64,
    /// The types that its measure is known to have.
    types: u8,
}

/// Makes the SQLite table of a table's series. Their keys are as [`kept`] makes them.
pub(super) fn create_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let name = series_table(number);
    connection.execute_batch(&format!(
        "CREATE TABLE {name}(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, measure_name TEXT NOT NULL);
         CREATE INDEX {name}_measure ON {name}(measure_name);"
    ))
}

/// Removes it.
pub(super) fn drop_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("DROP TABLE {}", series_table(number)))
}

/// Removes a series.
pub(super) fn remove(connection: &Connection, number: i64, id: i64) -> rusqlite::Result<()> {
    let sql = format!("DELETE FROM {} WHERE id = ?1", series_table(number));
    connection.prepare_cached(&sql)?.execute([id]).map(drop)
}

/// What the file keeps of a series' key: the first half of its SHA-256, since a key can be rebuilt from the columns, and is
/// longer than all samples of a short series. Older programs kept the key itself.
fn kept(key: &[u8]) -> Vec<u8> {
    let digest = ring::digest::digest(&ring::digest::SHA256, key);
    digest.as_ref().iter().take(16).copied().collect()
}

/// The series of recent records, by table and key.
#[derive(Default)]
pub(super) struct SeriesCache {
    tables: HashMap<i64, HashMap<Vec<u8>, Series>>,
    bytes: usize,
}

impl SeriesCache {
    /// Finds or makes the series of a key, and notes that its measure has the type of `bit`.
    pub(super) fn series(
        &mut self,
        connection: &Connection,
        table: &mut Arc<Table>,
        key: &[u8],
        bit: u8,
    ) -> Result<Result<Series, Refusal>, Failure> {
        let cached = self.tables.get(&table.number).and_then(|series| series.get(key)).copied();
        if let Some(series) = cached
            && series.types & bit != 0
        {
            return Ok(Ok(series));
        }
        let Some((measure_name, dimensions)) = decode_key(key) else {
            return Err(Failure::broken("a series key cannot be read"));
        };
        let id = match cached {
            Some(series) => series.id,
            None => match find_or_make(connection, table, key, measure_name, &dimensions)? {
                Ok(id) => id,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let types = note_measure(connection, table, measure_name, bit, &dimensions)?;
        let series = Series { id, types };
        self.keep(table.number, key, series);
        Ok(Ok(series))
    }

    fn keep(&mut self, number: i64, key: &[u8], series: Series) {
        if self.bytes > MAX_CACHE {
            *self = SeriesCache::default();
        }
        self.bytes += key.len() + 64;
        self.tables.entry(number).or_default().insert(key.to_vec(), series);
    }

    /// Forgets series that were removed, whose numbers ascend.
    pub(super) fn forget(&mut self, number: i64, ids: &[i64]) {
        if let Some(series) = self.tables.get_mut(&number).filter(|_| !ids.is_empty()) {
            series.retain(|_, series| ids.binary_search(&series.id).is_err());
        }
    }
}

fn find_or_make(
    connection: &Connection,
    table: &mut Arc<Table>,
    key: &[u8],
    measure_name: &str,
    dimensions: &[(&str, &str)],
) -> Result<Result<i64, Refusal>, Failure> {
    let kept = kept(key);
    let found = connection
        .prepare_cached(&format!("SELECT id FROM {} WHERE key IN (?1, ?2)", series_table(table.number)))?
        .query_row((&kept, key), |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(Ok(id));
    }
    let new = dimensions.iter().filter(|(name, _)| !table.columns.contains_key(*name)).count();
    if table.columns.len() + new > MAX_DIMENSIONS {
        return Ok(Err(format!("The table exceeds the limit of {MAX_DIMENSIONS} dimensions.")));
    }
    if table.measures.len() >= MAX_MEASURES && !table.measures.contains_key(measure_name) {
        return Ok(Err(format!("The table exceeds the limit of {MAX_MEASURES} measure names.")));
    }
    if let Some((name, _)) = dimensions.iter().find(|(name, _)| table.multi.contains_key(*name)) {
        return Ok(Err(format!(
            "The dimension {name} has the name of a measure of the table's multi-measure records."
        )));
    }
    if new > 0 {
        add_dimensions(connection, Arc::make_mut(table), dimensions)?;
    }
    insert_series(connection, table, &kept, measure_name, dimensions).map(Ok)
}

fn add_dimensions(connection: &Connection, table: &mut Table, dimensions: &[(&str, &str)]) -> Result<(), Failure> {
    for (name, _) in dimensions {
        if !table.columns.contains_key(*name) {
            let position = table.columns.len();
            connection
                .execute_batch(&format!("ALTER TABLE {} ADD COLUMN d{position} TEXT", series_table(table.number)))?;
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
    let sql = format!("INSERT INTO {}(key, measure_name{names}) VALUES(?, ?{marks})", series_table(table.number));
    connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(connection.last_insert_rowid())
}

/// Notes that a measure has values of a type and these dimensions. Returns all its types.
fn note_measure(
    connection: &Connection,
    table: &mut Arc<Table>,
    name: &str,
    bit: u8,
    dimensions: &[(&str, &str)],
) -> Result<u8, Failure> {
    let before = table.measures.get(name).copied().unwrap_or_default();
    let columns = dimensions.iter().filter_map(|(name, _)| table.columns.get(*name));
    let dimensions = columns.fold(before.dimensions, |bits, column| bits | 1 << column);
    let now = MeasureInfo { types: before.types | bit, dimensions };
    if now != before {
        save_measure(connection, table.number, name, now)?;
        Arc::make_mut(table).measures.insert(name.to_owned(), now);
    }
    Ok(now.types)
}

/// Makes the columns that the table lacks for a multi-measure record.
pub(super) fn add_multi(
    connection: &Connection,
    table: &mut Arc<Table>,
    measured: &Measured,
) -> Result<Result<(), Refusal>, Failure> {
    let Measured::Multi(values) = measured else { return Ok(Ok(())) };
    let mut new = Vec::new();
    for (name, value) in values {
        match table.multi.get(name).and_then(|column| table.properties.multi.get(*column)) {
            Some(known) if known.kind == value.kind() => {}
            Some(known) => {
                return Ok(Err(format!("The measure {name} has the type {} in this table.", known.kind.name())));
            }
            None if table.columns.contains_key(name) => {
                return Ok(Err(format!("The measure {name} of the multi-measure record has the name of a dimension.")));
            }
            None => new.push(MultiMeasure { name: name.clone(), kind: value.kind() }),
        }
    }
    if table.multi.len() + new.len() > MAX_MULTI {
        return Ok(Err(format!("The table exceeds the limit of {MAX_MULTI} measures in multi-measure records.")));
    }
    if !new.is_empty() {
        let table = Arc::make_mut(table);
        for measure in new {
            let position = table.multi.len();
            samples::add_value(connection, table.number, position)?;
            table.multi.insert(measure.name.clone(), position);
            table.properties.multi.push(measure);
        }
        save_table(connection, table)?;
    }
    Ok(Ok(()))
}
