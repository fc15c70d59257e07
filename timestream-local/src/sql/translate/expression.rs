//! Expressions, each kind of node to its translation.

use sqlparser::ast::{
    BinaryOperator, CeilFloorKind, DateTimeField, Expr, InTarget, TrimWhereField, UnaryOperator, Value,
};

use super::super::failure::{at, unsupported};
use super::super::functions;
use super::super::types::ColumnType;
use super::location::location;
use super::operators::{compared, comparison, unlike_nan};
use super::scope::Scope;
use super::translator::{Clause, Translator};
use super::typed::{Result, Typed};

/// Bytes of an expression's SQL. It grows fast where an operand stands in it more than once.
const MAX_SQL: usize = 8 << 20;

impl Translator<'_> {
    /// An expression that must be a condition.
    pub(super) fn boolean(&mut self, expression: &Expr, scope: &Scope, clause: &str) -> Result<Typed> {
        let typed = self.expression(expression, scope)?;
        match typed.kind {
            ColumnType::Boolean | ColumnType::Unknown => {
                self.settle(&typed, &ColumnType::Boolean);
                Ok(typed)
            }
            other => {
                let message = format!("{clause} clause must evaluate to a boolean: actual type {}", other.sql_name());
                Err(at(location(expression), message))
            }
        }
    }

    pub(super) fn expression(&mut self, expression: &Expr, scope: &Scope) -> Result<Typed> {
        self.nested(|walker| {
            if !walker.usage.inside_aggregate
                && let Some(keys) = walker.usage.keys.take()
            {
                // An expression of GROUP BY may stand as it is. Any other has to be made of those and of aggregates.
                let clause = std::mem::replace(&mut walker.usage.clause, Clause::GroupBy);
                let plain = walker.node(expression, scope);
                walker.usage.clause = clause;
                let is_key = plain.as_ref().is_ok_and(|typed| keys.contains(&typed.sql));
                walker.usage.keys = Some(keys);
                if is_key {
                    let absent = |typed: &Typed| walker.usage.absent.contains(&typed.sql);
                    return plain.map(|typed| if absent(&typed) { Typed::new("NULL", typed.kind) } else { typed });
                }
            }
            let typed = walker.node(expression, scope)?;
            if typed.sql.len() > MAX_SQL {
                return Err(at(location(expression), "This expression is too complex"));
            }
            match typed.kind.is_too_complex() {
                true => Err(at(location(expression), "The type of this value is too complex")),
                false => Ok(typed),
            }
        })
    }

    fn node(&mut self, expression: &Expr, scope: &Scope) -> Result<Typed> {
        let here = || location(expression);
        match expression {
            Expr::Identifier(ident) => self.column(std::slice::from_ref(ident), scope),
            Expr::CompoundIdentifier(path) => self.column(path, scope),
            Expr::Nested(inner) => self.expression(inner, scope),
            Expr::Value(value) => self.value(&value.value, value.span.start),
            Expr::Interval(interval) => self.interval(interval),
            Expr::TypedString(typed) => self.typed_string(typed),
            Expr::BinaryOp { .. } => self.chain(expression, scope),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, scope),
            Expr::IsNull(inner) => self.test(inner, "IS NULL", scope),
            Expr::IsNotNull(inner) => self.test(inner, "IS NOT NULL", scope),
            Expr::IsTrue(inner) => self.test(inner, "IS TRUE", scope),
            Expr::IsNotTrue(inner) => self.test(inner, "IS NOT TRUE", scope),
            Expr::IsFalse(inner) => self.test(inner, "IS FALSE", scope),
            Expr::IsNotFalse(inner) => self.test(inner, "IS NOT FALSE", scope),
            Expr::IsDistinctFrom(left, right) => self.compare("IS NOT", "IS DISTINCT FROM", left, right, scope),
            Expr::IsNotDistinctFrom(left, right) => self.compare("IS", "IS NOT DISTINCT FROM", left, right, scope),
            Expr::Between { expr, negated, low, high } => self.between(expr, *negated, low, high, scope),
            Expr::In { expr, target, negated, global: false } => self.is_in(expr, target, *negated, scope),
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let mut arguments = vec![self.expression(expr, scope)?, self.expression(pattern, scope)?];
                let name = match escape_char {
                    Some(escape) => {
                        let escape = self.expression(escape, scope)?;
                        // The pattern is read once, so its escape character must be the same in every row.
                        if escape.literal.is_none() {
                            return Err(unsupported(here(), "LIKE with an ESCAPE that is no string"));
                        }
                        arguments.push(escape);
                        "$like_escape"
                    }
                    None => "$like",
                };
                let like = self.call_scalar(name, &arguments, here())?;
                Ok(if *negated { Typed::new(format!("(NOT {})", like.sql), ColumnType::Boolean) } else { like })
            }
            Expr::Cast { kind, expr, data_type, format: None } => {
                let value = self.expression(expr, scope)?;
                self.cast(kind, value, data_type, here())
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), scope)
            }
            Expr::Extract { field, expr, .. } => {
                let value = self.expression(expr, scope)?;
                let name = functions::instants::part_name(&field.to_string());
                self.call_scalar(&name, &[value], here())
            }
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let value = self.expression(expr, scope)?;
                self.call_scalar("ceil", &[value], here())
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let value = self.expression(expr, scope)?;
                self.call_scalar("floor", &[value], here())
            }
            Expr::Position { expr, r#in } => {
                let arguments = [self.expression(r#in, scope)?, self.expression(expr, scope)?];
                self.call_scalar("strpos", &arguments, here())
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut arguments = vec![self.expression(expr, scope)?, self.expression(from, scope)?];
                if let Some(length) = substring_for {
                    arguments.push(self.expression(length, scope)?);
                }
                self.call_scalar("substr", &arguments, here())
            }
            Expr::Trim { trim_where, trim_what: None, expr, trim_characters: None } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "trim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let value = self.expression(expr, scope)?;
                self.call_scalar(name, &[value], here())
            }
            Expr::Array(array) => self.array(&array.elem, scope),
            Expr::CompoundFieldAccess { root, access_chain } => self.accessed(root, access_chain, scope),
            Expr::Function(function) => self.function(function, scope),
            Expr::Subquery(query) => {
                let rows = self.subquery(query, Some(scope))?;
                let [column] = rows.columns.as_slice() else {
                    return Err(at(here(), "A scalar subquery must have one column"));
                };
                let sql = match rows.single {
                    true => format!("({})", rows.sql),
                    // SQLite would take the first of several rows where Timestream fails.
                    false => format!(
                        "(SELECT iif(count(*) > 1, {}(), max(c0)) FROM (SELECT c0 FROM ({}) LIMIT 2))",
                        functions::only("$several_rows"),
                        rows.sql
                    ),
                };
                Ok(Typed { is_finite: column.is_finite, ..Typed::new(sql, column.column_type.clone()) })
            }
            Expr::Exists { subquery, negated } => {
                let rows = self.subquery(subquery, Some(scope))?;
                let not = if *negated { "NOT " } else { "" };
                Ok(Typed::new(format!("({not}EXISTS ({}))", rows.sql), ColumnType::Boolean))
            }
            Expr::Lambda(lambda) => {
                let text: String = lambda.to_string().chars().take(80).collect();
                Err(unsupported(here(), format!("The lambda '{text}' here")))
            }
            other => {
                let text: String = other.to_string().chars().take(80).collect();
                Err(unsupported(here(), format!("The expression '{text}'")))
            }
        }
    }

    fn test(&mut self, inner: &Expr, test: &str, scope: &Scope) -> Result<Typed> {
        let typed = match test.ends_with("NULL") {
            true => self.expression(inner, scope)?,
            false => self.boolean(inner, scope, "A test for truth")?,
        };
        Ok(Typed::new(format!("({} {test})", typed.sql), ColumnType::Boolean))
    }

    fn unary(&mut self, operator: UnaryOperator, inner: &Expr, scope: &Scope) -> Result<Typed> {
        match operator {
            UnaryOperator::Not => {
                let typed = self.boolean(inner, scope, "NOT")?;
                Ok(Typed::new(format!("(NOT {})", typed.sql), ColumnType::Boolean))
            }
            UnaryOperator::Minus => {
                if let Expr::Value(value) = inner
                    && let Value::Number(digits, false) = &value.value
                {
                    return self.number(&format!("-{digits}"), value.span.start);
                }
                let typed = self.expression(inner, scope)?;
                self.call_scalar("$negate", &[typed], location(inner))
            }
            UnaryOperator::Plus => self.expression(inner, scope),
            other => Err(unsupported(location(inner), format!("The operator {other}"))),
        }
    }

    fn between(&mut self, expr: &Expr, negated: bool, low: &Expr, high: &Expr, scope: &Scope) -> Result<Typed> {
        let (value, low, high) =
            (self.expression(expr, scope)?, self.expression(low, scope)?, self.expression(high, scope)?);
        let [value, low, high] = self.unified([value, low, high], "BETWEEN", location(expr))?;
        let not = if negated { "NOT " } else { "" };
        let sql = match [&value, &low, &high].iter().all(|operand| operand.is_finite) {
            true => format!("({} {not}BETWEEN {} AND {})", value.sql, low.sql, high.sql),
            false => format!("({not}ts_between({}, {}, {}))", value.sql, low.sql, high.sql),
        };
        Ok(Typed::new(sql, ColumnType::Boolean))
    }

    fn is_in(&mut self, expr: &Expr, target: &InTarget, negated: bool, scope: &Scope) -> Result<Typed> {
        let mut value = self.expression(expr, scope)?;
        let not = if negated { "NOT " } else { "" };
        let mut may_have_nan = false;
        let list = match target {
            InTarget::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    let item = self.expression(item, scope)?;
                    let [left, right] = self.unified([value, item], "IN", location(expr))?;
                    value = left;
                    may_have_nan |= !right.is_finite;
                    list.push(right.sql);
                }
                list.join(", ")
            }
            InTarget::Subquery(query) => {
                let rows = self.subquery(query, Some(scope))?;
                match rows.columns.as_slice() {
                    [column] if column.column_type == value.kind && value.kind.is_comparable() => {
                        may_have_nan = !column.is_finite;
                        rows.sql
                    }
                    _ => {
                        return Err(at(
                            location(expr),
                            "The value and the subquery of IN must be of one and the same type",
                        ));
                    }
                }
            }
            _ => return Err(unsupported(location(expr), "This form of IN")),
        };
        let value = if may_have_nan && !value.is_finite { unlike_nan(&value) } else { value.sql };
        Ok(Typed::new(format!("({value} {not}IN ({list}))"), ColumnType::Boolean))
    }

    fn compare(&mut self, sql: &str, shown: &str, left: &Expr, right: &Expr, scope: &Scope) -> Result<Typed> {
        let pair = [self.expression(left, scope)?, self.expression(right, scope)?];
        let [one, two] = self.unified(pair, shown, location(left))?;
        Ok(Typed::new(format!("({} {sql} {})", one.sql, two.sql), ColumnType::Boolean))
    }

    /// Binary operators. The tree leans to the left and may be thousands deep, so its spine is walked in a loop.
    fn chain(&mut self, expression: &Expr, scope: &Scope) -> Result<Typed> {
        let mut spine: Vec<(&BinaryOperator, &Expr)> = Vec::new();
        let mut first = expression;
        while let Expr::BinaryOp { left, op, right } = first {
            spine.push((op, right));
            first = left;
        }
        let start = location(first);
        let mut result = self.expression(first, scope)?;
        let mut operands = spine.into_iter().rev().peekable();
        while let Some((operator, right)) = operands.next() {
            let word = match operator {
                BinaryOperator::And => "AND",
                BinaryOperator::Or => "OR",
                BinaryOperator::StringConcat => "||",
                _ => {
                    let right = self.expression(right, scope)?;
                    result = match comparison(operator) {
                        Some((sql, shown)) => {
                            let [one, two] = self.unified([result, right], shown, start)?;
                            Typed::new(compared(sql, &one, &two), ColumnType::Boolean)
                        }
                        None => self.arithmetic(operator, result, right, start)?,
                    };
                    continue;
                }
            };
            let mut terms = vec![result, self.expression(right, scope)?];
            while let Some((_, next)) = operands.next_if(|(next, _)| *next == operator) {
                terms.push(self.expression(next, scope)?);
            }
            result = self.joined(word, terms, start)?;
        }
        Ok(result)
    }
}
