//! The catalog in the file: its tables, how it is read at the start, and how it is changed.

use super::catalog::{Catalog, Database, MeasureInfo, Table};
use super::failure::{Failure, OpenError};
use super::properties::{DatabaseProperties, TableProperties};
use super::{resources, samples};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// The version of the file's layout, in `PRAGMA user_version`.
const VERSION: i64 = 3;

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

/// Brings version 1 up to date. It did not keep which dimensions a measure has, so a measure has all of them.
const FROM_1: &str = "ALTER TABLE measures ADD COLUMN dimensions BLOB NOT NULL
    DEFAULT x'ffffffffffffffffffffffffffffffff';";

/// Lays out a new file, brings an older one up to date, or refuses one of a newer program.
pub(super) fn prepare(connection: &Connection) -> Result<(), OpenError> {
    lay_out(connection)?;
    Ok(resources::create(connection)?)
}

fn lay_out(connection: &Connection) -> Result<(), OpenError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == VERSION {
        return Ok(());
    }
    if found == 1 {
        // Only a rewrite lets an existing file give space back.
        connection.execute_batch("VACUUM")?;
    }
    connection.execute_batch("BEGIN")?;
    match found {
        0 => connection.execute_batch(CATALOG)?,
        1 => connection.execute_batch(FROM_1)?,
        2 => {}
        _ => {
            connection.execute_batch("ROLLBACK")?;
            return Err(OpenError::Newer { found, known: VERSION });
        }
    }
    samples::create(connection)?;
    let numbers: Vec<i64> =
        connection.prepare("SELECT number FROM tables")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for number in numbers {
        samples::update_table(connection, number)?;
    }
    Ok(connection.execute_batch(&format!("PRAGMA user_version = {VERSION};COMMIT;"))?)
}

/// Reads what exists.
pub(super) fn load(connection: &Connection) -> Result<Catalog, OpenError> {
    let mut catalog = Catalog {
        scheduled: Arc::new(resources::scheduled_queries(connection)?),
        account: resources::account(connection)?,
        ..Catalog::default()
    };
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

/// Writes a new database.
pub(super) fn insert_database(
    connection: &Connection,
    name: &str,
    properties: &DatabaseProperties,
) -> Result<(), Failure> {
    let text = serde_json::to_string(properties)?;
    connection.execute("INSERT INTO databases(name, properties) VALUES(?1, ?2)", params![name, text])?;
    Ok(())
}

/// Writes a database's properties.
pub(super) fn save_database(connection: &Connection, name: &str, database: &Database) -> Result<(), Failure> {
    let text = serde_json::to_string(&database.properties)?;
    connection.execute("UPDATE databases SET properties = ?2 WHERE name = ?1", params![name, text])?;
    Ok(())
}

/// Removes a database that has no tables.
pub(super) fn delete_database(connection: &Connection, name: &str) -> Result<(), Failure> {
    connection.execute("DELETE FROM databases WHERE name = ?1", [name])?;
    Ok(())
}

/// Writes a new table. Returns its number.
pub(super) fn insert_table(
    connection: &Connection,
    database: &str,
    name: &str,
    properties: &TableProperties,
) -> Result<i64, Failure> {
    let text = serde_json::to_string(properties)?;
    let sql = "INSERT INTO tables(database, name, properties) VALUES(?1, ?2, ?3)";
    connection.execute(sql, params![database, name, text])?;
    Ok(connection.last_insert_rowid())
}

/// Writes a table's properties.
pub(super) fn save_table(connection: &Connection, table: &Table) -> Result<(), Failure> {
    let text = serde_json::to_string(&table.properties)?;
    connection.execute("UPDATE tables SET properties = ?2 WHERE number = ?1", params![table.number, text])?;
    Ok(())
}

/// Removes a table and what is known of its measures.
pub(super) fn delete_table(connection: &Connection, number: i64) -> Result<(), Failure> {
    connection.execute("DELETE FROM tables WHERE number = ?1", [number])?;
    connection.execute("DELETE FROM measures WHERE table_number = ?1", [number])?;
    Ok(())
}

/// Whether there is a table of this number.
pub(super) fn has_table(connection: &Connection, number: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM tables WHERE number = ?1")?.exists([number])
}

/// Writes what is known of a measure.
pub(super) fn save_measure(
    connection: &Connection,
    number: i64,
    name: &str,
    measure: MeasureInfo,
) -> Result<(), Failure> {
    let sql = "INSERT OR REPLACE INTO measures(table_number, name, types, dimensions) VALUES(?1, ?2, ?3, ?4)";
    let dimensions = measure.dimensions.to_be_bytes();
    connection.prepare_cached(sql)?.execute(params![number, name, measure.types, dimensions])?;
    Ok(())
}
