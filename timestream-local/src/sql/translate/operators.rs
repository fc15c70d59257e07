//! Operators over typed operands: conversions, comparison, arithmetic, logic, CASE and CAST.

use rusqlite::types::Value;
use sqlparser::ast::{BinaryOperator, CaseWhen, CastKind, DataType, Expr};
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

/// An implicit conversion between types that allow it.
pub(super) fn converted(typed: Typed, to: ColumnType) -> Typed {
    match (typed.kind, to) {
        (from, ColumnType::Double) if from.is_integral() => Typed::new(format!("CAST({} AS REAL)", typed.sql), to),
        (ColumnType::Date, ColumnType::Timestamp) => Typed::new(format!("({} * {})", typed.sql, calendar::DAY), to),
        (from, _) if from == to => typed,
        _ => Typed::new(typed.sql, to),
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
        let mut kinds = all.iter().map(|typed| typed.kind);
        let mut common = kinds.next().unwrap_or(ColumnType::Unknown);
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
        if !common.is_comparable() {
            return Err(at(start, format!("'{shown}' cannot be applied to {}", common.sql_name())));
        }
        for typed in &all {
            self.settle(typed, common);
        }
        let mut failure = None;
        let unified = all.map(|typed| {
            if common != ColumnType::Timestamp || typed.kind.common(common).is_some() {
                return converted(typed, common);
            }
            // A text beside a time is read as one.
            let time = typed.literal.as_deref().and_then(calendar::parse_timestamp);
            let bound = time.map(|time| self.bind(Value::Integer(time)));
            match bound.unwrap_or_else(|| {
                Err(at(start, format!("'{shown}' cannot be applied to timestamp, {}", typed.kind.sql_name())))
            }) {
                Ok(sql) => Typed::new(sql, common),
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
        let kind = if word == "||" { ColumnType::Varchar } else { ColumnType::Boolean };
        if let Some(odd) = terms.iter().find(|term| term.kind != kind && term.kind != ColumnType::Unknown) {
            let (needed, given) = (kind.sql_name(), odd.kind.sql_name());
            return Err(at(start, format!("The operands of {word} must be {needed}, not {given}")));
        }
        for term in &terms {
            self.settle(term, kind);
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
            common = common.common(value.kind).ok_or_else(|| {
                let (one, two) = (common.sql_name(), value.kind.sql_name());
                at(start, format!("All {what} must be the same type: {one}, {two}"))
            })?;
        }
        for value in &values {
            self.settle(value, common);
        }
        Ok((values.into_iter().map(|value| converted(value, common)).collect(), common))
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
                    format!("{} = {}", one.sql, two.sql)
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
        Ok(Typed::new(sql, kind))
    }

    pub(super) fn cast(&mut self, kind: &CastKind, value: Typed, to: &DataType, start: Location) -> Result<Typed> {
        let attempt = match kind {
            CastKind::Cast => "",
            CastKind::TryCast => functions::TRY,
            _ => return Err(unsupported(start, "A cast other than CAST(… AS …) and TRY_CAST(… AS …)")),
        };
        let target = match to.to_string().to_ascii_lowercase().as_str() {
            "varchar" => ColumnType::Varchar,
            "double" | "double precision" => ColumnType::Double,
            "bigint" => ColumnType::Bigint,
            "integer" | "int" => ColumnType::Integer,
            "boolean" => ColumnType::Boolean,
            "timestamp" => ColumnType::Timestamp,
            "date" => ColumnType::Date,
            _ => return Err(unsupported(start, format!("CAST to {to}"))),
        };
        self.settle(&value, target);
        if value.kind == target || value.kind == ColumnType::Unknown {
            return Ok(Typed::new(value.sql, target));
        }
        match self.exact_cast(&value, target) {
            Some(physical) => Ok(Typed::new(format!("{attempt}{physical}({})", value.sql), target)),
            None => Err(at(start, format!("Cannot cast {} to {}", value.kind.sql_name(), target.sql_name()))),
        }
    }

    fn exact_cast(&self, value: &Typed, target: ColumnType) -> Option<String> {
        functions::named(&format!("$cast_{}", target.sql_name()))
            .find(|(_, scalar)| scalar.arguments == [value.kind])
            .map(|(physical, _)| physical)
    }
}

/// An error for a literal that does not fit.
pub(super) fn bad_literal(start: Location, what: impl std::fmt::Display) -> SqlError {
    at(start, format!("Invalid literal: {what}"))
}
