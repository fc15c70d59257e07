//! Operators and mathematics. Integers that overflow and integers divided by zero are errors, as in Presto, where SQLite
//! would answer a float or NULL.

use rusqlite::types::Value;

use super::super::failure::Failure;
use super::super::types::ColumnType::{self, Bigint, Double, Integer, IntervalDayToSecond, IntervalYearToMonth};
use super::scalar::{Arguments, Outcome, Scalar, real, scalar};

const DOUBLES: &[ColumnType] = &[Double, Double];
const BIGINTS: &[ColumnType] = &[Bigint, Bigint];
const INTEGERS: &[ColumnType] = &[Integer, Integer];

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("$add", INTEGERS, Integer, |a| integer(bigint(a, "+", i64::checked_add))),
    scalar("$add", BIGINTS, Bigint, |a| bigint(a, "+", i64::checked_add)),
    scalar("$add", DOUBLES, Double, |a| real(a.double(0)? + a.double(1)?)),
    scalar("$add", &[IntervalDayToSecond, IntervalDayToSecond], IntervalDayToSecond, |a| {
        bigint(a, "+", i64::checked_add)
    }),
    scalar("$add", &[IntervalYearToMonth, IntervalYearToMonth], IntervalYearToMonth, |a| {
        bigint(a, "+", i64::checked_add)
    }),
    scalar("$subtract", INTEGERS, Integer, |a| integer(bigint(a, "-", i64::checked_sub))),
    scalar("$subtract", BIGINTS, Bigint, |a| bigint(a, "-", i64::checked_sub)),
    scalar("$subtract", DOUBLES, Double, |a| real(a.double(0)? - a.double(1)?)),
    scalar("$subtract", &[IntervalDayToSecond, IntervalDayToSecond], IntervalDayToSecond, |a| {
        bigint(a, "-", i64::checked_sub)
    }),
    scalar("$subtract", &[IntervalYearToMonth, IntervalYearToMonth], IntervalYearToMonth, |a| {
        bigint(a, "-", i64::checked_sub)
    }),
    scalar("$multiply", INTEGERS, Integer, |a| integer(bigint(a, "*", i64::checked_mul))),
    scalar("$multiply", BIGINTS, Bigint, |a| bigint(a, "*", i64::checked_mul)),
    scalar("$multiply", DOUBLES, Double, |a| real(a.double(0)? * a.double(1)?)),
    scalar("$multiply", &[IntervalDayToSecond, Bigint], IntervalDayToSecond, |a| bigint(a, "*", i64::checked_mul)),
    scalar("$multiply", &[Bigint, IntervalDayToSecond], IntervalDayToSecond, |a| bigint(a, "*", i64::checked_mul)),
    scalar("$multiply", &[IntervalYearToMonth, Bigint], IntervalYearToMonth, |a| bigint(a, "*", i64::checked_mul)),
    scalar("$multiply", &[Bigint, IntervalYearToMonth], IntervalYearToMonth, |a| bigint(a, "*", i64::checked_mul)),
    scalar("$multiply", &[IntervalDayToSecond, Double], IntervalDayToSecond, |a| interval(a.double(0)? * a.double(1)?)),
    scalar("$multiply", &[Double, IntervalDayToSecond], IntervalDayToSecond, |a| interval(a.double(0)? * a.double(1)?)),
    scalar("$multiply", &[IntervalYearToMonth, Double], IntervalYearToMonth, |a| interval(a.double(0)? * a.double(1)?)),
    scalar("$multiply", &[Double, IntervalYearToMonth], IntervalYearToMonth, |a| interval(a.double(0)? * a.double(1)?)),
    scalar("$divide", INTEGERS, Integer, |a| integer(divided(a, "/", i64::checked_div))),
    scalar("$divide", BIGINTS, Bigint, |a| divided(a, "/", i64::checked_div)),
    scalar("$divide", DOUBLES, Double, |a| real(a.double(0)? / a.double(1)?)),
    // After the numbers, which a NULL is before it is an interval.
    scalar("$divide", &[IntervalDayToSecond, Double], IntervalDayToSecond, interval_part),
    scalar("$divide", &[IntervalYearToMonth, Double], IntervalYearToMonth, interval_part),
    scalar("$modulus", INTEGERS, Integer, |a| integer(remainder(a))),
    scalar("$modulus", BIGINTS, Bigint, remainder),
    scalar("$modulus", DOUBLES, Double, |a| real(a.double(0)? % a.double(1)?)),
    scalar("$negate", &[Integer], Integer, |a| integer(negated(a))),
    scalar("$negate", &[Bigint], Bigint, negated),
    scalar("$negate", &[Double], Double, |a| real(-a.double(0)?)),
    scalar("$negate", &[IntervalDayToSecond], IntervalDayToSecond, negated),
    scalar("$negate", &[IntervalYearToMonth], IntervalYearToMonth, negated),
    scalar("abs", &[Integer], Integer, |a| integer(absolute(a))),
    scalar("abs", &[Bigint], Bigint, absolute),
    scalar("abs", &[Double], Double, |a| real(a.double(0)?.abs())),
    scalar("sign", &[Integer], Integer, |a| Ok(Value::Integer(a.integer(0)?.signum()))),
    scalar("sign", &[Bigint], Bigint, |a| Ok(Value::Integer(a.integer(0)?.signum()))),
    scalar("sign", &[Double], Double, |a| {
        let number = a.double(0)?;
        real(if number == 0.0 { number } else { number.signum() })
    }),
    scalar("round", &[Integer], Integer, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("round", &[Bigint], Bigint, |a| Ok(Value::Integer(a.integer(0)?))),
    // f64::round goes away from zero at one half, as Presto's does.
    scalar("round", &[Double], Double, |a| rounded(a.double(0)?, 0)),
    scalar("round", &[Integer, Integer], Integer, |a| integer(rounded_whole(a))),
    scalar("round", &[Bigint, Integer], Bigint, rounded_whole),
    scalar("round", &[Double, Integer], Double, |a| rounded(a.double(0)?, a.integer(1)?)),
    scalar("truncate", &[Double], Double, |a| real(a.double(0)?.trunc())),
    scalar("floor", &[Integer], Integer, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("floor", &[Bigint], Bigint, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("floor", &[Double], Double, |a| real(a.double(0)?.floor())),
    scalar("ceil", &[Integer], Integer, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("ceil", &[Bigint], Bigint, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("ceil", &[Double], Double, |a| real(a.double(0)?.ceil())),
    scalar("power", DOUBLES, Double, |a| real(power(a.double(0)?, a.double(1)?))),
    scalar("sqrt", &[Double], Double, |a| real(a.double(0)?.sqrt())),
    scalar("cbrt", &[Double], Double, |a| real(a.double(0)?.cbrt())),
    scalar("exp", &[Double], Double, |a| real(a.double(0)?.exp())),
    scalar("ln", &[Double], Double, |a| real(a.double(0)?.ln())),
    scalar("log2", &[Double], Double, |a| real(a.double(0)?.log2())),
    scalar("log", DOUBLES, Double, |a| real(a.double(1)?.ln() / a.double(0)?.ln())),
    scalar("log10", &[Double], Double, |a| real(a.double(0)?.log10())),
    scalar("sin", &[Double], Double, |a| real(a.double(0)?.sin())),
    scalar("cos", &[Double], Double, |a| real(a.double(0)?.cos())),
    scalar("tan", &[Double], Double, |a| real(a.double(0)?.tan())),
    scalar("asin", &[Double], Double, |a| real(a.double(0)?.asin())),
    scalar("acos", &[Double], Double, |a| real(a.double(0)?.acos())),
    scalar("atan", &[Double], Double, |a| real(a.double(0)?.atan())),
    scalar("sinh", &[Double], Double, |a| real(a.double(0)?.sinh())),
    scalar("cosh", &[Double], Double, |a| real(a.double(0)?.cosh())),
    scalar("tanh", &[Double], Double, |a| real(a.double(0)?.tanh())),
    scalar("atan2", DOUBLES, Double, |a| real(a.double(0)?.atan2(a.double(1)?))),
    scalar("radians", &[Double], Double, |a| real(a.double(0)?.to_radians())),
    scalar("degrees", &[Double], Double, |a| real(a.double(0)?.to_degrees())),
    scalar("bit_count", BIGINTS, Bigint, bit_count),
    scalar("bitwise_and", BIGINTS, Bigint, |a| Ok(Value::Integer(a.integer(0)? & a.integer(1)?))),
    scalar("bitwise_not", &[Bigint], Bigint, |a| Ok(Value::Integer(!a.integer(0)?))),
    scalar("bitwise_or", BIGINTS, Bigint, |a| Ok(Value::Integer(a.integer(0)? | a.integer(1)?))),
    scalar("bitwise_xor", BIGINTS, Bigint, |a| Ok(Value::Integer(a.integer(0)? ^ a.integer(1)?))),
    scalar("width_bucket", &[Double, Double, Double, Bigint], Bigint, width_bucket),
    scalar("pi", &[], Double, |_| real(std::f64::consts::PI)),
    scalar("e", &[], Double, |_| real(std::f64::consts::E)),
    scalar("infinity", &[], Double, |_| real(f64::INFINITY)),
    scalar("nan", &[], Double, |_| real(f64::NAN)),
    scalar("is_finite", &[Double], ColumnType::Boolean, |a| Ok(Value::from(a.double(0)?.is_finite()))),
    scalar("is_infinite", &[Double], ColumnType::Boolean, |a| Ok(Value::from(a.double(0)?.is_infinite()))),
    scalar("is_nan", &[Double], ColumnType::Boolean, |a| Ok(Value::from(a.double(0)?.is_nan()))),
];

fn bigint(a: &Arguments<'_, '_>, sign: &str, operation: fn(i64, i64) -> Option<i64>) -> Outcome {
    let (left, right) = (a.integer(0)?, a.integer(1)?);
    match operation(left, right) {
        Some(number) => Ok(Value::Integer(number)),
        None => Err(Failure(format!("bigint overflow: {left} {sign} {right}"))),
    }
}

fn divided(a: &Arguments<'_, '_>, sign: &str, operation: fn(i64, i64) -> Option<i64>) -> Outcome {
    if a.integer(1)? == 0 {
        return Err("Division by zero".into());
    }
    bigint(a, sign, operation)
}

/// The ones of a number in two's complement of so many bits.
fn bit_count(a: &Arguments<'_, '_>) -> Outcome {
    let (number, bits) = (a.integer(0)?, a.integer(1)?);
    if !(2..=64).contains(&bits) {
        return Err(Failure(format!("Bits specified in bit_count must be between 2 and 64, got {bits}")));
    }
    let unused = 64 - bits as u32;
    if number << unused >> unused != number {
        return Err(Failure(format!("{number} cannot be represented with {bits} bits")));
    }
    Ok(Value::Integer((number << unused).count_ones().into()))
}

fn interval_part(a: &Arguments<'_, '_>) -> Outcome {
    let (units, divisor) = (a.integer(0)?, a.double(1)?);
    if divisor == 0.0 {
        return Err("Division by zero".into());
    }
    interval(units as f64 / divisor)
}

/// An interval of so many units. A part of a unit is left out.
fn interval(units: f64) -> Outcome {
    // 2^63, the first double beyond an i64.
    match units.abs() < 9_223_372_036_854_775_808.0 {
        true => Ok(Value::Integer(units as i64)),
        false => Err("The interval is out of range".into()),
    }
}

fn remainder(a: &Arguments<'_, '_>) -> Outcome {
    divided(a, "%", |left, right| Some(left.wrapping_rem(right)))
}

fn negated(a: &Arguments<'_, '_>) -> Outcome {
    let number = a.integer(0)?;
    number.checked_neg().map(Value::Integer).ok_or_else(|| Failure(format!("bigint negation overflow: {number}")))
}

fn absolute(a: &Arguments<'_, '_>) -> Outcome {
    let number = a.integer(0)?;
    number.checked_abs().map(Value::Integer).ok_or_else(|| Failure(format!("Value {number} is out of range for abs")))
}

/// Keeps an INTEGER's result within 32 bits.
fn integer(outcome: Outcome) -> Outcome {
    match outcome? {
        Value::Integer(number) if i32::try_from(number).is_err() => Err(Failure(format!("integer overflow: {number}"))),
        value => Ok(value),
    }
}

/// Java's `Math.pow`. That of C is 1 where the base is 1, or −1 and the exponent infinite.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite()) { f64::NAN } else { base.powf(exponent) }
}

/// Beyond 2^53 all doubles are whole.
const ALL_WHOLE: f64 = 9_007_199_254_740_992.0;

fn rounded(number: f64, decimals: i64) -> Outcome {
    if number == 0.0 {
        // Presto rounds -0.0 to 0.0, but -0.4 to -0.0.
        return real(0.0);
    }
    let factor = 10f64.powi(i32::try_from(decimals).unwrap_or(i32::MAX));
    let scaled = number * factor;
    if scaled.is_nan() || scaled.abs() >= ALL_WHOLE || factor == 0.0 {
        return real(number);
    }
    real(scaled.round() / factor)
}

/// Halves go away from zero.
fn rounded_whole(a: &Arguments<'_, '_>) -> Outcome {
    let (number, decimals) = (a.integer(0)?, a.integer(1)?);
    if decimals >= 0 {
        return Ok(Value::Integer(number));
    }
    let Some(unit) = u32::try_from(-decimals).ok().and_then(|places| 10i128.checked_pow(places)) else {
        return Ok(Value::Integer(0));
    };
    let rounded = (i128::from(number) + i128::from(number.signum()) * unit / 2) / unit * unit;
    i64::try_from(rounded)
        .map(Value::Integer)
        .map_err(|_| Failure(format!("bigint overflow: round({number}, {decimals})")))
}

/// The bucket of a value where `count` buckets of one width lie between two bounds, which may descend.
fn width_bucket(a: &Arguments<'_, '_>) -> Outcome {
    let (number, first, second, count) = (a.double(0)?, a.double(1)?, a.double(2)?, a.integer(3)?);
    if count <= 0 {
        return Err("bucketCount must be greater than 0".into());
    }
    if number.is_nan() {
        return Err("operand must not be NaN".into());
    }
    if !first.is_finite() {
        return Err("first bound must be finite".into());
    }
    if !second.is_finite() {
        return Err("second bound must be finite".into());
    }
    if first == second {
        return Err("bounds cannot equal each other".into());
    }
    bucket(number, first, second, count)
        .map(Value::Integer)
        .ok_or_else(|| Failure(format!("Bucket for value {number:?} is out of range")))
}

/// The bucket, if it is a BIGINT. `None` also if its place overflows a double, where Presto
/// answers a wrong bucket.
fn bucket(number: f64, first: f64, second: f64, count: i64) -> Option<i64> {
    let (lower, upper) = (first.min(second), first.max(second));
    let ascending = if number < lower {
        0
    } else if number >= upper {
        count.checked_add(1)?
    } else {
        let place = count as f64 * (number - lower) / (upper - lower) + 1.0;
        if !place.is_finite() {
            return None;
        }
        place as i64
    };
    if first < second { Some(ascending) } else { (count - ascending).checked_add(1) }
}
