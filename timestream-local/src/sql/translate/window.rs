//! Window functions.

use std::rc::Rc;

use rusqlite::types::Value as Bound;
use sqlparser::ast::{
    Expr, Function, Ident, NullTreatment, Value, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec,
    WindowType,
};
use sqlparser::tokenizer::Location;

use super::super::failure::{at, unsupported};
use super::super::types::ColumnType::{self, Bigint, Double, Integer, IntervalDayToSecond, Timestamp};
use super::aggregate::{WINDOWED, is_aggregate};
use super::arguments::Call;
use super::location::{location, place};
use super::order_by::direction;
use super::scope::Scope;
use super::translator::{Clause, Translator};
use super::typed::{Result, Typed};

/// The functions that need a window.
pub(in crate::sql) const WINDOW_FUNCTIONS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

impl Translator<'_> {
    pub(super) fn windowed(
        &mut self,
        call: &Call<'_>,
        over: &WindowType,
        function: &Function,
        scope: &Scope,
    ) -> Result<Typed> {
        // A window may not use the columns of a query around this one.
        let is_open = self.outer.last_mut().is_some_and(|around| std::mem::take(&mut around.is_open));
        let typed = self.over(call, over, function, scope);
        if let Some(around) = self.outer.last_mut() {
            around.is_open = is_open;
        }
        typed
    }

    fn over(&mut self, call: &Call<'_>, over: &WindowType, function: &Function, scope: &Scope) -> Result<Typed> {
        if !self.frames.is_empty() {
            return Err(at(call.start, "A lambda or TRY cannot contain aggregations or window functions"));
        }
        if self.usage.inside_aggregate {
            return Err(at(call.start, format!("Cannot nest window functions inside aggregation: {}", call.name)));
        }
        if self.usage.clause != Clause::Select {
            return Err(at(call.start, "WHERE, GROUP BY and HAVING cannot contain aggregations or window functions"));
        }
        if self.usage.has_several_sets {
            // Each set is a query of its own, whose windows would not see the others' rows.
            return Err(unsupported(call.start, "OVER with several grouping sets"));
        }
        let windows = Rc::clone(&self.usage.windows);
        let spec = match over {
            WindowType::WindowSpec(spec) => &complete(spec, &windows)?,
            WindowType::NamedWindow(name) => named(name, &windows)?,
        };
        if function.filter.is_some() || call.distinct {
            return Err(unsupported(call.start, format!("This form of {} OVER", call.name)));
        }
        if matches!(function.null_treatment, Some(NullTreatment::IgnoreNulls)) {
            return self.ignoring_nulls(call, spec, scope);
        }
        let behind = format!(" OVER ({})", self.window(spec, spec.window_frame.as_ref(), call.start, scope)?);
        let name = call.name.as_str();
        match (name, call.arguments.as_slice()) {
            ("row_number" | "rank" | "dense_rank", []) => Ok(Typed::new(format!("{name}(){behind}"), Bigint)),
            ("percent_rank" | "cume_dist", []) => Ok(Typed::new(format!("{name}(){behind}"), Double)),
            ("first_value" | "last_value" | "lag" | "lead", [value]) => {
                let value = self.expression(value, scope)?;
                Ok(value.as_is(format!("{name}({}){behind}", value.sql)))
            }
            ("lag" | "lead", [value, offset]) => {
                let value = self.expression(value, scope)?;
                Ok(value.as_is(format!("{name}({}, {}){behind}", value.sql, whole(offset)?)))
            }
            ("lag" | "lead", [value, offset, otherwise]) => {
                let values = vec![self.expression(value, scope)?, self.expression(otherwise, scope)?];
                let (values, kind) = self.alike(values, "values", call.start)?;
                let [value, otherwise] = values.as_slice() else { return Err(unsupported(call.start, name)) };
                let sql = format!("{name}({}, {}, {}){behind}", value.sql, whole(offset)?, otherwise.sql);
                Ok(Typed::new(sql, kind))
            }
            ("nth_value", [value, position]) => {
                let value = self.expression(value, scope)?;
                let position = whole(position)?;
                if position == 0 {
                    return Err(at(call.start, "Offset must be at least 1"));
                }
                Ok(Typed::new(format!("nth_value({}, {position}){behind}", value.sql), value.kind.clone()))
            }
            ("ntile", [buckets]) => match whole(buckets)? {
                0 => Err(at(call.start, "Buckets must be greater than 0")),
                buckets => Ok(Typed::new(format!("ntile({buckets}){behind}"), Bigint)),
            },
            (name, arguments) if WINDOWED.contains(&name) && arguments.len() < 2 => {
                self.aggregate_call(call, &behind, scope)
            }
            (name, _) if is_aggregate(name) => Err(unsupported(call.start, format!("{name} OVER"))),
            (name, _) if WINDOW_FUNCTIONS.contains(&name) => {
                Err(at(call.start, format!("Unexpected parameters for function {name}")))
            }
            (name, _) => Err(at(call.start, format!("Window function {name} not registered"))),
        }
    }

    /// A function of values that passes over NULLs.
    fn ignoring_nulls(&mut self, call: &Call<'_>, spec: &WindowSpec, scope: &Scope) -> Result<Typed> {
        let name = call.name.as_str();
        let (value, number, otherwise) = match (name, call.arguments.as_slice()) {
            ("first_value" | "last_value" | "lag" | "lead", [value]) => (value, 1, None),
            ("nth_value" | "lag" | "lead", [value, number]) => (value, whole(number)?, None),
            ("lag" | "lead", [value, number, otherwise]) => (value, whole(number)?, Some(otherwise)),
            ("first_value" | "last_value" | "nth_value" | "lag" | "lead", _) => {
                return Err(at(call.start, format!("Unexpected parameters for function {name}")));
            }
            _ => return Err(at(call.start, format!("Cannot specify null treatment clause for {name} function"))),
        };
        let value = self.expression(value, scope)?;
        if number == 0 {
            // Zero rows away is the row itself.
            return if name == "nth_value" { Err(at(call.start, "Offset must be at least 1")) } else { Ok(value) };
        }
        let unbounded = |side: fn(Option<Box<Expr>>) -> WindowFrameBound| side(None);
        let one = || Some(Box::new(Expr::value(Value::Number("1".to_owned(), false))));
        let rows = |start_bound, end_bound| {
            Some(WindowFrame { units: WindowFrameUnits::Rows, start_bound, end_bound: Some(end_bound) })
        };
        let frame = match name {
            "lag" => rows(unbounded(WindowFrameBound::Preceding), WindowFrameBound::Preceding(one())),
            "lead" => rows(WindowFrameBound::Following(one()), unbounded(WindowFrameBound::Following)),
            _ => spec.window_frame.clone(),
        };
        if matches!(name, "lag" | "lead") && spec.window_frame.is_some() {
            return Err(at(call.start, format!("Cannot specify window frame for {name} function")));
        }
        let grows = frame.as_ref().is_none_or(|frame| frame.start_bound == WindowFrameBound::Preceding(None));
        let function = match (matches!(name, "last_value" | "lag"), grows) {
            (false, false) => "ts_nth_value",
            (false, true) => "ts_nth_value_growing",
            (true, false) => "ts_nth_value_from_end",
            (true, true) => "ts_nth_value_from_end_growing",
        };
        let window = self.window(spec, frame.as_ref(), call.start, scope)?;
        let call_of = |value: &Typed| format!("{function}({}, {number}) OVER ({window})", value.sql);
        let Some(otherwise) = otherwise else { return Ok(Typed::new(call_of(&value), value.kind)) };
        let values = vec![value, self.expression(otherwise, scope)?];
        let (values, kind) = self.alike(values, "values", call.start)?;
        let [value, otherwise] = values.as_slice() else { return Err(unsupported(call.start, name)) };
        Ok(Typed::new(format!("coalesce({}, {})", call_of(value), otherwise.sql), kind))
    }

    fn window(
        &mut self,
        spec: &WindowSpec,
        frame: Option<&WindowFrame>,
        start: Location,
        scope: &Scope,
    ) -> Result<String> {
        let mut parts = Vec::new();
        if !spec.partition_by.is_empty() {
            let mut keys = Vec::new();
            for key in &spec.partition_by {
                keys.push(self.comparable(key, scope)?.sql);
            }
            parts.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        let mut kinds = Vec::new();
        if !spec.order_by.is_empty() {
            let mut keys = Vec::new();
            for key in &spec.order_by {
                let typed = self.comparable(&key.expr, scope)?;
                keys.push(format!("{}{}", typed.sql, direction(key)?));
                kinds.push(typed.kind);
            }
            parts.push(format!("ORDER BY {}", keys.join(", ")));
        }
        if let Some(frame) = frame {
            parts.push(self.frame(frame, &kinds, start)?);
        }
        Ok(parts.join(" "))
    }
}

