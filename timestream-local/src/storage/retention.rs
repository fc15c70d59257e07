//! Removes the records that outlived their table's retention, a slice at a time between the calls, and gives the space
//! that they took back to the system.

use super::catalog::Catalog;
use super::samples::Samples;
use super::schema;
use super::series::{self, SeriesCache};
use super::series_list;
use rusqlite::Connection;

/// Series looked at in a slice.
const SERIES: usize = 512;
/// Records removed in a slice, about.
const RECORDS: usize = 10_000;
/// Pages given back in a slice.
const PAGES: u32 = 512;

/// A walk over all series of all tables.
pub(super) struct Sweep {
    /// Number and expiry of the tables that are left.
    tables: Vec<(i64, i64)>,
    /// What is in memory of the last table was looked at.
    prepared: bool,
    /// The last series that was done of the last table.
    done: i64,
    removed: i64,
}

impl Sweep {
    /// A walk as of `now`, in nanoseconds since 1970.
    pub(super) fn new(catalog: &Catalog, now: i64) -> Self {
        let tables = catalog.databases.values().flat_map(|database| database.tables.values());
        Sweep {
            tables: tables.map(|table| (table.number, table.expiry(now))).collect(),
            prepared: false,
            done: 0,
            removed: 0,
        }
    }

    /// Does a slice in a transaction of its own. True when nothing is left to do.
    pub(super) fn step(
        &mut self,
        connection: &mut Connection,
        cache: &mut SeriesCache,
        samples: &mut Samples,
    ) -> rusqlite::Result<bool> {
        let Some(&(number, expiry)) = self.tables.last() else { return Ok(true) };
        let exists = schema::has_table(connection, number)?;
        if exists && !self.prepared {
            self.prepared = samples.expire(connection, number, expiry)?;
            return Ok(false);
        }
        let finished = !exists || {
            let transaction = connection.transaction()?;
            let finished = self.slice(&transaction, cache, samples, number, expiry)?;
            transaction.commit()?;
            finished
        };
        if finished {
            self.tables.pop();
            (self.done, self.prepared) = (0, false);
            if self.removed > 0 {
                tracing::info!(records = self.removed, "removed what outlived its retention");
            }
            self.removed = 0;
        }
        Ok(false)
    }

    /// Goes on with the next table, or ends the walk.
    pub(super) fn skip(&mut self) {
        self.tables.pop();
        (self.done, self.prepared, self.removed) = (0, false, 0);
    }

    fn slice(
        &mut self,
        connection: &Connection,
        cache: &mut SeriesCache,
        samples: &Samples,
        number: i64,
        expiry: i64,
    ) -> rusqlite::Result<bool> {
        let ids = series_list::after(connection, number, self.done, SERIES)?;
        let highest = series_list::highest(connection, number)?;
        let (mut left, mut gone) = (RECORDS, Vec::new());
        for id in &ids {
            let key = (number, *id);
            let (removed, counted) = samples.remove_before(connection, key, expiry, left)?;
            self.removed += removed;
            left -= counted.min(left);
            if left == 0 {
                break;
            }
            // The highest number would be given to another series, which queries that run could take for this one.
            // A series that a query still reads goes with a later sweep.
            if Some(*id) != highest && !samples.has_any(connection, key)? && !samples.is_read(key) {
                series::remove(connection, number, *id)?;
                samples.forget_series(key);
                gone.push(*id);
            }
            self.done = *id;
        }
        cache.forget(number, &gone);
        Ok(ids.is_empty())
    }
}

/// Gives a slice of the free pages back once they are an eighth of the file. True when there is nothing to give back.
pub(super) fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all) = (pragma("freelist_count")?, pragma("page_count")?);
    if free.saturating_mul(8) < all || free < i64::from(PAGES) {
        // The file shrinks when the log is written back to it.
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        return Ok(true);
    }
    // The pragma frees a page each time that it is stepped.
    let mut vacuum = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    // A file that can't shrink would never be done.
    Ok(pragma("freelist_count")? == free)
}

#[cfg(test)]
mod tests {
    use super::super::connection::open_writer;
    use super::*;

    /// The pages are small, so that 100,000 of them are 51 MB.
    #[test]
    fn a_hundred_thousand_free_pages_go_back_in_slices() {
        let folder = std::env::temp_dir().join(format!("timestream-vacuum-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("timestream.sqlite");
        let new = Connection::open(&file).unwrap();
        new.execute_batch("PRAGMA page_size = 512; PRAGMA auto_vacuum = incremental; CREATE TABLE junk(bytes)")
            .unwrap();
        drop(new);
        let connection = open_writer(&file).unwrap();
        connection
            .execute_batch(
                "INSERT INTO junk VALUES(zeroblob(51200000));
                 CREATE TABLE kept(bytes);
                 INSERT INTO kept SELECT randomblob(400) FROM (WITH RECURSIVE n(i) AS
                     (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n);
                 DROP TABLE junk;",
            )
            .unwrap();
        let free = || connection.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0)).unwrap();
        let (mut before, mut slices) = (free(), 0);
        assert!(before >= 100_000, "{before}");
        let started = std::time::Instant::now();
        while !give_back(&connection).unwrap() {
            let now = free();
            assert!((1..=i64::from(PAGES)).contains(&(before - now)), "{before} {now}");
            (before, slices) = (now, slices + 1);
        }
        println!("{slices} slices took {:?}", started.elapsed());
        assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
        assert!(slices < 250 && before < i64::from(PAGES), "{slices} slices left {before} pages");
        let kept: i64 = connection.query_row("SELECT sum(length(bytes)) FROM kept", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 400_000);
        assert_eq!(connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
        drop(connection);
        assert!(std::fs::metadata(&file).unwrap().len() < 2 << 20);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
