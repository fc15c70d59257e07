//! What a query reads: the file as it is when the query begins, and what is in memory of it.

use super::chunk::Sample;
use super::floors::Floors;
use super::heads::{Heads, Key, TooOld};
use super::readers::Running;
use super::{chunks, rows, sealing};
use rusqlite::Connection;
use std::sync::Arc;

/// A query's view of the samples. While it lives, samples that it can't see on disk stay in memory.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    heads: Arc<Heads>,
    generation: i64,
    _running: Arc<Running>,
}

impl Snapshot {
    /// Begins a transaction that reads on the query's connection, and a view that belongs to it.
    pub(crate) fn begin(connection: &Connection, heads: &Arc<Heads>) -> rusqlite::Result<Self> {
        // Whoever seals in between keeps what the transaction will not see.
        let running = heads.readers.begin();
        connection.execute_batch("BEGIN")?;
        let generation = sealing::generation(connection)?;
        Ok(Snapshot { heads: Arc::clone(heads), generation, _running: Arc::new(running) })
    }

    /// Appends the samples of a series that are not seen on disk, in order of time.
    pub(super) fn unsealed(&self, key: Key, bounds: (i64, i64), samples: &mut Vec<Sample>) -> rusqlite::Result<()> {
        self.heads.read(key, self.generation, bounds, samples).map_err(too_old)
    }

    /// How many records a table has.
    pub(crate) fn count(&self, connection: &Connection, number: i64) -> rusqlite::Result<i64> {
        let floors = Floors::load(connection, number)?;
        let sealed = chunks::count(connection, number, &floors)?;
        let unsealed = self.heads.count(number, self.generation).map_err(too_old)?;
        Ok(sealed + unsealed + rows::count(connection, number)?)
    }
}

fn too_old(error: TooOld) -> rusqlite::Error {
    rusqlite::Error::ModuleError(error.to_string())
}
