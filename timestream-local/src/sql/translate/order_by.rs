//! ORDER BY.

use sqlparser::ast::{Expr, OrderByExpr, OrderBySort, Value};
use sqlparser::tokenizer::Location;

use super::super::failure::{SqlError, at, unsupported};
use super::super::types::{Column, ColumnType};
use super::location::{location, place};
use super::order::{By, Key, Order};
use super::scope::Scope;
use super::translator::Translator;
use super::typed::Result;

impl Translator<'_> {
    /// The keys of an ORDER BY. A name, number or expression that means a column of the result becomes that column.
    pub(super) fn order_keys(&mut self, order: &[OrderByExpr], scope: &Scope, columns: &[Column]) -> Result<Order> {
        let mut keys = Vec::with_capacity(order.len());
        for key in order {
            let by = self.order_key(&key.expr, scope, columns)?;
            if let By::Column(place) = by
                && let Some(column) = columns.get(place).filter(|column| !column.column_type.is_comparable())
            {
                return Err(not_orderable(location(&key.expr), &column.column_type));
            }
            keys.push(Key { by, direction: direction(key)? });
        }
        Ok(Order { keys })
    }

    fn order_key(&mut self, key: &Expr, scope: &Scope, columns: &[Column]) -> Result<By> {
        match key {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) => match digits.parse::<usize>() {
                    Ok(position) if (1..=columns.len()).contains(&position) => Ok(By::Column(position - 1)),
                    _ => {
                        let message = format!("ORDER BY position {digits} is not in select list");
                        Err(at(value.span.start, message))
                    }
                },
                _ => Err(unsupported(value.span.start, "ORDER BY a literal")),
            },
            Expr::Identifier(ident) if scope.outputs.iter().any(|(name, _)| *name == ident.value) => {
                let mut found = scope.outputs.iter().enumerate().filter(|(_, (name, _))| *name == ident.value);
                match (found.next(), found.next()) {
                    (Some((index, _)), None) => Ok(By::Column(index)),
                    _ => Err(at(place(ident), format!("Column '{}' is ambiguous", ident.value))),
                }
            }
            other => {
                let typed = self.expression(other, scope)?;
                if !typed.kind.is_comparable() {
                    return Err(not_orderable(location(other), &typed.kind));
                }
                Ok(match scope.outputs.iter().position(|(_, output)| output.sql == typed.sql) {
                    Some(index) => By::Column(index),
                    None => By::Expression(typed.sql),
                })
            }
        }
    }
}

/// ` ASC NULLS LAST` and the like. In Presto, NULLs come last in either direction.
pub(super) fn direction(key: &OrderByExpr) -> Result<&'static str> {
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

fn not_orderable(start: Location, kind: &ColumnType) -> SqlError {
    at(start, format!("Type {} is not orderable, and therefore cannot be used in ORDER BY", kind.sql_name()))
}
