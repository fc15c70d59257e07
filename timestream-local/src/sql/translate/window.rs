//! Window functions.

use sqlparser::ast::{
    Expr, Function, NullTreatment, Value, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};
use sqlparser::tokenizer::Location;

use super::super::failure::{at, unsupported};
use super::super::types::ColumnType::{Bigint, Double};
use super::aggregate::{WINDOWED, is_aggregate};
use super::arguments::Call;
use super::location::location;
use super::query::direction;
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
        if self.usage.inside_aggregate {
            return Err(at(call.start, format!("Cannot nest window functions inside aggregation: {}", call.name)));
        }
        if self.usage.clause != Clause::Select {
            return Err(at(call.start, "WHERE, GROUP BY and HAVING cannot contain aggregations or window functions"));
        }
        let WindowType::WindowSpec(spec) = over else { return Err(unsupported(call.start, "A named window")) };
        if spec.window_name.is_some()
            || function.filter.is_some()
            || call.distinct
            || matches!(function.null_treatment, Some(NullTreatment::IgnoreNulls))
        {
            return Err(unsupported(call.start, format!("This form of {} OVER", call.name)));
        }
        let behind = format!(" OVER ({})", self.window(spec, call.start, scope)?);
        let name = call.name.as_str();
        match (name, call.arguments.as_slice()) {
            ("row_number" | "rank" | "dense_rank", []) => Ok(Typed::new(format!("{name}(){behind}"), Bigint)),
            ("percent_rank" | "cume_dist", []) => Ok(Typed::new(format!("{name}(){behind}"), Double)),
            ("first_value" | "last_value" | "lag" | "lead", [value]) => {
                let value = self.expression(value, scope)?;
                Ok(Typed::new(format!("{name}({}){behind}", value.sql), value.kind))
            }
            ("lag" | "lead", [value, offset]) => {
                let value = self.expression(value, scope)?;
                Ok(Typed::new(format!("{name}({}, {}){behind}", value.sql, whole(offset)?), value.kind))
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
                Ok(Typed::new(format!("nth_value({}, {position}){behind}", value.sql), value.kind))
            }
            ("ntile", [buckets]) => match whole(buckets)? {
                0 => Err(at(call.start, "Buckets must be greater than 0")),
                buckets => Ok(Typed::new(format!("ntile({buckets}){behind}"), Bigint)),
            },
            (name, _) if WINDOWED.contains(&name) => self.aggregate_call(call, &behind, scope),
            (name, _) if is_aggregate(name) => Err(unsupported(call.start, format!("{name} OVER"))),
            (name, _) if WINDOW_FUNCTIONS.contains(&name) => {
                Err(at(call.start, format!("Unexpected parameters for function {name}")))
            }
            (name, _) => Err(at(call.start, format!("Window function {name} not registered"))),
        }
    }

    fn window(&mut self, spec: &WindowSpec, start: Location, scope: &Scope) -> Result<String> {
        let mut parts = Vec::new();
        if !spec.partition_by.is_empty() {
            let mut keys = Vec::new();
            for key in &spec.partition_by {
                keys.push(self.comparable(key, scope)?);
            }
            parts.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        if !spec.order_by.is_empty() {
            let mut keys = Vec::new();
            for key in &spec.order_by {
                keys.push(format!("{}{}", self.comparable(&key.expr, scope)?, direction(key)?));
            }
            parts.push(format!("ORDER BY {}", keys.join(", ")));
        }
        if let Some(frame) = &spec.window_frame {
            parts.push(frame_sql(frame, start)?);
        }
        Ok(parts.join(" "))
    }
}

impl Translator<'_> {
    fn comparable(&mut self, key: &Expr, scope: &Scope) -> Result<String> {
        let typed = self.expression(key, scope)?;
        match typed.kind.is_comparable() {
            true => Ok(typed.sql),
            false => Err(unsupported(location(key), format!("A window by {}", typed.kind.sql_name()))),
        }
    }
}

fn frame_sql(frame: &WindowFrame, start: Location) -> Result<String> {
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => return Err(unsupported(start, "A frame of GROUPS")),
    };
    let by_value = units == "RANGE";
    let end = frame.end_bound.as_ref().unwrap_or(&WindowFrameBound::CurrentRow);
    Ok(format!("{units} BETWEEN {} AND {}", bound(&frame.start_bound, by_value)?, bound(end, by_value)?))
}

fn bound(bound: &WindowFrameBound, by_value: bool) -> Result<String> {
    let (amount, side) = match bound {
        WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".into()),
        WindowFrameBound::Preceding(amount) => (amount, "PRECEDING"),
        WindowFrameBound::Following(amount) => (amount, "FOLLOWING"),
    };
    match amount {
        None => Ok(format!("UNBOUNDED {side}")),
        Some(amount) if by_value => Err(unsupported(location(amount), "A RANGE frame by value")),
        Some(amount) => Ok(format!("{} {side}", whole(amount)?)),
    }
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
