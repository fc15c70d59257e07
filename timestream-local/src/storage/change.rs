//! Changes of what exists. Each is checked as a whole before its first statement, so that a refusal leaves the file as it
//! was.

use super::account::AccountUpdate;
use super::catalog::{Catalog, Database, Table};
use super::failure::{Failure, conflict, no_database, no_table, quota};
use super::properties::{DatabaseProperties, MagneticWrites, Retention, Schema, TableProperties, Tags};
use super::scheduling::ScheduleChange;
use super::tagging::{Owner, check_tags, retag};
use super::{resources, samples, schema, series};
use crate::error::ApiError;
use rusqlite::Connection;
use std::sync::Arc;

/// Most databases and tables (quotas of the developer guide).
const MAX_DATABASES: usize = 500;
const MAX_TABLES: usize = 50_000;

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
    /// Other properties for a table. Absent ones stay as they are.
    UpdateTable {
        database: String,
        name: String,
        retention: Option<Retention>,
        magnetic_writes: Option<MagneticWrites>,
        schema: Option<Schema>,
    },
    /// The end of a table and its records.
    DeleteTable { database: String, name: String },
    /// Tags that are added, or whose values change.
    Tag { owner: Owner, tags: Tags },
    /// Tags that are removed, if they are there.
    Untag { owner: Owner, keys: Vec<String> },
    /// A change of the scheduled queries.
    Schedule(ScheduleChange),
    /// Other settings of the account.
    UpdateAccount(AccountUpdate),
}

impl Change {
    /// Whether it may leave records or space to be removed.
    pub(super) fn makes_garbage(&self) -> bool {
        matches!(self, Change::UpdateTable { .. } | Change::DeleteTable { .. })
    }

    /// Makes the change in the open transaction and in `catalog`. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// After one, `catalog` may have a part of the change, and must not be used.
    pub(super) fn apply(&self, connection: &Connection, catalog: &mut Catalog, now: f64) -> Result<(), Failure> {
        match self {
            Change::CreateDatabase { name, kms_key_id, tags } => {
                if catalog.databases.contains_key(name) {
                    return Err(conflict(format!("Database {name} already exists.")));
                }
                if catalog.databases.len() >= MAX_DATABASES {
                    return Err(quota(format!("An account can have at most {MAX_DATABASES} databases.")));
                }
                check_tags(tags)?;
                let (kms_key_id, tags) = (kms_key_id.clone(), tags.clone());
                let properties = DatabaseProperties { created: now, updated: now, kms_key_id, tags };
                schema::insert_database(connection, name, &properties)?;
                catalog.databases.insert(name.clone(), Database { properties, ..Database::default() });
            }
            Change::UpdateDatabase { name, kms_key_id } => {
                let database = database(catalog, name)?;
                database.properties.kms_key_id = Some(kms_key_id.clone());
                database.properties.updated = now;
                schema::save_database(connection, name, database)?;
            }
            Change::DeleteDatabase { name } => {
                if !database(catalog, name)?.tables.is_empty() {
                    let message = format!("The database {name} cannot be deleted while it has tables.");
                    return Err(Failure::Refused(ApiError::validation(message)));
                }
                schema::delete_database(connection, name)?;
                catalog.databases.remove(name);
            }
            Change::CreateTable { database: owner, name, retention, magnetic_writes, schema, tags } => {
                let tables: usize = catalog.databases.values().map(|database| database.tables.len()).sum();
                let database = database(catalog, owner)?;
                if database.tables.contains_key(name) {
                    return Err(conflict(format!("Table {name} already exists.")));
                }
                if tables >= MAX_TABLES {
                    return Err(quota(format!("An account can have at most {MAX_TABLES} tables.")));
                }
                check_tags(tags)?;
                let properties = TableProperties {
                    created: now,
                    updated: now,
                    retention: *retention,
                    magnetic_writes: magnetic_writes.clone(),
                    schema: schema.clone(),
                    tags: tags.clone(),
                    ..TableProperties::default()
                };
                let number = schema::insert_table(connection, owner, name, &properties)?;
                series::create_table(connection, number)?;
                samples::create_table(connection, number)?;
                let table = Table { number, properties, ..Table::default() };
                database.tables.insert(name.clone(), Arc::new(table));
            }
            Change::UpdateTable { database: owner, name, retention, magnetic_writes, schema } => {
                let found = database(catalog, owner)?.tables.get_mut(name).ok_or_else(|| missing_table(name))?;
                if schema.as_ref().is_some_and(|schema| !schema.same_keys(found.properties.schema.as_ref())) {
                    let message = "Only the enforcement level of a table's partition key can be changed.";
                    return Err(Failure::Refused(ApiError::validation(message)));
                }
                let table = Arc::make_mut(found);
                table.properties.updated = now;
                table.properties.retention = retention.unwrap_or(table.properties.retention);
                table.properties.magnetic_writes = magnetic_writes.clone().or(table.properties.magnetic_writes.take());
                table.properties.schema = schema.clone().or(table.properties.schema.take());
                schema::save_table(connection, table)?;
            }
            Change::DeleteTable { database: owner, name } => {
                let database = database(catalog, owner)?;
                let table = database.tables.remove(name).ok_or_else(|| missing_table(name))?;
                schema::delete_table(connection, table.number)?;
                samples::drop_table(connection, table.number)?;
                series::drop_table(connection, table.number)?;
            }
            Change::Tag { owner, tags } => {
                retag(connection, catalog, owner, |own| own.extend(tags.clone()))?;
            }
            Change::Untag { owner, keys } => {
                retag(connection, catalog, owner, |own| own.retain(|key, _| !keys.contains(key)))?;
            }
            Change::Schedule(change) => change.apply(connection, catalog)?,
            Change::UpdateAccount(update) => {
                catalog.account = update.apply(&catalog.account).map_err(Failure::Refused)?;
                resources::save_account(connection, &catalog.account)?;
            }
        }
        Ok(())
    }
}

fn database<'a>(catalog: &'a mut Catalog, name: &str) -> Result<&'a mut Database, Failure> {
    catalog.databases.get_mut(name).ok_or_else(|| Failure::Refused(no_database(name)))
}

fn missing_table(name: &str) -> Failure {
    Failure::Refused(no_table(name))
}
