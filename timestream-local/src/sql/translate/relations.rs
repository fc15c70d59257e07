//! FROM: tables, subqueries and joins.

use std::sync::Arc;

use sqlparser::ast::{Join, JoinConstraint, JoinOperator, ObjectName, TableFactor, TableWithJoins};
use sqlparser::tokenizer::Location;

use super::super::catalog::{CatalogError, TableSchema};
use super::super::failure::{SqlError, at, unsupported};
use super::super::types::Column;
use super::groups::Groups;
use super::location::{names, query_location};
use super::scope::{Relation, Scope, ScopeColumn, renamed};
use super::split_table::SplitTable;
use super::translator::{Clause, Translator};
use super::typed::Result;
use super::unnest::Unnest;
use super::using::{Named, kept};

/// Tables of a FROM clause, as many as SQLite joins.
const MAX_TABLES: usize = 64;

/// A FROM clause: the SQL behind the word, empty for none, and its scope.
pub(super) struct From {
    pub(super) sql: String,
    pub(super) scope: Scope,
    /// What it is, when the clause is one thing and nothing else.
    pub(super) only: Option<Only>,
}

/// What a FROM clause may be alone.
pub(super) enum Only {
    /// A Timestream table.
    Table(Box<SplitTable>),
    /// A query whose rows are series or bins of series, and the name that it has in SQLite.
    Groups(Groups, String),
}

impl Translator<'_> {
    pub(super) fn from(&mut self, tables: &[TableWithJoins]) -> Result<From> {
        let has_own_names = self.outer.last().is_some_and(|around| around.has_own_names);
        if let [only] = tables
            && only.joins.is_empty()
            && !has_own_names
            && let Some((schema, qualifier)) = self.plain_table(&only.relation)?
        {
            let origin = origin(&only.relation);
            let table = SplitTable::of(&schema);
            let columns = schema
                .columns
                .into_iter()
                .map(|column| ScopeColumn {
                    name: column.name,
                    kind: column.column_type,
                    sql: column.expression,
                    origin: origin.clone(),
                    is_finite: true,
                })
                .collect();
            let scope = Scope { relations: vec![Relation { qualifier, columns }], outputs: Vec::new() };
            return Ok(From { sql: schema.relation, scope, only: Some(Only::Table(Box::new(table))) });
        }
        if tables.iter().map(|table| 1 + table.joins.len()).sum::<usize>() > MAX_TABLES {
            let start = tables.first().map_or_else(Location::empty, |table| factor_location(&table.relation));
            return Err(at(start, format!("FROM can have at most {MAX_TABLES} tables")));
        }
        let (mut sql, mut scope, mut groups) = (String::new(), Scope::default(), None);
        for (index, table) in tables.iter().enumerate() {
            if index > 0 {
                sql.push_str(" CROSS JOIN ");
            }
            if index > 0 && table.joins.iter().any(keeps_right) {
                // SQLite would join it to all that is before the comma.
                let mut own = Scope::default();
                sql.push('(');
                self.joins(table, &mut sql, &mut own)?;
                sql.push(')');
                scope.relations.append(&mut own.relations);
            } else {
                groups = self.joins(table, &mut sql, &mut scope)?;
            }
        }
        let is_alone = matches!(tables, [only] if only.joins.is_empty());
        let only = groups.filter(|_| is_alone).map(|(groups, name)| Only::Groups(groups, name));
        Ok(From { sql, scope, only })
    }

    /// A table and those that are joined to it. Returns what the table is made of, as `relation` does.
    fn joins(
        &mut self,
        table: &TableWithJoins,
        sql: &mut String,
        scope: &mut Scope,
    ) -> Result<Option<(Groups, String)>> {
        let first = scope.relations.len();
        let groups = self.relation(&table.relation, sql, scope)?;
        for join in &table.joins {
            self.join(join, first, sql, scope)?;
        }
        Ok(groups)
    }

    /// A further table of a chain of joins. `first` is the place of the chain's first among the relations.
    fn join(&mut self, join: &Join, first: usize, sql: &mut String, scope: &mut Scope) -> Result<()> {
        let start = factor_location(&join.relation);
        let (word, constraint) = match &join.join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (" JOIN ", constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (" LEFT JOIN ", constraint),
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (" RIGHT JOIN ", constraint),
            JoinOperator::FullOuter(constraint) => (" FULL JOIN ", constraint),
            JoinOperator::CrossJoin(constraint) => (" CROSS JOIN ", constraint),
            _ => return Err(unsupported(start, "This kind of join")),
        };
        if word != " CROSS JOIN " && Unnest::of(&join.relation).is_some() {
            return Err(unsupported(start, "UNNEST other than behind CROSS JOIN or a comma"));
        }
        sql.push_str(word);
        let before = scope.relations.len();
        self.relation(&join.relation, sql, scope)?;
        match constraint {
            JoinConstraint::On(condition) => {
                self.usage.clause = Clause::Join;
                let condition = self.boolean(condition, scope, "JOIN ON")?;
                sql.push_str(" ON ");
                sql.push_str(&condition.sql);
            }
            JoinConstraint::Using(_) | JoinConstraint::Natural => {
                let columns = match constraint {
                    JoinConstraint::Using(names) => Named::given(names, start)?,
                    _ => Named::common(scope, first..before, start),
                };
                let condition = self.using(&columns, kept(word), scope, first..before)?;
                sql.push_str(" ON ");
                sql.push_str(&condition);
            }
            JoinConstraint::None if word == " CROSS JOIN " => {}
            JoinConstraint::None => return Err(at(start, "A join needs ON")),
            JoinConstraint::UsingAlias(..) => return Err(unsupported(start, "USING with a name")),
        }
        Ok(())
    }

    /// Writes a factor. Returns what it is made of, and its name, if its rows are series or bins of series.
    fn relation(
        &mut self,
        factor: &TableFactor,
        sql: &mut String,
        scope: &mut Scope,
    ) -> Result<Option<(Groups, String)>> {
        if let Some(unnest) = Unnest::of(factor) {
            return self.unnested(unnest?, sql, scope).map(|()| None);
        }
        if let Some((schema, qualifier)) = self.plain_table(factor)? {
            let origin = origin(factor);
            let alias = self.alias('t');
            self.count(schema.columns.len())?;
            let mut fields = Vec::with_capacity(schema.columns.len());
            let mut columns = Vec::with_capacity(schema.columns.len());
            for (index, column) in schema.columns.iter().enumerate() {
                fields.push(format!("{} AS c{index}", column.expression));
                columns.push(ScopeColumn {
                    name: column.name.clone(),
                    kind: column.column_type.clone(),
                    sql: format!("{alias}.c{index}"),
                    origin: origin.clone(),
                    is_finite: true,
                });
            }
            sql.push_str(&format!("(SELECT {} FROM {}) AS {alias}", fields.join(", "), schema.relation));
            scope.relations.push(Relation { qualifier, columns });
            return Ok(None);
        }
        let mut groups = None;
        let (body, columns, alias) = match factor {
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let rows = self.subquery(subquery, None)?;
                groups = rows.groups;
                (format!("({})", rows.sql), rows.columns, alias)
            }
            TableFactor::Table { name, alias, args: None, .. } => {
                let named = name.0.first().and_then(|part| part.as_ident()).and_then(|ident| {
                    self.named_queries.iter().rev().find(|named| named.name.eq_ignore_ascii_case(&ident.value))
                });
                match named {
                    Some(named) => (named.physical.clone(), named.columns.clone(), alias),
                    None => return Err(unqualified(name, factor_location(factor))),
                }
            }
            _ => return Err(unsupported(factor_location(factor), "This kind of table expression")),
        };
        let physical = self.alias('t');
        self.count(columns.len())?;
        let qualifier = match (alias, factor) {
            (Some(alias), _) => vec![alias.name.value.clone()],
            (None, TableFactor::Table { name, .. }) => names(name).into_iter().map(|(name, _)| name).collect(),
            (None, _) => Vec::new(),
        };
        let columns = renamed(columns, alias.as_ref())?
            .into_iter()
            .enumerate()
            .map(|(index, column)| ScopeColumn {
                name: column.name,
                kind: column.column_type,
                sql: format!("{physical}.c{index}"),
                origin: None,
                is_finite: column.is_finite,
            })
            .collect();
        sql.push_str(&format!("{body} AS {physical}"));
        scope.relations.push(Relation { qualifier, columns });
        Ok(groups.map(|groups| (groups, physical)))
    }

    /// The schema of a factor that is `database.table`, with what qualifies its columns.
    fn plain_table(&self, factor: &TableFactor) -> Result<Option<(TableSchema, Vec<String>)>> {
        let TableFactor::Table { name, alias, args, with_hints, version, sample, with_ordinality, .. } = factor else {
            return Ok(None);
        };
        let path = names(name);
        if path.len() < 2 {
            return Ok(None);
        }
        let [(database, start), (table, _)] = path.as_slice() else {
            return Err(unqualified(name, factor_location(factor)));
        };
        if args.is_some() || !with_hints.is_empty() || version.is_some() || sample.is_some() || *with_ordinality {
            return Err(unsupported(*start, "This kind of table expression"));
        }
        let mut schema =
            self.catalog.table(database, table).map_err(|error| missing(error, database, table, *start))?;
        let qualifier = match alias {
            Some(alias) => {
                let columns = schema
                    .columns
                    .iter()
                    .map(|column| Column::new(column.name.clone(), column.column_type.clone()))
                    .collect();
                for (column, renamed) in schema.columns.iter_mut().zip(renamed(columns, Some(alias))?) {
                    column.name = renamed.name;
                }
                vec![alias.name.value.clone()]
            }
            None => vec![database.clone(), table.clone()],
        };
        Ok(Some((schema, qualifier)))
    }
}

