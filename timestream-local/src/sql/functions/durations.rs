//! Lengths of time as text.

use rusqlite::types::Value;

use super::super::failure::Failure;
use super::super::text::double;
use super::super::types::ColumnType::{Bigint, Double, IntervalDayToSecond, IntervalYearToMonth, Varchar};
use super::scalar::{Arguments, Outcome, Scalar, scalar, text};
use crate::calendar::{DAY, SECOND};

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("parse_duration", &[Varchar], IntervalDayToSecond, |a| parsed(a.text(0)?)),
    scalar("human_readable_seconds", &[Double], Varchar, |a| readable(a.double(0)?)),
    scalar("day", &[IntervalDayToSecond], Bigint, |a| part(a, DAY, i64::MAX)),
    scalar("hour", &[IntervalDayToSecond], Bigint, |a| part(a, 3600 * SECOND, 24)),
    scalar("minute", &[IntervalDayToSecond], Bigint, |a| part(a, 60 * SECOND, 60)),
    scalar("second", &[IntervalDayToSecond], Bigint, |a| part(a, SECOND, 60)),
    scalar("millisecond", &[IntervalDayToSecond], Bigint, |a| part(a, SECOND / 1000, 1000)),
    scalar("year", &[IntervalYearToMonth], Bigint, |a| part(a, 12, i64::MAX)),
    scalar("month", &[IntervalYearToMonth], Bigint, |a| part(a, 1, 12)),
];

/// The whole units of an interval that do not make one of the next larger unit, which has `most` of them.
fn part(a: &Arguments<'_, '_>, unit: i64, most: i64) -> Outcome {
    Ok(Value::Integer(a.integer(0)? / unit % most))
}

/// Reads `42.8ms`, rounded to whole milliseconds, as Presto does.
fn parsed(duration: &str) -> Outcome {
    let invalid = || Failure(format!("duration is not a valid data duration string: {duration}"));
    let end = duration.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
    let (number, unit) = duration.split_at_checked(end).ok_or_else(invalid)?;
    let unit = match unit.trim_start() {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        "d" => DAY,
        other => return Err(Failure(format!("Unknown time unit: {other}"))),
    };
    // Digits stand on both sides of a point.
    if number.starts_with('.') || number.ends_with('.') {
        return Err(invalid());
    }
    let number: f64 = number.parse().map_err(|_| invalid())?;
    let milliseconds = (number * unit as f64 / 1e6).round();
    // An i64 holds so many milliseconds in nanoseconds.
    match milliseconds <= 9.2e12 {
        true => Ok(Value::Integer(milliseconds as i64 * 1_000_000)),
        false => Err(invalid()),
    }
}

/// `1 week, 2 hours, 1 second`, of a negative number too (Trino's rule). More seconds than an i64 has count as so many.
fn readable(seconds: f64) -> Outcome {
    if !seconds.is_finite() {
        return Err(Failure(format!("Invalid argument found: {}", double(seconds))));
    }
    let mut left = seconds.abs().round() as i64;
    let mut parts = Vec::new();
    for (unit, length) in [("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)] {
        let count = left / length;
        left %= length;
        if count > 0 {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    text(if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(", ") })
}
