//! The aggregates that SQLite lacks.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};

use super::failure::Failure;
use super::functions::by_time;
use super::nan::{self, number};
use super::series::{Entries, MAX_ENTRIES, Writer};

/// Values that one group of `approx_percentile` may hold.
const MAX_PERCENTILE_VALUES: usize = 16_000_000;

/// Registers `ts_stddev_samp`, `ts_stddev_pop`, `ts_var_samp`, `ts_var_pop`, `ts_approx_percentile`, `ts_min_by`,
/// `ts_max_by` and `ts_create_time_series`.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let add = |name: &str, aggregate: Spread| connection.create_aggregate_function(name, 1, flags(), aggregate);
    add("ts_stddev_samp", Spread { sample: true, root: true })?;
    add("ts_stddev_pop", Spread { sample: false, root: true })?;
    add("ts_var_samp", Spread { sample: true, root: false })?;
    add("ts_var_pop", Spread { sample: false, root: false })?;
    connection.create_aggregate_function("ts_approx_percentile", 2, flags(), Percentile)?;
    connection.create_aggregate_function("ts_min_by", 2, flags(), By { greatest: false })?;
    connection.create_aggregate_function("ts_max_by", 2, flags(), By { greatest: true })?;
    connection.create_aggregate_function("ts_create_time_series", 2, flags(), CreateTimeSeries)
}

pub(super) fn flags() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC
}

pub(super) fn fail<T>(text: impl Into<String>) -> rusqlite::Result<T> {
    Err(rusqlite::Error::UserFunctionError(Box::new(Failure(text.into()))))
}

/// Variance by Welford's method, and its root.
struct Spread {
    sample: bool,
    root: bool,
}

#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Aggregate<Moments, Option<Value>> for Spread {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Moments> {
        Ok(Moments::default())
    }

    fn step(&self, context: &mut Context<'_>, moments: &mut Moments) -> rusqlite::Result<()> {
        if let Some(number) = number(context.get_raw(0)) {
            moments.count += 1.0;
            let distance = number - moments.mean;
            moments.mean += distance / moments.count;
            moments.squares += distance * (number - moments.mean);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, moments: Option<Moments>) -> rusqlite::Result<Option<Value>> {
        let Some(moments) = moments else { return Ok(None) };
        let divisor = if self.sample { moments.count - 1.0 } else { moments.count };
        if divisor <= 0.0 {
            return Ok(None);
        }
        let variance = moments.squares / divisor;
        Ok(Some(nan::held(if self.root { variance.sqrt() } else { variance })))
    }
}

/// The exact percentile: the value that as many others are below as the percentile says. Where that lies between two
/// values it is the upper one, as Trino has it. The service may answer any value near it.
struct Percentile;

impl Aggregate<(Vec<f64>, f64), Option<f64>> for Percentile {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<(Vec<f64>, f64)> {
        Ok((Vec::new(), 0.0))
    }

    fn step(&self, context: &mut Context<'_>, (values, percentile): &mut (Vec<f64>, f64)) -> rusqlite::Result<()> {
        if let Some(value) = number(context.get_raw(0)) {
            match number(context.get_raw(1)) {
                Some(wanted) if (0.0..=1.0).contains(&wanted) => *percentile = wanted,
                _ => return fail("Percentile must be between 0 and 1"),
            }
            if value.is_nan() {
                return fail("approx_percentile of NaN is not supported");
            }
            if values.len() >= MAX_PERCENTILE_VALUES {
                return fail("Too many values for approx_percentile");
            }
            values.push(value);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, state: Option<(Vec<f64>, f64)>) -> rusqlite::Result<Option<f64>> {
        let Some((mut values, percentile)) = state else { return Ok(None) };
        if values.is_empty() {
            return Ok(None);
        }
        let index = ((percentile * values.len() as f64) as usize).min(values.len() - 1);
        let (_, value, _) = values.select_nth_unstable_by(index, f64::total_cmp);
        Ok(Some(*value))
    }
}

/// The first argument where the second is least or greatest. The first row wins a tie.
struct By {
    greatest: bool,
}

impl Aggregate<Option<(Value, Value)>, Value> for By {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Option<(Value, Value)>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, best: &mut Option<(Value, Value)>) -> rusqlite::Result<()> {
        let key = Value::try_from(context.get_raw(1))
            .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(Failure(error.to_string()))))?;
        if key == Value::Null {
            return Ok(());
        }
        let better = best.as_ref().is_none_or(|(current, _)| goes_before(&key, current, self.greatest));
        if better {
            *best = Some((key, Value::try_from(context.get_raw(0)).unwrap_or(Value::Null)));
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, best: Option<Option<(Value, Value)>>) -> rusqlite::Result<Value> {
        Ok(best.flatten().map_or(Value::Null, |(_, value)| value))
    }
}

/// Whether a value is greater than another, or less if the least are wanted. All others go before NaN.
pub(super) fn goes_before(value: &Value, other: &Value, greatest: bool) -> bool {
    let (least, most) = if greatest { (other, value) } else { (value, other) };
    match (least, most) {
        (Value::Integer(least), Value::Integer(most)) => least < most,
        (Value::Text(least), Value::Text(most)) => least < most,
        _ if nan::is_nan(other.into()) => !nan::is_nan(value.into()),
        _ => match (number(least.into()), number(most.into())) {
            (Some(least), Some(most)) => least < most,
            _ => false,
        },
    }
}

/// The values by their times.
struct CreateTimeSeries;

impl Aggregate<Writer, Value> for CreateTimeSeries {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Writer> {
        Ok(Writer::default())
    }

    fn step(&self, context: &mut Context<'_>, entries: &mut Writer) -> rusqlite::Result<()> {
        let ValueRef::Integer(time) = context.get_raw(0) else {
            return fail("The time of a time series cannot be null");
        };
        if entries.len() >= MAX_ENTRIES && context.get_raw(1) != ValueRef::Null {
            return fail(format!("A time series may not have more than {MAX_ENTRIES} entries"));
        }
        entries.push(time, context.get_raw(1)).or_else(|failure| fail(failure.0))
    }

    fn finalize(&self, _: &mut Context<'_>, entries: Option<Writer>) -> rusqlite::Result<Value> {
        let Some(entries) = entries else { return Ok(Value::Null) };
        let ascends = entries.ascends();
        let blob = entries.finish();
        if ascends {
            return Ok(Value::Blob(blob));
        }
        sorted(&blob).or_else(|failure| fail(failure.0))
    }
}

fn sorted(blob: &[u8]) -> Result<Value, Failure> {
    let mut entries = Vec::new();
    for (time, value) in Entries::read(ValueRef::Blob(blob))?.iter() {
        entries.push((time, Value::try_from(value).map_err(|error| Failure(error.to_string()))?));
    }
    by_time(entries)
}
