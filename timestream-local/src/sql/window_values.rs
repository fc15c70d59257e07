//! FIRST_VALUE, LAST_VALUE, NTH_VALUE, LAG and LEAD with IGNORE NULLS, which SQLite lacks.

use std::collections::VecDeque;

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, WindowAggregate};
use rusqlite::types::{Value, ValueRef};

use super::aggregates::{fail, flags};

/// Values that a frame may hold.
const MAX_VALUES: usize = 1_000_000;

/// Registers `ts_nth_value` and `ts_nth_value_from_end`, each of a value and a number from 1. Those with `_growing` behind
/// their name are for frames that no row leaves. They hold no more values than they need.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    for (name, from_end, grows) in [
        ("ts_nth_value", false, false),
        ("ts_nth_value_growing", false, true),
        ("ts_nth_value_from_end", true, false),
        ("ts_nth_value_from_end_growing", true, true),
    ] {
        connection.create_window_function(name, 2, flags(), Nth { from_end, grows })?;
    }
    Ok(())
}

/// The nth of the values of a frame that are not NULL.
struct Nth {
    from_end: bool,
    grows: bool,
}

/// The values of a frame that are not NULL.
#[derive(Default)]
struct Frame {
    values: VecDeque<Value>,
    /// Which is wanted, from 1.
    number: usize,
}

impl Nth {
    fn of(&self, frame: &Frame) -> Option<Value> {
        let place = match self.from_end {
            true => frame.values.len().checked_sub(frame.number),
            false => frame.number.checked_sub(1),
        };
        frame.values.get(place?).cloned()
    }
}

impl Aggregate<Frame, Option<Value>> for Nth {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Frame> {
        Ok(Frame::default())
    }

    fn step(&self, context: &mut Context<'_>, frame: &mut Frame) -> rusqlite::Result<()> {
        if let ValueRef::Integer(number) = context.get_raw(1) {
            frame.number = usize::try_from(number).unwrap_or_default();
        }
        let value = match context.get_raw(0) {
            ValueRef::Null => return Ok(()),
            value => Value::try_from(value).or_else(|error| fail(error.to_string()))?,
        };
        let has_all = self.grows && frame.values.len() >= frame.number;
        if has_all && !self.from_end {
            return Ok(());
        }
        if has_all {
            frame.values.pop_front();
        }
        if frame.values.len() >= MAX_VALUES {
            return fail(format!("A window with IGNORE NULLS may not have more than {MAX_VALUES} values"));
        }
        frame.values.push_back(value);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, frame: Option<Frame>) -> rusqlite::Result<Option<Value>> {
        Ok(frame.and_then(|frame| self.of(&frame)))
    }
}

impl WindowAggregate<Frame, Option<Value>> for Nth {
    fn value(&self, frame: Option<&mut Frame>) -> rusqlite::Result<Option<Value>> {
        Ok(frame.and_then(|frame| self.of(frame)))
    }

    fn inverse(&self, context: &mut Context<'_>, frame: &mut Frame) -> rusqlite::Result<()> {
        if context.get_raw(0) != ValueRef::Null {
            frame.values.pop_front();
        }
        Ok(())
    }
}
