//! `max` and `min` of several values, and `max_by` and `min_by` of several rows.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context};
use rusqlite::types::{Value, ValueRef};

use super::aggregates::{fail, flags, goes_before};
use super::list;

/// Values that one call may keep, as in Presto.
const MAX_KEPT: i64 = 10_000;

/// Registers `ts_max_n` and `ts_min_n` of a value and a count, and `ts_max_by_n` and `ts_min_by_n` of a value, what orders
/// it, and a count. Each makes an array.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_aggregate_function("ts_max_n", 2, flags(), Extremes { greatest: true, key: 0 })?;
    connection.create_aggregate_function("ts_min_n", 2, flags(), Extremes { greatest: false, key: 0 })?;
    connection.create_aggregate_function("ts_max_by_n", 3, flags(), Extremes { greatest: true, key: 1 })?;
    connection.create_aggregate_function("ts_min_by_n", 3, flags(), Extremes { greatest: false, key: 1 })
}

struct Extremes {
    greatest: bool,
    /// The place of what orders among the arguments. The count stands behind it.
    key: usize,
}

/// What is kept of a group: keys with their values, in the order of the result. Of equal keys the first row is first.
type Kept = Vec<(Value, Value)>;

impl Aggregate<Kept, Option<Value>> for Extremes {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Kept> {
        Ok(Vec::new())
    }

    fn step(&self, context: &mut Context<'_>, kept: &mut Kept) -> rusqlite::Result<()> {
        let count = match context.get_raw(self.key + 1) {
            ValueRef::Integer(count @ 1..=MAX_KEPT) => usize::try_from(count).unwrap_or_default(),
            _ => {
                return fail(format!(
                    "The number of values of max, min, max_by and min_by must be from 1 to {MAX_KEPT}"
                ));
            }
        };
        let owned = |index: usize| Value::try_from(context.get_raw(index)).or_else(|error| fail(error.to_string()));
        let key = owned(self.key)?;
        if key == Value::Null {
            return Ok(());
        }
        let place = kept.partition_point(|(other, _)| !goes_before(&key, other, self.greatest));
        if kept.len() < count || place < kept.len() {
            kept.insert(place, (key, owned(0)?));
            kept.truncate(count);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, kept: Option<Kept>) -> rusqlite::Result<Option<Value>> {
        let Some(kept) = kept.filter(|kept| !kept.is_empty()) else { return Ok(None) };
        match list::write(kept.iter().map(|(_, value)| ValueRef::from(value))) {
            Ok(list) => Ok(Some(list)),
            Err(failure) => fail(failure.0),
        }
    }
}
