//! One SELECT: its projection, WHERE, GROUP BY and HAVING.

use std::rc::Rc;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, Distinct, Expr, GroupByExpr, NamedWindowDefinition, NamedWindowExpr, OrderByExpr,
    Select, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions, WindowSpec,
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
use super::window::complete;

/// Columns of a result, as many as SQLite has.
const MAX_COLUMNS: usize = 2_000;

impl Translator<'_> {
    pub(super) fn select(&mut self, select: &Select, order: &[OrderByExpr]) -> Result<Rows> {
        refuse_rare_clauses(select)?;
        let start = select.select_token.0.span.start;
        self.usage.windows = named_windows(&select.named_window)?;
        let mut from = self.from(&select.from)?;
        let (mut tail, mut conditions) = (String::new(), Vec::new());
        if let Some(condition) = &select.selection {
            self.usage.clause = Clause::Where;
            let terms = self.conjuncts(condition, &from.scope)?;
            conditions = terms.iter().map(|term| term.sql.clone()).collect();
            tail = format!(" WHERE {}", self.joined("AND", terms, location(condition))?.sql);
        }
        let sets = self.group_by(select, &from.scope)?;
        let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
        let grouped: Rc<[String]> = match sets.as_slice() {
            [only] if is_grouped != only.is_empty() => Rc::from(only.as_slice()),
            sets => return self.select_sets(select, order, from, &tail, sets),
        };
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
        let columns = columns_of(&items);
        let items: Vec<(String, Typed)> = items.into_iter().map(|(item, _)| item).collect();
        let distinct = is_distinct(select, &columns)?;
        let fields = fields_of(&items);
        from.scope.outputs = items;
        let aggregated = std::mem::take(&mut self.usage.aggregated);
        let keys = self.order_keys(order, &from.scope, &columns)?;
        let ordered_by_aggregate = std::mem::replace(&mut self.usage.aggregated, aggregated);
        self.usage.aggregated |= ordered_by_aggregate;
        if distinct && !keys.is_by_columns() {
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
                groups.selected(name, &items, &tail, &keys)
            }
            _ => None,
        };
        if let Some(groups) = groups {
            let sql = groups.rows(columns.len());
            return Ok(Rows { sql, columns, single: false, groups: Some(groups) });
        }
        let counts_rows =
            grouped.is_empty() && select.having.is_none() && !ordered_by_aggregate && fields == "count(*) AS c0";
        let count = match &from.only {
            Some(Only::Table(table)) if counts_rows => table.count_of(&conditions),
            _ => None,
        };
        let (fields, source, tail) = match count {
            Some(count) => (format!("{count} AS c0"), String::new(), String::new()),
            None if from.sql.is_empty() => (fields, String::new(), tail),
            None => (fields, format!(" FROM {}", from.sql), tail),
        };
        let distinct = if distinct { "DISTINCT " } else { "" };
        let single = self.usage.aggregated && self.usage.keys.is_none();
        let sql = format!("SELECT {distinct}{fields}{source}{tail}{}", keys.sql());
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

    /// The columns of the result, and whether the query gave each its name.
    pub(super) fn projection(&mut self, items: &[SelectItem], scope: &Scope) -> Result<Vec<((String, Typed), bool)>> {
        let mut columns = Vec::new();
        for item in items {
            check_room(&columns)?;
            match item {
                SelectItem::ExprWithAlias { expr, alias } => {
                    columns.push(((alias.value.clone(), self.expression(expr, scope)?), true));
                }
                SelectItem::UnnamedExpr(expression) => {
                    let typed = self.expression(expression, scope)?;
                    let name = name_of(expression, scope).unwrap_or_else(|| format!("_col{}", columns.len()));
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
            check_room(columns)?;
            let grouped = self.usage.keys.as_ref();
            if grouped.is_some_and(|keys| !keys.contains(&column.sql)) {
                return Err(must_be_grouped(&column.name, start));
            }
            if grouped.is_none() {
                self.usage.bare.get_or_insert_with(|| (column.name.clone(), start));
            }
            let sql = if self.usage.absent.contains(&column.sql) { "NULL" } else { &column.sql };
            let (origin, is_finite) = (column.origin.clone(), column.is_finite);
            let typed = Typed { origin, is_finite, ..Typed::new(sql, column.kind.clone()) };
            columns.push(((column.name.clone(), typed), false));
        }
        Ok(())
    }
}

/// Refuses one more column of a result that has as many as it can.
fn check_room<T>(columns: &[T]) -> Result<()> {
    if columns.len() < MAX_COLUMNS {
        return Ok(());
    }
    Err(SqlError::new(format!("A SELECT can have at most {MAX_COLUMNS} columns")))
}

/// The name that a column of the result has from its expression: that of a column or of a row's field.
fn name_of(expression: &Expr, scope: &Scope) -> Option<String> {
    let path = match expression {
        Expr::Identifier(ident) => std::slice::from_ref(ident),
        Expr::CompoundIdentifier(path) => path,
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            AccessExpr::Dot(Expr::Identifier(field)) => std::slice::from_ref(field),
            _ => return None,
        },
        _ => return None,
    };
    scope.resolve(path).map(|(name, _)| name).ok().or_else(|| Some(path.last()?.value.clone()))
}

