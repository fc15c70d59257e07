//! What a query reads: the file as it is when the query begins, and what is in memory of it.

use super::chunk::Sample;
use super::chunks::ChunkHead;
use super::floors::Floors;
use super::heads::{Gone, Heads, Key};
use super::last_chunk::LastChunk;
use super::readers::Running;
use super::{chunks, rows, sealing};
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};

/// A query's view of the samples. While it lives, samples that it can't see on disk stay in memory.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    heads: Arc<Heads>,
    generation: i64,
    last_chunk: Arc<Mutex<LastChunk>>,
    _running: Arc<Running>,
}

impl Snapshot {
    /// Begins a transaction that reads on the query's connection, and a view that belongs to it.
    pub(crate) fn begin(connection: &Connection, heads: &Arc<Heads>) -> rusqlite::Result<Self> {
        // Whoever seals in between keeps what the transaction will not see.
        let running = heads.readers.begin();
        connection.execute_batch("BEGIN")?;
        let generation = sealing::generation(connection)?;
        let last_chunk = Arc::default();
        Ok(Snapshot { heads: Arc::clone(heads), generation, last_chunk, _running: Arc::new(running) })
    }

    /// Appends samples of a series that are not seen on disk, in order of time: about `most`, all of them up to the time that is
    /// returned.
    pub(super) fn unsealed(
        &self,
        key: Key,
        bounds: (i64, i64),
        most: usize,
        samples: &mut Vec<Sample>,
    ) -> rusqlite::Result<i64> {
        self.heads.read(key, self.generation, bounds, most, samples).map_err(gone)
    }

    /// Appends the samples of a chunk between two times that have not expired.
    pub(super) fn read_chunk(
        &self,
        connection: &Connection,
        number: i64,
        head: ChunkHead,
        bounds: (i64, i64),
        floors: &Floors,
        samples: &mut Vec<Sample>,
    ) -> rusqlite::Result<()> {
        let mut last_chunk = self.last_chunk.lock().unwrap_or_else(PoisonError::into_inner);
        last_chunk.read(connection, number, head, bounds, floors, samples)
    }

    /// How many records a table has.
    pub(crate) fn count(&self, connection: &Connection, number: i64) -> rusqlite::Result<i64> {
        let floors = Floors::load(connection, number)?;
        let sealed = chunks::count(connection, number, &floors)?;
        let unsealed = self.heads.count(number, self.generation).map_err(gone)?;
        let mut rows = rows::count(connection, number)?;
        if let Some(floor) = floors.highest() {
            // A row that has expired may be removed later than the sample that it hides.
            for (series, time) in rows::shadows_before(connection, number, floor)? {
                rows += i64::from(!self.has_sample(connection, (number, series), time, &floors)?);
            }
        }
        Ok(sealed + unsealed + rows)
    }

    /// How many samples a table without rows has between two times. Only chunks that lie within them in part are read.
    pub(super) fn count_samples(
        &self,
        connection: &Connection,
        number: i64,
        bounds: (i64, i64),
    ) -> rusqlite::Result<i64> {
        let floors = Floors::load(connection, number)?;
        let sealed = chunks::count_between(connection, number, bounds, &floors)?;
        let unsealed = self.heads.count_between(number, self.generation, bounds).map_err(gone)?;
        Ok(sealed + unsealed)
    }

    /// The same of a series.
    pub(super) fn count_samples_of(
        &self,
        connection: &Connection,
        key: Key,
        bounds: (i64, i64),
    ) -> rusqlite::Result<i64> {
        let floors = Floors::load(connection, key.0)?;
        let sealed = chunks::count_of_series(connection, key.0, key.1, bounds, &floors)?;
        let unsealed = self.heads.count_of_series(key, self.generation, bounds).map_err(gone)?;
        Ok(sealed + unsealed)
    }

    fn has_sample(&self, connection: &Connection, key: Key, time: i64, floors: &Floors) -> rusqlite::Result<bool> {
        let mut samples = Vec::new();
        self.unsealed(key, (time, time), usize::MAX, &mut samples)?;
        Ok(!samples.is_empty() || chunks::value_at(connection, key.0, key.1, time, floors)?.is_some())
    }
}

fn gone(error: Gone) -> rusqlite::Error {
    rusqlite::Error::ModuleError(error.to_string())
}
