//! Sealing: the samples of all heads become chunks, a slice of series in each transaction, and then their log goes.
//!
//! The file says how far a round has come, so that a start knows which samples of the log are sealed.

use super::super::catalog::Catalog;
use super::chunks;
use super::heads::{Heads, Key};
use super::log;
use crate::calendar::now_ns;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

/// Series sealed in a transaction.
const SERIES: usize = if cfg!(test) { 2 } else { 512 };

/// Makes the place of what the file says of sealing.
///
/// `generation` counts the transactions that sealed samples. While a round is under way, `log` is the last entry of the
/// log that it seals, and the samples of all series up to `table_number` and `series` in these entries are sealed.
pub(super) const CREATE: &str = "CREATE TABLE sealing(generation INTEGER NOT NULL, log INTEGER NOT NULL,
        table_number INTEGER NOT NULL, series INTEGER NOT NULL);
    INSERT INTO sealing VALUES(0, 0, 0, 0);";

/// How far sealing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) generation: i64,
    /// The last entry of the log that the round seals; 0 between rounds.
    pub(super) log: i64,
    /// The last series that is sealed.
    pub(super) done: Key,
}

impl Progress {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row("SELECT generation, log, table_number, series FROM sealing", [], |row| {
            Ok(Progress { generation: row.get(0)?, log: row.get(1)?, done: (row.get(2)?, row.get(3)?) })
        })
    }

    fn save(self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE sealing SET generation = ?1, log = ?2, table_number = ?3, series = ?4";
        connection.prepare_cached(sql)?.execute((self.generation, self.log, self.done.0, self.done.1)).map(drop)
    }
}

/// The generation that the open transaction sees.
pub(super) fn generation(connection: &Connection) -> rusqlite::Result<i64> {
    let found = connection.query_row("SELECT generation FROM sealing", [], |row| row.get(0)).optional()?;
    Ok(found.unwrap_or(0))
}

/// A round of sealing.
#[derive(Debug)]
pub(super) struct Round {
    /// Tells it from the other rounds of this process.
    number: u64,
    progress: Progress,
    /// The series to be sealed, the next one last.
    left: Vec<Key>,
}

impl Round {
    /// Begins a round that seals all that is in memory.
    pub(super) fn begin(connection: &mut Connection, heads: &Heads, number: u64) -> rusqlite::Result<Self> {
        let transaction = connection.transaction()?;
        let generation = Progress::load(&transaction)?.generation;
        let progress = Progress { generation, log: log::newest(&transaction)?, done: (0, 0) };
        progress.save(&transaction)?;
        transaction.commit()?;
        Ok(Round::going_on(progress, heads, number))
    }

    /// Goes on with a round that is under way.
    pub(super) fn going_on(progress: Progress, heads: &Heads, number: u64) -> Self {
        let mut left = heads.to_seal();
        left.retain(|key| *key > progress.done);
        left.reverse();
        Round { number, progress, left }
    }

    /// Does a slice in a transaction of its own: seals series, of which it returns those that it sealed, and at last
    /// removes the log. `None` when the round is over.
    pub(super) fn step(
        &mut self,
        connection: &mut Connection,
        heads: &Heads,
        catalog: &Catalog,
    ) -> rusqlite::Result<Option<Vec<Key>>> {
        if self.left.is_empty() {
            let is_over = self.remove_log(connection)?;
            return Ok((!is_over).then(Vec::new));
        }
        let first = self.left.len().saturating_sub(SERIES);
        let slice: Vec<Key> = self.left.get(first..).unwrap_or_default().iter().rev().copied().collect();
        let mut progress = self.progress;
        progress.generation += 1;
        progress.done = slice.last().copied().unwrap_or(progress.done);
        if let Err(error) = seal(connection, heads, catalog, &slice, self.number, progress) {
            slice.iter().for_each(|key| heads.unseal(*key, progress.generation));
            return Err(error);
        }
        self.progress = progress;
        self.left.truncate(first);
        heads.readers.sealed(progress.generation);
        Ok(Some(slice))
    }

    fn remove_log(&mut self, connection: &mut Connection) -> rusqlite::Result<bool> {
        let transaction = connection.transaction()?;
        let is_over = log::remove_until(&transaction, self.progress.log)?;
        if is_over {
            Progress { log: 0, done: (0, 0), ..self.progress }.save(&transaction)?;
        }
        transaction.commit()?;
        Ok(is_over)
    }
}

fn seal(
    connection: &mut Connection,
    heads: &Heads,
    catalog: &Catalog,
    slice: &[Key],
    number: u64,
    progress: Progress,
) -> rusqlite::Result<()> {
    let now = now_ns();
    let tables = catalog.databases.values().flat_map(|database| database.tables.values());
    let expiries: HashMap<i64, i64> = tables.map(|table| (table.number, table.expiry(now))).collect();
    let transaction = connection.transaction()?;
    for key in slice {
        // The table of samples that nobody sealed may be gone.
        let Some(expiry) = expiries.get(&key.0) else { continue };
        let samples = heads.freeze(*key, number);
        let expired = samples.partition_point(|sample| sample.time < *expiry);
        chunks::insert(&transaction, key.0, key.1, samples.get(expired..).unwrap_or_default())?;
    }
    progress.save(&transaction)?;
    // Whoever begins to read from now on may see the chunks or not, and finds the samples either way.
    slice.iter().for_each(|key| heads.seal(*key, progress.generation));
    transaction.commit()
}
