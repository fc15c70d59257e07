//! The doubles of a series between two times as one value, so that a time series is read without a row for each sample.

use super::rows::{SERIES, TIME};
use super::scan::{RecordRows, Records};
use rusqlite::{Connection, Error};
use virtual_table::{Asked, Context, Relation, Rows};

/// The column of the value.
pub(super) const POINTS: &str = "points";

/// A time, in nanoseconds since 1970, and the value then.
pub(crate) type Point = (i64, f64);

/// How time series are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// Writes points as SQLite is to have them, or says why it can't.
    pub(crate) write: fn(&[Point]) -> Result<Vec<u8>, String>,
    /// The most values that it writes. No more than those of a chunk beyond that are read.
    pub(crate) most: usize,
}

/// The doubles of a table's series.
pub(super) struct Points {
    records: Records,
    format: Format,
}

impl Points {
    pub(super) fn new(records: Records, format: Format) -> Self {
        Points { records, format }
    }
}

impl Relation for Points {
    type Rows = PointRows;

    fn columns(&self) -> Vec<String> {
        [SERIES, TIME, POINTS].map(str::to_owned).into()
    }

    fn rows(&self) -> PointRows {
        PointRows { records: self.records.rows(), format: self.format, is_next: false, points: Vec::new() }
    }
}

/// One row, or none if there are no doubles between the times asked for.
pub(super) struct PointRows {
    records: RecordRows,
    format: Format,
    is_next: bool,
    points: Vec<Point>,
}

impl Rows for PointRows {
    fn seek(&mut self, connection: &Connection, asked: Asked) -> rusqlite::Result<()> {
        if asked.key.is_none() {
            return Err(Error::ModuleError("points are read of one series at a time".to_owned()));
        }
        self.points.clear();
        if !asked.values {
            self.is_next = self.records.has_double(connection, asked)?;
            return Ok(());
        }
        self.records.seek(connection, asked)?;
        while self.points.len() <= self.format.most && self.records.next(connection)? {
            self.points.extend(self.records.double());
            self.records.take_sealed(&mut self.points);
        }
        self.is_next = !self.points.is_empty();
        Ok(())
    }

    fn next(&mut self, _: &Connection) -> rusqlite::Result<bool> {
        Ok(std::mem::take(&mut self.is_next))
    }

    fn write(&self, column: usize, context: &mut Context) -> rusqlite::Result<()> {
        match column {
            0 => self.records.write(0, context),
            1 => context.set_result(self.points.first().map(|(time, _)| *time)),
            _ => context.set_result((self.format.write)(&self.points).map_err(Error::ModuleError)?),
        }
    }
}
