//! How records are laid out in the file. Only this room knows. The others ask it to store records and to remove them, and
//! for the SQL that reads them.
//!
//! A plain sample (a single double of version 1) goes to the log, which makes it durable, and to the head of its series
//! in memory. Later, a series' samples are sealed into chunks. All other records are rows. A row may hide a plain sample
//! of the same series and time that it has replaced. No two plain samples have the same series and time.

mod chunk;
mod chunks;
mod counted;
mod floors;
mod heads;
mod log;
mod moving;
mod pending;
mod readers;
mod rows;
mod scan;
mod sealing;
mod snapshot;
mod store;
mod stretch;

pub(crate) use heads::Heads;
pub(crate) use snapshot::Snapshot;
pub(super) use store::{Samples, Stored};

use super::catalog::{Table, series_table};
use crate::records::Kind;
use rusqlite::Connection;

/// What the file has for all tables together.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&[log::CREATE, sealing::CREATE, floors::CREATE, moving::CREATE].concat())
}

/// Makes the place of a table's records.
pub(super) fn create_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    rows::create_table(connection, number)?;
    chunks::create_table(connection, number)
}

/// Brings the place of a table's records up to date, which an older program made. Its samples are moved later.
pub(super) fn update_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    rows::update_table(connection, number)?;
    chunks::create_table(connection, number)?;
    moving::plan(connection, number)
}

/// Removes the place with all records, but for those in memory.
pub(super) fn drop_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    moving::drop_table(connection, number)?;
    floors::drop_table(connection, number)?;
    chunks::drop_table(connection, number)?;
    rows::drop_table(connection, number)
}

/// Makes room for one more name of values in a table's multi-measure records. `place` counts the names before it.
pub(super) fn add_value(connection: &Connection, number: i64, place: usize) -> rusqlite::Result<()> {
    rows::add_value(connection, number, place)
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

/// The SQL behind FROM of a relation with a row for each record, which has every [`Field`]. It, and the others below,
/// can be read where [`Snapshot::register`] has made them readable.
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
    format!("{} AS v", virtual_records(table.number))
}

/// The expression of the number of a record's series in [`records`].
pub(crate) fn owner() -> String {
    format!("v.{}", rows::SERIES)
}

/// An expression of how many records there are, which does not go through them.
pub(crate) fn count(table: &Table) -> String {
    format!("(SELECT {} FROM {})", counted::COUNT, virtual_count(table.number))
}

/// The name under which the records of a table are read.
fn virtual_records(number: i64) -> String {
    format!("records_{number}")
}

/// The name under which their count is read.
fn virtual_count(number: i64) -> String {
    format!("count_{number}")
}

#[cfg(test)]
mod tests;