/// Whether a join keeps the rows of its right side.
fn keeps_right(join: &Join) -> bool {
    matches!(join.join_operator, JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_))
}

/// What a client reads when a table is not there.
pub(in crate::sql) fn missing(error: CatalogError, database: &str, table: &str, start: Location) -> SqlError {
    match error {
        CatalogError::DatabaseMissing => SqlError::new(format!(
            "Requested database '{database}' not found for identifier '{database}.{table}' at line {}:{}",
            start.line, start.column
        )),
        CatalogError::TableMissing => at(start, format!("Table '{database}.{table}' does not exist")),
    }
}

/// The table that the columns of a factor belong to.
fn origin(factor: &TableFactor) -> Option<Arc<(String, String)>> {
    let TableFactor::Table { name, .. } = factor else { return None };
    match names(name).as_slice() {
        [(database, _), (table, _)] => Some(Arc::new((database.clone(), table.clone()))),
        _ => None,
    }
}

fn factor_location(factor: &TableFactor) -> Location {
    match factor {
        TableFactor::Table { name, .. } => names(name).first().map_or_else(Location::empty, |(_, start)| *start),
        TableFactor::Derived { subquery, .. } => query_location(subquery),
        TableFactor::NestedJoin { table_with_joins, .. } => factor_location(&table_with_joins.relation),
        _ => Location::empty(),
    }
}

fn unqualified(name: &ObjectName, start: Location) -> SqlError {
    at(start, format!("Table '{name}' must be named as database.table"))
}
