//! A whole query: WITH, set operations, ORDER BY, LIMIT.

use sqlparser::ast::{
    Expr, LimitClause, OrderByExpr, OrderByKind, Query, Select, SetExpr, SetOperator, SetQuantifier, Value,
};

use super::super::SqlError;
use super::super::lexer::at;
use super::super::types::{Column, ColumnType};
use super::relations::{outputs, renamed};
use super::scope::Scope;
use super::{Clause, NamedQuery, Result, Rows, Translator, Typed, Usage, location, place, refuse_body, unsupported};

impl Translator<'_> {
    /// A query within another, of which it sees nothing.
    pub(super) fn subquery(&mut self, query: &Query) -> Result<Rows> {
        let outer = std::mem::take(&mut self.usage);
        let rows = self.query(query);
        self.usage = outer;
        rows
    }

    pub(super) fn query(&mut self, query: &Query) -> Result<Rows> {
        self.nested(|walker| {
            let visible = walker.named_queries.len();
            let rows = walker.query_here(query);
            walker.named_queries.truncate(visible);
            rows
        })
    }

    fn query_here(&mut self, query: &Query) -> Result<Rows> {
        if query.fetch.is_some() || !query.locks.is_empty() || query.for_clause.is_some() {
            return Err(SqlError::new("FETCH and FOR are not supported"));
        }
        let with = self.with(query)?;
        let order = match query.order_by.as_ref().map(|order| &order.kind) {
            None => &[][..],
            Some(OrderByKind::Expressions(expressions)) => expressions,
            Some(OrderByKind::All(_)) => return Err(SqlError::new("ORDER BY ALL is not supported")),
        };
        let mut rows = match query.body.as_ref() {
            SetExpr::Select(select) => self.ordered_select(select, order)?,
            other => {
                let mut rows = self.body(other)?;
                let scope = Scope { relations: Vec::new(), outputs: ordinals(&rows.columns) };
                let keys = self.order_keys(order, &scope, &rows.columns)?;
                rows.sql.push_str(&keys);
                rows
            }
        };
        let limit = limit(query.limit_clause.as_ref())?;
        rows.single |= limit.starts_with(" LIMIT 1 ") || limit == " LIMIT 1";
        rows.sql = format!("{with}{}{limit}", rows.sql);
        Ok(rows)
    }

    fn with(&mut self, query: &Query) -> Result<String> {
        let Some(with) = &query.with else { return Ok(String::new()) };
        if with.recursive {
            return Err(unsupported(with.with_token.0.span.start, "WITH RECURSIVE"));
        }
        let mut parts = Vec::new();
        for table in &with.cte_tables {
            let rows = self.subquery(&table.query)?;
            let physical = self.alias('w');
            parts.push(format!("{physical} AS ({})", rows.sql));
            let columns = renamed(rows.columns, Some(&table.alias))?;
            self.named_queries.push(NamedQuery { name: table.alias.name.value.clone(), physical, columns });
        }
        Ok(format!("WITH {} ", parts.join(", ")))
    }

    fn body(&mut self, body: &SetExpr) -> Result<Rows> {
        match body {
            SetExpr::Select(select) => self.ordered_select(select, &[]),
            SetExpr::Query(query) => {
                let rows = self.subquery(query)?;
                Ok(Rows { sql: format!("SELECT * FROM ({})", rows.sql), ..rows })
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                self.nested(|walker| walker.set_operation(left, *op, *set_quantifier, right))
            }
            other => Err(refuse_body(other)),
        }
    }

    fn set_operation(
        &mut self,
        left: &SetExpr,
        operator: SetOperator,
        quantifier: SetQuantifier,
        right: &SetExpr,
    ) -> Result<Rows> {
        let word = match (operator, quantifier) {
            (SetOperator::Union, SetQuantifier::All) => "UNION ALL",
            (SetOperator::Union, SetQuantifier::None | SetQuantifier::Distinct) => "UNION",
            (SetOperator::Intersect, SetQuantifier::None | SetQuantifier::Distinct) => "INTERSECT",
            (SetOperator::Except, SetQuantifier::None | SetQuantifier::Distinct) => "EXCEPT",
            _ => return Err(SqlError::new(format!("{operator} {quantifier} is not supported"))),
        };
        let (left, right) = (self.body(left)?, self.body(right)?);
        if left.columns.len() != right.columns.len() {
            return Err(SqlError::new(format!("{operator} query has different number of fields")));
        }
        let mut columns = Vec::new();
        for (mine, other) in left.columns.into_iter().zip(&right.columns) {
            let common = mine.column_type.common(other.column_type);
            // Values of both must be alike in SQLite already: nothing converts them here.
            let alike = |kind: ColumnType| {
                Some(kind) == common || kind == ColumnType::Unknown || common == Some(ColumnType::Bigint)
            };
            match common.filter(|_| alike(mine.column_type) && alike(other.column_type)) {
                Some(column_type) => columns.push(Column { column_type, ..mine }),
                None => {
                    let (one, two) = (mine.column_type.sql_name(), other.column_type.sql_name());
                    let message =
                        format!("column '{}' in {operator} query has incompatible types: {one}, {two}", mine.name);
                    return Err(SqlError::new(message));
                }
            }
        }
        let sql = format!("SELECT * FROM ({}) {word} SELECT * FROM ({})", left.sql, right.sql);
        Ok(Rows { sql, columns, single: false })
    }

    fn ordered_select(&mut self, select: &Select, order: &[OrderByExpr]) -> Result<Rows> {
        let outer = std::mem::replace(&mut self.usage, Usage { clause: Clause::Select, ..Usage::default() });
        let rows = self.select(select, order);
        self.usage = outer;
        rows
    }

    /// ` ORDER BY …`, or nothing. A name or number that means a column of the result is written as its number.
    pub(super) fn order_keys(&mut self, order: &[OrderByExpr], scope: &Scope, columns: &[Column]) -> Result<String> {
        let mut keys = Vec::with_capacity(order.len());
        for key in order {
            let expression = match &key.expr {
                Expr::Value(value) => match &value.value {
                    Value::Number(digits, _) => match digits.parse::<usize>() {
                        Ok(position) if (1..=columns.len()).contains(&position) => position.to_string(),
                        _ => {
                            let message = format!("ORDER BY position {digits} is not in select list");
                            return Err(at(value.span.start, message));
                        }
                    },
                    _ => return Err(unsupported(value.span.start, "ORDER BY a literal")),
                },
                Expr::Identifier(ident) if scope.outputs.iter().any(|(name, _)| *name == ident.value) => {
                    let mut found = scope.outputs.iter().enumerate().filter(|(_, (name, _))| *name == ident.value);
                    match (found.next(), found.next()) {
                        (Some((index, _)), None) => (index + 1).to_string(),
                        _ => return Err(at(place(ident), format!("Column '{}' is ambiguous", ident.value))),
                    }
                }
                // A compound query's columns can only be named, not reckoned with.
                other if scope.relations.is_empty() => {
                    return Err(unsupported(location(other), "ORDER BY this expression"));
                }
                other => self.expression(other, scope)?.sql,
            };
            keys.push(format!("{expression}{}", direction(key)?));
        }
        Ok(if keys.is_empty() { String::new() } else { format!(" ORDER BY {}", keys.join(", ")) })
    }
}

