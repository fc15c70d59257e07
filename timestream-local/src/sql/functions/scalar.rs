//! A scalar function, its arguments and its answer.

use rusqlite::functions::Context;
use rusqlite::types::{Value, ValueRef};

use super::super::failure::Failure;
use super::super::nan;
use super::super::types::ColumnType;

/// What a function answers.
pub(super) type Outcome = Result<Value, Failure>;

/// A function over non-NULL values.
pub(crate) struct Scalar {
    /// Its name in Timestream. A name that begins with `$` is the translation's own, for an operator or cast.
    pub(crate) name: &'static str,
    /// The types that it takes.
    pub(crate) arguments: &'static [ColumnType],
    /// The type that it yields.
    pub(crate) result: ColumnType,
    pub(super) body: fn(&Arguments<'_, '_>) -> Outcome,
}

/// A function, in the tables that list them.
pub(super) const fn scalar(
    name: &'static str,
    arguments: &'static [ColumnType],
    result: ColumnType,
    body: fn(&Arguments<'_, '_>) -> Outcome,
) -> Scalar {
    Scalar { name, arguments, result, body }
}

/// The arguments of one call. The translation has checked their types. A value of another type is a failure.
pub(super) struct Arguments<'a, 'c>(pub(super) &'a Context<'c>);

impl Arguments<'_, '_> {
    pub(super) fn raw(&self, index: usize) -> ValueRef<'_> {
        self.0.get_raw(index)
    }

    pub(super) fn text(&self, index: usize) -> Result<&str, Failure> {
        self.0.get_raw(index).as_str().map_err(|error| Failure(error.to_string()))
    }

    pub(super) fn integer(&self, index: usize) -> Result<i64, Failure> {
        self.0.get_raw(index).as_i64().map_err(|error| Failure(error.to_string()))
    }

    pub(super) fn double(&self, index: usize) -> Result<f64, Failure> {
        let value = self.0.get_raw(index);
        nan::number(value).ok_or_else(|| Failure(format!("{:?} is no number", value.data_type())))
    }

    /// What `make` builds from the text argument, kept while the argument stays the same constant.
    pub(super) fn cached<T: Send + Sync + 'static>(
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

/// A double result.
pub(super) fn real(number: f64) -> Outcome {
    Ok(nan::held(number))
}

pub(super) fn text(text: impl Into<String>) -> Outcome {
    Ok(Value::Text(text.into()))
}
