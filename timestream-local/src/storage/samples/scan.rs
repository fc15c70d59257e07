//! All records of a series in order of time, wherever they rest, as a table that SQLite reads.

use super::super::catalog::Table;
use super::super::series_list;
use super::chunk::Sample;
use super::fetched_rows::{FetchedRow, FetchedRows};
use super::floors::Floors;
use super::rows;
use super::sealed::Sealed;
use super::snapshot::Snapshot;
use super::trace::Trace;
use super::unsealed::Unsealed;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use virtual_table::{Asked, Context, Relation, Rows};

/// Series that are fetched at a time when the records of all are asked for.
const SERIES: usize = 512;

/// The records of a table.
pub(super) struct Records {
    table: Arc<Table>,
    snapshot: Snapshot,
    trace: Option<Trace>,
}

impl Records {
    pub(super) fn new(table: Arc<Table>, snapshot: Snapshot, trace: Option<Trace>) -> Self {
        Records { table, snapshot, trace }
    }

    pub(super) fn number(&self) -> i64 {
        self.table.number
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.snapshot.clone()
    }
}

impl Relation for Records {
    type Rows = RecordRows;

    fn columns(&self) -> Vec<String> {
        rows::columns(self.table.multi.len())
    }

    fn rows(&self) -> RecordRows {
        RecordRows {
            number: self.table.number,
            multi: self.table.multi.len(),
            snapshot: self.snapshot.clone(),
            trace: self.trace.clone(),
            known: None,
            others: None,
            asked: Asked { key: None, from: 0, to: -1, values: true },
            series: 0,
            sealed: Sealed::default(),
            unsealed: Unsealed::default(),
            rows: FetchedRows::default(),
            others_begin: i64::MIN,
            current: Current::Sample(Sample { time: 0, value: 0.0 }),
        }
    }
}

/// A cursor on the records of a table.
pub(super) struct RecordRows {
    number: i64,
    multi: usize,
    snapshot: Snapshot,
    trace: Option<Trace>,
    known: Option<Known>,
    /// The series to come, when all are asked for.
    others: Option<VecDeque<i64>>,
    asked: Asked,
    series: i64,
    sealed: Sealed,
    unsealed: Unsealed,
    rows: FetchedRows,
    /// Sealed samples from before this time come before all others.
    others_begin: i64,
    current: Current,
}

/// What is read once for a query.
struct Known {
    floors: Floors,
    has_rows: bool,
}

enum Current {
    /// A plain sample.
    Sample(Sample),
    /// A row of its own.
    Row(FetchedRow),
}

impl Rows for RecordRows {
    fn seek(&mut self, connection: &Connection, asked: Asked) -> rusqlite::Result<()> {
        if self.known.is_none() {
            let floors = Floors::load(connection, self.number)?;
            self.known = Some(Known { floors, has_rows: rows::has_rows(connection, self.number)? });
        }
        self.asked = asked;
        if let Some(trace) = &self.trace {
            trace.begin(asked.key);
        }
        match asked.key {
            Some(series) => {
                self.others = None;
                self.begin(series);
            }
            None => {
                (self.series, self.others) = (0, Some(VecDeque::new()));
                self.others_begin = i64::MIN;
                self.sealed = Sealed::default();
                self.rows = FetchedRows::default();
                self.unsealed = Unsealed::default();
            }
        }
        Ok(())
    }

    fn next(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let is_there = self.advance(connection)?;
        if let (true, Some(trace)) = (is_there, &self.trace) {
            trace.record(self.time());
        }
        Ok(is_there)
    }

    fn write(&self, column: usize, context: &mut Context) -> rusqlite::Result<()> {
        match (&self.current, column) {
            (_, 0) => context.set_result(self.series),
            (Current::Sample(sample), 1) => context.set_result(sample.time),
            (Current::Sample(sample), 2) => context.set_result(sample.value),
            (Current::Sample(_), _) => Ok(()),
            (Current::Row((time, _)), 1) => context.set_result(*time),
            (Current::Row((_, values)), _) => values.get(column - 2).map_or(Ok(()), |value| context.set_result(value)),
        }
    }
}

