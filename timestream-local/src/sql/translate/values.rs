//! VALUES: rows that stand in the query.

use sqlparser::ast::Values;
use sqlparser::tokenizer::Location;

use super::super::failure::at;
use super::super::types::Column;
use super::scope::Scope;
use super::translator::{Clause, Rows, Translator, Usage};
use super::typed::{Result, Typed};

impl Translator<'_> {
    /// The rows, with columns named `_col0` and so on.
    pub(super) fn values(&mut self, values: &Values) -> Result<Rows> {
        let start = values.rows.first().map_or_else(Location::empty, |row| row.opening_token.0.span.start);
        let outer = std::mem::replace(&mut self.usage, Usage { clause: Clause::Select, ..Usage::default() });
        let columns = self.columns_of_values(values, start);
        let is_aggregated = std::mem::replace(&mut self.usage, outer).aggregated;
        let columns = columns?;
        if is_aggregated {
            return Err(at(start, "VALUES cannot contain aggregations or window functions"));
        }
        let fields: Vec<String> =
            (1..).zip(0..columns.len()).map(|(one, at)| format!("column{one} AS c{at}")).collect();
        let row = |at: usize| {
            let values: Vec<&str> =
                columns.iter().filter_map(|(_, values)| Some(values.get(at)?.sql.as_str())).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..values.rows.len()).map(row).collect();
        Ok(Rows {
            sql: format!("SELECT {} FROM (VALUES {})", fields.join(", "), rows.join(", ")),
            columns: columns.into_iter().map(|(column, _)| column).collect(),
            single: rows.len() == 1,
            groups: None,
        })
    }

    /// The values column by column, those of a column in one type.
    fn columns_of_values(&mut self, values: &Values, start: Location) -> Result<Vec<(Column, Vec<Typed>)>> {
        let mut columns: Vec<Vec<Typed>> = Vec::new();
        for (index, row) in values.rows.iter().enumerate() {
            if index == 0 {
                columns.resize_with(row.content.len(), Vec::new);
            } else if row.content.len() != columns.len() {
                let message = format!("VALUES has rows of {} and of {} columns", columns.len(), row.content.len());
                return Err(at(row.opening_token.0.span.start, message));
            }
            for (expression, column) in row.content.iter().zip(&mut columns) {
                column.push(self.expression(expression, &Scope::default())?);
            }
        }
        let columns = columns.into_iter().enumerate().map(|(index, values)| {
            let (values, kind) = self.alike(values, "values of a column of VALUES", start)?;
            let is_finite = values.iter().all(|value| value.is_finite);
            Ok((Column { is_finite, ..Column::new(format!("_col{index}"), kind) }, values))
        });
        columns.collect()
    }
}
