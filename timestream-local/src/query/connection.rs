//! The connection of a query. It only reads, and has the functions that translated queries call.

use rusqlite::Connection;

use crate::sql;
use crate::storage::Reader;

/// Opens a connection to the data.
pub(super) fn open(reader: &Reader) -> rusqlite::Result<Connection> {
    let connection = reader.open()?;
    connection.pragma_update(None, "case_sensitive_like", true)?;
    sql::register_functions(&connection)?;
    Ok(connection)
}
