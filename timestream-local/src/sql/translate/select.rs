//! One SELECT: its projection, WHERE, GROUP BY and HAVING.

use std::rc::Rc;

use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, OrderByExpr, Select, SelectItem, SelectItemQualifiedWildcardKind,
    Value, WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Location;

use super::super::failure::{SqlError, at, unsupported};
use super::super::types::Column;
use super::by_series::Grouped;
use super::location::{location, place};
use super::relations::Only;
use super::scope::{Relation, Scope};
use super::translator::{Clause, Rows, Translator};
use super::typed::{Result, Typed};

impl Translator<'_> {
    pub(super) fn select(&mut self, select: &Select, order: &[OrderByExpr]) -> Result<Rows> {
        refuse_rare_clauses(select)?;
        let start = select.select_token.0.span.start;
        let mut from = self.from(&select.from)?;
        let (mut tail, mut conditions) = (String::new(), Vec::new());
        if let Some(condition) = &select.selection {
            self.usage.clause = Clause::Where;
            let terms = self.conjuncts(condition, &from.scope)?;
            conditions = terms.iter().map(|term| term.sql.clone()).collect();
            tail = format!(" WHERE {}", self.joined("AND", terms, location(condition))?.sql);
        }
        let grouped = self.group_by(select, &from.scope)?;
        let grouped: Rc<[String]> = grouped.into();
        if !grouped.is_empty() {
            tail.push_str(" GROUP BY ");
            tail.push_str(&grouped.join(", "));
            self.usage.keys = Some(Rc::clone(&grouped));
        }
        self.usage.clause = Clause::Select;
        let items = self.projection(&select.projection, &from.scope)?;
        if let Some(condition) = &select.having {
            self.usage.clause = Clause::Having;
            self.usage.aggregated = true;
            let condition = self.boolean(condition, &from.scope, "HAVING")?;
            // SQLite wants a GROUP BY before HAVING. Grouping by a constant makes one group, as in Presto.
            let group = if self.usage.keys.is_none() { " GROUP BY NULL" } else { "" };
            tail.push_str(&format!("{group} HAVING {}", condition.sql));
            self.usage.clause = Clause::Select;
        }
        let (items, aliased): (Vec<(String, Typed)>, Vec<bool>) = items.into_iter().unzip();
        let columns: Vec<Column> = items
            .iter()
            .zip(aliased)
            .map(|((name, typed), aliased)| Column {
                aliased,
                origin: typed.origin.clone(),
                ..Column::new(name.clone(), typed.kind)
            })
            .collect();
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return Err(unsupported(start, "SELECT DISTINCT ON")),
        };
        if distinct && let Some(column) = columns.iter().find(|column| !column.column_type.is_comparable()) {
            let message =
                format!("DISTINCT can only be applied to comparable types (actual: {})", column.column_type.sql_name());
            return Err(at(start, message));
        }
        let fields = items
            .iter()
            .enumerate()
            .map(|(index, (_, typed))| format!("{} AS c{index}", typed.sql))
            .collect::<Vec<_>>()
            .join(", ");
        from.scope.outputs = items;
        let aggregated = std::mem::take(&mut self.usage.aggregated);
        let keys = self.order_keys(order, &from.scope, &columns)?;
        let ordered_by_aggregate = std::mem::replace(&mut self.usage.aggregated, aggregated);
        self.usage.aggregated |= ordered_by_aggregate;
        if distinct && !order.is_empty() && !keys_are_columns(&keys) {
            return Err(at(start, "For SELECT DISTINCT, ORDER BY expressions must appear in select list"));
        }
        self.check_bare_columns()?;
        let items: Vec<&str> = from.scope.outputs.iter().map(|(_, typed)| typed.sql.as_str()).collect();
        let groups = match &from.only {
            _ if distinct || select.having.is_some() || ordered_by_aggregate => None,
            Some(Only::Table(table)) if !grouped.is_empty() => {
                let parts = Grouped { fields: &items, conditions: &conditions, keys: &grouped, order: &keys };
                self.groups(table, &parts)
            }
            Some(Only::Groups(groups, name)) if grouped.is_empty() && !aggregated => {
                groups.selected(name, &items, &format!("{tail}{keys}"))
            }
            _ => None,
        };
        if let Some(groups) = groups {
            let sql = groups.rows(columns.len());
            return Ok(Rows { sql, columns, single: false, groups: Some(groups) });
        }
        let counts_rows = tail.is_empty() && fields == "count(*) AS c0";
        let (fields, source) = match from.only {
            Some(Only::Table(table)) if counts_rows => (format!("{} AS c0", table.count), String::new()),
            _ if from.sql.is_empty() => (fields, String::new()),
            _ => (fields, format!(" FROM {}", from.sql)),
        };
        let distinct = if distinct { "DISTINCT " } else { "" };
        let single = self.usage.aggregated && self.usage.keys.is_none();
        let sql = format!("SELECT {distinct}{fields}{source}{tail}{keys}");
        Ok(Rows { sql, columns, single, groups: None })
    }

    /// The conditions that a condition joins with AND.
    fn conjuncts(&mut self, condition: &Expr, scope: &Scope) -> Result<Vec<Typed>> {
        let (mut terms, mut left) = (Vec::new(), vec![condition]);
        while let Some(next) = left.pop() {
            let mut plain = next;
            while let Expr::Nested(inner) = plain {
                plain = inner;
            }
            match plain {
                Expr::BinaryOp { left: one, op: BinaryOperator::And, right: two } => {
                    left.extend([two.as_ref(), one.as_ref()]);
                }
                _ if terms.is_empty() && left.is_empty() => return Ok(vec![self.boolean(next, scope, "WHERE")?]),
                _ => terms.push(self.expression(next, scope)?),
            }
        }
        Ok(terms)
    }

    fn check_bare_columns(&self) -> Result<()> {
        match &self.usage.bare {
            Some((name, location)) if self.usage.aggregated => Err(must_be_grouped(name, *location)),
            _ => Ok(()),
        }
    }

    fn group_by(&mut self, select: &Select, scope: &Scope) -> Result<Vec<String>> {
        let expressions = match &select.group_by {
            GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => expressions,
            _ => return Err(unsupported(select.select_token.0.span.start, "This form of GROUP BY")),
        };
        self.usage.clause = Clause::GroupBy;
        let mut keys = Vec::with_capacity(expressions.len());
        for expression in expressions {
            let meant = match expression {
                Expr::Value(value) => match &value.value {
                    Value::Number(digits, _) => position(digits, value.span.start, &select.projection)?,
                    _ => expression,
                },
                Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => {
                    let start = select.select_token.0.span.start;
                    return Err(unsupported(start, "GROUP BY with GROUPING SETS, CUBE or ROLLUP"));
                }
                other => other,
            };
            let key = self.expression(meant, scope)?;
            if !key.kind.is_comparable() {
                let message =
                    format!("{} is not comparable, and therefore cannot be used in GROUP BY", key.kind.sql_name());
                return Err(at(location(meant), message));
            }
            keys.push(key.sql);
        }
        self.usage.bare = None;
        Ok(keys)
    }

    /// The columns of the result, and whether the query gave each its name.
    fn projection(&mut self, items: &[SelectItem], scope: &Scope) -> Result<Vec<((String, Typed), bool)>> {
        let mut columns = Vec::new();
        for item in items {
            match item {
                SelectItem::ExprWithAlias { expr, alias } => {
                    columns.push(((alias.value.clone(), self.expression(expr, scope)?), true));
                }
                SelectItem::UnnamedExpr(expression) => {
                    let typed = self.expression(expression, scope)?;
                    let name = match expression {
                        Expr::Identifier(ident) => Some(scope.resolve(std::slice::from_ref(ident))?.0),
                        Expr::CompoundIdentifier(path) => Some(scope.resolve(path)?.0),
                        _ => None,
                    };
                    let name = name.unwrap_or_else(|| format!("_col{}", columns.len()));
                    columns.push(((name, typed), false));
                }
                SelectItem::Wildcard(options) => {
                    let start = options.wildcard_token.0.span.start;
                    plain_wildcard(options, start)?;
                    if scope.relations.is_empty() {
                        return Err(at(start, "SELECT * not allowed in queries without FROM clause"));
                    }
                    self.all_columns(scope.relations.iter(), start, &mut columns)?;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let path: Vec<_> = name.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
                    let start = path.first().map_or_else(Location::empty, place);
                    plain_wildcard(options, start)?;
                    let found = scope.relations.iter().filter(|relation| relation.answers_to(&path)).take(1);
                    let before = columns.len();
                    self.all_columns(found, start, &mut columns)?;
                    if columns.len() == before {
                        return Err(at(start, format!("Table '{name}' not found")));
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(expression), _) => {
                    return Err(unsupported(location(expression), "* behind an expression"));
                }
                SelectItem::ExprWithAliases { expr, .. } => {
                    return Err(unsupported(location(expr), "Several names for an expression"));
                }
            }
        }
        Ok(columns)
    }

    fn all_columns<'r>(
        &mut self,
        relations: impl Iterator<Item = &'r Relation>,
        start: Location,
        columns: &mut Vec<((String, Typed), bool)>,
    ) -> Result<()> {
        for column in relations.flat_map(|relation| &relation.columns) {
            let grouped = self.usage.keys.as_ref();
            if grouped.is_some_and(|keys| !keys.contains(&column.sql)) {
                return Err(must_be_grouped(&column.name, start));
            }
            if grouped.is_none() {
                self.usage.bare.get_or_insert_with(|| (column.name.clone(), start));
            }
            let typed = Typed { origin: column.origin.clone(), ..Typed::new(column.sql.clone(), column.kind) };
            columns.push(((column.name.clone(), typed), false));
        }
        Ok(())
    }
}

