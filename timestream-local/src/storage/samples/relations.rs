//! The SQL that reads a table's records.

use super::super::catalog::{Table, series_table};
use super::counted::{COUNT, KEY};
use super::points::POINTS;
use super::rows;
use crate::records::Kind;

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
/// can be read where [`super::make_readable`] has made them readable.
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

/// The SQL behind FROM of a relation that has the number of records between times that are given, of all series or of one
/// that is given. It does not go through all of them.
pub(crate) fn counted(table: &Table) -> String {
    format!("{} AS n", virtual_count(table.number))
}

/// The expression of the number in [`counted`].
pub(crate) fn counted_value() -> String {
    // Where no time fits there is no row.
    format!("coalesce(sum(n.{}), 0)", COUNT)
}

/// The expression in [`counted`] that is compared to give the times.
pub(crate) fn counted_time() -> String {
    format!("n.{}", rows::TIME)
}

/// The expression in [`counted`] that is compared to give the series.
pub(crate) fn counted_owner() -> String {
    format!("n.{KEY}")
}

/// The SQL behind FROM of a relation with a row for a series that is given, between times that are given, if it has
/// doubles then.
pub(crate) fn points(table: &Table) -> String {
    format!("{} AS p", virtual_points(table.number))
}

/// The expression of the doubles and their times in [`points`].
pub(crate) fn points_value() -> String {
    format!("p.{POINTS}")
}

/// The expression in [`points`] that is compared to give the series.
pub(crate) fn points_owner() -> String {
    format!("p.{}", rows::SERIES)
}

/// The expression in [`points`] that is compared to give the times.
pub(crate) fn points_time() -> String {
    format!("p.{}", rows::TIME)
}

/// The name under which the points of a table are read.
pub(super) fn virtual_points(number: i64) -> String {
    format!("points_{number}")
}

/// The name under which the records of a table are read.
pub(super) fn virtual_records(number: i64) -> String {
    format!("records_{number}")
}

/// The name under which their count is read.
pub(super) fn virtual_count(number: i64) -> String {
    format!("count_{number}")
}