impl RecordRows {
    /// Goes to the next record. False if there is none.
    fn advance(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        if let Some(sample) = self.sealed.first()
            && sample.time < self.others_begin
        {
            self.current = Current::Sample(sample);
            self.sealed.pass();
            return Ok(true);
        }
        loop {
            if self.next_of_series(connection)? {
                return Ok(true);
            }
            let Some(others) = &mut self.others else { return Ok(false) };
            if others.is_empty() {
                others.extend(series_list::after(connection, self.number, self.series, SERIES)?);
            }
            match others.pop_front() {
                Some(series) => self.begin(series),
                None => return Ok(false),
            }
        }
    }

    /// The time of the current record.
    fn time(&self) -> i64 {
        match &self.current {
            Current::Sample(sample) => sample.time,
            Current::Row((time, _)) => *time,
        }
    }

    /// The time and value of the current record, if it is a double.
    pub(super) fn double(&self) -> Option<(i64, f64)> {
        match &self.current {
            Current::Sample(sample) => Some((sample.time, sample.value)),
            Current::Row((time, values)) => match values.first() {
                Some(Value::Real(value)) => Some((*time, *value)),
                _ => None,
            },
        }
    }

    /// Takes the sealed samples that come next, as many as were read.
    pub(super) fn take_sealed(&mut self, points: &mut Vec<(i64, f64)>) {
        let next = self.sealed.take_before(self.others_begin);
        if let Some(trace) = &self.trace {
            // The times ascend.
            [next.first(), next.last()].into_iter().flatten().for_each(|sample| trace.record(sample.time));
        }
        points.extend(next.iter().map(|sample| (sample.time, sample.value)));
    }

    /// Whether there is a double among what is asked for. No chunk is read for it where their heads tell.
    pub(super) fn has_double(&mut self, connection: &Connection, asked: Asked) -> rusqlite::Result<bool> {
        self.seek(connection, asked)?;
        if let Some(Known { floors, has_rows: false }) = &self.known {
            let (place, bounds) = ((self.number, self.series), (asked.from, asked.to));
            let unsealed = self.unsealed.time(&self.snapshot, place, asked.to)?;
            let told = match unsealed {
                Some(time) => Some(time),
                None => self.sealed.told_within(connection, place, bounds, floors)?,
            };
            if let Some(time) = told {
                self.trace.iter().for_each(|trace| trace.record(time));
                return Ok(true);
            }
        }
        while self.next(connection)? {
            if self.double().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Begins with the records of a series.
    fn begin(&mut self, series: i64) {
        let from = self.asked.from;
        self.series = series;
        self.others_begin = i64::MIN;
        self.unsealed.begin(from);
        self.sealed.begin(from, self.asked.values);
        let has_rows = self.known.as_ref().is_some_and(|known| known.has_rows);
        self.rows.begin(has_rows.then_some(from));
    }

    /// Goes to the record with the least time. A row hides the sample of the same time, which it has replaced.
    fn next_of_series(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let place = (self.number, self.series);
        let sealed = self.sealed_time(connection)?;
        let unsealed = self.unsealed.time(&self.snapshot, place, self.asked.to)?;
        let row = self.rows.time(connection, place, self.multi, self.asked.to)?;
        let Some(time) = [sealed, unsealed, row].into_iter().flatten().min() else { return Ok(false) };
        if sealed == Some(time)
            && let Some(sample) = self.sealed.first()
        {
            self.current = Current::Sample(sample);
            self.sealed.pass();
        }
        if unsealed == Some(time)
            && let Some(sample) = self.unsealed.take()
        {
            self.current = Current::Sample(sample);
        }
        if row == Some(time)
            && let Some(row) = self.rows.take()
        {
            self.current = Current::Row(row);
        }
        self.others_begin = self.unsealed.least().min(self.rows.least());
        Ok(true)
    }

    fn sealed_time(&mut self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let Some(known) = &self.known else { return Ok(None) };
        let place = (self.number, self.series);
        if self.sealed.first().is_none() {
            let bounds = (self.asked.from, self.asked.to);
            self.sealed.advance(connection, &self.snapshot, place, bounds, &known.floors)?;
        }
        Ok(self.sealed.first().map(|sample| sample.time))
    }
}
