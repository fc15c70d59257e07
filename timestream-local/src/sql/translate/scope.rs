//! The names that an expression can use.

use std::sync::Arc;

use sqlparser::ast::{Ident, TableAlias};

use super::super::failure::{SqlError, at};
use super::super::types::{Column, ColumnType};
use super::location::place;
use super::typed::{Result, Typed};

/// A column of a relation, and the SQL that reads it.
#[derive(Debug, Clone)]
pub(super) struct ScopeColumn {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    pub(super) sql: String,
    /// The table that it is a column of.
    pub(super) origin: Option<Arc<(String, String)>>,
    /// Whether no value of it is NaN or infinite.
    pub(super) is_finite: bool,
}

/// A table, subquery or named query of FROM.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// What qualifies its columns: its alias, or its database and table.
    pub(super) qualifier: Vec<String>,
    pub(super) columns: Vec<ScopeColumn>,
}

impl Relation {
    /// Whether `a.b` in `a.b.column` means this relation.
    pub(super) fn answers_to(&self, path: &[Ident]) -> bool {
        path.len() <= self.qualifier.len()
            && path
                .iter()
                .rev()
                .zip(self.qualifier.iter().rev())
                .all(|(part, own)| part.value.eq_ignore_ascii_case(own))
    }
}

/// The relations of one SELECT, and, in its ORDER BY, the columns that it yields.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) relations: Vec<Relation>,
    pub(super) outputs: Vec<(String, Typed)>,
}

impl Scope {
    /// What a name means, and how its column spells it. If no column has exactly this name, case does not count.
    pub(super) fn resolve(&self, path: &[Ident]) -> Result<(String, Typed)> {
        let Some((column, qualifier)) = path.split_last() else {
            return Err(SqlError::new("A column name is missing"));
        };
        let same: [fn(&str, &str) -> bool; 2] = [|a, b| a == b, |a, b| a.eq_ignore_ascii_case(b)];
        for same in same {
            if qualifier.is_empty()
                && let Some((name, typed)) = self.outputs.iter().find(|(name, _)| same(name, &column.value))
            {
                return Ok((name.clone(), typed.clone()));
            }
            let mut found = self
                .relations
                .iter()
                .filter(|relation| relation.answers_to(qualifier))
                .flat_map(|relation| &relation.columns)
                .filter(|candidate| same(&candidate.name, &column.value));
            if let Some(first) = found.next() {
                if found.next().is_some() {
                    return Err(at(place(column), format!("Column '{}' is ambiguous", column.value)));
                }
                let (origin, is_finite) = (first.origin.clone(), first.is_finite);
                let typed = Typed { origin, is_finite, ..Typed::new(first.sql.clone(), first.kind.clone()) };
                return Ok((first.name.clone(), typed));
            }
        }
        let name = path.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
        Err(at(path.first().map_or_else(|| place(column), place), format!("Column '{name}' does not exist")))
    }
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
