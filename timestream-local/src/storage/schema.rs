//! The tables of the file: the catalog's own, and two for each Timestream table.

use super::OpenError;
use super::catalog::{Catalog, Database, MeasureInfo, Table};
use super::properties::TableProperties;
use rusqlite::Connection;
use std::sync::Arc;

/// The version of what this module lays out, in `PRAGMA user_version`.
const VERSION: i64 = 2;

const CATALOG: &str = "
    CREATE TABLE databases(name TEXT PRIMARY KEY, properties TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE tables(
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        database TEXT NOT NULL REFERENCES databases(name),
        name TEXT NOT NULL,
        properties TEXT NOT NULL,
        UNIQUE(database, name));
    CREATE TABLE measures(
        table_number INTEGER NOT NULL,
        name TEXT NOT NULL,
        types INTEGER NOT NULL,
        dimensions BLOB NOT NULL,
        PRIMARY KEY(table_number, name)) WITHOUT ROWID;";

/// From version 1: which dimensions a measure has was not known, so it has all.
const FROM_1: &str = "ALTER TABLE measures ADD COLUMN dimensions BLOB NOT NULL
    DEFAULT x'ffffffffffffffffffffffffffffffff';";

/// Lays out a new file, brings an older one up to date, refuses one that a newer program laid out.
pub(super) fn prepare(connection: &Connection) -> Result<(), OpenError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let change = match found {
        VERSION => return Ok(()),
        0 => CATALOG,
        1 => {
            // Only a rewrite lets an existing file give space back.
            connection.execute_batch("VACUUM")?;
            FROM_1
        }
        _ => return Err(OpenError::Newer { found, known: VERSION }),
    };
    Ok(connection.execute_batch(&format!("BEGIN;{change}PRAGMA user_version = {VERSION};COMMIT;"))?)
}

/// Reads what exists.
pub(super) fn load(connection: &Connection) -> Result<Catalog, OpenError> {
    let mut catalog = Catalog::default();
    let mut statement = connection.prepare("SELECT name, properties FROM databases")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let properties = serde_json::from_str(&row.get::<_, String>(1)?)?;
        catalog.databases.insert(row.get(0)?, Database { properties, ..Database::default() });
    }
    let mut statement = connection.prepare("SELECT number, database, name, properties FROM tables")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        let properties: TableProperties = serde_json::from_str(&row.get::<_, String>(3)?)?;
        let columns = properties.dimensions.iter().cloned().enumerate().map(|(i, name)| (name, i)).collect();
        let multi = properties.multi.iter().enumerate().map(|(i, measure)| (measure.name.clone(), i)).collect();
        let measures = connection
            .prepare_cached("SELECT name, types, dimensions FROM measures WHERE table_number = ?1")?
            .query_map([number], |row| {
                let dimensions = u128::from_be_bytes(row.get(2)?);
                Ok((row.get(0)?, MeasureInfo { types: row.get(1)?, dimensions }))
            })?
            .collect::<Result<_, _>>()?;
        let table = Arc::new(Table { number, properties, columns, multi, measures });
        if let Some(database) = catalog.databases.get_mut(&row.get::<_, String>(1)?) {
            database.tables.insert(row.get(2)?, table);
        }
    }
    Ok(catalog)
}

/// Makes the physical tables of a Timestream table.
///
/// The columns of values have no type, here and where they are added for multi-measure records, so that SQLite converts
/// none: a REAL column would store -0.0 as the integer 0.
pub(super) fn create_physical(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE series_{number}(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, measure_name TEXT NOT NULL);
         CREATE INDEX series_{number}_measure ON series_{number}(measure_name);
         CREATE TABLE samples_{number}(
            series INTEGER NOT NULL, time INTEGER NOT NULL, version INTEGER NOT NULL,
            double, bigint, varchar, boolean,
            PRIMARY KEY(series, time)) WITHOUT ROWID;"
    ))
}

/// Drops them.
pub(super) fn drop_physical(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("DROP TABLE samples_{number}; DROP TABLE series_{number};"))
}
