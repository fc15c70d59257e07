//! The scalar functions that compiled statements call, each with its Timestream signature.
//!
//! All of them are deterministic and answer NULL when an argument is NULL. A failure reaches SQLite as the statement's
//! error, with the text that the client reads.

mod arithmetic;
mod casts;
pub(in crate::sql) mod characters;
mod formats;
pub(crate) mod instants;
mod strings;
mod timeseries;

pub(crate) use timeseries::by_time;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};

use super::types::ColumnType;

/// Why a function could not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

type Outcome = Result<Value, Failure>;

/// A function over non-NULL values.
pub(crate) struct Scalar {
    /// Its name in Timestream; one that begins with `$` is the translation's own, for an operator or cast.
    pub(crate) name: &'static str,
    /// The types that it takes.
    pub(crate) arguments: &'static [ColumnType],
    /// The type that it yields.
    pub(crate) result: ColumnType,
    body: fn(&Arguments<'_, '_>) -> Outcome,
}

const fn scalar(
    name: &'static str,
    arguments: &'static [ColumnType],
    result: ColumnType,
    body: fn(&Arguments<'_, '_>) -> Outcome,
) -> Scalar {
    Scalar { name, arguments, result, body }
}

/// The arguments of one call. The types were checked by the translation; a value of another kind is a failure.
struct Arguments<'a, 'c>(&'a Context<'c>);

impl Arguments<'_, '_> {
    fn raw(&self, index: usize) -> ValueRef<'_> {
        self.0.get_raw(index)
    }

    fn text(&self, index: usize) -> Result<&str, Failure> {
        self.0.get_raw(index).as_str().map_err(|error| Failure(error.to_string()))
    }

    fn integer(&self, index: usize) -> Result<i64, Failure> {
        self.0.get_raw(index).as_i64().map_err(|error| Failure(error.to_string()))
    }

    fn double(&self, index: usize) -> Result<f64, Failure> {
        match self.0.get_raw(index) {
            ValueRef::Real(number) => Ok(number),
            ValueRef::Integer(number) => Ok(number as f64),
            other => Err(Failure(format!("{:?} is no number", other.data_type()))),
        }
    }

    /// What `make` builds from the text argument, kept while the argument stays the same constant.
    fn cached<T: Send + Sync + 'static>(
        &self,
        index: usize,
        make: impl FnOnce(&str) -> Result<T, Failure>,
    ) -> Result<std::sync::Arc<T>, Failure> {
        let position = i32::try_from(index).map_err(|error| Failure(error.to_string()))?;
        self.0
            .get_or_create_aux(position, |value| match value.as_str() {
                Ok(text) => make(text),
                Err(error) => Err(Failure(error.to_string())),
            })
            .map_err(|error| match error {
                rusqlite::Error::UserFunctionError(inner) => Failure(inner.to_string()),
                other => Failure(other.to_string()),
            })
    }
}

/// A double result. SQLite turns NaN into NULL, which would be a wrong answer, so it is refused.
fn real(number: f64) -> Outcome {
    if number.is_nan() {
        return Err("NaN results are not supported".into());
    }
    Ok(Value::Real(number))
}

fn text(text: impl Into<String>) -> Outcome {
    Ok(Value::Text(text.into()))
}

fn all() -> impl Iterator<Item = (usize, &'static Scalar)> {
    let lists = [
        arithmetic::FUNCTIONS,
        casts::FUNCTIONS,
        formats::FUNCTIONS,
        instants::FUNCTIONS,
        strings::FUNCTIONS,
        timeseries::FUNCTIONS,
    ];
    lists.into_iter().flatten().enumerate()
}

/// The names of all functions, the translation's own among them.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(_, scalar)| scalar.name)
}

/// The functions of a name, each with the name that SQLite knows it by.
pub(crate) fn named(name: &str) -> impl Iterator<Item = (String, &'static Scalar)> {
    all().filter(move |(_, scalar)| scalar.name == name).map(|(index, scalar)| (physical(index, scalar.name), scalar))
}

/// The name that SQLite knows a function by that has no other of its name.
pub(crate) fn only(name: &str) -> String {
    named(name).next().map_or_else(String::new, |(physical, _)| physical)
}

fn physical(index: usize, name: &str) -> String {
    format!("ts_{}_{index}", name.trim_start_matches('$'))
}

/// A cast's name with this in front is that of one which yields NULL where the cast fails.
pub(crate) const TRY: &str = "try_";

pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (index, scalar) in all() {
        let name = physical(index, scalar.name);
        if scalar.name.starts_with("$cast_") {
            add(connection, &format!("{TRY}{name}"), scalar, |_| Ok(Value::Null))?;
        }
        add(connection, &name, scalar, Err)?;
    }
    Ok(())
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
