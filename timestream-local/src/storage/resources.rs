//! Scheduled queries and the settings of the account in the file.
//!
//! Their tables were added after the file's layout had its version. Programs that do not know them leave them alone, so
//! the version is still the same.

use super::account::AccountSettings;
use super::catalog::Catalog;
use super::failure::{Failure, OpenError, no_scheduled_query};
use super::scheduled::ScheduledQuery;
use crate::error::ApiError;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::sync::Arc;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS scheduled_queries(id TEXT PRIMARY KEY, properties TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS account(id INTEGER PRIMARY KEY CHECK (id = 1), properties TEXT NOT NULL);";

/// Makes the tables where they are missing.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

/// Reads all scheduled queries.
pub(super) fn scheduled_queries(connection: &Connection) -> Result<BTreeMap<String, Arc<ScheduledQuery>>, OpenError> {
    let mut queries = BTreeMap::new();
    let mut statement = connection.prepare("SELECT id, properties FROM scheduled_queries")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        queries.insert(row.get(0)?, Arc::new(serde_json::from_str(&row.get::<_, String>(1)?)?));
    }
    Ok(queries)
}

/// Notes that a stop broke off the runs that are still under way. Nothing else may use the file.
pub(super) fn break_off_runs(connection: &Connection) -> Result<(), OpenError> {
    let transaction = connection.unchecked_transaction()?;
    for (id, mut query) in scheduled_queries(connection)? {
        if !query.under_way.is_empty() {
            let query = Arc::make_mut(&mut query);
            query.break_off();
            write_scheduled_query(connection, &id, &serde_json::to_string(query)?)?;
        }
    }
    Ok(transaction.commit()?)
}

/// Reads the settings of the account.
pub(super) fn account(connection: &Connection) -> Result<AccountSettings, OpenError> {
    let sql = "SELECT properties FROM account";
    let text: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
}

/// Writes a scheduled query.
pub(super) fn save_scheduled_query(connection: &Connection, id: &str, query: &ScheduledQuery) -> Result<(), Failure> {
    Ok(write_scheduled_query(connection, id, &serde_json::to_string(query)?)?)
}

fn write_scheduled_query(connection: &Connection, id: &str, properties: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO scheduled_queries(id, properties) VALUES(?1, ?2)";
    connection.prepare_cached(sql)?.execute(params![id, properties])?;
    Ok(())
}

/// Changes a scheduled query in memory and in the file.
///
/// # Errors
/// After one, `catalog` may have a part of the change, and must not be used.
pub(super) fn change_scheduled_query(
    connection: &Connection,
    catalog: &mut Catalog,
    id: &str,
    change: impl FnOnce(&mut ScheduledQuery) -> Result<(), ApiError>,
) -> Result<(), Failure> {
    let found = Arc::make_mut(&mut catalog.scheduled).get_mut(id);
    let query = Arc::make_mut(found.ok_or_else(|| Failure::Refused(no_scheduled_query(id)))?);
    change(query).map_err(Failure::Refused)?;
    save_scheduled_query(connection, id, query)
}

/// Removes a scheduled query.
pub(super) fn delete_scheduled_query(connection: &Connection, id: &str) -> Result<(), Failure> {
    connection.execute("DELETE FROM scheduled_queries WHERE id = ?1", [id])?;
    Ok(())
}

/// Writes the settings of the account.
pub(super) fn save_account(connection: &Connection, settings: &AccountSettings) -> Result<(), Failure> {
    let sql = "INSERT OR REPLACE INTO account(id, properties) VALUES(1, ?1)";
    connection.execute(sql, [serde_json::to_string(settings)?])?;
    Ok(())
}