impl Translator<'_> {
    fn comparable(&mut self, key: &Expr, scope: &Scope) -> Result<Typed> {
        let typed = self.expression(key, scope)?;
        match typed.kind.is_comparable() {
            true => Ok(typed),
            false => Err(unsupported(location(key), format!("A window by {}", typed.kind.sql_name()))),
        }
    }
}

impl Translator<'_> {
    /// A frame of rows, or of values in a window that is ordered by keys of these types.
    fn frame(&mut self, frame: &WindowFrame, keys: &[ColumnType], start: Location) -> Result<String> {
        let (units, keys) = match frame.units {
            WindowFrameUnits::Rows => ("ROWS", None),
            WindowFrameUnits::Range => ("RANGE", Some(keys)),
            WindowFrameUnits::Groups => return Err(unsupported(start, "A frame of GROUPS")),
        };
        let end = frame.end_bound.as_ref().unwrap_or(&WindowFrameBound::CurrentRow);
        Ok(format!("{units} BETWEEN {} AND {}", self.bound(&frame.start_bound, keys)?, self.bound(end, keys)?))
    }

    fn bound(&mut self, bound: &WindowFrameBound, keys: Option<&[ColumnType]>) -> Result<String> {
        let (amount, side) = match bound {
            WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".into()),
            WindowFrameBound::Preceding(amount) => (amount, "PRECEDING"),
            WindowFrameBound::Following(amount) => (amount, "FOLLOWING"),
        };
        match (amount, keys) {
            (None, _) => Ok(format!("UNBOUNDED {side}")),
            (Some(amount), None) => Ok(format!("{} {side}", whole(amount)?)),
            (Some(amount), Some(keys)) => Ok(format!("{} {side}", self.distance(amount, keys)?)),
        }
    }

    /// How far a frame reaches from the value of a row, as a number of SQLite.
    fn distance(&mut self, amount: &Expr, keys: &[ColumnType]) -> Result<String> {
        let start = location(amount);
        let [key] = keys else {
            return Err(at(
                start,
                "Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY",
            ));
        };
        let typed = self.expression(amount, &Scope::default())?;
        let fits = match (key, &typed.kind) {
            (Timestamp, IntervalDayToSecond) | (Double, Double) => true,
            (Double | Integer | Bigint, number) => number.is_integral(),
            _ => false,
        };
        if !fits {
            let (key, amount) = (key.sql_name(), typed.kind.sql_name());
            return Err(unsupported(start, format!("A RANGE frame by {amount} in a window ordered by {key}")));
        }
        match self.constant(&typed.sql) {
            Some(Bound::Integer(0..)) => Ok(typed.sql),
            Some(Bound::Real(distance)) if distance.is_finite() && *distance >= 0.0 => Ok(typed.sql),
            Some(_) => Err(at(start, "Window frame offset value must not be negative or null")),
            None => Err(unsupported(start, "A RANGE frame by what is no literal")),
        }
    }
}

