//! The writing side of the samples: stores records in the open transaction, decides when to seal, and does it in slices
//! between the transactions.

use super::super::catalog::{Catalog, Table};
use super::super::connection::read_through;
use super::super::failure::Failure;
use super::chunk::Sample;
use super::floors::Floors;
use super::heads::{Heads, Key};
use super::pending::{Pending, PendingSeries};
use super::replay::replay;
use super::rows::{self, Row};
use super::sealing::{Progress, Round};
use super::{chunks, log, moving};
use crate::records::{Measured, Record, Value};
use rusqlite::Connection;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Samples of a series, on average, that make sealing worth while.
const WORTH_SEALING: usize = 160;
/// Fewer samples than this are not sealed, however few series there are.
const FEWEST: usize = 65_536;
/// Samples in the log that are sealed, however many series there are. They take about ten bytes each.
const MOST: usize = 25_000_000;
/// Bytes of samples in memory that may be kept for running queries only.
const KEPT_FOR_QUERIES: usize = 128 << 20;

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is in the file, or the same record was there already.
    Yes,
    /// It is not: another record of its series and time is there, whose version is not lower.
    No {
        /// The version of the other record.
        version: i64,
    },
}

/// The writing side of the samples of all tables.
pub(crate) struct Samples {
    heads: Arc<Heads>,
    pending: Pending,
    /// Whether a table has rows.
    has_rows: HashMap<i64, bool>,
    floors: HashMap<i64, Floors>,
    /// The newest entry of the log.
    log: i64,
    round: Option<Round>,
    /// Rounds of sealing that this process has begun.
    rounds: u64,
    /// Series with samples that are sealed and kept for queries, each with the generation, in order.
    kept: VecDeque<(i64, Key)>,
    /// Rows of an older program are left to be moved.
    moves: bool,
    /// The most bytes of samples in memory; more are sealed early.
    memory: usize,
}

impl Samples {
    /// Reads the log into memory.
    pub(crate) fn open(connection: &Connection, memory: usize) -> rusqlite::Result<Self> {
        let heads = Arc::new(Heads::default());
        let progress = Progress::load(connection)?;
        heads.readers.sealed(progress.generation);
        let rounds = u64::from(progress.is_under_way);
        read_through(connection, |connection| replay(connection, &heads, progress, rounds))?;
        let round = progress.is_under_way.then(|| Round::going_on(progress, &heads, rounds));
        let log = log::newest(connection)?.unwrap_or(0).max(progress.log);
        let moves = moving::is_needed(connection)?;
        Ok(Samples {
            heads,
            pending: Pending::default(),
            has_rows: HashMap::new(),
            floors: HashMap::new(),
            log,
            round,
            rounds,
            kept: VecDeque::new(),
            moves,
            memory,
        })
    }

    /// What queries share with the writer.
    pub(crate) fn heads(&self) -> &Arc<Heads> {
        &self.heads
    }

    /// Stores a record of a series in the open transaction. The table knows all its names of values.
    ///
    /// A higher version replaces the record that is there, as a whole.
    pub(crate) fn store(
        &mut self,
        connection: &Connection,
        table: &Table,
        series: i64,
        record: &Record,
    ) -> Result<Stored, Failure> {
        let key = (table.number, series);
        let last = match self.pending.get(key) {
            Some(pending) => pending.last,
            None => {
                let last = self.last(connection, key)?;
                // Also if nothing new comes: then a head was made for the time only, and goes with the transaction.
                self.pending.series(key, last);
                last
            }
        };
        let plain = plain(record);
        if record.time > last {
            match plain {
                Some(sample) => self.pending.series(key, last).push(sample),
                None => self.insert_row(connection, &Row::of(series, record, table), table, last, false)?,
            }
            return Ok(Stored::Yes);
        }
        // Something of this time may be there.
        let row = Row::of(series, record, table);
        if self.has_rows(connection, table.number)?
            && let Some(existing) = row.existing(connection, table)?
        {
            if record.version > existing.version {
                row.replace(connection, table.number, existing)?;
                return Ok(Stored::Yes);
            }
            return Ok(if existing.same { Stored::Yes } else { Stored::No { version: existing.version } });
        }
        match (self.sample_at(connection, key, record.time)?, plain) {
            (None, Some(sample)) => self.pending.series(key, last).push(sample),
            (None, None) => self.insert_row(connection, &row, table, last, false)?,
            (Some(value), Some(sample)) if value.to_bits() == sample.value.to_bits() => {}
            (Some(_), _) if record.version <= 1 => return Ok(Stored::No { version: 1 }),
            (Some(_), _) => self.insert_row(connection, &row, table, last, true)?,
        }
        Ok(Stored::Yes)
    }

