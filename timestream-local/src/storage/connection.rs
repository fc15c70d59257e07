//! SQLite connections, in SQLite's strict modes.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// The one connection that writes.
pub(super) fn open_writer(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // It takes effect in a new file only, before anything is written.
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    // In pages, 8 MB of them. Few pages are changed twice, so that a longer log would only stall longer.
    connection.pragma_update(None, "wal_autocheckpoint", 2_048)?;
    // Bytes that an emptied log may keep on disk. It is more than the log usually takes, so that it is overwritten in
    // place.
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    strict(&connection)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn open_read_only(file: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    strict(&connection)?;
    Ok(connection)
}

/// `"x"` is always a name, never a string.
fn strict(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    Ok(())
}
