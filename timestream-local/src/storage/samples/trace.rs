//! What a query reads of a table, for those that ask for insights.

use super::super::catalog::{Table, series_table};
use rusqlite::Connection;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Series that are told apart. A query that reads more has read all of them.
const MOST: usize = 1 << 20;

/// What a query has read of a table so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Read>>);

#[derive(Debug, Default)]
struct Read {
    /// The earliest and the latest time, in nanoseconds since 1970.
    times: Option<(i64, i64)>,
    series: HashSet<i64>,
    has_all_series: bool,
}

impl Trace {
    /// Notes that a series is read, or all are.
    pub(super) fn begin(&self, series: Option<i64>) {
        let mut read = self.read();
        match series {
            Some(series) if read.series.len() < MOST => drop(read.series.insert(series)),
            _ => read.has_all_series = true,
        }
    }

    /// Notes the time of a record.
    pub(super) fn record(&self, time: i64) {
        let mut read = self.read();
        let (first, last) = read.times.unwrap_or((time, time));
        read.times = Some((first.min(time), last.max(time)));
    }

    /// Nanoseconds from the first record that was read to the last.
    pub(crate) fn duration(&self) -> u64 {
        self.read().times.map_or(0, |(first, last)| last.abs_diff(first))
    }

    /// The share of a table's series that were read, from 0 to 1.
    pub(crate) fn coverage(&self, connection: &Connection, table: &Table) -> rusqlite::Result<f64> {
        let sql = format!("SELECT count(*) FROM {}", series_table(table.number));
        let all: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        let read = self.read();
        let share = read.series.len() as f64 / all.max(1) as f64;
        Ok(if read.has_all_series { 1.0 } else { share.min(1.0) })
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
