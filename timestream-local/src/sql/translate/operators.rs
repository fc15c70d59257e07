//! Operators over typed operands: conversions, comparison, arithmetic, logic and CASE.

use rusqlite::types::Value;
use sqlparser::ast::{BinaryOperator, CaseWhen, Expr};
use sqlparser::tokenizer::Location;

use super::super::failure::{SqlError, at, unsupported};
use super::super::functions;
use super::super::types::ColumnType;
use super::location::location;
use super::scope::Scope;
use super::translator::Translator;
use super::typed::{Result, Typed};
use crate::calendar;

/// The SQL of a comparison and how Timestream shows it.
pub(super) fn comparison(operator: &BinaryOperator) -> Option<(&'static str, &'static str)> {
    Some(match operator {
        BinaryOperator::Eq => ("=", "="),
        BinaryOperator::NotEq => ("<>", "<>"),
        BinaryOperator::Lt => ("<", "<"),
        BinaryOperator::LtEq => ("<=", "<="),
        BinaryOperator::Gt => (">", ">"),
        BinaryOperator::GtEq => (">=", ">="),
        _ => return None,
    })
}

/// The SQL of a comparison of two operands of one type. NaN is neither less than, equal to nor greater than any number,
/// itself included; to SQLite it is above all and equal to itself.
pub(super) fn compared(operator: &str, one: &Typed, two: &Typed) -> String {
    let (left, right) = (&one.sql, &two.sql);
    let function = |name: &str, left: &str, right: &str| format!("{}({left}, {right})", functions::only(name));
    match operator {
        "=" if !one.kind.is_comparable() => function("$equal_lists", left, right),
        "<>" if !one.kind.is_comparable() => format!("(NOT {})", function("$equal_lists", left, right)),
        "=" | "<>" if !one.is_finite && !two.is_finite => format!("({} {operator} {right})", unlike_nan(one)),
        "<" if !one.is_finite || !two.is_finite => function("$less", left, right),
        ">" if !one.is_finite || !two.is_finite => function("$less", right, left),
        "<=" if !one.is_finite || !two.is_finite => function("$less_or_equal", left, right),
        ">=" if !one.is_finite || !two.is_finite => function("$less_or_equal", right, left),
        _ => format!("({left} {operator} {right})"),
    }
}

/// A double in a form in which NaN equals nothing.
pub(super) fn unlike_nan(typed: &Typed) -> String {
    format!("{}({})", functions::only("$apart"), typed.sql)
}

/// An implicit conversion between types that allow it.
pub(super) fn converted(typed: Typed, to: &ColumnType) -> Typed {
    let sql = match (&typed.kind, to) {
        (from, ColumnType::Double) if from.is_integral() => format!("CAST({} AS REAL)", typed.sql),
        (ColumnType::Date, ColumnType::Timestamp) => format!("({} * {})", typed.sql, calendar::DAY),
        (from, _) if from == to => return typed,
        (from, _) => match conversions(from, to).as_str() {
            "=" => typed.sql,
            // Of these letters and brackets, none has to be escaped.
            plan => format!("{}({}, '{plan}')", functions::only("$convert"), typed.sql),
        },
    };
    Typed { is_finite: typed.is_finite, ..Typed::new(sql, to.clone()) }
}

/// How the values within arrays and rows are converted: `d` to a double, `t` from a date to a timestamp, `[…]` those of an
/// array, `(…)` those of a row, `=` not at all.
fn conversions(from: &ColumnType, to: &ColumnType) -> String {
    match (from, to) {
        (from, ColumnType::Double) if from.is_integral() => "d".to_owned(),
        (ColumnType::Date, ColumnType::Timestamp) => "t".to_owned(),
        (ColumnType::Array(from), ColumnType::Array(to)) => match conversions(from, to).as_str() {
            "=" => "=".to_owned(),
            plan => format!("[{plan}]"),
        },
        (ColumnType::Row(from), ColumnType::Row(to)) => {
            let plans = from.iter().zip(to.iter()).map(|(from, to)| conversions(&from.kind, &to.kind));
            match plans.collect::<String>() {
                plans if plans.bytes().all(|plan| plan == b'=') => "=".to_owned(),
                plans => format!("({plans})"),
            }
        }
        _ => "=".to_owned(),
    }
}

