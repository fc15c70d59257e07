//! Sealing: the samples of all heads become chunks, a slice of series in each transaction, and then their log goes.
//!
//! The file says how far a round has come, so that a start knows which samples of the log are sealed.

use super::super::catalog::Catalog;
use super::chunks;
use super::heads::{Heads, Key};
use super::log;
use super::rows;
use crate::calendar::now_ns;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

/// Series sealed in a transaction.
const SERIES: usize = if cfg!(test) { 2 } else { 512 };

/// Makes the place of what the file says of sealing.
///
/// `generation` counts the transactions that sealed samples. `log` is the last entry of the log that the last round seals.
/// While it is under way, the samples of all series up to `table_number` and `series` in these entries are sealed.
pub(super) const CREATE: &str = "CREATE TABLE sealing(generation INTEGER NOT NULL, is_under_way INTEGER NOT NULL,
        log INTEGER NOT NULL, table_number INTEGER NOT NULL, series INTEGER NOT NULL);
    INSERT INTO sealing VALUES(0, 0, 0, 0, 0);";

/// How far sealing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) generation: i64,
    /// A round has begun and is not over.
    pub(super) is_under_way: bool,
    /// The last entry of the log that the last round seals.
    pub(super) log: i64,
    /// The last series that is sealed.
    pub(super) done: Key,
}

impl Progress {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT generation, is_under_way, log, table_number, series FROM sealing";
        connection.query_row(sql, [], |row| {
            let done = (row.get(3)?, row.get(4)?);
            Ok(Progress { generation: row.get(0)?, is_under_way: row.get(1)?, log: row.get(2)?, done })
        })
    }

    fn save(self, connection: &Connection) -> rusqlite::Result<()> {
        let Progress { generation, is_under_way, log, done } = self;
        let sql = "UPDATE sealing SET generation = ?1, is_under_way = ?2, log = ?3, table_number = ?4, series = ?5";
        connection.prepare_cached(sql)?.execute((generation, is_under_way, log, done.0, done.1)).map(drop)
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
    /// Begins a round that seals all that is in memory, up to the last entry of the log.
    pub(super) fn begin(connection: &Connection, heads: &Heads, number: u64, log: i64) -> rusqlite::Result<Self> {
        let generation = Progress::load(connection)?.generation;
        let progress = Progress { generation, is_under_way: true, log, done: (0, 0) };
        progress.save(connection)?;
        Ok(Round::going_on(progress, heads, number))
    }

    /// Goes on with a round that is under way.
    pub(super) fn going_on(progress: Progress, heads: &Heads, number: u64) -> Self {
        let mut left = heads.to_seal();
        left.retain(|key| *key > progress.done);
        left.reverse();
        Round { number, progress, left }
    }

    /// The generation of the last slice.
    pub(super) fn generation(&self) -> i64 {
        self.progress.generation
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
            Progress { is_under_way: false, ..self.progress }.save(&transaction)?;
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
        if expired > 0 {
            rows::uncover(&transaction, key.0, key.1, *expiry)?;
        }
    }
    progress.save(&transaction)?;
    // Whoever begins to read from now on may see the chunks or not, and finds the samples either way.
    slice.iter().for_each(|key| heads.seal(*key, progress.generation));
    transaction.commit()
}