/// The window of a name.
fn named<'w>(name: &Ident, windows: &'w [(String, WindowSpec)]) -> Result<&'w WindowSpec> {
    let found = windows.iter().find(|(own, _)| own.eq_ignore_ascii_case(&name.value));
    found.map(|(_, spec)| spec).ok_or_else(|| at(place(name), format!("Cannot resolve WINDOW name {}", name.value)))
}

/// A window with what it takes from another one, whose name it begins with.
pub(super) fn complete(spec: &WindowSpec, windows: &[(String, WindowSpec)]) -> Result<WindowSpec> {
    let Some(name) = &spec.window_name else { return Ok(spec.clone()) };
    let refused = |what: &str| Err(at(place(name), format!("A window made from the window {} {what}", name.value)));
    let from = named(name, windows)?;
    if !spec.partition_by.is_empty() {
        return refused("cannot have PARTITION BY");
    }
    if !spec.order_by.is_empty() && !from.order_by.is_empty() {
        return refused("cannot have ORDER BY, which that one has");
    }
    if from.window_frame.is_some() {
        return refused("is impossible, since that one has a frame");
    }
    let order_by = if spec.order_by.is_empty() { from.order_by.clone() } else { spec.order_by.clone() };
    let partition_by = from.partition_by.clone();
    Ok(WindowSpec { window_name: None, partition_by, order_by, window_frame: spec.window_frame.clone() })
}

fn whole(expression: &Expr) -> Result<u32> {
    if let Expr::Value(value) = expression
        && let Value::Number(digits, false) = &value.value
        && let Ok(number) = digits.parse::<i32>()
        && let Ok(number) = u32::try_from(number)
    {
        return Ok(number);
    }
    Err(at(location(expression), "A whole number is needed here"))
}
