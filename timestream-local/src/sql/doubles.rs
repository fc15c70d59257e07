//! What SQLite answers otherwise of doubles that may be NaN or infinite.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::{Value, ValueRef};

use super::aggregates::flags;
use super::nan;

/// Registers `ts_between` of a value and two bounds, and the aggregates `ts_sum` and `ts_avg`.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("ts_between", 3, flags(), |context| {
        let [value, low, high] = [0, 1, 2].map(|index| nan::number(context.get_raw(index)));
        let reaches = |from: Option<f64>, to: Option<f64>| Some(from? <= to?);
        Ok(match (reaches(low, value), reaches(value, high)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        })
    })?;
    connection.create_window_function("ts_sum", 1, flags(), Total { mean: false })?;
    connection.create_window_function("ts_avg", 1, flags(), Total { mean: true })
}

/// The sum of doubles, or their mean.
struct Total {
    mean: bool,
}

/// The doubles of a group or frame.
#[derive(Default)]
struct Sum {
    count: i64,
    nans: i64,
    infinities: i64,
    negative_infinities: i64,
    /// The sum of the finite ones, and what rounding has lost of it (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur
    /// Summation endlicher Summen", 1974).
    finite: f64,
    lost: f64,
}

impl Sum {
    /// Adds a double, or takes it away with the sign −1.
    fn add(&mut self, value: ValueRef<'_>, sign: i8) {
        let Some(number) = nan::number(value) else { return };
        let one = i64::from(sign);
        self.count += one;
        if number.is_nan() {
            self.nans += one;
        } else if number == f64::INFINITY {
            self.infinities += one;
        } else if number == f64::NEG_INFINITY {
            self.negative_infinities += one;
        } else {
            let number = number * f64::from(sign);
            let sum = self.finite + number;
            self.lost += match self.finite.abs() >= number.abs() {
                true => self.finite - sum + number,
                false => number - sum + self.finite,
            };
            self.finite = sum;
        }
    }

    fn total(&self) -> f64 {
        match (self.nans, self.infinities, self.negative_infinities) {
            (0, 0, 0) if self.lost.is_finite() => self.finite + self.lost,
            // The sum has passed what a double holds.
            (0, 0, 0) => self.finite,
            (0, _, 0) => f64::INFINITY,
            (0, 0, _) => f64::NEG_INFINITY,
            _ => f64::NAN,
        }
    }
}

impl Total {
    fn of(&self, sum: &Sum) -> Option<Value> {
        let divisor = if self.mean { sum.count as f64 } else { 1.0 };
        (sum.count > 0).then(|| nan::held(sum.total() / divisor))
    }
}

impl Aggregate<Sum, Option<Value>> for Total {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Sum> {
        Ok(Sum::default())
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Sum) -> rusqlite::Result<()> {
        sum.add(context.get_raw(0), 1);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Sum>) -> rusqlite::Result<Option<Value>> {
        Ok(sum.and_then(|sum| self.of(&sum)))
    }
}

impl WindowAggregate<Sum, Option<Value>> for Total {
    fn value(&self, sum: Option<&mut Sum>) -> rusqlite::Result<Option<Value>> {
        Ok(sum.and_then(|sum| self.of(sum)))
    }

    fn inverse(&self, context: &mut Context<'_>, sum: &mut Sum) -> rusqlite::Result<()> {
        sum.add(context.get_raw(0), -1);
        Ok(())
    }
}
