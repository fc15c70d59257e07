//! Time series and arrays: interpolation, integrals, sequences, and what UNNEST needs.

use rusqlite::types::{Value, ValueRef};

use super::super::failure::Failure;
use super::super::series::{self, Entries};
use super::super::types::ColumnType::{
    self, Array, Bigint, Boolean, Double, Integer, IntervalDayToSecond, TimeSeries, Timestamp, Varchar,
};
use super::scalar::{Arguments, Outcome, Scalar, real, scalar, text};
use crate::calendar::{SECOND, timestamp_text};

/// Entries that SEQUENCE may make, as in Presto.
const MAX_SEQUENCE: i64 = 10_000;

const DOUBLES: ColumnType = TimeSeries(&Double);
const BIGINTS: ColumnType = TimeSeries(&Bigint);
const INTEGERS: ColumnType = TimeSeries(&Integer);
const TIMES: ColumnType = Array(&Timestamp);

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("interpolate_linear", &[DOUBLES, TIMES], DOUBLES, |a| filled(a, linear)),
    scalar("interpolate_linear", &[BIGINTS, TIMES], DOUBLES, |a| filled(a, linear)),
    scalar("interpolate_linear", &[INTEGERS, TIMES], DOUBLES, |a| filled(a, linear)),
    scalar("interpolate_linear", &[DOUBLES, Timestamp], Double, |a| point(a, linear)),
    scalar("interpolate_linear", &[BIGINTS, Timestamp], Double, |a| point(a, linear)),
    scalar("interpolate_linear", &[INTEGERS, Timestamp], Double, |a| point(a, linear)),
    scalar("interpolate_locf", &[DOUBLES, TIMES], DOUBLES, |a| filled(a, last_observation)),
    scalar("interpolate_locf", &[DOUBLES, Timestamp], Double, |a| point(a, last_observation)),
    scalar("interpolate_fill", &[DOUBLES, TIMES, Double], DOUBLES, |a| {
        let fill = a.double(2)?;
        filled(a, |points, time| Ok(observed(points, time).unwrap_or(fill)))
    }),
    scalar("interpolate_fill", &[DOUBLES, Timestamp, Double], Double, |a| {
        let fill = a.double(2)?;
        point(a, |points, time| Ok(observed(points, time).unwrap_or(fill)))
    }),
    scalar("integral_trapezoidal", &[DOUBLES], Double, |a| integral(a, SECOND)),
    scalar("integral_trapezoidal", &[BIGINTS], Double, |a| integral(a, SECOND)),
    scalar("integral_trapezoidal", &[INTEGERS], Double, |a| integral(a, SECOND)),
    scalar("integral_trapezoidal", &[DOUBLES, IntervalDayToSecond], Double, |a| integral(a, a.integer(1)?)),
    scalar("integral_trapezoidal", &[BIGINTS, IntervalDayToSecond], Double, |a| integral(a, a.integer(1)?)),
    scalar("integral_trapezoidal", &[INTEGERS, IntervalDayToSecond], Double, |a| integral(a, a.integer(1)?)),
    scalar("sequence", &[Timestamp, Timestamp, IntervalDayToSecond], TIMES, sequence),
    scalar("sequence", &[Bigint, Bigint, Bigint], Array(&Bigint), sequence),
    scalar("cardinality", &[DOUBLES], Bigint, cardinality),
    scalar("cardinality", &[BIGINTS], Bigint, cardinality),
    scalar("cardinality", &[INTEGERS], Bigint, cardinality),
    scalar("cardinality", &[TimeSeries(&Varchar)], Bigint, cardinality),
    scalar("cardinality", &[TimeSeries(&Boolean)], Bigint, cardinality),
    scalar("cardinality", &[TIMES], Bigint, cardinality),
    scalar("cardinality", &[Array(&Bigint)], Bigint, cardinality),
    // A JSON array of texts for SQLite's json_each. Each text is a time and a value, a double written as its bits.
    scalar("$entries", &[DOUBLES], Varchar, |a| {
        let entries = Entries::read(a.raw(0))?.iter().map(|(time, value)| match value {
            ValueRef::Real(number) => format!("{time}:{}", number.to_bits()),
            ValueRef::Integer(number) => format!("{time}:{number}"),
            other => format!("{time}:{}", other.as_str().unwrap_or_default()),
        });
        text(serde_json::Value::from_iter(entries).to_string())
    }),
    scalar("$entry_time", &[Varchar], Timestamp, |a| whole(a.text(0)?.split_once(':').map(|(time, _)| time))),
    scalar("$entry_integer", &[Varchar], Bigint, |a| whole(entry_value(a)?)),
    scalar("$entry_text", &[Varchar], Varchar, |a| text(entry_value(a)?.unwrap_or_default())),
    scalar("$entry_double", &[Varchar], Double, |a| {
        let bits = entry_value(a)?.and_then(|bits| bits.parse().ok());
        bits.map_or_else(|| Err("An entry has no number".into()), |bits| real(f64::from_bits(bits)))
    }),
];