impl Translator<'_> {
    /// The operands in one common type.
    pub(super) fn unified<const N: usize>(
        &mut self,
        all: [Typed; N],
        shown: &str,
        start: Location,
    ) -> Result<[Typed; N]> {
        let mut kinds = all.iter().map(|typed| &typed.kind);
        let mut common = kinds.next().cloned().unwrap_or(ColumnType::Unknown);
        let times = all.iter().any(|typed| matches!(typed.kind, ColumnType::Timestamp | ColumnType::Date));
        let texts = all.iter().all(|typed| typed.kind != ColumnType::Varchar || typed.literal.is_some());
        if times && texts {
            common = ColumnType::Timestamp;
        } else {
            for kind in kinds {
                common = common.common(kind).ok_or_else(|| {
                    let types = all.iter().map(|typed| typed.kind.sql_name()).collect::<Vec<_>>().join(", ");
                    at(start, format!("'{shown}' cannot be applied to {types}"))
                })?;
            }
        }
        let is_equality = matches!(shown, "=" | "<>");
        if !(common.is_comparable() || is_equality && common.has_equality()) {
            return Err(at(start, format!("'{shown}' cannot be applied to {}", common.sql_name())));
        }
        for typed in &all {
            self.settle(typed, &common);
        }
        let mut failure = None;
        let unified = all.map(|typed| {
            if common != ColumnType::Timestamp || typed.kind.common(&common).is_some() {
                return converted(typed, &common);
            }
            // A text beside a time is read as one.
            let time = typed.literal.as_deref().and_then(calendar::parse_timestamp);
            let time = time.filter(|time| *time >= calendar::EARLIEST);
            let bound = time.map(|time| self.bind(Value::Integer(time)));
            match bound.unwrap_or_else(|| {
                Err(at(start, format!("'{shown}' cannot be applied to timestamp, {}", typed.kind.sql_name())))
            }) {
                Ok(sql) => Typed::new(sql, common.clone()),
                Err(error) => {
                    failure = Some(error);
                    typed
                }
            }
        });
        failure.map_or(Ok(unified), Err)
    }

    /// AND, OR or || over all the terms, as a balanced tree: SQLite limits the depth.
    pub(super) fn joined(&mut self, word: &str, terms: Vec<Typed>, start: Location) -> Result<Typed> {
        if word == "||" && terms.iter().any(|term| matches!(term.kind, ColumnType::Array(_))) {
            return self.concatenated(terms, start);
        }
        let kind = if word == "||" { ColumnType::Varchar } else { ColumnType::Boolean };
        if let Some(odd) = terms.iter().find(|term| term.kind != kind && term.kind != ColumnType::Unknown) {
            let (needed, given) = (kind.sql_name(), odd.kind.sql_name());
            return Err(at(start, format!("The operands of {word} must be {needed}, not {given}")));
        }
        for term in &terms {
            self.settle(term, &kind);
        }
        let mut level: Vec<String> = terms.into_iter().map(|term| term.sql).collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => format!("({left} {word} {right})"),
                    rest => rest.concat(),
                })
                .collect();
        }
        Ok(Typed::new(level.concat(), kind))
    }

    pub(super) fn arithmetic(
        &mut self,
        operator: &BinaryOperator,
        left: Typed,
        right: Typed,
        start: Location,
    ) -> Result<Typed> {
        let name = match operator {
            BinaryOperator::Plus => "$add",
            BinaryOperator::Minus => "$subtract",
            BinaryOperator::Multiply => "$multiply",
            BinaryOperator::Divide => "$divide",
            BinaryOperator::Modulo => "$modulus",
            other => return Err(unsupported(start, format!("The operator {other}"))),
        };
        let (one, two) = (left.kind.sql_name(), right.kind.sql_name());
        self.call_scalar(name, &[left, right], start)
            .map_err(|_| at(start, format!("'{operator}' cannot be applied to {one}, {two}")))
    }

    /// The values of a CASE or COALESCE in one type.
    pub(super) fn alike(
        &mut self,
        values: Vec<Typed>,
        what: &str,
        start: Location,
    ) -> Result<(Vec<Typed>, ColumnType)> {
        let mut common = ColumnType::Unknown;
        for value in &values {
            common = common.common(&value.kind).ok_or_else(|| {
                let (one, two) = (common.sql_name(), value.kind.sql_name());
                at(start, format!("All {what} must be the same type: {one}, {two}"))
            })?;
        }
        for value in &values {
            self.settle(value, &common);
        }
        Ok((values.into_iter().map(|value| converted(value, &common)).collect(), common))
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        scope: &Scope,
    ) -> Result<Typed> {
        let start = conditions.first().map(|when| location(&when.condition)).unwrap_or_else(Location::empty);
        let operand = operand.map(|operand| self.expression(operand, scope)).transpose()?;
        let (mut tests, mut values) = (Vec::new(), Vec::new());
        for when in conditions {
            tests.push(match &operand {
                Some(operand) => {
                    let right = self.expression(&when.condition, scope)?;
                    let [one, two] = self.unified([operand.clone(), right], "=", start)?;
                    compared("=", &one, &two)
                }
                None => self.boolean(&when.condition, scope, "CASE WHEN")?.sql,
            });
            values.push(self.expression(&when.result, scope)?);
        }
        values.push(match otherwise {
            Some(otherwise) => self.expression(otherwise, scope)?,
            None => Typed::new("NULL", ColumnType::Unknown),
        });
        let (values, kind) = self.alike(values, "CASE results", start)?;
        let mut sql = String::from("CASE");
        for (test, value) in tests.iter().zip(&values) {
            sql.push_str(&format!(" WHEN {test} THEN {}", value.sql));
        }
        if let Some(otherwise) = values.last() {
            sql.push_str(&format!(" ELSE {} END", otherwise.sql));
        }
        Ok(Typed::one_of(&values, sql, kind))
    }
}

/// An error for a literal that does not fit.
pub(super) fn bad_literal(start: Location, what: impl std::fmt::Display) -> SqlError {
    at(start, format!("Invalid literal: {what}"))
}
