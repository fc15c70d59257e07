//! Comparisons of doubles that may be NaN, which is neither less than, equal to nor greater than any number.

use rusqlite::types::Value;

use super::super::nan;
use super::super::types::ColumnType::{self, Bigint, Boolean, Double, Unknown};
use super::scalar::{Scalar, real, scalar};

const DOUBLES: &[ColumnType] = &[Double, Double];

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("$less", DOUBLES, Boolean, |a| Ok(Value::from(a.double(0)? < a.double(1)?))),
    scalar("$less_or_equal", DOUBLES, Boolean, |a| Ok(Value::from(a.double(0)? <= a.double(1)?))),
    // A text equals no double.
    scalar("$apart", &[Double], Unknown, |a| {
        let number = a.double(0)?;
        Ok(if number.is_nan() { Value::Text(String::new()) } else { Value::Real(number) })
    }),
    // MAX and MIN of these numbers, which are in the order of the doubles, pass over NaN while there is any other (Trino).
    scalar("$rank_below", &[Double], Bigint, |a| Ok(Value::Integer(rank(a.double(0)?, i64::MIN)))),
    scalar("$rank_above", &[Double], Bigint, |a| Ok(Value::Integer(rank(a.double(0)?, i64::MAX)))),
    scalar("$of_rank", &[Bigint], Double, |a| match a.integer(0)? {
        i64::MIN | i64::MAX => Ok(nan::held(f64::NAN)),
        rank => real(f64::from_bits(turned(rank) as u64)),
    }),
];

/// A whole number for a double, in the order of doubles. Only a NaN would have the least or the greatest one.
fn rank(number: f64, of_nan: i64) -> i64 {
    if number.is_nan() { of_nan } else { turned(number.to_bits() as i64) }
}

/// Turns the order of negative numbers around, which their bits have the wrong way, and back.
fn turned(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}