pub(super) fn must_be_grouped(name: &str, location: Location) -> SqlError {
    at(location, format!("'{name}' must be an aggregate expression or appear in GROUP BY clause"))
}

/// The columns of a result.
pub(super) fn columns_of(items: &[((String, Typed), bool)]) -> Vec<Column> {
    let column = |((name, typed), aliased): &((String, Typed), bool)| Column {
        aliased: *aliased,
        origin: typed.origin.clone(),
        is_finite: typed.is_finite,
        ..Column::new(name.clone(), typed.kind.clone())
    };
    items.iter().map(column).collect()
}

/// The list behind SELECT.
pub(super) fn fields_of(items: &[(String, Typed)]) -> String {
    let field = |(index, (_, typed)): (usize, &(String, Typed))| format!("{} AS c{index}", typed.sql);
    items.iter().enumerate().map(field).collect::<Vec<_>>().join(", ")
}

/// Whether equal rows are one in the result.
pub(super) fn is_distinct(select: &Select, columns: &[Column]) -> Result<bool> {
    let start = select.select_token.0.span.start;
    let distinct = match &select.distinct {
        None | Some(Distinct::All) => false,
        Some(Distinct::Distinct) => true,
        Some(Distinct::On(_)) => return Err(unsupported(start, "SELECT DISTINCT ON")),
    };
    match columns.iter().find(|column| !column.column_type.can_be_grouped()) {
        Some(column) if distinct => {
            let kind = column.column_type.sql_name();
            Err(at(start, format!("DISTINCT can only be applied to comparable types (actual: {kind})")))
        }
        _ => Ok(distinct),
    }
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

/// The windows that a WINDOW clause names.
fn named_windows(definitions: &[NamedWindowDefinition]) -> Result<Rc<[(String, WindowSpec)]>> {
    let mut windows: Vec<(String, WindowSpec)> = Vec::with_capacity(definitions.len());
    for NamedWindowDefinition(name, window) in definitions {
        let spec = match window {
            NamedWindowExpr::WindowSpec(spec) => complete(spec, &windows)?,
            NamedWindowExpr::NamedWindow(other) => {
                return Err(unsupported(place(other), "A window that is another's name"));
            }
        };
        if windows.iter().any(|(own, _)| own.eq_ignore_ascii_case(&name.value)) {
            return Err(at(place(name), format!("WINDOW name {} specified more than once", name.value)));
        }
        windows.push((name.value.clone(), spec));
    }
    Ok(windows.into())
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
