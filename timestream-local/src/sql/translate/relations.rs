//! FROM: tables, subqueries and joins.

use sqlparser::ast::{JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor, TableWithJoins};
use sqlparser::tokenizer::Location;

use super::super::lexer::at;
use super::super::types::{Column, ColumnType, TableSchema};
use super::super::{CatalogError, SqlError};
use super::scope::{Relation, Scope, ScopeColumn};
use super::{Clause, Result, Translator, place, unsupported};

/// A FROM clause: the SQL behind the word, empty for none, and its scope.
pub(super) struct From {
    pub(super) sql: String,
    pub(super) scope: Scope,
    /// The samples table, when the clause is one Timestream table and nothing else.
    pub(super) samples: Option<String>,
}

impl Translator<'_> {
    pub(super) fn from(&mut self, tables: &[TableWithJoins]) -> Result<From> {
        if let [only] = tables
            && only.joins.is_empty()
            && let Some((schema, qualifier)) = self.plain_table(&only.relation)?
        {
            // CROSS JOIN keeps SQLite to this order: the series first, then the times of each.
            let sql =
                format!("{} AS s CROSS JOIN {} AS v ON v.series = s.id", schema.series_table, schema.samples_table);
            let columns = schema
                .columns
                .into_iter()
                .map(|column| ScopeColumn { name: column.name, kind: column.column_type, sql: column.expression })
                .collect();
            let scope = Scope { relations: vec![Relation { qualifier, columns }], outputs: Vec::new() };
            return Ok(From { sql, scope, samples: Some(schema.samples_table) });
        }
        let (mut sql, mut scope) = (String::new(), Scope::default());
        for table in tables {
            if !sql.is_empty() {
                sql.push_str(" CROSS JOIN ");
            }
            self.relation(&table.relation, &mut sql, &mut scope)?;
            for join in &table.joins {
                let (word, constraint) = match &join.join_operator {
                    JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (" JOIN ", constraint),
                    JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (" LEFT JOIN ", constraint),
                    JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                        (" RIGHT JOIN ", constraint)
                    }
                    JoinOperator::FullOuter(constraint) => (" FULL JOIN ", constraint),
                    JoinOperator::CrossJoin(constraint) => (" CROSS JOIN ", constraint),
                    _ => return Err(SqlError::new("This kind of join is not supported")),
                };
                sql.push_str(word);
                self.relation(&join.relation, &mut sql, &mut scope)?;
                match constraint {
                    JoinConstraint::On(condition) => {
                        self.usage.clause = Clause::Join;
                        let condition = self.boolean(condition, &scope, "JOIN ON")?;
                        sql.push_str(" ON ");
                        sql.push_str(&condition.sql);
                    }
                    JoinConstraint::None if word == " CROSS JOIN " => {}
                    JoinConstraint::None => return Err(SqlError::new("A join needs ON")),
                    _ => return Err(SqlError::new("JOIN with USING or NATURAL is not supported; write it with ON")),
                }
            }
        }
        Ok(From { sql, scope, samples: None })
    }

    fn relation(&mut self, factor: &TableFactor, sql: &mut String, scope: &mut Scope) -> Result<()> {
        if let Some((schema, qualifier)) = self.plain_table(factor)? {
            let alias = self.alias('t');
            let mut fields = Vec::with_capacity(schema.columns.len());
            let mut columns = Vec::with_capacity(schema.columns.len());
            for (index, column) in schema.columns.iter().enumerate() {
                fields.push(format!("{} AS c{index}", column.expression));
                columns.push(ScopeColumn {
                    name: column.name.clone(),
                    kind: column.column_type,
                    sql: format!("{alias}.c{index}"),
                });
            }
            let (series, samples, fields) = (schema.series_table, schema.samples_table, fields.join(", "));
            sql.push_str(&format!(
                "(SELECT {fields} FROM {series} AS s CROSS JOIN {samples} AS v ON v.series = s.id) AS {alias}"
            ));
            scope.relations.push(Relation { qualifier, columns });
            return Ok(());
        }
        let (body, columns, alias) = match factor {
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let rows = self.subquery(subquery)?;
                (format!("({})", rows.sql), rows.columns, alias)
            }
            TableFactor::Table { name, alias, .. } => {
                let named = name.0.first().and_then(|part| part.as_ident()).and_then(|ident| {
                    self.named_queries.iter().rev().find(|named| named.name.eq_ignore_ascii_case(&ident.value))
                });
                match named {
                    Some(named) => (named.physical.clone(), named.columns.clone(), alias),
                    None => return Err(SqlError::new(format!("Table '{name}' must be named as database.table"))),
                }
            }
            _ => return Err(SqlError::new("This kind of table expression is not supported")),
        };
        let physical = self.alias('t');
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
            })
            .collect();
        sql.push_str(&format!("{body} AS {physical}"));
        scope.relations.push(Relation { qualifier, columns });
        Ok(())
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
            return Err(SqlError::new(format!("Table '{name}' must be named as database.table")));
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
                    .map(|column| Column { name: column.name.clone(), column_type: column.column_type })
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

fn names(name: &ObjectName) -> Vec<(String, Location)> {
    name.0.iter().filter_map(|part| part.as_ident()).map(|ident| (ident.value.clone(), place(ident))).collect()
}

/// The columns under the names that `AS t (a, b)` gives them.
pub(super) fn renamed(mut columns: Vec<Column>, alias: Option<&TableAlias>) -> Result<Vec<Column>> {
    let Some(alias) = alias.filter(|alias| !alias.columns.is_empty()) else { return Ok(columns) };
    if alias.columns.len() != columns.len() {
        let (given, needed) = (alias.columns.len(), columns.len());
        let message = format!("Column alias list has {given} entries but relation has {needed} columns");
        return Err(at(place(&alias.name), message));
    }
    for (column, new) in columns.iter_mut().zip(&alias.columns) {
        column.name = new.name.value.clone();
    }
    Ok(columns)
}

/// The columns of a query as a scope in which only ordinals of it can be meant.
pub(super) fn outputs(columns: &[Column]) -> impl Iterator<Item = (usize, &str, ColumnType)> {
    columns.iter().enumerate().map(|(index, column)| (index, column.name.as_str(), column.column_type))
}
