//! Changes of what exists. Each is checked as a whole before its first statement, so that a refusal changes nothing.

use super::catalog::{Catalog, Database, Table};
use super::properties::{DatabaseProperties, MagneticWrites, Retention, Schema, TableProperties, Tags};
use super::schema;
use super::writer::Failure;
use crate::error::{ApiError, ErrorKind};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// Most databases, tables, and tags of one of them (quotas of the developer guide).
const MAX_DATABASES: usize = 500;
const MAX_TABLES: usize = 50_000;
const MAX_TAGS: usize = 50;

/// What can have tags: a database, or one of its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The database.
    pub(crate) database: String,
    /// The table.
    pub(crate) table: Option<String>,
}

/// A change of what exists.
#[derive(Debug)]
pub(crate) enum Change {
    /// A new database.
    CreateDatabase { name: String, kms_key_id: Option<String>, tags: Tags },
    /// Another key for a database.
    UpdateDatabase { name: String, kms_key_id: String },
    /// The end of an empty database.
    DeleteDatabase { name: String },
    /// A new table.
    CreateTable {
        database: String,
        name: String,
        retention: Retention,
        magnetic_writes: Option<MagneticWrites>,
        schema: Option<Schema>,
        tags: Tags,
    },
    /// Other properties for a table; what is absent stays.
    UpdateTable {
        database: String,
        name: String,
        retention: Option<Retention>,
        magnetic_writes: Option<MagneticWrites>,
        schema: Option<Schema>,
    },
    /// The end of a table and its records.
    DeleteTable { database: String, name: String },
    /// Tags that are added, or get another value.
    Tag { owner: Owner, tags: Tags },
    /// Tags that are removed, where they are.
    Untag { owner: Owner, keys: Vec<String> },
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
    /// Whether it may leave records or space to be removed.
    pub(super) fn makes_garbage(&self) -> bool {
        matches!(self, Change::UpdateTable { .. } | Change::DeleteTable { .. })
    }

    /// Makes the change in the open transaction and in `catalog`. `now` is in seconds since 1970.
    pub(super) fn apply(self, connection: &Connection, catalog: &mut Catalog, now: f64) -> Result<(), Failure> {
        match self {
            Change::CreateDatabase { name, kms_key_id, tags } => {
                if catalog.databases.contains_key(&name) {
                    return Err(conflict(format!("Database {name} already exists.")));
                }
                if catalog.databases.len() >= MAX_DATABASES {
                    return Err(quota(format!("An account can have at most {MAX_DATABASES} databases.")));
                }
                check_tags(&tags)?;
                let properties = DatabaseProperties { created: now, updated: now, kms_key_id, tags };
                let text = to_json(&properties)?;
                connection.execute("INSERT INTO databases(name, properties) VALUES(?1, ?2)", params![name, text])?;
                catalog.databases.insert(name, Database { properties, ..Database::default() });
            }
            Change::UpdateDatabase { name, kms_key_id } => {
                let database = database(catalog, &name)?;
                database.properties.kms_key_id = Some(kms_key_id);
                database.properties.updated = now;
                save_database(connection, &name, database)?;
            }
            Change::DeleteDatabase { name } => {
                if !database(catalog, &name)?.tables.is_empty() {
                    let message = format!("The database {name} cannot be deleted while it has tables.");
                    return Err(ApiError::validation(message).into());
                }
                connection.execute("DELETE FROM databases WHERE name = ?1", [&name])?;
                catalog.databases.remove(&name);
            }
            Change::CreateTable { database: owner, name, retention, magnetic_writes, schema, tags } => {
                let tables: usize = catalog.databases.values().map(|database| database.tables.len()).sum();
                let database = database(catalog, &owner)?;
                if database.tables.contains_key(&name) {
                    return Err(conflict(format!("Table {name} already exists.")));
                }
                if tables >= MAX_TABLES {
                    return Err(quota(format!("An account can have at most {MAX_TABLES} tables.")));
                }
                check_tags(&tags)?;
                let properties = TableProperties {
                    created: now,
                    updated: now,
                    retention,
                    magnetic_writes,
                    schema,
                    tags,
                    ..TableProperties::default()
                };
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
                if schema.as_ref().is_some_and(|schema| !schema.same_keys(found.properties.schema.as_ref())) {
                    let message = "Only the enforcement level of a table's partition key can be changed.";
                    return Err(ApiError::validation(message).into());
                }
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
            Change::Tag { owner, tags } => {
                retag(connection, catalog, &owner, |own| own.extend(tags))?;
            }
            Change::Untag { owner, keys } => {
                retag(connection, catalog, &owner, |own| own.retain(|key, _| !keys.contains(key)))?;
            }
        }
        Ok(())
    }
}

/// Changes the tags of a database or table.
fn retag(
    connection: &Connection,
    catalog: &mut Catalog,
    owner: &Owner,
    change: impl FnOnce(&mut Tags),
) -> Result<(), Failure> {
    let database = database(catalog, &owner.database)?;
    let Some(name) = &owner.table else {
        let mut tags = database.properties.tags.clone();
        change(&mut tags);
        check_tags(&tags)?;
        database.properties.tags = tags;
        return save_database(connection, &owner.database, database);
    };
    let table = database.tables.get_mut(name).ok_or_else(|| no_table(name))?;
    let mut tags = table.properties.tags.clone();
    change(&mut tags);
    check_tags(&tags)?;
    let table = Arc::make_mut(table);
    table.properties.tags = tags;
    save_table(connection, table)
}

fn check_tags(tags: &Tags) -> Result<(), Failure> {
    if tags.len() > MAX_TAGS {
        return Err(quota(format!("A resource can have at most {MAX_TAGS} tags.")));
    }
    Ok(())
}

fn save_database(connection: &Connection, name: &str, database: &Database) -> Result<(), Failure> {
    let text = to_json(&database.properties)?;
    connection.execute("UPDATE databases SET properties = ?2 WHERE name = ?1", params![name, text])?;
    Ok(())
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

fn quota(message: String) -> Failure {
    ApiError::new(ErrorKind::ServiceQuotaExceeded, message).into()
}

fn conflict(message: String) -> Failure {
    ApiError::new(ErrorKind::Conflict, message).into()
}

fn to_json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| ApiError::internal(error.to_string()).into())
}
