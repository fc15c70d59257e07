//! Times by pattern: Joda's, of format_datetime and parse_datetime, and MySQL's, of date_format and date_parse.

mod pattern;
mod read;
mod write;

use super::super::failure::Failure;
use super::super::types::ColumnType::{Timestamp, Varchar};
use super::instants::instant;
use super::scalar::{Arguments, Scalar, scalar, text};
use crate::calendar::moment;
use pattern::{Pattern, joda, mysql};

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("format_datetime", &[Timestamp, Varchar], Varchar, |a| {
        text(write::write(&compiled(a, joda)?, moment(a.integer(0)?)))
    }),
    scalar("date_format", &[Timestamp, Varchar], Varchar, |a| {
        text(write::write(&compiled(a, mysql)?, moment(a.integer(0)?)))
    }),
    scalar("parse_datetime", &[Varchar, Varchar], Timestamp, |a| {
        instant(Some(read::read(&compiled(a, joda)?, a.text(0)?)?))
    }),
    scalar("date_parse", &[Varchar, Varchar], Timestamp, |a| {
        instant(Some(read::read(&compiled(a, mysql)?, a.text(0)?)?))
    }),
];

fn compiled(
    a: &Arguments<'_, '_>,
    read: fn(&str) -> Result<Pattern, Failure>,
) -> Result<std::sync::Arc<Pattern>, Failure> {
    // Joda's formatters do not either.
    match a.text(1)?.is_empty() {
        true => Err("A pattern of a time may not be empty".into()),
        false => a.cached(1, read),
    }
}
