//! Integrals, derivatives and correlations of time series.

use rusqlite::types::Value;

use super::super::series::Entries;
use super::super::types::ColumnType::{self, Bigint, Double, Integer, IntervalDayToSecond, TimeSeries};
use super::super::types::Element;
use super::scalar::{Arguments, Outcome, Scalar, real, scalar};
use super::timeseries::by_time;
use crate::calendar::{SECOND, between};

const DOUBLES: ColumnType = TimeSeries(Element::Known(&Double));
const BIGINTS: ColumnType = TimeSeries(Element::Known(&Bigint));
const INTEGERS: ColumnType = TimeSeries(Element::Known(&Integer));

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("integral_trapezoidal", &[DOUBLES], Double, |a| integral(a, SECOND)),
    scalar("integral_trapezoidal", &[BIGINTS], Double, |a| integral(a, SECOND)),
    scalar("integral_trapezoidal", &[INTEGERS], Double, |a| integral(a, SECOND)),
    scalar("integral_trapezoidal", &[DOUBLES, IntervalDayToSecond], Double, |a| integral(a, a.integer(1)?)),
    scalar("integral_trapezoidal", &[BIGINTS, IntervalDayToSecond], Double, |a| integral(a, a.integer(1)?)),
    scalar("integral_trapezoidal", &[INTEGERS, IntervalDayToSecond], Double, |a| integral(a, a.integer(1)?)),
    scalar("derivative_linear", &[DOUBLES, IntervalDayToSecond], DOUBLES, |a| derivative(a, |_| true)),
    scalar("derivative_linear", &[BIGINTS, IntervalDayToSecond], DOUBLES, |a| derivative(a, |_| true)),
    scalar("derivative_linear", &[INTEGERS, IntervalDayToSecond], DOUBLES, |a| derivative(a, |_| true)),
    scalar("non_negative_derivative_linear", &[DOUBLES, IntervalDayToSecond], DOUBLES, |a| derivative(a, |n| n >= 0.0)),
    scalar("non_negative_derivative_linear", &[BIGINTS, IntervalDayToSecond], DOUBLES, |a| derivative(a, |n| n >= 0.0)),
    scalar("non_negative_derivative_linear", &[INTEGERS, IntervalDayToSecond], DOUBLES, |a| {
        derivative(a, |n| n >= 0.0)
    }),
    scalar("correlate_pearson", &[DOUBLES, DOUBLES], Double, |a| correlation(a, |values| values)),
    scalar("correlate_pearson", &[BIGINTS, BIGINTS], Double, |a| correlation(a, |values| values)),
    scalar("correlate_pearson", &[INTEGERS, INTEGERS], Double, |a| correlation(a, |values| values)),
    scalar("correlate_spearman", &[DOUBLES, DOUBLES], Double, |a| correlation(a, ranks)),
    scalar("correlate_spearman", &[BIGINTS, BIGINTS], Double, |a| correlation(a, ranks)),
    scalar("correlate_spearman", &[INTEGERS, INTEGERS], Double, |a| correlation(a, ranks)),
];

fn integral(a: &Arguments<'_, '_>, unit: i64) -> Outcome {
    if unit <= 0 {
        return Err("The interval of integral_trapezoidal must be positive".into());
    }
    let points = Entries::read(a.raw(0))?.numbers();
    let areas = points.array_windows().map(|[(from, start), (to, end)]| (start + end) / 2.0 * between(*from, *to));
    real(areas.sum::<f64>() / unit as f64)
}

/// The change from each point to the next, per interval, at the time of the latter.
fn derivative(a: &Arguments<'_, '_>, is_wanted: fn(f64) -> bool) -> Outcome {
    let unit = a.integer(1)?;
    if unit <= 0 {
        return Err("The interval of a derivative must be positive".into());
    }
    let points = Entries::read(a.raw(0))?.numbers();
    let mut changes = Vec::new();
    for [(from, start), (to, end)] in points.array_windows() {
        let change = (end - start) / between(*from, *to) * unit as f64;
        if change.is_nan() && !is_wanted(change) {
            return Err("non_negative_derivative_linear of NaN is not supported".into());
        }
        if is_wanted(change) {
            changes.push((*to, real(change)?));
        }
    }
    by_time(changes)
}

/// Pearson's coefficient of what `scale` makes of the values of two time series.
fn correlation(a: &Arguments<'_, '_>, scale: fn(Vec<f64>) -> Vec<f64>) -> Outcome {
    let (one, two) = (Entries::read(a.raw(0))?.numbers(), Entries::read(a.raw(1))?.numbers());
    if !one.iter().map(|(time, _)| time).eq(two.iter().map(|(time, _)| time)) {
        return Err("The time series of a correlation must have the same timestamps".into());
    }
    if one.iter().chain(&two).any(|(_, value)| !value.is_finite()) {
        return Err("A correlation of NaN or infinity is not supported".into());
    }
    let values = |points: Vec<(i64, f64)>| scale(points.into_iter().map(|(_, value)| value).collect());
    let (one, two) = (values(one), values(two));
    let count = one.len() as f64;
    let (mean_of_one, mean_of_two) = (one.iter().sum::<f64>() / count, two.iter().sum::<f64>() / count);
    let (mut products, mut squares_of_one, mut squares_of_two) = (0.0, 0.0, 0.0);
    for (one, two) in one.iter().zip(&two) {
        let (one, two) = (one - mean_of_one, two - mean_of_two);
        products += one * two;
        squares_of_one += one * one;
        squares_of_two += two * two;
    }
    let coefficient: f64 = products / (squares_of_one.sqrt() * squares_of_two.sqrt());
    Ok(if coefficient.is_nan() { Value::Null } else { Value::Real(coefficient.clamp(-1.0, 1.0)) })
}

/// The rank of each value from 1. Equal values share the mean of theirs.
fn ranks(values: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    order.sort_by(|(_, one), (_, two)| (one + 0.0).total_cmp(&(two + 0.0)));
    let mut ranks = values;
    let mut before = 0;
    for equal in order.chunk_by(|(_, one), (_, two)| one == two) {
        let rank = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        for (place, _) in equal {
            if let Some(own) = ranks.get_mut(*place) {
                *own = rank;
            }
        }
        before += equal.len();
    }
    ranks
}
