//! Window functions.

use sqlparser::ast::{
    Expr, Function, NullTreatment, Value, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::super::lexer::at;
use super::super::types::ColumnType::{Bigint, Double};
use super::call::{Call, is_aggregate};
use super::query::direction;
use super::scope::Scope;
use super::{Clause, Result, Translator, Typed, location, unsupported};

impl Translator<'_> {
    pub(super) fn windowed(
        &mut self,
        call: &Call<'_>,
        over: &WindowType,
        function: &Function,
        scope: &Scope,
    ) -> Result<Typed> {
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
        let mut typed = match (call.name.as_str(), call.arguments.as_slice()) {
            ("row_number" | "rank" | "dense_rank", []) => Typed::new(format!("{}()", call.name), Bigint),
            ("percent_rank" | "cume_dist", []) => Typed::new(format!("{}()", call.name), Double),
            ("first_value" | "last_value", [value]) => {
                let value = self.expression(value, scope)?;
                Typed::new(format!("{}({})", call.name, value.sql), value.kind)
            }
            ("lag" | "lead", [value]) => {
                let value = self.expression(value, scope)?;
                Typed::new(format!("{}({})", call.name, value.sql), value.kind)
            }
            ("lag" | "lead", [value, offset]) => {
                let value = self.expression(value, scope)?;
                let offset = whole(offset)?;
                Typed::new(format!("{}({}, {offset})", call.name, value.sql), value.kind)
            }
            ("nth_value", [value, position]) => {
                let value = self.expression(value, scope)?;
                let position = whole(position)?;
                Typed::new(format!("nth_value({}, {position})", value.sql), value.kind)
            }
            ("ntile", [buckets]) => Typed::new(format!("ntile({})", whole(buckets)?), Bigint),
            ("count" | "sum" | "avg" | "min" | "max" | "count_if" | "bool_and" | "bool_or", _) => {
                self.aggregate_call(call, scope)?
            }
            (name, _) if is_aggregate(name) => return Err(unsupported(call.start, format!("{name} OVER"))),
            (name, _) => return Err(at(call.start, format!("Window function {name} not registered"))),
        };
        let window = self.window(spec, scope)?;
        typed.sql.push_str(&format!(" OVER ({window})"));
        Ok(typed)
    }

    fn window(&mut self, spec: &WindowSpec, scope: &Scope) -> Result<String> {
        let mut parts = Vec::new();
        if !spec.partition_by.is_empty() {
            let mut keys = Vec::new();
            for key in &spec.partition_by {
                keys.push(self.expression(key, scope)?.sql);
            }
            parts.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        if !spec.order_by.is_empty() {
            let mut keys = Vec::new();
            for key in &spec.order_by {
                keys.push(format!("{}{}", self.expression(&key.expr, scope)?.sql, direction(key)?));
            }
            parts.push(format!("ORDER BY {}", keys.join(", ")));
        }
        if let Some(frame) = &spec.window_frame {
            parts.push(frame_sql(frame)?);
        }
        Ok(parts.join(" "))
    }
}

fn frame_sql(frame: &WindowFrame) -> Result<String> {
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => return Err(super::SqlError::new("A frame of GROUPS is not supported")),
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
        && let Ok(number) = digits.parse()
    {
        return Ok(number);
    }
    Err(at(location(expression), "A whole number is needed here"))
}
