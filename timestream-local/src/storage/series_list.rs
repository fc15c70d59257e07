//! The numbers of all series of a table.

use super::catalog::series_table;
use rusqlite::Connection;

/// The numbers of a table's series that follow one, in order.
pub(super) fn after(connection: &Connection, number: i64, last: i64, most: usize) -> rusqlite::Result<Vec<i64>> {
    let sql = format!("SELECT id FROM {} WHERE id > ?1 ORDER BY id", series_table(number));
    connection.prepare_cached(&sql)?.query_map([last], |row| row.get(0))?.take(most).collect()
}

/// The highest number.
pub(super) fn highest(connection: &Connection, number: i64) -> rusqlite::Result<Option<i64>> {
    let sql = format!("SELECT max(id) FROM {}", series_table(number));
    connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
}
