//! Time series: interpolation, and what makes them of entries.

use rusqlite::types::Value;

use super::super::failure::Failure;
use super::super::list;
use super::super::series::{self, Entries};
use super::super::types::ColumnType::{self, Array, Bigint, Boolean, Double, Integer, TimeSeries, Timestamp, Varchar};
use super::super::types::Element;
use super::scalar::{Arguments, Outcome, Scalar, real, scalar};
use super::spline::Spline;
use crate::calendar::{between, timestamp_text};

const DOUBLES: ColumnType = TimeSeries(Element::Known(&Double));
const BIGINTS: ColumnType = TimeSeries(Element::Known(&Bigint));
const INTEGERS: ColumnType = TimeSeries(Element::Known(&Integer));
const TIMES: ColumnType = Array(Element::Known(&Timestamp));

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("interpolate_linear", &[DOUBLES, TIMES], DOUBLES, |a| filled(a, linear)),
    scalar("interpolate_linear", &[BIGINTS, TIMES], DOUBLES, |a| filled(a, linear)),
    scalar("interpolate_linear", &[INTEGERS, TIMES], DOUBLES, |a| filled(a, linear)),
    scalar("interpolate_linear", &[DOUBLES, Timestamp], Double, |a| point(a, linear)),
    scalar("interpolate_linear", &[BIGINTS, Timestamp], Double, |a| point(a, linear)),
    scalar("interpolate_linear", &[INTEGERS, Timestamp], Double, |a| point(a, linear)),
    scalar("interpolate_spline_cubic", &[DOUBLES, TIMES], DOUBLES, |a| {
        let spline = spline(a)?;
        filled(a, |_, time| curved(&spline, time))
    }),
    scalar("interpolate_spline_cubic", &[BIGINTS, TIMES], DOUBLES, |a| {
        let spline = spline(a)?;
        filled(a, |_, time| curved(&spline, time))
    }),
    scalar("interpolate_spline_cubic", &[INTEGERS, TIMES], DOUBLES, |a| {
        let spline = spline(a)?;
        filled(a, |_, time| curved(&spline, time))
    }),
    scalar("interpolate_spline_cubic", &[DOUBLES, Timestamp], Double, |a| real(curved(&spline(a)?, a.integer(1)?)?)),
    scalar("interpolate_spline_cubic", &[BIGINTS, Timestamp], Double, |a| real(curved(&spline(a)?, a.integer(1)?)?)),
    scalar("interpolate_spline_cubic", &[INTEGERS, Timestamp], Double, |a| real(curved(&spline(a)?, a.integer(1)?)?)),
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
    scalar("cardinality", &[DOUBLES], Bigint, cardinality),
    scalar("cardinality", &[BIGINTS], Bigint, cardinality),
    scalar("cardinality", &[INTEGERS], Bigint, cardinality),
    scalar("cardinality", &[TimeSeries(Element::Known(&Varchar))], Bigint, cardinality),
    scalar("cardinality", &[TimeSeries(Element::Known(&Boolean))], Bigint, cardinality),
];

fn cardinality(a: &Arguments<'_, '_>) -> Outcome {
    Ok(Value::Integer(Entries::read(a.raw(0))?.len() as i64))
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
        (Some((from, start)), Some((to, end))) => Ok(start + (end - start) * (between(from, time) / between(from, to))),
        _ => Err(outside("interpolate_linear", time)),
    }
}

fn last_observation(points: Points<'_>, time: i64) -> Result<f64, Failure> {
    let last = observed(points, time).or_else(|| last_before(points, time).map(|(_, value)| value));
    last.ok_or_else(|| outside("interpolate_locf", time))
}

fn spline(a: &Arguments<'_, '_>) -> Result<Spline, Failure> {
    Spline::through(Entries::read(a.raw(0))?.numbers())
        .ok_or_else(|| "interpolate_spline_cubic needs a time series of three points or more".into())
}

fn curved(spline: &Spline, time: i64) -> Result<f64, Failure> {
    spline.at(time).ok_or_else(|| outside("interpolate_spline_cubic", time))
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
    for time in list::read(a.raw(1))? {
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
