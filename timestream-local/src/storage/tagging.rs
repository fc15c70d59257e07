//! Tags, and what has them.

use super::catalog::Catalog;
use super::failure::{Failure, no_database, no_table, quota};
use super::properties::Tags;
use super::{resources, schema};
use rusqlite::Connection;
use std::sync::Arc;

/// Most tags of a resource (quotas of the developer guide).
const MAX_TAGS: usize = 50;

/// What can have tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A database, by its name.
    Database(String),
    /// A table.
    Table {
        /// The name of its database.
        database: String,
        /// Its name.
        table: String,
    },
    /// A scheduled query, by its id.
    ScheduledQuery(String),
}

/// Changes the tags of a resource.
pub(super) fn retag(
    connection: &Connection,
    catalog: &mut Catalog,
    owner: &Owner,
    change: impl FnOnce(&mut Tags),
) -> Result<(), Failure> {
    let database = |name: &str| Failure::Refused(no_database(name));
    match owner {
        Owner::Database(name) => {
            let database = catalog.databases.get_mut(name).ok_or_else(|| database(name))?;
            let mut tags = database.properties.tags.clone();
            change(&mut tags);
            check_tags(&tags)?;
            database.properties.tags = tags;
            schema::save_database(connection, name, database)
        }
        Owner::Table { database: name, table } => {
            let database = catalog.databases.get_mut(name).ok_or_else(|| database(name))?;
            let found = database.tables.get_mut(table).ok_or_else(|| Failure::Refused(no_table(table)))?;
            let mut tags = found.properties.tags.clone();
            change(&mut tags);
            check_tags(&tags)?;
            let table = Arc::make_mut(found);
            table.properties.tags = tags;
            schema::save_table(connection, table)
        }
        Owner::ScheduledQuery(id) => {
            let found = catalog.scheduled.get(id);
            let mut tags = found.map(|query| query.tags.clone()).unwrap_or_default();
            change(&mut tags);
            check_tags(&tags)?;
            resources::change_scheduled_query(connection, catalog, id, |query| {
                query.tags = tags;
                Ok(())
            })
        }
    }
}

/// Refuses more tags than a resource may have.
pub(super) fn check_tags(tags: &Tags) -> Result<(), Failure> {
    if tags.len() > MAX_TAGS {
        return Err(quota(format!("A resource can have at most {MAX_TAGS} tags.")));
    }
    Ok(())
}
