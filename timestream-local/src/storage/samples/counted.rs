//! The number of records of a table, or of one of its series, between two times, as a table of one row.

use super::scan::{RecordRows, Records};
use super::snapshot::Snapshot;
use super::{rows, rows::TIME};
use rusqlite::Connection;
use virtual_table::{Asked, Context, Relation, Rows};

/// The column of the series, if the records of one are counted.
pub(super) const KEY: &str = "key";

/// The column of the number.
pub(super) const COUNT: &str = "records";

/// Counts the records of a table, or of the series that the first column equals. The times are given by comparisons with
/// the second column.
pub(super) struct Counted {
    number: i64,
    snapshot: Snapshot,
    records: Records,
}

impl Counted {
    pub(super) fn new(records: Records) -> Self {
        Counted { number: records.number(), snapshot: records.snapshot(), records }
    }
}

impl Relation for Counted {
    type Rows = CountedRows;

    fn columns(&self) -> Vec<String> {
        [KEY, TIME, COUNT].map(str::to_owned).into()
    }

    fn rows(&self) -> CountedRows {
        let (snapshot, records) = (self.snapshot.clone(), self.records.rows());
        CountedRows { number: self.number, snapshot, records, asked: Asked::ALL, count: 0, is_next: false }
    }
}

/// The row.
pub(super) struct CountedRows {
    number: i64,
    snapshot: Snapshot,
    records: RecordRows,
    asked: Asked,
    count: i64,
    is_next: bool,
}

impl Rows for CountedRows {
    fn seek(&mut self, connection: &Connection, asked: Asked) -> rusqlite::Result<()> {
        self.asked = asked;
        let bounds = (asked.from, asked.to);
        self.count = match asked.key {
            None if bounds == (i64::MIN, i64::MAX) => self.snapshot.count(connection, self.number)?,
            _ if rows::has_rows(connection, self.number)? => self.count_each(connection)?,
            None => self.snapshot.count_samples(connection, self.number, bounds)?,
            Some(series) => self.snapshot.count_samples_of(connection, (self.number, series), bounds)?,
        };
        self.is_next = true;
        Ok(())
    }

    fn next(&mut self, _: &Connection) -> rusqlite::Result<bool> {
        Ok(std::mem::take(&mut self.is_next))
    }

    fn write(&self, column: usize, context: &mut Context) -> rusqlite::Result<()> {
        context.set_result(match column {
            0 => self.asked.key.unwrap_or_default(),
            1 => self.asked.from,
            _ => self.count,
        })
    }
}

impl CountedRows {
    /// Rows may hide samples, so all records are gone through.
    fn count_each(&mut self, connection: &Connection) -> rusqlite::Result<i64> {
        self.records.seek(connection, Asked { values: false, ..self.asked })?;
        let mut count = 0;
        while self.records.next(connection)? {
            count += 1;
        }
        Ok(count)
    }
}
