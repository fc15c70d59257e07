//! Arrays and rows. The translation has checked their types and made those of the elements alike, so that all names here are
//! its own.

use std::cmp::Ordering;
use std::collections::HashSet;

use rusqlite::types::{Value, ValueRef};

use super::super::failure::Failure;
use super::super::list;
use super::super::nan;
use super::super::types::ColumnType::{self, Bigint, Boolean, Unknown, Varchar};
use super::scalar::{Arguments, Outcome, Scalar, scalar, text};
use crate::calendar::DAY;

const ONE: &[ColumnType] = &[Unknown];
const TWO: &[ColumnType] = &[Unknown, Unknown];

/// The longest text that ARRAY_JOIN may build, in bytes.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// Entries that REPEAT may make, as in Presto.
const MAX_REPEATED: usize = 10_000;

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("$array_cardinality", ONE, Bigint, |a| Ok(Value::Integer(values(a, 0)?.len() as i64))),
    // What is NULL makes a concatenation NULL, as an element too.
    scalar("$array_of", ONE, Unknown, |a| list::write([a.raw(0)])),
    scalar("$array_concat", TWO, Unknown, |a| list::write(values(a, 0)?.into_iter().chain(values(a, 1)?))),
    scalar("$array_contains", TWO, Boolean, |a| {
        let (values, wanted) = (values(a, 0)?, a.raw(1));
        Ok(match values.iter().any(|value| is_same(*value, wanted)) {
            false if values.contains(&ValueRef::Null) => Value::Null,
            found => Value::from(found),
        })
    }),
    scalar("$array_distinct", ONE, Unknown, |a| unique(values(a, 0)?)),
    scalar("$array_element", &[Unknown, Bigint], Unknown, |a| {
        let (values, index) = (values(a, 0)?, a.integer(1)?);
        match usize::try_from(index) {
            Ok(0) => Err("SQL array indices start at 1".into()),
            Err(_) => Err(Failure(format!("Array subscript is negative: {index}"))),
            Ok(place) => values.get(place - 1).map_or_else(
                || {
                    let length = values.len();
                    let message =
                        format!("Array subscript must be less than or equal to array length: {index} > {length}");
                    Err(Failure(message))
                },
                |value| owned(*value),
            ),
        }
    }),
    scalar("$array_element_or_null", &[Unknown, Bigint], Unknown, |a| {
        let (values, index) = (values(a, 0)?, a.integer(1)?);
        let place = match usize::try_from(index.unsigned_abs()) {
            Ok(0) => return Err("SQL array indices start at 1".into()),
            Ok(distance) if index > 0 => Some(distance - 1),
            Ok(distance) => values.len().checked_sub(distance),
            Err(_) => None,
        };
        place.and_then(|place| values.get(place)).map_or(Ok(Value::Null), |value| owned(*value))
    }),
    scalar("$array_except", TWO, Unknown, |a| {
        let others: HashSet<Vec<u8>> = values(a, 1)?.into_iter().map(key).collect();
        unique(values(a, 0)?.into_iter().filter(|value| !others.contains(&key(*value))))
    }),
    scalar("$array_intersect", TWO, Unknown, |a| {
        let others: HashSet<Vec<u8>> = values(a, 1)?.into_iter().map(key).collect();
        unique(values(a, 0)?.into_iter().filter(|value| others.contains(&key(*value))))
    }),
    scalar("$array_join", &[Unknown, Varchar], Varchar, |a| {
        joined(values(a, 0)?.into_iter().filter(|value| *value != ValueRef::Null), a.text(1)?)
    }),
    scalar("$array_join", &[Unknown, Varchar, Varchar], Varchar, |a| {
        let replacement = a.raw(2);
        let filled = values(a, 0)?.into_iter().map(|value| if value == ValueRef::Null { replacement } else { value });
        joined(filled, a.text(1)?)
    }),
    scalar("$array_max", ONE, Unknown, |a| extreme(&values(a, 0)?, Ordering::Greater)),
    scalar("$array_min", ONE, Unknown, |a| extreme(&values(a, 0)?, Ordering::Less)),
    scalar("$array_overlap", TWO, Boolean, |a| {
        let (one, two) = (values(a, 0)?, values(a, 1)?);
        let is_value = |value: &ValueRef<'_>| *value != ValueRef::Null;
        let others: HashSet<Vec<u8>> = two.iter().copied().filter(is_value).map(key).collect();
        let found = one.iter().copied().filter(is_value).any(|value| others.contains(&key(value)));
        Ok(match found {
            false if !one.is_empty() && !two.is_empty() && !one.iter().chain(&two).all(is_value) => Value::Null,
            found => Value::from(found),
        })
    }),
    scalar("$array_position", TWO, Bigint, |a| {
        let wanted = a.raw(1);
        let place = values(a, 0)?.into_iter().position(|value| is_same(value, wanted));
        Ok(Value::Integer(place.map_or(0, |place| place as i64 + 1)))
    }),
    scalar("$array_remove", TWO, Unknown, |a| {
        let unwanted = a.raw(1);
        list::write(values(a, 0)?.into_iter().filter(|value| !is_same(*value, unwanted)))
    }),
    scalar("$array_repeat", &[Unknown, Bigint], Unknown, |a| {
        let Some(count) = usize::try_from(a.integer(1)?).ok().filter(|count| *count <= MAX_REPEATED) else {
            return Err(Failure(format!("count argument of repeat function must be from 0 to {MAX_REPEATED}")));
        };
        let values = values(a, 0)?;
        list::write(std::iter::repeat_n(values, count).flatten())
    }),
    scalar("$array_reverse", ONE, Unknown, |a| list::write(values(a, 0)?.into_iter().rev())),
    scalar("$array_slice", &[Unknown, Bigint, Bigint], Unknown, slice),
    scalar("$array_sort", ONE, Unknown, |a| {
        let mut values = values(a, 0)?;
        values.sort_by(|one, two| order(*one, *two));
        list::write(values)
    }),
    scalar("$array_union", TWO, Unknown, |a| unique(values(a, 0)?.into_iter().chain(values(a, 1)?))),
    scalar("$convert", &[Unknown, Varchar], Unknown, |a| {
        convert(a.raw(0), a.text(1)?.as_bytes()).map(|(value, _)| value)
    }),
    scalar("$equal_lists", TWO, Boolean, |a| {
        equal(a.raw(0), a.raw(1)).map(|equal| equal.map_or(Value::Null, Value::from))
    }),
    scalar("$field", &[Unknown, Bigint], Unknown, |a| {
        let values = values(a, 0)?;
        let place = usize::try_from(a.integer(1)?).unwrap_or(usize::MAX);
        values.get(place).map_or_else(|| Err("A row lacks a field".into()), |value| owned(*value))
    }),
    scalar("$flatten", ONE, Unknown, |a| {
        let mut flat = list::Writer::default();
        for inner in values(a, 0)?.into_iter().filter(|inner| *inner != ValueRef::Null) {
            for value in list::read(inner)? {
                flat.push(value)?;
            }
        }
        Ok(flat.finish())
    }),
];