    fn insert_row(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
        table: &Table,
        last: i64,
        shadows: bool,
    ) -> Result<(), Failure> {
        row.insert(connection, table.number, shadows)?;
        self.has_rows.insert(table.number, true);
        let pending = self.pending.series((table.number, row.series), last);
        pending.last = pending.last.max(row.record.time);
        Ok(())
    }

    /// The last time of a series that is stored, `i64::MIN` if there is none.
    fn last(&self, connection: &Connection, key: Key) -> rusqlite::Result<i64> {
        if let Some(last) = self.heads.last(key) {
            return Ok(last);
        }
        let sealed = chunks::last(connection, key.0, key.1)?;
        let row = rows::last(connection, key.0, key.1)?;
        self.heads.note_last(key, sealed.max(row).unwrap_or(i64::MIN));
        Ok(self.heads.last(key).unwrap_or(i64::MIN))
    }

    fn has_rows(&mut self, connection: &Connection, number: i64) -> rusqlite::Result<bool> {
        if let Some(known) = self.has_rows.get(&number) {
            return Ok(*known);
        }
        let found = rows::has_rows(connection, number)?;
        self.has_rows.insert(number, found);
        Ok(found)
    }

    fn floors(&mut self, connection: &Connection, number: i64) -> rusqlite::Result<&mut Floors> {
        Ok(match self.floors.entry(number) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => place.insert(Floors::load(connection, number)?),
        })
    }

    /// The value of the plain sample of a series at a time.
    fn sample_at(&mut self, connection: &Connection, key: Key, time: i64) -> rusqlite::Result<Option<f64>> {
        let pending = self.pending.get(key).and_then(|pending| pending.value_at(time));
        if let Some(value) = pending.or_else(|| self.heads.value_at(key, time)) {
            return Ok(Some(value));
        }
        let floors = self.floors(connection, key.0)?;
        chunks::value_at(connection, key.0, key.1, time, floors)
    }

    /// Writes the log of the open transaction, which is about to be committed.
    pub(crate) fn write_log(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.pending.has_samples() {
            // A number that a transaction has lost is not used again.
            self.log += 1;
            log::append(connection, self.log, &self.pending)?;
        }
        Ok(())
    }

    /// Takes the samples of the transaction into memory, since it is committed.
    pub(crate) fn committed(&mut self) {
        for (key, PendingSeries { last, samples }) in self.pending.iter() {
            self.heads.append(key, samples, Some(*last), self.rounds);
            if samples.is_empty() {
                // A head without samples would never be sealed and go.
                self.heads.forget_empty(key);
            }
        }
        self.pending.clear();
    }

    /// Forgets the transaction, since it is rolled back.
    pub(crate) fn rolled_back(&mut self) {
        self.pending.iter().for_each(|(key, _)| self.heads.forget_empty(key));
        self.pending.clear();
        self.has_rows.clear();
        self.floors.clear();
    }

    /// Forgets tables that are gone.
    pub(crate) fn retain_tables(&mut self, catalog: &Catalog) {
        let tables = catalog.databases.values().flat_map(|database| database.tables.values());
        let numbers: std::collections::HashSet<i64> = tables.map(|table| table.number).collect();
        self.heads.retain_tables(|number| numbers.contains(&number));
        self.has_rows.retain(|number, _| numbers.contains(number));
        self.floors.retain(|number, _| numbers.contains(number));
    }

    /// Whether there is something to be done between transactions.
    pub(crate) fn is_busy(&self) -> bool {
        self.moves || self.round.is_some() || self.is_due()
    }

    /// Whether samples are being sealed.
    pub(crate) fn is_sealing(&self) -> bool {
        self.round.is_some()
    }

    /// Whether memory is full, so that no more samples may come before some are sealed.
    pub(crate) fn is_full(&self) -> bool {
        self.heads.bytes().saturating_sub(self.heads.kept()) > self.memory && self.heads.unsealed() > 0
    }

    fn is_due(&self) -> bool {
        let unsealed = self.heads.unsealed();
        let is_full = self.heads.bytes().saturating_sub(self.heads.kept()) > self.memory / 2;
        is_full && unsealed > 0
            || unsealed > MOST
            || unsealed > FEWEST && unsealed > WORTH_SEALING * self.heads.series()
    }

    /// Does a slice of what is to be done, in a transaction of its own. True if a round of sealing is over, which leaves
    /// free space in the file.
    pub(crate) fn step(&mut self, connection: &mut Connection, catalog: &Catalog) -> rusqlite::Result<bool> {
        if self.round.is_none() && self.is_due() {
            self.seal_all(connection)?;
        }
        if let Some(round) = &mut self.round {
            match round.step(connection, &self.heads, catalog)? {
                Some(sealed) => {
                    let generation = round.generation();
                    self.kept.extend(sealed.into_iter().map(|key| (generation, key)));
                }
                None => self.round = None,
            }
            self.forget_sealed(connection)?;
            return Ok(self.round.is_none());
        }
        if self.moves {
            self.moves = !moving::step(connection)?;
            return Ok(!self.moves);
        }
        Ok(false)
    }

    /// Begins to seal all that is in memory, if that is not under way.
    pub(super) fn seal_all(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.round.is_none() {
            // From now on, samples belong to the next round.
            self.rounds += 1;
            let round = Round::begin(connection, &self.heads, self.rounds, self.log);
            if round.is_err() {
                self.rounds -= 1;
            }
            self.round = Some(round?);
        }
        Ok(())
    }

    /// Forgets what is sealed and seen on disk by all queries. Queries that keep more than there is room for are given
    /// up on.
    fn forget_sealed(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.forget_seen();
        if self.heads.kept() > KEPT_FOR_QUERIES {
            self.heads.forget_queries(Progress::load(connection)?.generation);
            self.forget_seen();
        }
        Ok(())
    }

    fn forget_seen(&mut self) {
        let seen = self.heads.seen_by_all();
        while let Some((_, key)) = self.kept.pop_front_if(|(generation, _)| *generation <= seen) {
            self.heads.forget_sealed(key);
        }
    }

    /// Prepares the removal of a table's records from before a time. False if that must wait until what is in memory is
    /// sealed, which begins then.
    pub(crate) fn expire(&mut self, connection: &mut Connection, number: i64, time: i64) -> rusqlite::Result<bool> {
        if self.round.is_some() {
            return Ok(false);
        }
        if self.heads.has_before(number, time) {
            self.seal_all(connection)?;
            return Ok(false);
        }
        let transaction = connection.transaction()?;
        let newest = chunks::newest(&transaction, number)?;
        let mut floors = self.floors(&transaction, number)?.clone();
        floors.raise(time, newest);
        floors.save(&transaction, number)?;
        transaction.commit()?;
        self.floors.insert(number, floors);
        Ok(true)
    }

    /// Removes records of a series from before a time: all that are sealed, and of the others the given number at most.
    /// Returns how many were removed, and how many of them count against that number.
    pub(crate) fn remove_before(
        &self,
        connection: &Connection,
        (number, series): (i64, i64),
        time: i64,
        most: usize,
    ) -> rusqlite::Result<(i64, usize)> {
        let sealed = chunks::remove_before(connection, number, series, time)?;
        let rows = rows::remove_before(connection, number, series, time, most)?;
        Ok((sealed + rows as i64, rows))
    }

    /// Whether a series has records.
    pub(crate) fn has_any(&self, connection: &Connection, key: Key) -> rusqlite::Result<bool> {
        Ok(self.heads.has_unsealed(key)
            || chunks::has_any(connection, key.0, key.1)?
            || rows::has_any(connection, key.0, key.1)?)
    }

    /// Whether a query that began before may still read samples of a series that is sealed.
    pub(crate) fn is_read(&self, key: Key) -> bool {
        self.heads.has_samples(key)
    }

    /// Forgets a series that was removed.
    pub(crate) fn forget_series(&self, key: Key) {
        self.heads.remove(key);
    }
}

/// The sample that a record is, if it is a plain one.
fn plain(record: &Record) -> Option<Sample> {
    match record.measured {
        Measured::Single(Value::Double(value)) if record.version == 1 => Some(Sample { time: record.time, value }),
        _ => None,
    }
}
