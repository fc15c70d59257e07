//! GROUP BY: its expressions, and the sets of them that GROUPING SETS, CUBE and ROLLUP make.

use std::rc::Rc;

use sqlparser::ast::{Expr, GroupByExpr, OrderByExpr, Select, SelectItem, Value};
use sqlparser::tokenizer::Location;

use super::super::failure::{SqlError, at, unsupported};
use super::location::location;
use super::relations::From;
use super::scope::Scope;
use super::select::{columns_of, fields_of, is_distinct};
use super::translator::{Clause, Rows, Translator};
use super::typed::{Result, Typed};

/// Grouping sets of one query. Each is a query of its own to SQLite.
const MAX_SETS: usize = 64;
/// Expressions of all of them.
const MAX_KEYS: usize = 2000;

impl Translator<'_> {
    /// The grouping sets, each the SQL of its expressions. Without GROUP BY it is one without any.
    pub(super) fn group_by(&mut self, select: &Select, scope: &Scope) -> Result<Vec<Vec<String>>> {
        let start = select.select_token.0.span.start;
        let expressions = match &select.group_by {
            GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => expressions,
            _ => return Err(unsupported(start, "This form of GROUP BY")),
        };
        self.usage.clause = Clause::GroupBy;
        let mut sets: Vec<Vec<String>> = vec![Vec::new()];
        for expression in expressions {
            let alternatives = match expression {
                Expr::GroupingSets(sets) => self.each(sets, select, scope)?,
                Expr::Rollup(parts) => {
                    if parts.len() >= MAX_SETS {
                        return Err(too_many_sets(start));
                    }
                    let parts = self.each(parts, select, scope)?;
                    (0..=parts.len())
                        .rev()
                        .map(|length| parts.iter().take(length).flatten().cloned().collect())
                        .collect()
                }
                Expr::Cube(parts) => {
                    let parts = self.each(parts, select, scope)?;
                    if parts.len() > 6 {
                        return Err(too_many_sets(start));
                    }
                    // The first set has all parts, and the last none.
                    let is_in = |set: u32, place: usize| set >> (parts.len() - 1 - place) & 1 == 0;
                    let set = |set: u32| {
                        let parts = parts.iter().enumerate().filter(|(place, _)| is_in(set, *place));
                        parts.flat_map(|(_, part)| part.clone()).collect()
                    };
                    (0..1 << parts.len()).map(set).collect()
                }
                other => vec![vec![self.key(other, select, scope)?]],
            };
            if let [same] = alternatives.as_slice() {
                sets.iter_mut().for_each(|set| set.extend_from_slice(same));
                continue;
            }
            let product = sets.iter().flat_map(|set| alternatives.iter().map(|more| [&set[..], &more[..]].concat()));
            sets = product.take(MAX_SETS + 1).collect();
            if sets.len() > MAX_SETS {
                return Err(too_many_sets(start));
            }
        }
        self.usage.bare = None;
        Ok(sets)
    }

    fn each(&mut self, parts: &[Vec<Expr>], select: &Select, scope: &Scope) -> Result<Vec<Vec<String>>> {
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            let mut keys = Vec::with_capacity(part.len());
            for expression in part {
                keys.push(self.key(expression, select, scope)?);
            }
            all.push(keys);
        }
        Ok(all)
    }

    fn key(&mut self, expression: &Expr, select: &Select, scope: &Scope) -> Result<String> {
        let meant = match expression {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) => position(digits, value.span.start, &select.projection)?,
                _ => expression,
            },
            other => other,
        };
        let key = self.expression(meant, scope)?;
        if !key.kind.can_be_grouped() {
            let message =
                format!("{} is not comparable, and therefore cannot be used in GROUP BY", key.kind.sql_name());
            return Err(at(location(meant), message));
        }
        Ok(key.sql)
    }

    /// A SELECT with several grouping sets, or none: the rows of one after the other. In each, the expressions of the others
    /// are NULL. `tail` is the WHERE.
    pub(super) fn select_sets(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        mut from: From,
        tail: &str,
        sets: &[Vec<String>],
    ) -> Result<Rows> {
        let start = select.select_token.0.span.start;
        if sets.iter().map(Vec::len).sum::<usize>() > MAX_KEYS {
            return Err(at(start, format!("The grouping sets have more than {MAX_KEYS} expressions.")));
        }
        let mut keys: Vec<String> = Vec::new();
        for key in sets.iter().flatten() {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        self.usage.keys = Some(Rc::from(keys.as_slice()));
        self.usage.has_several_sets = true;
        let (mut parts, mut first) = (Vec::with_capacity(sets.len()), None);
        for set in sets {
            self.usage.absent = keys.iter().filter(|key| !set.contains(key)).cloned().collect();
            self.usage.aggregated = false;
            self.usage.clause = Clause::Select;
            let items = self.projection(&select.projection, &from.scope)?;
            let mut behind = match set.as_slice() {
                [] => String::new(),
                set => format!(" GROUP BY {}", set.join(", ")),
            };
            if let Some(condition) = &select.having {
                self.usage.clause = Clause::Having;
                self.usage.aggregated = true;
                let condition = self.boolean(condition, &from.scope, "HAVING")?;
                let group = if set.is_empty() { " GROUP BY NULL" } else { "" };
                behind.push_str(&format!("{group} HAVING {}", condition.sql));
            }
            let columns = columns_of(&items);
            let items: Vec<(String, Typed)> = items.into_iter().map(|(item, _)| item).collect();
            // Without any column and aggregate, the one row of the empty set needs no table.
            let source = match !set.is_empty() || self.usage.aggregated {
                true => format!(" FROM {}{tail}{behind}", from.sql),
                false => String::new(),
            };
            parts.push(format!("SELECT {}{source}", fields_of(&items)));
            first.get_or_insert((items, columns));
        }
        let Some((items, columns)) = first else { return Err(unsupported(start, "GROUP BY without grouping sets")) };
        from.scope.outputs = items;
        self.usage.clause = Clause::Select;
        self.usage.absent.clear();
        let order = self.order_keys(order, &from.scope, &columns)?;
        if !order.is_by_columns() {
            return Err(unsupported(start, "ORDER BY other than columns of the result, with several grouping sets,"));
        }
        let distinct = if is_distinct(select, &columns)? { "DISTINCT " } else { "" };
        let sql = format!("SELECT {distinct}* FROM ({}){}", parts.join(" UNION ALL "), order.sql());
        Ok(Rows { sql, columns, single: false, groups: None })
    }
}

fn too_many_sets(start: Location) -> SqlError {
    at(start, format!("The query has more than {MAX_SETS} grouping sets."))
}

/// The select item that `GROUP BY 2` means.
fn position<'s>(digits: &str, start: Location, items: &'s [SelectItem]) -> Result<&'s Expr> {
    let index = digits.parse::<usize>().ok().and_then(|position| position.checked_sub(1));
    match index.and_then(|index| items.get(index)) {
        Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => Ok(expr),
        _ => Err(at(start, format!("GROUP BY position {digits} is not in select list"))),
    }
}