pub(super) fn must_be_grouped(name: &str, location: Location) -> SqlError {
    at(location, format!("'{name}' must be an aggregate expression or appear in GROUP BY clause"))
}

/// The select item that `GROUP BY 2` means.
fn position<'s>(digits: &str, start: Location, items: &'s [SelectItem]) -> Result<&'s Expr> {
    let index = digits.parse::<usize>().ok().and_then(|position| position.checked_sub(1));
    match index.and_then(|index| items.get(index)) {
        Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => Ok(expr),
        _ => Err(at(start, format!("GROUP BY position {digits} is not in select list"))),
    }
}

/// Whether every ORDER BY key was written as a column's number.
fn keys_are_columns(keys: &str) -> bool {
    let list = keys.trim_start_matches(" ORDER BY ");
    list.split(", ").all(|key| key.split(' ').next().is_some_and(|first| first.bytes().all(|b| b.is_ascii_digit())))
}

fn plain_wildcard(options: &WildcardAdditionalOptions, start: Location) -> Result<()> {
    let plain = options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none();
    if plain { Ok(()) } else { Err(unsupported(start, "An option behind *")) }
}

fn refuse_rare_clauses(select: &Select) -> Result<()> {
    let rare = [
        (select.top.is_some(), "TOP"),
        (select.exclude.is_some(), "EXCLUDE"),
        (select.into.is_some(), "SELECT INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.named_window.is_empty(), "WINDOW"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.value_table_mode.is_some(), "SELECT AS"),
        (select.select_modifiers.is_some(), "A modifier of SELECT"),
    ];
    match rare.iter().find(|(present, _)| *present) {
        Some((_, name)) => {
            let start = select.select_token.0.span.start;
            Err(unsupported(start, name))
        }
        None => Ok(()),
    }
}
