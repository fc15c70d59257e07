//! The shape of one column of numbers, and how two depend on each other.
//!
//! Moments are gathered in one pass (Pébay, "Formulas for robust, one-pass parallel computation of covariances and
//! arbitrary-order statistical moments", 2008). What there are too few values for is NULL, as in Trino.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context};
use rusqlite::types::Value;

use super::aggregates::flags;
use super::nan::{self, number};

/// Registers `ts_geometric_mean`, `ts_skewness`, `ts_kurtosis`, `ts_covar_pop`, `ts_covar_samp`, `ts_corr`,
/// `ts_regr_slope` and `ts_regr_intercept`.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let one = |name: &str, result: fn(&Moments) -> Option<f64>| {
        connection.create_aggregate_function(name, 1, flags(), Shape { result })
    };
    one("ts_geometric_mean", |shape| (shape.count > 0.0).then(|| (shape.logarithms / shape.count).exp()))?;
    one("ts_skewness", |Moments { count, second, third, .. }| {
        (*count >= 3.0).then(|| count.sqrt() * third / second.powf(1.5))
    })?;
    one("ts_kurtosis", |Moments { count: n, second, fourth, .. }| {
        let below = (n - 2.0) * (n - 3.0);
        (*n >= 4.0).then(|| {
            (n - 1.0) * n * (n + 1.0) / below * fourth / (second * second) - 3.0 * (n - 1.0) * (n - 1.0) / below
        })
    })?;
    let two = |name: &str, result: fn(&Pairs) -> Option<f64>| {
        connection.create_aggregate_function(name, 2, flags(), Dependence { result })
    };
    two("ts_covar_pop", |pairs| (pairs.count > 0.0).then(|| pairs.products / pairs.count))?;
    two("ts_covar_samp", |pairs| (pairs.count > 1.0).then(|| pairs.products / (pairs.count - 1.0)))?;
    two("ts_corr", |pairs| finite(pairs.products / (pairs.squares_of_one * pairs.squares_of_two).sqrt()))?;
    two("ts_regr_slope", |pairs| finite(pairs.slope()))?;
    two("ts_regr_intercept", |pairs| finite(pairs.mean_of_one - pairs.slope() * pairs.mean_of_two))
}

fn finite(number: f64) -> Option<f64> {
    Some(number).filter(|number| number.is_finite())
}

/// An aggregate of one column.
struct Shape {
    result: fn(&Moments) -> Option<f64>,
}

/// The sums of the powers of the distances from the mean.
#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    second: f64,
    third: f64,
    fourth: f64,
    logarithms: f64,
}

impl Aggregate<Moments, Option<Value>> for Shape {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Moments> {
        Ok(Moments::default())
    }

    fn step(&self, context: &mut Context<'_>, moments: &mut Moments) -> rusqlite::Result<()> {
        let Some(number) = number(context.get_raw(0)) else { return Ok(()) };
        let before = moments.count;
        let n = before + 1.0;
        let distance = number - moments.mean;
        let part = distance / n;
        let square = distance * part * before;
        moments.count = n;
        moments.mean += part;
        moments.fourth += square * part * part * (n * n - 3.0 * n + 3.0) + 6.0 * part * part * moments.second
            - 4.0 * part * moments.third;
        moments.third += square * part * (n - 2.0) - 3.0 * part * moments.second;
        moments.second += square;
        moments.logarithms += number.ln();
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, moments: Option<Moments>) -> rusqlite::Result<Option<Value>> {
        Ok(moments.and_then(|moments| (self.result)(&moments)).map(nan::held))
    }
}

/// An aggregate of two columns, of which the second is the independent one.
struct Dependence {
    result: fn(&Pairs) -> Option<f64>,
}

/// The sums of squares and products of the distances from the means.
#[derive(Default)]
struct Pairs {
    count: f64,
    mean_of_one: f64,
    mean_of_two: f64,
    squares_of_one: f64,
    squares_of_two: f64,
    products: f64,
}

impl Pairs {
    fn slope(&self) -> f64 {
        self.products / self.squares_of_two
    }
}

impl Aggregate<Pairs, Option<Value>> for Dependence {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Pairs> {
        Ok(Pairs::default())
    }

    fn step(&self, context: &mut Context<'_>, pairs: &mut Pairs) -> rusqlite::Result<()> {
        let (Some(one), Some(two)) = (number(context.get_raw(0)), number(context.get_raw(1))) else { return Ok(()) };
        pairs.count += 1.0;
        let (from_one, from_two) = (one - pairs.mean_of_one, two - pairs.mean_of_two);
        pairs.mean_of_one += from_one / pairs.count;
        pairs.mean_of_two += from_two / pairs.count;
        pairs.squares_of_one += from_one * (one - pairs.mean_of_one);
        pairs.squares_of_two += from_two * (two - pairs.mean_of_two);
        pairs.products += from_one * (two - pairs.mean_of_two);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, pairs: Option<Pairs>) -> rusqlite::Result<Option<Value>> {
        Ok(pairs.and_then(|pairs| (self.result)(&pairs)).map(nan::held))
    }
}
