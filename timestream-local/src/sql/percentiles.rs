//! `approx_percentile` of several percentages at once, and of values with weights. Both are exact.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context};
use rusqlite::types::{Value, ValueRef};

use super::aggregates::{fail, flags};
use super::list;
use super::nan::number;

/// Values that one group may hold.
const MAX_VALUES: usize = 8_000_000;

/// Registers `ts_approx_percentiles` of a value and a percentage, and `ts_weighted_percentiles` of a value, its weight and a
/// percentage. An array of percentages makes an array.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_aggregate_function("ts_approx_percentiles", 2, flags(), Percentiles { weighted: false })?;
    connection.create_aggregate_function("ts_weighted_percentiles", 3, flags(), Percentiles { weighted: true })
}

struct Percentiles {
    weighted: bool,
}

/// The values of a group, with their weights.
#[derive(Default)]
struct Group {
    values: Vec<(f64, i64)>,
    are_integers: bool,
    percentages: Vec<f64>,
    /// The percentages are an array.
    are_several: bool,
}

impl Group {
    /// Reads the percentages, which are the same in each row.
    fn read(&mut self, percentages: ValueRef<'_>) -> rusqlite::Result<()> {
        self.are_several = list::is_list(percentages);
        let all = match self.are_several {
            true => list::read(percentages).or_else(|failure| fail(failure.0))?,
            false => vec![percentages],
        };
        for percentage in all {
            match number(percentage) {
                Some(wanted) if (0.0..=1.0).contains(&wanted) => self.percentages.push(wanted),
                _ => return fail("Percentile must be between 0 and 1"),
            }
        }
        Ok(())
    }

    /// The values of the percentages: each the first beyond so much of all weights.
    fn results(mut self) -> Vec<Value> {
        self.values.sort_by(|(one, _), (two, _)| one.total_cmp(two));
        let total: i128 = self.values.iter().map(|(_, weight)| i128::from(*weight)).sum();
        let mut sum = 0;
        let up_to = |(_, weight): &(f64, i64)| {
            sum += i128::from(*weight);
            sum
        };
        let sums: Vec<i128> = self.values.iter().map(up_to).collect();
        let value = |percentage: &f64| {
            let rank = ((percentage * total as f64) as i128).min(total - 1);
            let found = self.values.get(sums.partition_point(|sum| *sum <= rank));
            match found {
                Some((value, _)) if self.are_integers => Value::Integer(*value as i64),
                Some((value, _)) => Value::Real(*value),
                None => Value::Null,
            }
        };
        self.percentages.iter().map(value).collect()
    }
}

impl Aggregate<Group, Option<Value>> for Percentiles {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Group> {
        Ok(Group::default())
    }

    fn step(&self, context: &mut Context<'_>, group: &mut Group) -> rusqlite::Result<()> {
        let weight = match (self.weighted, context.get_raw(1)) {
            (false, _) => 1,
            (true, ValueRef::Integer(weight @ 1..)) => weight,
            (true, ValueRef::Null) => return Ok(()),
            _ => return fail("Percentile weight must be > 0"),
        };
        if group.percentages.is_empty() {
            group.read(context.get_raw(if self.weighted { 2 } else { 1 }))?;
        }
        let value = context.get_raw(0);
        if let Some(number) = number(value) {
            if number.is_nan() {
                return fail("approx_percentile of NaN is not supported");
            }
            if group.values.len() >= MAX_VALUES {
                return fail("Too many values for approx_percentile");
            }
            group.are_integers = matches!(value, ValueRef::Integer(_));
            group.values.push((number, weight));
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, group: Option<Group>) -> rusqlite::Result<Option<Value>> {
        let Some(group) = group.filter(|group| !group.values.is_empty()) else { return Ok(None) };
        let are_several = group.are_several;
        let results = group.results();
        if !are_several {
            return Ok(results.into_iter().next());
        }
        list::write(results.iter().map(ValueRef::from)).map(Some).or_else(|failure| fail(failure.0))
    }
}