/// ` ASC NULLS LAST` and the like. NULLs come last in Presto, whichever the direction.
pub(super) fn direction(key: &OrderByExpr) -> Result<&'static str> {
    use sqlparser::ast::OrderBySort;
    let ascending = match &key.options.sort {
        None | Some(OrderBySort::Asc) => true,
        Some(OrderBySort::Desc) => false,
        Some(_) => return Err(unsupported(location(&key.expr), "ORDER BY … USING")),
    };
    Ok(match (ascending, key.options.nulls_first.unwrap_or(false)) {
        (true, false) => " ASC NULLS LAST",
        (true, true) => " ASC NULLS FIRST",
        (false, false) => " DESC NULLS LAST",
        (false, true) => " DESC NULLS FIRST",
    })
}

/// A column of a compound query is its number; SQLite takes nothing else there.
fn ordinals(columns: &[Column]) -> Vec<(String, Typed)> {
    outputs(columns).map(|(index, name, kind)| (name.to_owned(), Typed::new((index + 1).to_string(), kind))).collect()
}

fn limit(clause: Option<&LimitClause>) -> Result<String> {
    let Some(clause) = clause else { return Ok(String::new()) };
    let LimitClause::LimitOffset { limit, offset, limit_by } = clause else {
        return Err(SqlError::new("LIMIT with a comma is not supported"));
    };
    if !limit_by.is_empty() {
        return Err(SqlError::new("LIMIT BY is not supported"));
    }
    // SQLite wants a LIMIT before OFFSET; −1 is none.
    let limit = limit.as_ref().map_or(Ok(-1), |limit| count(limit, "LIMIT"))?;
    let offset = offset.as_ref().map_or(Ok(0), |offset| count(&offset.value, "OFFSET"))?;
    Ok(match offset {
        0 => format!(" LIMIT {limit}"),
        offset => format!(" LIMIT {limit} OFFSET {offset}"),
    })
}

fn count(expression: &Expr, clause: &str) -> Result<i64> {
    if let Expr::Value(value) = expression
        && let Value::Number(digits, _) = &value.value
        && let Ok(number) = digits.parse()
    {
        return Ok(number);
    }
    Err(at(location(expression), format!("{clause} must be a whole number")))
}
