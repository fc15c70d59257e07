//! The functions that take lambdas.
//!
//! A lambda arrives as the text of its body and the values that it takes from around it, which are the last arguments of a
//! call. A time series is an array of rows here, each of a time and a value.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};

use super::evaluator::{self, Body, Register};
use super::failure::Failure;
use super::list;
use super::series::{Entries, Writer};

type Outcome = Result<Value, Failure>;

/// Stands behind the name of a function whose lambda has a value of its own each time, so that SQLite calls it for each row.
pub(super) const BY_CHANCE: &str = "_by_chance";

/// Registers `ts_transform`, `ts_filter`, `ts_any_match`, `ts_all_match`, `ts_none_match`, `ts_zip_with`, `ts_reduce`,
/// `ts_sort_by`, `ts_of_fields` and `ts_try`, each also with [`BY_CHANCE`]. `all` registers all functions that a body may call.
pub(super) fn register(connection: &Connection, all: Register) -> rusqlite::Result<()> {
    let add = |name: &str, function: fn(&Connection, &[ValueRef<'_>]) -> Outcome| {
        let deterministic = FunctionFlags::SQLITE_DETERMINISTIC;
        for (suffix, more) in [("", deterministic), (BY_CHANCE, FunctionFlags::empty())] {
            let flags = FunctionFlags::SQLITE_UTF8 | more;
            connection.create_scalar_function(format!("{name}{suffix}").as_str(), -1, flags, move |context| {
                called(context, all, function).map_err(|failure| rusqlite::Error::UserFunctionError(Box::new(failure)))
            })?;
        }
        Ok(())
    };
    add("ts_transform", transform)?;
    add("ts_filter", filter)?;
    add("ts_any_match", |c, a| matches(c, a, true, Value::from(true)))?;
    add("ts_all_match", |c, a| matches(c, a, false, Value::from(false)))?;
    add("ts_none_match", |c, a| matches(c, a, true, Value::from(false)))?;
    add("ts_zip_with", zip_with)?;
    add("ts_reduce", reduce)?;
    add("ts_sort_by", sort_by)?;
    add("ts_of_fields", of_fields)?;
    add("ts_try", attempt)
}

fn called(context: &Context<'_>, all: Register, function: fn(&Connection, &[ValueRef<'_>]) -> Outcome) -> Outcome {
    let arguments: Vec<ValueRef<'_>> = (0..context.len()).map(|index| context.get_raw(index)).collect();
    let connection = evaluator::connection(all)?;
    function(&connection, &arguments)
}

fn broken<T>() -> Result<T, Failure> {
    Err("A function that takes a lambda lacks arguments".into())
}

/// The elements of an array, or the points of a time series as rows.
fn elements(value: ValueRef<'_>) -> Result<Vec<Value>, Failure> {
    let owned = |value: ValueRef<'_>| Value::try_from(value).map_err(|error| Failure(error.to_string()));
    if list::is_list(value) {
        return list::read(value)?.into_iter().map(owned).collect();
    }
    Entries::read(value)?.iter().map(|(time, value)| list::write([ValueRef::Integer(time), value])).collect()
}

