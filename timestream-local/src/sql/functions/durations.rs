//! Lengths of time as text.

use rusqlite::types::Value;

use super::super::failure::Failure;
use super::super::text::double;
use super::super::types::ColumnType::{Double, IntervalDayToSecond, Varchar};
use super::scalar::{Outcome, Scalar, scalar, text};
use crate::calendar::{DAY, SECOND};

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("parse_duration", &[Varchar], IntervalDayToSecond, |a| parsed(a.text(0)?)),
    scalar("human_readable_seconds", &[Double], Varchar, |a| readable(a.double(0)?)),
];

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
    let number: f64 = number.parse().map_err(|_| invalid())?;
    let milliseconds = (number * unit as f64 / 1e6).round();
    // An i64 holds so many milliseconds in nanoseconds.
    match milliseconds <= 9.2e12 {
        true => Ok(Value::Integer(milliseconds as i64 * 1_000_000)),
        false => Err(invalid()),
    }
}

/// `1 week, 2 hours, 1 second`.
fn readable(seconds: f64) -> Outcome {
    if !seconds.is_finite() {
        return Err(Failure(format!("Invalid argument found: {}", double(seconds))));
    }
    let mut left = seconds.round().abs();
    if left > 9e15 {
        return Err(Failure(format!("Invalid argument found: {}", double(seconds))));
    }
    let mut parts = Vec::new();
    for (unit, length) in [("week", 604_800.0), ("day", 86_400.0), ("hour", 3600.0), ("minute", 60.0), ("second", 1.0)]
    {
        let count = (left / length).floor();
        left -= count * length;
        if count > 0.0 {
            parts.push(format!("{count} {unit}{}", if count == 1.0 { "" } else { "s" }));
        }
    }
    let sign = if seconds.round() < 0.0 { "-" } else { "" };
    text(if parts.is_empty() { "0 seconds".to_owned() } else { format!("{sign}{}", parts.join(", ")) })
}
