//! What makes arrays and rows of values, NULL among them.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context};
use rusqlite::types::{Value, ValueRef};

use super::aggregates::{fail, flags};
use super::failure::Failure;
use super::list::{self, Writer};

/// Registers `ts_list`, which makes an array or row of its arguments, `ts_zip`, which makes an array of rows of arrays,
/// `ts_zip_all`, which is NULL if any of them is, and `ts_array_agg`.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("ts_list", -1, flags(), |context| {
        list::write((0..context.len()).map(|index| context.get_raw(index))).or_else(failed)
    })?;
    connection.create_scalar_function("ts_zip", -1, flags(), |context| {
        zip((0..context.len()).map(|index| context.get_raw(index))).or_else(failed)
    })?;
    connection.create_scalar_function("ts_zip_all", -1, flags(), |context| {
        let arrays = || (0..context.len()).map(|index| context.get_raw(index));
        match arrays().any(|array| array == ValueRef::Null) {
            true => Ok(Value::Null),
            false => zip(arrays()).or_else(failed),
        }
    })?;
    connection.create_aggregate_function("ts_array_agg", 1, flags(), ArrayAgg)
}

fn failed<T>(failure: Failure) -> rusqlite::Result<T> {
    fail(failure.0)
}

/// A row of each first, each second element, and so on. Arrays that are shorter go on with NULL, and one that is NULL has
/// nothing else.
fn zip<'v>(arrays: impl Iterator<Item = ValueRef<'v>>) -> Result<Value, Failure> {
    let arrays = arrays.map(|array| if array == ValueRef::Null { Ok(Vec::new()) } else { list::read(array) });
    let arrays: Vec<Vec<ValueRef<'_>>> = arrays.collect::<Result<_, _>>()?;
    let mut rows = Writer::default();
    for index in 0..arrays.iter().map(Vec::len).max().unwrap_or(0) {
        let row = arrays.iter().map(|values| values.get(index).copied().unwrap_or(ValueRef::Null));
        rows.push((&list::write(row)?).into())?;
    }
    Ok(rows.finish())
}

/// The values of a group. NULL is one of them.
struct ArrayAgg;

impl Aggregate<Writer, Option<Value>> for ArrayAgg {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Writer> {
        Ok(Writer::default())
    }

    fn step(&self, context: &mut Context<'_>, values: &mut Writer) -> rusqlite::Result<()> {
        let value: ValueRef<'_> = context.get_raw(0);
        values.push(value).or_else(failed)
    }

    fn finalize(&self, _: &mut Context<'_>, values: Option<Writer>) -> rusqlite::Result<Option<Value>> {
        Ok(values.map(Writer::finish))
    }
}