fn values<'a>(a: &'a Arguments<'_, '_>, index: usize) -> Result<Vec<ValueRef<'a>>, Failure> {
    list::read(a.raw(index))
}

fn owned(value: ValueRef<'_>) -> Outcome {
    Value::try_from(value).map_err(|error| Failure(error.to_string()))
}

/// Whether two values of one type, neither of them NULL, are equal. NaN equals nothing.
fn is_same(one: ValueRef<'_>, two: ValueRef<'_>) -> bool {
    match (one, two) {
        (ValueRef::Null, _) | (_, ValueRef::Null) => false,
        (ValueRef::Real(one), ValueRef::Real(two)) => one == two,
        (one, two) => one == two && !nan::is_nan(one),
    }
}

/// Whether two values of one type are equal. `None` if that depends on a NULL.
fn equal(one: ValueRef<'_>, two: ValueRef<'_>) -> Result<Option<bool>, Failure> {
    if one == ValueRef::Null || two == ValueRef::Null {
        return Ok(None);
    }
    if !list::is_list(one) || !list::is_list(two) {
        return Ok(Some(is_same(one, two)));
    }
    let (one, two) = (list::read(one)?, list::read(two)?);
    if one.len() != two.len() {
        return Ok(Some(false));
    }
    let mut result = Some(true);
    for (one, two) in one.into_iter().zip(two) {
        match equal(one, two)? {
            Some(false) => return Ok(Some(false)),
            None => result = None,
            Some(true) => {}
        }
    }
    Ok(result)
}

/// Bytes by which values of one type are told apart. All NULLs are alike, and all NaN.
fn key(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Null => vec![b'n'],
        ValueRef::Integer(number) => number.to_le_bytes().to_vec(),
        // The two zeros are equal.
        ValueRef::Real(number) => (number + 0.0).to_le_bytes().to_vec(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => [b"t", bytes].concat(),
    }
}

