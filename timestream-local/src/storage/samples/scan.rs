//! All records of a series in order of time, wherever they rest, as a table that SQLite reads.

use super::super::catalog::Table;
use super::super::series_list;
use super::chunk::Sample;
use super::chunks::{self, ChunkHead, SPAN};
use super::floors::Floors;
use super::rows;
use super::snapshot::Snapshot;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use virtual_table::{Asked, Context, Relation, Rows};

/// Rows, or heads of chunks, that are fetched at first, and then twice as many each time.
const FETCH: usize = 16;
const MAX_FETCH: usize = 1024;
/// Series that are fetched at a time when the records of all are asked for.
const SERIES: usize = 512;

/// The records of a table.
pub(super) struct Records {
    table: Arc<Table>,
    snapshot: Snapshot,
}

impl Records {
    pub(super) fn new(table: Arc<Table>, snapshot: Snapshot) -> Self {
        Records { table, snapshot }
    }
}

impl Relation for Records {
    type Rows = RecordRows;

    fn columns(&self) -> String {
        rows::columns(self.table.multi.len()).join(", ")
    }

    fn rows(&self) -> RecordRows {
        RecordRows {
            number: self.table.number,
            multi: self.table.multi.len(),
            snapshot: self.snapshot.clone(),
            known: None,
            others: None,
            asked: Asked { key: None, from: 0, to: -1 },
            series: 0,
            sealed: Sealed::default(),
            unsealed: Vec::new(),
            next_unsealed: 0,
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
    known: Option<Known>,
    /// The series to come, when all are asked for.
    others: Option<VecDeque<i64>>,
    asked: Asked,
    series: i64,
    sealed: Sealed,
    unsealed: Vec<Sample>,
    next_unsealed: usize,
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
    /// A row of its own: its time, and its values in the order of the columns.
    Row(i64, Vec<Value>),
}

/// The sealed samples of a series: chunks in order of their starts, and the samples of those that were read.
#[derive(Default)]
struct Sealed {
    heads: VecDeque<ChunkHead>,
    /// Where to go on looking for chunks; `None` if there are no more.
    after: Option<i64>,
    fetch: usize,
    samples: Vec<Sample>,
    next: usize,
    /// The samples up to this place come before all of the other chunks.
    ready: usize,
}

/// Rows of a series, some of them at a time.
#[derive(Default)]
struct FetchedRows {
    rows: VecDeque<(i64, Vec<Value>)>,
    /// From which time to fetch more; `None` if there are no more.
    from: Option<i64>,
    fetch: usize,
}

impl Rows for RecordRows {
    fn seek(&mut self, connection: &Connection, asked: Asked) -> rusqlite::Result<()> {
        if self.known.is_none() {
            let floors = Floors::load(connection, self.number)?;
            self.known = Some(Known { floors, has_rows: rows::has_rows(connection, self.number)? });
        }
        self.asked = asked;
        match asked.key {
            Some(series) => {
                self.others = None;
                self.begin(series)
            }
            None => {
                (self.series, self.others) = (0, Some(VecDeque::new()));
                self.others_begin = i64::MIN;
                self.sealed = Sealed::default();
                self.rows = FetchedRows::default();
                self.unsealed.clear();
                self.next_unsealed = 0;
                Ok(())
            }
        }
    }

    fn next(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        if let Some(sample) = self.sealed.first()
            && sample.time < self.others_begin
        {
            self.current = Current::Sample(sample);
            self.sealed.next += 1;
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
                Some(series) => self.begin(series)?,
                None => return Ok(false),
            }
        }
    }

    fn write(&self, column: usize, context: &mut Context) -> rusqlite::Result<()> {
        match (&self.current, column) {
            (_, 0) => context.set_result(self.series),
            (Current::Sample(sample), 1) => context.set_result(sample.time),
            (Current::Sample(sample), 2) => context.set_result(sample.value),
            (Current::Sample(_), _) => Ok(()),
            (Current::Row(time, _), 1) => context.set_result(*time),
            (Current::Row(_, values), _) => values.get(column - 2).map_or(Ok(()), |value| context.set_result(value)),
        }
    }
}

impl RecordRows {
    /// The time and value of the current record, if it is a double.
    pub(super) fn double(&self) -> Option<(i64, f64)> {
        match &self.current {
            Current::Sample(sample) => Some((sample.time, sample.value)),
            Current::Row(time, values) => match values.first() {
                Some(Value::Real(value)) => Some((*time, *value)),
                _ => None,
            },
        }
    }

