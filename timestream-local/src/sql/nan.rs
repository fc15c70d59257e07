//! NaN as SQLite holds it: a BLOB of one byte, since SQLite makes NULL of a NaN.
//!
//! A BLOB comes behind all numbers in an order, and is equal to itself in groups, as NaN does and is in Trino. Operators
//! for which that is wrong are functions of ours where an operand may be NaN. Samples are finite, so that theirs stay SQLite's.

use rusqlite::types::{Value, ValueRef};

/// The BLOB. No array, row or time series begins so.
const MARK: &[u8] = b"N";

/// A double as SQLite holds it.
pub(crate) fn held(number: f64) -> Value {
    if number.is_nan() { Value::Blob(MARK.to_vec()) } else { Value::Real(number) }
}

/// Whether a value is NaN.
pub(crate) fn is_nan(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Blob(bytes) => bytes == MARK,
        ValueRef::Real(number) => number.is_nan(),
        _ => false,
    }
}

/// NaN, to be borrowed.
pub(crate) fn borrowed() -> ValueRef<'static> {
    ValueRef::Blob(MARK)
}

/// The number that a value is.
pub(crate) fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Real(number) => Some(number),
        ValueRef::Integer(number) => Some(number as f64),
        value => is_nan(value).then_some(f64::NAN),
    }
}