fn transform(connection: &Connection, arguments: &[ValueRef<'_>]) -> Outcome {
    let [array, text, taken @ ..] = arguments else { return broken() };
    if *array == ValueRef::Null {
        return Ok(Value::Null);
    }
    let mut body = Body::new(connection, *text, 1, taken)?;
    let mut results = list::Writer::default();
    for element in elements(*array)? {
        results.push((&body.value(&[(&element).into()])?).into())?;
    }
    Ok(results.finish())
}

/// The elements of an array, or the points of a time series, for which the lambda is true.
fn filter(connection: &Connection, arguments: &[ValueRef<'_>]) -> Outcome {
    let [array, text, taken @ ..] = arguments else { return broken() };
    if *array == ValueRef::Null {
        return Ok(Value::Null);
    }
    let mut body = Body::new(connection, *text, 1, taken)?;
    if list::is_list(*array) {
        let mut kept = list::Writer::default();
        for element in list::read(*array)? {
            if body.value(&[element])? == Value::from(true) {
                kept.push(element)?;
            }
        }
        return Ok(kept.finish());
    }
    let mut kept = Writer::default();
    for (time, value) in Entries::read(*array)?.iter() {
        let point = list::write([ValueRef::Integer(time), value])?;
        if body.value(&[(&point).into()])? == Value::from(true) {
            kept.push(time, value)?;
        }
    }
    Ok(Value::Blob(kept.finish()))
}

/// `found` if the lambda is `wanted` for an element, else NULL if it is NULL for one, else the contrary of `found`.
fn matches(connection: &Connection, arguments: &[ValueRef<'_>], wanted: bool, found: Value) -> Outcome {
    let [array, text, taken @ ..] = arguments else { return broken() };
    if *array == ValueRef::Null {
        return Ok(Value::Null);
    }
    let mut body = Body::new(connection, *text, 1, taken)?;
    let mut has_null = false;
    for element in elements(*array)? {
        match body.value(&[(&element).into()])? {
            Value::Null => has_null = true,
            value if value == Value::from(wanted) => return Ok(found),
            _ => {}
        }
    }
    Ok(if has_null { Value::Null } else { Value::from(found == Value::from(false)) })
}

/// The shorter array is filled with NULL.
fn zip_with(connection: &Connection, arguments: &[ValueRef<'_>]) -> Outcome {
    let [one, two, text, taken @ ..] = arguments else { return broken() };
    if *one == ValueRef::Null || *two == ValueRef::Null {
        return Ok(Value::Null);
    }
    let mut body = Body::new(connection, *text, 2, taken)?;
    let (one, two) = (list::read(*one)?, list::read(*two)?);
    let mut results = list::Writer::default();
    for index in 0..one.len().max(two.len()) {
        let pair = [&one, &two].map(|values| values.get(index).copied().unwrap_or(ValueRef::Null));
        results.push((&body.value(&pair)?).into())?;
    }
    Ok(results.finish())
}

/// Array, first state, the number of values that the first lambda takes, the first lambda, and the second.
fn reduce(connection: &Connection, arguments: &[ValueRef<'_>]) -> Outcome {
    let [array, state, ValueRef::Integer(count), text, rest @ ..] = arguments else { return broken() };
    let Some((taken, [last, last_taken @ ..])) = rest.split_at_checked(*count as usize) else { return broken() };
    if *array == ValueRef::Null {
        return Ok(Value::Null);
    }
    let mut state = Value::try_from(*state).map_err(|error| Failure(error.to_string()))?;
    let mut body = Body::new(connection, *text, 2, taken)?;
    for element in elements(*array)? {
        state = body.value(&[(&state).into(), (&element).into()])?;
    }
    Body::new(connection, *last, 1, last_taken)?.value(&[(&state).into()])
}

/// The elements in the order that the lambda has for each two of them. Equal ones stay in theirs.
fn sort_by(connection: &Connection, arguments: &[ValueRef<'_>]) -> Outcome {
    let [array, text, taken @ ..] = arguments else { return broken() };
    if *array == ValueRef::Null {
        return Ok(Value::Null);
    }
    let mut body = Body::new(connection, *text, 2, taken)?;
    let mut is_before = |one: ValueRef<'_>, two: ValueRef<'_>| match body.value(&[one, two])? {
        Value::Integer(-1) => Ok(true),
        Value::Integer(0 | 1) => Ok(false),
        _ => Err(Failure::from("Lambda comparator must return either -1, 0, or 1")),
    };
    let sorted = merge_sorted(list::read(*array)?, &mut is_before)?;
    list::write(sorted)
}

/// A lambda may contradict itself, which the standard library's sort answers with a panic.
fn merge_sorted<'v>(
    mut values: Vec<ValueRef<'v>>,
    is_before: &mut impl FnMut(ValueRef<'v>, ValueRef<'v>) -> Result<bool, Failure>,
) -> Result<Vec<ValueRef<'v>>, Failure> {
    let mut width = 1;
    while width < values.len() {
        let mut merged = Vec::with_capacity(values.len());
        for pair in values.chunks(2 * width) {
            let (mut one, mut two) = pair.split_at(width.min(pair.len()));
            while let ([first, first_rest @ ..], [second, second_rest @ ..]) = (one, two) {
                if is_before(*second, *first)? {
                    merged.push(*second);
                    two = second_rest;
                } else {
                    merged.push(*first);
                    one = first_rest;
                }
            }
            merged.extend_from_slice(one);
            merged.extend_from_slice(two);
        }
        values = merged;
        width *= 2;
    }
    Ok(values)
}

/// What a lambda makes of the fields of a row.
fn of_fields(connection: &Connection, arguments: &[ValueRef<'_>]) -> Outcome {
    let [row, text, taken @ ..] = arguments else { return broken() };
    if *row == ValueRef::Null {
        return Ok(Value::Null);
    }
    let fields = list::read(*row)?;
    Body::new(connection, *text, fields.len(), taken)?.value(&fields)
}

/// The value of an expression, or NULL if it fails.
fn attempt(connection: &Connection, arguments: &[ValueRef<'_>]) -> Outcome {
    let [text, taken @ ..] = arguments else { return broken() };
    match Body::new(connection, *text, 0, taken)?.value(&[]) {
        // A query that has to end must not go on with NULL.
        Err(failure) if evaluator::has_to_stop() => Err(failure),
        result => Ok(result.unwrap_or(Value::Null)),
    }
}
