//! How records are laid out in the file. Only this room knows. The others ask it to store records and to remove them, and
//! for the SQL that reads them.

mod rows;

use super::catalog::{Table, series_table};
use super::failure::Failure;
use crate::records::{Kind, Record};
use rows::Row;
use rusqlite::Connection;

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is in the file, or the same record was there already.
    Yes,
    /// It is not: another record of its series and time is there, whose version is not lower.
    No {
        /// The version of the other record.
        version: i64,
    },
}

/// Makes the place of a table's records.
pub(super) fn create_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    rows::create_table(connection, number)
}

/// Removes the place with all records.
pub(super) fn drop_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    rows::drop_table(connection, number)
}

/// Makes room for one more name of values in a table's multi-measure records. `place` counts the names before it.
pub(super) fn add_value(connection: &Connection, number: i64, place: usize) -> rusqlite::Result<()> {
    rows::add_value(connection, number, place)
}

/// Stores a record of a series. The table knows all its names of values.
///
/// A higher version replaces the record that is there, as a whole.
pub(super) fn store(connection: &Connection, table: &Table, series: i64, record: &Record) -> Result<Stored, Failure> {
    let row = Row::of(series, record, table);
    if row.insert(connection, table.number)? {
        return Ok(Stored::Yes);
    }
    let Some((version, same)) = row.compare(connection, table)? else {
        return Err(Failure::broken("a record that is in the way cannot be found"));
    };
    if record.version > version {
        row.replace(connection, table.number)?;
        return Ok(Stored::Yes);
    }
    Ok(if same { Stored::Yes } else { Stored::No { version } })
}

/// Removes records of a series from before a time, the given number of them at most. Returns how many were removed.
pub(super) fn remove_before(
    connection: &Connection,
    number: i64,
    series: i64,
    time: i64,
    most: usize,
) -> rusqlite::Result<usize> {
    rows::remove_before(connection, number, series, time, most)
}

/// Whether a series has records.
pub(super) fn has_any(connection: &Connection, number: i64, series: i64) -> rusqlite::Result<bool> {
    rows::has_any(connection, number, series)
}

/// What a query can read of a record in [`relation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The value of a dimension, by its place in the table.
    Dimension(usize),
    /// The measure's name.
    MeasureName,
    /// Nanoseconds since 1970.
    Time,
    /// The value of a single-measure record, if it is of this type.
    Single(Kind),
    /// A value of a multi-measure record, by its name's place in the table.
    Multi(usize),
}

impl Field {
    /// The SQL of the value, NULL where a record lacks it.
    pub(crate) fn sql(self) -> String {
        match self {
            Field::Dimension(place) => format!("s.d{place}"),
            Field::MeasureName => "s.measure_name".to_owned(),
            Field::Time => format!("v.{}", rows::TIME),
            Field::Single(kind) => format!("v.{}", rows::single(kind)),
            Field::Multi(place) => format!("v.{}", rows::multi(place)),
        }
    }
}

/// The SQL behind FROM of a relation with a row for each record, which has every [`Field`].
pub(crate) fn relation(table: &Table) -> String {
    // CROSS JOIN keeps SQLite to this order: the series first, then the times of each.
    format!("{} CROSS JOIN {} ON {} = {ID}", series(table), records(table), owner())
}

/// The expression of a series' number in [`series`].
pub(crate) const ID: &str = "s.id";

/// The SQL behind FROM of a relation with a row for each series, which has the fields of the series.
pub(crate) fn series(table: &Table) -> String {
    format!("{} AS s", series_table(table.number))
}

/// The SQL behind FROM of a relation with a row for each record, which has the other fields.
pub(crate) fn records(table: &Table) -> String {
    format!("{} AS v", rows::table(table.number))
}

/// The expression of the number of a record's series in [`records`].
pub(crate) fn owner() -> String {
    format!("v.{}", rows::SERIES)
}

/// The SQL behind FROM of a relation that also has a row for each record, but no fields: for counting, which SQLite does
/// page by page.
pub(crate) fn countable(table: &Table) -> String {
    rows::table(table.number)
}
