//! Records that outlived their table's retention are removed, a slice at a time between the calls, and the space that
//! they took goes back to the system.

use super::catalog::Catalog;
use super::insert::expiry;
use super::series::SeriesCache;
use rusqlite::{Connection, OptionalExtension};

/// Series looked at in a slice.
const SERIES: i64 = 512;
/// Records removed in a slice, about.
const RECORDS: usize = 10_000;
/// Pages given back in a slice.
const PAGES: u32 = 512;

/// A walk over all series of all tables.
pub(super) struct Sweep {
    /// Number and expiry of the tables that are left.
    tables: Vec<(i64, i64)>,
    /// The series of the last of them that were done.
    done: i64,
    removed: u64,
}

impl Sweep {
    /// A walk as of `now`, in nanoseconds since 1970.
    pub(super) fn new(catalog: &Catalog, now: i64) -> Self {
        let tables = catalog.databases.values().flat_map(|database| database.tables.values());
        Sweep { tables: tables.map(|table| (table.number, expiry(table, now))).collect(), done: 0, removed: 0 }
    }

    /// Does a slice in a transaction of its own; true when there is nothing left to do.
    pub(super) fn step(&mut self, connection: &mut Connection, cache: &mut SeriesCache) -> rusqlite::Result<bool> {
        let Some(&(number, expiry)) = self.tables.last() else { return give_back(connection) };
        let transaction = connection.transaction()?;
        let exists = transaction
            .prepare_cached("SELECT 1 FROM tables WHERE number = ?1")?
            .query_row([number], |_| Ok(()))
            .optional()?;
        let finished = exists.is_none() || self.slice(&transaction, cache, number, expiry)?;
        transaction.commit()?;
        if finished {
            self.tables.pop();
            self.done = 0;
            if self.removed > 0 {
                tracing::info!(records = self.removed, "removed what outlived its retention");
            }
            self.removed = 0;
        }
        Ok(false)
    }

    fn slice(
        &mut self,
        connection: &Connection,
        cache: &mut SeriesCache,
        number: i64,
        expiry: i64,
    ) -> rusqlite::Result<bool> {
        let series: Vec<i64> = connection
            .prepare_cached(&format!("SELECT id FROM series_{number} WHERE id > ?1 ORDER BY id LIMIT ?2"))?
            .query_map([self.done, SERIES], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut left = RECORDS;
        for id in &series {
            let removed = connection
                .prepare_cached(&format!(
                    "DELETE FROM samples_{number} WHERE series = ?1 AND time IN \
                     (SELECT time FROM samples_{number} WHERE series = ?1 AND time < ?2 LIMIT ?3)"
                ))?
                .execute((id, expiry, left as i64))?;
            self.removed += removed as u64;
            left -= removed.min(left);
            if left == 0 {
                return Ok(false);
            }
            let empty = connection
                .prepare_cached(&format!("SELECT 1 FROM samples_{number} WHERE series = ?1 LIMIT 1"))?
                .query_row([id], |_| Ok(()))
                .optional()?
                .is_none();
            if empty {
                let sql = format!("DELETE FROM series_{number} WHERE id = ?1 RETURNING key");
                let key: Vec<u8> = connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?;
                cache.forget(number, &key);
            }
            self.done = *id;
        }
        Ok(series.is_empty())
    }
}

/// Gives free pages back once they are a quarter of the file; true when there are none to give.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all) = (pragma("freelist_count")?, pragma("page_count")?);
    if free.saturating_mul(4) < all || free < i64::from(PAGES) {
        // The file itself shrinks when the log is written back to it.
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        return Ok(true);
    }
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    // A file that can't shrink would never be done.
    Ok(pragma("freelist_count")? == free)
}
