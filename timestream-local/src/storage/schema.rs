//! The tables of the file: the catalog's own, and two for each Timestream table.

use super::OpenError;
use super::catalog::{Catalog, Database, Table, TableProperties};
use rusqlite::Connection;
use std::sync::Arc;

/// The version of what this module lays out, in `PRAGMA user_version`.
const VERSION: i64 = 1;

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
        PRIMARY KEY(table_number, name)) WITHOUT ROWID;";

/// Lays out a new file; refuses one that a newer program laid out.
pub(super) fn prepare(connection: &Connection) -> Result<(), OpenError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        VERSION => Ok(()),
        0 => Ok(connection.execute_batch(&format!("BEGIN;{CATALOG}PRAGMA user_version = {VERSION};COMMIT;"))?),
        _ => Err(OpenError::Newer { found, known: VERSION }),
    }
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
        let measures = connection
            .prepare_cached("SELECT name, types FROM measures WHERE table_number = ?1")?
            .query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let table = Arc::new(Table { number, properties, columns, measures });
        if let Some(database) = catalog.databases.get_mut(&row.get::<_, String>(1)?) {
            database.tables.insert(row.get(2)?, table);
        }
    }
    Ok(catalog)
}

/// Makes the physical tables of a Timestream table.
///
/// `double` has no type: a REAL column would store -0.0 as the integer 0.
pub(super) fn create_physical(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE series_{number}(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, measure_name TEXT NOT NULL);
         CREATE INDEX series_{number}_measure ON series_{number}(measure_name);
         CREATE TABLE samples_{number}(
            series INTEGER NOT NULL, time INTEGER NOT NULL, version INTEGER NOT NULL,
            double, bigint INTEGER, varchar TEXT, boolean INTEGER, timestamp INTEGER,
            PRIMARY KEY(series, time)) WITHOUT ROWID;"
    ))
}

/// Drops them.
pub(super) fn drop_physical(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("DROP TABLE samples_{number}; DROP TABLE series_{number};"))
}
