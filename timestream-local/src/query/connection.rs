//! The connection of a query. It only reads, and has the functions that translated queries call.

use std::path::Path;

use rusqlite::Connection;

use crate::{sql, storage};

/// Opens a connection to the database in `file`.
pub(super) fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let connection = storage::open_read_only(file)?;
    connection.pragma_update(None, "case_sensitive_like", true)?;
    sql::register_functions(&connection)?;
    Ok(connection)
}
