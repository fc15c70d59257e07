//! Changes of what exists. Each is checked as a whole before its first statement, so that a refusal changes nothing.

use super::catalog::{Catalog, Database, DatabaseProperties, Retention, Table, TableProperties};
use super::schema;
use super::writer::Failure;
use crate::error::{ApiError, ErrorKind};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// A change of what exists.
#[derive(Debug)]
pub(crate) enum Change {
    /// A new database.
    CreateDatabase { name: String, kms_key_id: Option<String> },
    /// Another key for a database.
    UpdateDatabase { name: String, kms_key_id: String },
    /// The end of an empty database.
    DeleteDatabase { name: String },
    /// A new table.
    CreateTable {
        database: String,
        name: String,
        retention: Retention,
        magnetic_writes: Option<serde_json::Value>,
        schema: Option<serde_json::Value>,
    },
    /// Other properties for a table; what is absent stays.
    UpdateTable {
        database: String,
        name: String,
        retention: Option<Retention>,
        magnetic_writes: Option<serde_json::Value>,
        schema: Option<serde_json::Value>,
    },
    /// The end of a table and its records.
    DeleteTable { database: String, name: String },
}

/// The error for a database that does not exist.
pub(crate) fn no_database(name: &str) -> ApiError {
    ApiError::not_found(format!("The database {name} does not exist."))
}

/// The error for a table that does not exist.
pub(crate) fn no_table(name: &str) -> ApiError {
    ApiError::not_found(format!("The table {name} does not exist."))
}

impl Change {
    /// Makes the change in the open transaction and in `catalog`. `now` is in seconds since 1970.
    pub(super) fn apply(self, connection: &Connection, catalog: &mut Catalog, now: f64) -> Result<(), Failure> {
        match self {
            Change::CreateDatabase { name, kms_key_id } => {
                if catalog.databases.contains_key(&name) {
                    return Err(conflict(format!("Database {name} already exists.")));
                }
                let properties = DatabaseProperties { created: now, updated: now, kms_key_id };
                let text = to_json(&properties)?;
                connection.execute("INSERT INTO databases(name, properties) VALUES(?1, ?2)", params![name, text])?;
                catalog.databases.insert(name, Database { properties, ..Database::default() });
            }
            Change::UpdateDatabase { name, kms_key_id } => {
                let database = database(catalog, &name)?;
                database.properties.kms_key_id = Some(kms_key_id);
                database.properties.updated = now;
                let text = to_json(&database.properties)?;
                connection.execute("UPDATE databases SET properties = ?2 WHERE name = ?1", params![name, text])?;
            }
            Change::DeleteDatabase { name } => {
                if !database(catalog, &name)?.tables.is_empty() {
                    let message = format!("The database {name} cannot be deleted while it has tables.");
                    return Err(ApiError::validation(message).into());
                }
                connection.execute("DELETE FROM databases WHERE name = ?1", [&name])?;
                catalog.databases.remove(&name);
            }
            Change::CreateTable { database: owner, name, retention, magnetic_writes, schema } => {
                let database = database(catalog, &owner)?;
                if database.tables.contains_key(&name) {
                    return Err(conflict(format!("Table {name} already exists.")));
                }
                let dimensions = Vec::new();
                let properties =
                    TableProperties { created: now, updated: now, retention, magnetic_writes, schema, dimensions };
                connection.execute(
                    "INSERT INTO tables(database, name, properties) VALUES(?1, ?2, ?3)",
                    params![owner, name, to_json(&properties)?],
                )?;
                let number = connection.last_insert_rowid();
                schema::create_physical(connection, number)?;
                database.tables.insert(name, Arc::new(Table { number, properties, ..Table::default() }));
            }
            Change::UpdateTable { database: owner, name, retention, magnetic_writes, schema } => {
                let found = database(catalog, &owner)?.tables.get_mut(&name).ok_or_else(|| no_table(&name))?;
                let table = Arc::make_mut(found);
                table.properties.updated = now;
                table.properties.retention = retention.unwrap_or(table.properties.retention);
                table.properties.magnetic_writes = magnetic_writes.or(table.properties.magnetic_writes.take());
                table.properties.schema = schema.or(table.properties.schema.take());
                save_table(connection, table)?;
            }
            Change::DeleteTable { database: owner, name } => {
                let database = database(catalog, &owner)?;
                let number = database.tables.get(&name).ok_or_else(|| no_table(&name))?.number;
                connection.execute("DELETE FROM tables WHERE number = ?1", [number])?;
                connection.execute("DELETE FROM measures WHERE table_number = ?1", [number])?;
                schema::drop_physical(connection, number)?;
                database.tables.remove(&name);
            }
        }
        Ok(())
    }
}

/// Writes a table's properties.
pub(super) fn save_table(connection: &Connection, table: &Table) -> Result<(), Failure> {
    let text = to_json(&table.properties)?;
    connection.execute("UPDATE tables SET properties = ?2 WHERE number = ?1", params![table.number, text])?;
    Ok(())
}

fn database<'a>(catalog: &'a mut Catalog, name: &str) -> Result<&'a mut Database, Failure> {
    catalog.databases.get_mut(name).ok_or_else(|| no_database(name).into())
}

fn conflict(message: String) -> Failure {
    ApiError::new(ErrorKind::Conflict, message).into()
}

fn to_json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| ApiError::internal(error.to_string()).into())
}
