//! UNNEST: the entries of time series and arrays as rows.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, TableAlias, TableFactor};
use sqlparser::tokenizer::Location;

use super::super::failure::{at, unsupported};
use super::super::functions;
use super::super::types::{Column, ColumnType, Field};
use super::location::{location, names};
use super::scope::{Relation, Scope, ScopeColumn, renamed};
use super::translator::{Clause, Translator};
use super::typed::{Result, Typed};

/// A factor of FROM that is an UNNEST.
pub(super) struct Unnest<'f> {
    arrays: Vec<&'f Expr>,
    has_ordinality: bool,
    alias: Option<&'f TableAlias>,
    start: Location,
}

/// A column of UNNEST: name, type and SQL.
type Unnested = (String, ColumnType, String);

impl<'f> Unnest<'f> {
    /// What a factor unnests, if it does.
    pub(super) fn of(factor: &'f TableFactor) -> Option<Result<Self>> {
        let TableFactor::Table { name, alias, args: Some(args), with_ordinality, .. } = factor else { return None };
        let path = names(name);
        let [(function, start)] = path.as_slice() else { return None };
        if !function.eq_ignore_ascii_case("unnest") {
            return None;
        }
        let array = |argument: &'f FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(array)) => Ok(array),
            _ => Err(unsupported(*start, "This form of UNNEST")),
        };
        let arrays: Result<Vec<_>> = args.args.iter().map(array).collect();
        Some(arrays.map(|arrays| Unnest {
            arrays,
            has_ordinality: *with_ordinality,
            alias: alias.as_ref(),
            start: *start,
        }))
    }
}

impl Translator<'_> {
    /// `UNNEST(x) AS t (time, value)`: a row for each entry of a time series, or element of an array. Arrays beside each
    /// other go on with NULL until the longest ends.
    pub(super) fn unnested(&mut self, unnest: Unnest<'_>, sql: &mut String, scope: &mut Scope) -> Result<()> {
        self.usage.clause = Clause::Join;
        let physical = self.alias('u');
        let value = format!("{}({physical}.value)", functions::only("$entry_value"));
        let (entries, mut columns) = match unnest.arrays.as_slice() {
            [] => return Err(at(unnest.start, "UNNEST needs an array")),
            [only] => {
                let typed = self.expression(only, scope)?;
                let columns = match &typed.kind {
                    ColumnType::TimeSeries(kind) => {
                        let time = format!("{}({physical}.value)", functions::only("$entry_time"));
                        let time = ("time".to_owned(), ColumnType::Timestamp, time);
                        vec![time, ("value".to_owned(), (**kind).clone(), value)]
                    }
                    _ => columns(&typed, value, 0, location(only))?,
                };
                (typed.sql, columns)
            }
            several => {
                let (mut arrays, mut all) = (Vec::new(), Vec::new());
                for (index, array) in several.iter().enumerate() {
                    let typed = self.expression(array, scope)?;
                    let field = format!("{}({value}, {index})", functions::only("$field"));
                    let further = columns(&typed, field, all.len(), location(array))?;
                    all.extend(further);
                    arrays.push(typed.sql);
                }
                (format!("ts_zip({})", arrays.join(", ")), all)
            }
        };
        if unnest.has_ordinality {
            columns.push(("ordinality".to_owned(), ColumnType::Bigint, format!("({physical}.key + 1)")));
        }
        let named = columns.iter().map(|(name, kind, _)| Column::new(name.clone(), kind.clone())).collect();
        let columns = renamed(named, unnest.alias)?
            .into_iter()
            .zip(columns)
            .map(|(column, (_, kind, sql))| ScopeColumn {
                name: column.name,
                is_finite: column.is_finite,
                kind,
                sql,
                origin: None,
            })
            .collect();
        sql.push_str(&format!("json_each({}({entries})) AS {physical}", functions::only("$entries")));
        let qualifier = unnest.alias.map(|alias| vec![alias.name.value.clone()]).unwrap_or_default();
        scope.relations.push(Relation { qualifier, columns });
        Ok(())
    }
}

/// The columns of an array, whose element has the SQL `value`, behind `before` others: one, or one for each field of rows.
fn columns(array: &Typed, value: String, before: usize, start: Location) -> Result<Vec<Unnested>> {
    let ColumnType::Array(kind) = &array.kind else {
        return Err(at(start, format!("Cannot unnest type: {}", array.kind.sql_name())));
    };
    let ColumnType::Row(fields) = &**kind else {
        return Ok(vec![(format!("_col{before}"), (**kind).clone(), value)]);
    };
    let column = |(index, field): (usize, &Field)| {
        let name = field.name.clone().unwrap_or_else(|| format!("_col{}", before + index));
        (name, field.kind.clone(), format!("{}({value}, {index})", functions::only("$field")))
    };
    Ok(fields.iter().enumerate().map(column).collect())
}