/// The values, each once, in the order in which they first come.
fn unique<'v>(values: impl IntoIterator<Item = ValueRef<'v>>) -> Outcome {
    let mut known = HashSet::new();
    list::write(values.into_iter().filter(|value| known.insert(key(*value))))
}

/// The order of values of one type, with NaN and NULL at the end.
fn order(one: ValueRef<'_>, two: ValueRef<'_>) -> Ordering {
    match (one, two) {
        (ValueRef::Null, two) => {
            if two == ValueRef::Null {
                Ordering::Equal
            } else {
                Ordering::Greater
            }
        }
        (_, ValueRef::Null) => Ordering::Less,
        (ValueRef::Integer(one), ValueRef::Integer(two)) => one.cmp(&two),
        (ValueRef::Real(one), ValueRef::Real(two)) => (one + 0.0).total_cmp(&(two + 0.0)),
        (ValueRef::Text(one), ValueRef::Text(two)) => one.cmp(two),
        (one, two) => nan::is_nan(one).cmp(&nan::is_nan(two)),
    }
}

/// The value that comes last in an order, or NULL if there is none or one of them is NULL. NaN only if all are.
fn extreme(values: &[ValueRef<'_>], wanted: Ordering) -> Outcome {
    if values.contains(&ValueRef::Null) {
        return Ok(Value::Null);
    }
    let is_only_nan = values.iter().all(|value| nan::is_nan(*value));
    let numbers = values.iter().copied().filter(|value| is_only_nan || !nan::is_nan(*value));
    let best = numbers.reduce(|best, value| if order(value, best) == wanted { value } else { best });
    best.map_or(Ok(Value::Null), owned)
}

fn joined<'v>(values: impl Iterator<Item = ValueRef<'v>>, delimiter: &str) -> Outcome {
    let mut built = String::new();
    for (index, value) in values.enumerate() {
        if index > 0 {
            built.push_str(delimiter);
        }
        built.push_str(value.as_str().map_err(|error| Failure(error.to_string()))?);
        if built.len() > MAX_TEXT {
            return Err("The result of array_join is too long".into());
        }
    }
    text(built)
}

/// `start` counts from 1, or from the end when negative.
fn slice(a: &Arguments<'_, '_>) -> Outcome {
    let (values, start, length) = (values(a, 0)?, a.integer(1)?, a.integer(2)?);
    if start == 0 {
        return Err("SQL array indices start at 1".into());
    }
    let Ok(length) = usize::try_from(length) else {
        return Err("length must be greater than or equal to 0".into());
    };
    let distance = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
    let from = if start > 0 { Some(distance - 1) } else { values.len().checked_sub(distance) };
    let rest = from.and_then(|from| values.get(from..)).unwrap_or_default();
    list::write(rest.iter().copied().take(length))
}

/// A value converted as a plan says, and the plan behind it. `operators.rs` of the translation writes plans.
fn convert<'p>(value: ValueRef<'_>, plan: &'p [u8]) -> Result<(Value, &'p [u8]), Failure> {
    let Some((step, mut rest)) = plan.split_first() else { return Err("A plan of conversions breaks off".into()) };
    let value = match (step, value) {
        (b'd', ValueRef::Integer(number)) => Value::Real(number as f64),
        (b't', ValueRef::Integer(days)) => match days.checked_mul(DAY) {
            Some(time) => Value::Integer(time),
            None => return Err("Date is out of the range of timestamp".into()),
        },
        (b'[', ValueRef::Blob(_)) => {
            let mut converted = list::Writer::default();
            for value in list::read(value)? {
                converted.push((&convert(value, rest)?.0).into())?;
            }
            rest = behind(plan);
            converted.finish()
        }
        (b'(', ValueRef::Blob(_)) => {
            let mut converted = list::Writer::default();
            for value in list::read(value)? {
                let field;
                (field, rest) = convert(value, rest)?;
                converted.push((&field).into())?;
            }
            rest = behind(plan);
            converted.finish()
        }
        (_, value) => {
            rest = behind(plan);
            owned(value)?
        }
    };
    Ok((value, rest))
}

/// What stands behind the first step of a plan.
fn behind(plan: &[u8]) -> &[u8] {
    let mut depth = 0_usize;
    for (index, step) in plan.iter().enumerate() {
        match step {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return plan.get(index + 1..).unwrap_or_default();
        }
    }
    &[]
}
