//! CAST, each from one type to another, named `$cast_<target>`.

use rusqlite::types::Value;

use super::super::failure::Failure;
use super::super::text::{double as double_text, parse_double};
use super::super::types::ColumnType::{
    Bigint, Boolean, Date, Double, Integer, IntervalDayToSecond, Time, Timestamp, Varchar,
};
use super::instants::{days, given, instant};
use super::scalar::{Arguments, Outcome, Scalar, real, scalar, text};
use crate::calendar::{self, DAY};

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("$cast_varchar", &[Double], Varchar, |a| text(double_text(a.double(0)?))),
    scalar("$cast_varchar", &[Bigint], Varchar, |a| text(a.integer(0)?.to_string())),
    scalar("$cast_varchar", &[Integer], Varchar, |a| text(a.integer(0)?.to_string())),
    scalar("$cast_varchar", &[Boolean], Varchar, |a| text((a.integer(0)? != 0).to_string())),
    scalar("$cast_varchar", &[Timestamp], Varchar, |a| text(calendar::timestamp_text(a.integer(0)?))),
    scalar("$cast_varchar", &[Date], Varchar, |a| text(calendar::date_text(a.integer(0)?))),
    scalar("$cast_varchar", &[Time], Varchar, |a| text(calendar::clock_text(a.integer(0)?))),
    scalar("$cast_varchar", &[IntervalDayToSecond], Varchar, |a| text(calendar::interval_text(a.integer(0)?))),
    scalar("$cast_double", &[Varchar], Double, |a| match parse_double(a.text(0)?) {
        Some(number) => real(number),
        None => Err(impossible(a, "DOUBLE")),
    }),
    scalar("$cast_double", &[Bigint], Double, |a| real(a.double(0)?)),
    scalar("$cast_double", &[Integer], Double, |a| real(a.double(0)?)),
    scalar("$cast_double", &[Boolean], Double, |a| real(a.double(0)?)),
    scalar("$cast_bigint", &[Varchar], Bigint, |a| parsed(a, "BIGINT", i64::MIN)),
    scalar("$cast_bigint", &[Double], Bigint, |a| whole(a.double(0)?, i64::MIN as f64, "bigint")),
    scalar("$cast_bigint", &[Integer], Bigint, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("$cast_bigint", &[Boolean], Bigint, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("$cast_integer", &[Varchar], Integer, |a| parsed(a, "INT", i32::MIN.into())),
    scalar("$cast_integer", &[Double], Integer, |a| whole(a.double(0)?, i32::MIN.into(), "integer")),
    scalar("$cast_integer", &[Bigint], Integer, |a| {
        let number = a.integer(0)?;
        match i32::try_from(number) {
            Ok(_) => Ok(Value::Integer(number)),
            Err(_) => Err(Failure(format!("Out of range for integer: {number}"))),
        }
    }),
    scalar("$cast_integer", &[Boolean], Integer, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("$cast_boolean", &[Varchar], Boolean, |a| match a.text(0)?.to_ascii_lowercase().as_str() {
        "t" | "true" | "1" => Ok(Value::from(true)),
        "f" | "false" | "0" => Ok(Value::from(false)),
        _ => Err(impossible(a, "BOOLEAN")),
    }),
    scalar("$cast_boolean", &[Bigint], Boolean, |a| Ok(Value::from(a.integer(0)? != 0))),
    scalar("$cast_boolean", &[Integer], Boolean, |a| Ok(Value::from(a.integer(0)? != 0))),
    scalar("$cast_boolean", &[Double], Boolean, |a| Ok(Value::from(a.double(0)? != 0.0))),
    scalar("$cast_timestamp", &[Varchar], Timestamp, |a| match calendar::parse_spaced_timestamp(a.text(0)?) {
        Some(time) => given(time),
        None => Err(Failure(format!("Value cannot be cast to timestamp: {}", a.text(0)?))),
    }),
    scalar("$cast_timestamp", &[Date], Timestamp, |a| match a.integer(0)?.checked_mul(DAY) {
        Some(time) => instant(Some(time)),
        None => Err("Date is out of the range of timestamp".into()),
    }),
    scalar("$cast_time", &[Timestamp], Time, |a| Ok(Value::Integer(a.integer(0)?.rem_euclid(DAY)))),
    scalar("$cast_time", &[Varchar], Time, |a| match calendar::parse_clock_text(a.text(0)?) {
        Some(time) => Ok(Value::Integer(time)),
        None => Err(Failure(format!("Value cannot be cast to time: {}", a.text(0)?))),
    }),
    scalar("$cast_date", &[Timestamp], Date, |a| days(Some(a.integer(0)?))),
    scalar("$cast_date", &[Varchar], Date, |a| match calendar::parse_days(a.text(0)?) {
        Some(date) => days(date.checked_mul(DAY)),
        None => Err(Failure(format!("Value cannot be cast to date: {}", a.text(0)?))),
    }),
];

fn impossible(a: &Arguments<'_, '_>, target: &str) -> Failure {
    Failure(format!("Cannot cast '{}' to {target}", a.text(0).unwrap_or_default()))
}

fn parsed(a: &Arguments<'_, '_>, target: &str, least: i64) -> Outcome {
    // Java's parseLong, unlike its parseDouble, takes no spaces.
    match a.text(0)?.parse::<i64>() {
        Ok(number) if number >= least && number <= -(least + 1) => Ok(Value::Integer(number)),
        _ => Err(impossible(a, target)),
    }
}

/// Rounds half away from zero into `least` ≤ n < −`least`.
fn whole(number: f64, least: f64, target: &str) -> Outcome {
    let rounded = number.round();
    if rounded >= least && rounded < -least {
        return Ok(Value::Integer(rounded as i64));
    }
    Err(Failure(format!("Cannot cast double {} to {target}", double_text(number))))
}
