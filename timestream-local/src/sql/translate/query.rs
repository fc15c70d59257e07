//! A whole query: WITH, set operations, ORDER BY, LIMIT.

use sqlparser::ast::{OrderByExpr, OrderByKind, Query, Select, SetExpr, SetOperator, SetQuantifier};
use sqlparser::tokenizer::Location;

use super::super::failure::{SqlError, at, unsupported};
use super::super::types::Column;
use super::limit::limit;
use super::location::{body_location, query_location};
use super::operators::converted;
use super::scope::{Relation, Scope, ScopeColumn, renamed};
use super::translator::{Clause, NamedQuery, Rows, Translator, Usage};
use super::typed::{Result, Typed};

impl Translator<'_> {
    /// A query within another. It may use the columns of `around`, if that is given.
    pub(super) fn subquery(&mut self, query: &Query, around: Option<&Scope>) -> Result<Rows> {
        if !self.frames.is_empty() {
            return Err(unsupported(query_location(query), "A subquery in a lambda"));
        }
        let mut usage = std::mem::take(&mut self.usage);
        let rows = match around {
            Some(scope) => self.within(scope, &mut usage, |walker| walker.query(query)),
            None => self.shut_off(|walker| walker.query(query)),
        };
        self.usage = usage;
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
        if !query.locks.is_empty() || query.for_clause.is_some() {
            return Err(unsupported(query_location(query), "FOR"));
        }
        let with = self.with(query)?;
        let order = match query.order_by.as_ref().map(|order| &order.kind) {
            None => &[][..],
            Some(OrderByKind::Expressions(expressions)) => expressions,
            Some(OrderByKind::All(_)) => return Err(unsupported(query_location(query), "ORDER BY ALL")),
        };
        let mut rows = match query.body.as_ref() {
            SetExpr::Select(select) => self.ordered_select(select, order)?,
            other => {
                let mut rows = self.body(other)?;
                if !order.is_empty() {
                    let physical = self.alias('o');
                    let scope = compound(&rows.columns, &physical);
                    self.usage = Usage { clause: Clause::Select, ..Usage::default() };
                    let keys = self.order_keys(order, &scope, &rows.columns)?.sql();
                    rows.groups = None;
                    rows.sql = format!("SELECT * FROM ({}) AS {physical}{keys}", rows.sql);
                }
                rows
            }
        };
        let limit = limit(query.limit_clause.as_ref(), query.fetch.as_ref(), query_location(query))?;
        rows.single |= limit.starts_with(" LIMIT 1 ") || limit == " LIMIT 1";
        if !with.is_empty() || !limit.is_empty() {
            rows.groups = None;
        }
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
            let rows = self.subquery(&table.query, None)?;
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
                let rows = self.subquery(query, None)?;
                Ok(Rows { sql: format!("SELECT * FROM ({})", rows.sql), ..rows })
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                self.nested(|walker| walker.set_operation(left, *op, *set_quantifier, right))
            }
            SetExpr::Values(values) => self.values(values),
            other => Err(refused_body(other, body_location(other))),
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
            // Equal rows are told apart by their numbers.
            (SetOperator::Intersect, SetQuantifier::All) => "INTERSECT",
            (SetOperator::Except, SetQuantifier::All) => "EXCEPT",
            _ => return Err(unsupported(body_location(left), format!("{operator} {quantifier}"))),
        };
        let start = body_location(left);
        let (left, right) = self.shut_off(|walker| Ok((walker.body(left)?, walker.body(right)?)))?;
        if left.columns.len() != right.columns.len() {
            return Err(at(start, format!("{operator} query has different number of fields")));
        }
        let mut columns = Vec::new();
        for (mine, other) in left.columns.iter().zip(&right.columns) {
            let common = mine.column_type.common(&other.column_type);
            match common.filter(|kind| kind.can_be_grouped() || word == "UNION ALL") {
                Some(common) => {
                    let (aliased, is_finite) = (mine.aliased, mine.is_finite && other.is_finite);
                    columns.push(Column { aliased, is_finite, ..Column::new(mine.name.clone(), common) })
                }
                None => {
                    let (one, two) = (mine.column_type.sql_name(), other.column_type.sql_name());
                    let message =
                        format!("column '{}' in {operator} query has incompatible types: {one}, {two}", mine.name);
                    return Err(at(start, message));
                }
            }
        }
        let (left, right) = (self.as_types(left, &columns), self.as_types(right, &columns));
        let sql = match operator != SetOperator::Union && quantifier == SetQuantifier::All {
            true => {
                let list = (0..columns.len()).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
                let numbered =
                    |rows: &str| format!("SELECT {list}, row_number() OVER (PARTITION BY {list}) AS n FROM ({rows})");
                format!("SELECT {list} FROM ({} {word} {})", numbered(&left), numbered(&right))
            }
            false => format!("{left} {word} {right}"),
        };
        Ok(Rows { sql, columns, single: false, groups: None })
    }

    /// The rows with every column in the type of its place.
    fn as_types(&mut self, rows: Rows, columns: &[Column]) -> String {
        let given = rows.columns.iter().zip(columns).enumerate();
        let fields: Vec<String> = given
            .map(|(index, (column, to))| {
                let field = Typed::new(format!("c{index}"), column.column_type.clone());
                format!("{} AS c{index}", converted(field, &to.column_type).sql)
            })
            .collect();
        format!("SELECT {} FROM ({})", fields.join(", "), rows.sql)
    }

    fn ordered_select(&mut self, select: &Select, order: &[OrderByExpr]) -> Result<Rows> {
        let outer = std::mem::replace(&mut self.usage, Usage { clause: Clause::Select, ..Usage::default() });
        let rows = self.select(select, order);
        self.usage = outer;
        rows
    }
}

/// The columns of a compound query, by the names that they have in its result.
fn compound(columns: &[Column], physical: &str) -> Scope {
    let columns = columns.iter().enumerate().map(|(index, column)| ScopeColumn {
        name: column.name.clone(),
        kind: column.column_type.clone(),
        sql: format!("{physical}.c{index}"),
        origin: None,
        is_finite: column.is_finite,
    });
    Scope { relations: vec![Relation { qualifier: Vec::new(), columns: columns.collect() }], outputs: Vec::new() }
}

/// The refusal of a query's body that is not a SELECT.
pub(super) fn refused_body(body: &SetExpr, start: Location) -> SqlError {
    let what = match body {
        SetExpr::Insert(_) => "INSERT",
        SetExpr::Update(_) => "UPDATE",
        SetExpr::Delete(_) => "DELETE",
        SetExpr::Merge(_) => "MERGE",
        _ => "TABLE",
    };
    unsupported(start, what)
}