fn entry_value<'a>(a: &'a Arguments<'_, '_>) -> Result<Option<&'a str>, Failure> {
    Ok(a.text(0)?.split_once(':').map(|(_, value)| value))
}

fn whole(text: Option<&str>) -> Outcome {
    let number = text.and_then(|text| text.parse().ok());
    number.map(Value::Integer).ok_or_else(|| "An entry has no number".into())
}

fn cardinality(a: &Arguments<'_, '_>) -> Outcome {
    Ok(Value::Integer(Entries::read(a.raw(0))?.len() as i64))
}

fn sequence(a: &Arguments<'_, '_>) -> Outcome {
    let (start, stop, step) = (a.integer(0)?, a.integer(1)?, a.integer(2)?);
    if step == 0 {
        return Err("step must not be zero".into());
    }
    if (stop < start) != (step < 0) && start != stop {
        return Err("sequence stop value should be greater than or equal to start value if step is greater than zero \
                    otherwise stop should be less than or equal to start"
            .into());
    }
    let steps = (i128::from(stop) - i128::from(start)) / i128::from(step);
    if steps >= i128::from(MAX_SEQUENCE) {
        return Err(Failure(format!("result of sequence function must not have more than {MAX_SEQUENCE} entries")));
    }
    let entries: Vec<_> = (0..=steps as i64).map(|index| (0, Value::Integer(start + index * step))).collect();
    series::write(&entries)
}

type Points<'p> = &'p [(i64, f64)];

fn observed(points: Points<'_>, time: i64) -> Option<f64> {
    let index = points.binary_search_by_key(&time, |(time, _)| *time).ok()?;
    points.get(index).map(|(_, value)| *value)
}

fn last_before(points: Points<'_>, time: i64) -> Option<(i64, f64)> {
    let after = points.partition_point(|(own, _)| *own < time);
    points.get(after.checked_sub(1)?).copied()
}

fn linear(points: Points<'_>, time: i64) -> Result<f64, Failure> {
    if let Some(value) = observed(points, time) {
        return Ok(value);
    }
    let after = points.get(points.partition_point(|(own, _)| *own <= time)).copied();
    match (last_before(points, time), after) {
        (Some((from, start)), Some((to, end))) => {
            Ok(start + (end - start) * ((time - from) as f64 / (to - from) as f64))
        }
        _ => Err(outside("interpolate_linear", time)),
    }
}

fn last_observation(points: Points<'_>, time: i64) -> Result<f64, Failure> {
    let last = observed(points, time).or_else(|| last_before(points, time).map(|(_, value)| value));
    last.ok_or_else(|| outside("interpolate_locf", time))
}

fn outside(function: &str, time: i64) -> Failure {
    Failure(format!("{function} at {}, outside of the time series, is not supported", timestamp_text(time)))
}

fn point(a: &Arguments<'_, '_>, value: impl Fn(Points<'_>, i64) -> Result<f64, Failure>) -> Outcome {
    real(value(&Entries::read(a.raw(0))?.numbers(), a.integer(1)?)?)
}

fn filled(a: &Arguments<'_, '_>, value: impl Fn(Points<'_>, i64) -> Result<f64, Failure>) -> Outcome {
    let points = Entries::read(a.raw(0))?.numbers();
    let mut entries = Vec::new();
    for (_, time) in Entries::read(a.raw(1))?.iter() {
        let time = time.as_i64().map_err(|error| Failure(error.to_string()))?;
        entries.push((time, Value::Real(value(&points, time)?)));
    }
    by_time(entries)
}

/// A time series of entries in any order.
pub(crate) fn by_time(mut entries: Vec<(i64, Value)>) -> Outcome {
    entries.sort_by_key(|(time, _)| *time);
    if let Some([(time, _), _]) = entries.array_windows().find(|[one, two]| one.0 == two.0) {
        return Err(Failure(format!(
            "Duplicate timestamps are not allowed in a timeseries. Timestamp: {}",
            timestamp_text(*time)
        )));
    }
    series::write(&entries)
}

fn integral(a: &Arguments<'_, '_>, unit: i64) -> Outcome {
    if unit <= 0 {
        return Err("The interval of integral_trapezoidal must be positive".into());
    }
    let points = Entries::read(a.raw(0))?.numbers();
    let areas = points.array_windows().map(|[(from, start), (to, end)]| (start + end) / 2.0 * (to - from) as f64);
    real(areas.sum::<f64>() / unit as f64)
}
