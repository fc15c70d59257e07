//! SQLite connections: the one that writes, and those that read.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// What connections keep of the file in memory, in KiB, as SQLite wants it.
const WRITER_CACHE: i64 = -65_536;
const READER_CACHE: i64 = -4_096;

/// The one connection that writes.
pub(super) fn open_writer(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // It takes effect in a new file only, before anything is written.
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    // In pages, 8 MB of them. Few pages are changed twice, so that a longer log would only stall longer.
    connection.pragma_update(None, "wal_autocheckpoint", 2_048)?;
    // Bytes that an emptied log may keep on disk. It is more than the log usually takes, so that it is overwritten in
    // place.
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    if let Some(folder) = file.parent().and_then(Path::to_str) {
        // What large sorts of queries need: the system's folders may be read-only, as in a container. SQLite knows one for
        // the whole process. If it is gone, SQLite looks for another.
        connection.pragma_update(None, "temp_store_directory", folder)?;
    }
    configure(&connection)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

/// Reads what nobody will need again soon on the connection that writes, without keeping it in memory.
pub(super) fn read_through<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    let found = read(connection)?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    Ok(found)
}

/// A connection that only reads.
pub(crate) fn open_read_only(file: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // `"x"` is always a name, never a string.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // SQLite would plan by bound values, and so prepare cached statements again each time that they are used.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    #[cfg(target_os = "linux")]
    #[test]
    fn large_sorts_are_in_the_folder_of_the_data() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("timestream.sqlite");
        let sql = "WITH RECURSIVE numbers(number) AS (VALUES (0) UNION ALL SELECT number + 1 FROM numbers LIMIT 300000) \
                   SELECT number FROM numbers ORDER BY hex(number), number";
        let is_sorted_there = || {
            let _writer = open_writer(&file).unwrap();
            let reader = open_read_only(&file).unwrap();
            let mut statement = reader.prepare(sql).unwrap();
            let mut rows = statement.query([]).unwrap();
            assert!(rows.next().unwrap().is_some());
            let mut open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
            // A file without a name, as only a sort has it.
            let is_of_sort =
                |path: &Path| path.starts_with(folder.path()) && path.to_string_lossy().ends_with(" (deleted)");
            open.any(|entry| std::fs::read_link(entry.path()).is_ok_and(|path| is_of_sort(&path)))
        };
        // Another test may open a file of its own in between, whose folder is taken then.
        assert!((0..20).any(|_| is_sorted_there()));
    }

    #[test]
    fn a_cached_statement_is_prepared_once() {
        let connection = Connection::open_in_memory().unwrap();
        configure(&connection).unwrap();
        connection
            .execute_batch("CREATE TABLE samples(series, time); CREATE INDEX own ON samples(series, time)")
            .unwrap();
        for series in 0..10_i64 {
            let sql = "SELECT time FROM samples WHERE series = ?1 AND time >= ?2 ORDER BY time LIMIT ?3";
            let mut statement = connection.prepare_cached(sql).unwrap();
            assert!(!statement.exists((series, series, series)).unwrap());
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{series}");
        }
    }
}