    /// Begins with the records of a series.
    fn begin(&mut self, series: i64) -> rusqlite::Result<()> {
        let Asked { from, to, .. } = self.asked;
        self.series = series;
        self.others_begin = i64::MIN;
        self.unsealed.clear();
        self.next_unsealed = 0;
        self.snapshot.unsealed((self.number, series), (from, to), &mut self.unsealed)?;
        self.sealed.begin(from);
        let has_rows = self.known.as_ref().is_some_and(|known| known.has_rows);
        self.rows = FetchedRows { rows: VecDeque::new(), from: has_rows.then_some(from), fetch: FETCH };
        Ok(())
    }

    /// Goes to the record with the least time. A row hides the sample of the same time, which it has replaced.
    fn next_of_series(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let sealed = self.sealed_time(connection)?;
        let unsealed = self.unsealed.get(self.next_unsealed).map(|sample| sample.time);
        let row = self.row_time(connection)?;
        let Some(time) = [sealed, unsealed, row].into_iter().flatten().min() else { return Ok(false) };
        if sealed == Some(time)
            && let Some(sample) = self.sealed.first()
        {
            self.current = Current::Sample(sample);
            self.sealed.next += 1;
        }
        if unsealed == Some(time)
            && let Some(sample) = self.unsealed.get(self.next_unsealed)
        {
            self.current = Current::Sample(*sample);
            self.next_unsealed += 1;
        }
        if row == Some(time)
            && let Some((time, values)) = self.rows.rows.pop_front()
        {
            self.current = Current::Row(time, values);
        }
        let unsealed = self.unsealed.get(self.next_unsealed).map_or(i64::MAX, |sample| sample.time);
        self.others_begin = unsealed.min(self.rows.begin());
        Ok(true)
    }

    fn sealed_time(&mut self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let Some(known) = &self.known else { return Ok(None) };
        let place = (self.number, self.series);
        if self.sealed.first().is_none() {
            self.sealed.advance(connection, place, (self.asked.from, self.asked.to), &known.floors)?;
        }
        Ok(self.sealed.first().map(|sample| sample.time))
    }

    fn row_time(&mut self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        if self.rows.rows.is_empty()
            && let Some(from) = self.rows.from
        {
            let fetch = self.rows.fetch;
            let bounds = (from, self.asked.to);
            self.rows.rows = rows::between(connection, self.number, self.multi, self.series, bounds, fetch)?.into();
            let last = self.rows.rows.back().filter(|_| self.rows.rows.len() == fetch);
            self.rows.from = last.and_then(|(time, _)| time.checked_add(1));
            self.rows.fetch = (fetch * 2).min(MAX_FETCH);
        }
        Ok(self.rows.rows.front().map(|(time, _)| *time))
    }
}

impl FetchedRows {
    /// A time before which there are none.
    fn begin(&self) -> i64 {
        match (self.rows.front(), self.from) {
            (Some((time, _)), _) => *time,
            (None, Some(_)) => i64::MIN,
            (None, None) => i64::MAX,
        }
    }
}

impl Sealed {
    fn begin(&mut self, from: i64) {
        self.heads.clear();
        self.samples.clear();
        (self.next, self.ready) = (0, 0);
        self.after = Some(from.saturating_sub(SPAN));
        self.fetch = FETCH;
    }

    /// The next sample, if it was read.
    fn first(&self) -> Option<Sample> {
        self.samples.get(self.next..self.ready)?.first().copied()
    }

    /// Reads chunks until there is a sample before all of the others.
    fn advance(
        &mut self,
        connection: &Connection,
        (number, series): (i64, i64),
        (from, to): (i64, i64),
        floors: &Floors,
    ) -> rusqlite::Result<()> {
        self.samples.drain(..self.next);
        (self.next, self.ready) = (0, 0);
        loop {
            while self.heads.is_empty()
                && let Some(after) = self.after
            {
                self.fetch_heads(chunks::heads(connection, number, series, (after, to), self.fetch)?);
            }
            let Some(head) = self.heads.front().copied() else {
                self.ready = self.samples.len();
                return Ok(());
            };
            self.ready = self.samples.partition_point(|sample| sample.time < head.start);
            if self.ready > 0 {
                return Ok(());
            }
            self.heads.pop_front();
            if head.stop >= from {
                chunks::read(connection, number, head, (from, to), floors, &mut self.samples)?;
                if !self.samples.is_sorted_by_key(|sample| sample.time) {
                    self.samples.sort_unstable_by_key(|sample| sample.time);
                }
            }
        }
    }

    /// Takes fetched heads. Those with the last start are fetched again with the next ones, since more may have it.
    fn fetch_heads(&mut self, heads: Vec<ChunkHead>) {
        let last = heads.last().map(|head| head.start).filter(|_| heads.len() == self.fetch);
        match last {
            None => (self.heads, self.after) = (heads.into(), None),
            Some(last) if heads.first().is_some_and(|head| head.start < last) => {
                self.heads = heads.into_iter().filter(|head| head.start < last).collect();
                self.after = Some(last);
            }
            Some(_) => {}
        }
        self.fetch *= 2;
    }
}
