//! The scalar functions that compiled statements call, each with its Timestream signature.
//!
//! All of them are deterministic and answer NULL when an argument is NULL. A failure reaches SQLite as the statement's
//! error, with the text that the client reads.

mod arithmetic;
mod arrays;
mod calculus;
mod casts;
mod chance;
pub(in crate::sql) mod characters;
mod comparisons;
mod durations;
mod format;
mod formats;
pub(crate) mod instants;
mod parts;
mod radix;
mod scalar;
mod sequences;
mod spline;
mod strings;
mod timeseries;
mod unnest;

pub(crate) use timeseries::by_time;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};

use super::failure::Failure;
use scalar::{Arguments, Outcome, Scalar};

fn all() -> impl Iterator<Item = (usize, &'static Scalar)> {
    let lists = [
        arithmetic::FUNCTIONS,
        arrays::FUNCTIONS,
        calculus::FUNCTIONS,
        casts::FUNCTIONS,
        chance::FUNCTIONS,
        comparisons::FUNCTIONS,
        durations::FUNCTIONS,
        formats::FUNCTIONS,
        instants::FUNCTIONS,
        parts::FUNCTIONS,
        radix::FUNCTIONS,
        sequences::FUNCTIONS,
        strings::FUNCTIONS,
        timeseries::FUNCTIONS,
        unnest::FUNCTIONS,
    ];
    lists.into_iter().flatten().enumerate()
}

/// The names of all functions, including the translation's own.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(_, scalar)| scalar.name)
}

/// The functions of a name, each with SQLite's name for it.
pub(crate) fn named(name: &str) -> impl Iterator<Item = (String, &'static Scalar)> {
    all().filter(move |(_, scalar)| scalar.name == name).map(|(index, scalar)| (physical(index, scalar.name), scalar))
}

/// SQLite's name of a function that has one signature only.
pub(crate) fn only(name: &str) -> String {
    named(name).next().map_or_else(String::new, |(physical, _)| physical)
}

fn physical(index: usize, name: &str) -> String {
    format!("ts_{}_{index}", name.trim_start_matches('$'))
}

/// The prefix of a cast that yields NULL where it would fail.
pub(crate) const TRY: &str = "try_";

pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (index, scalar) in all() {
        let name = physical(index, scalar.name);
        if scalar.name.starts_with("$cast_") {
            add(connection, &format!("{TRY}{name}"), scalar, |_| Ok(Value::Null))?;
        }
        add(connection, &name, scalar, Err)?;
    }
    format::register(connection)
}

fn add(
    connection: &Connection,
    name: &str,
    scalar: &Scalar,
    otherwise: fn(Failure) -> Outcome,
) -> rusqlite::Result<()> {
    let arity = i32::try_from(scalar.arguments.len()).unwrap_or(-1);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let body = scalar.body;
    connection.create_scalar_function(name, arity, flags, move |context| {
        if (0..context.len()).any(|index| context.get_raw(index) == ValueRef::Null) {
            return Ok(Value::Null);
        }
        let outcome = body(&Arguments(context)).or_else(otherwise);
        outcome.map_err(|failure| rusqlite::Error::UserFunctionError(Box::new(failure)))
    })
}
