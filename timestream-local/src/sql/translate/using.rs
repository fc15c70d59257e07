//! Joins by columns that have the same name on both sides: USING and NATURAL.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::{Location, Span};

use super::super::failure::unsupported;
use super::location::place;
use super::operators::{compared, converted};
use super::scope::{Relation, Scope, ScopeColumn};
use super::split_table::all_of;
use super::translator::Translator;
use super::typed::{Result, Typed};

/// Whose value the column of a join has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Left,
    Right,
    /// The right side's, where the left has none.
    Either,
}

/// What a kind of join keeps.
pub(super) fn kept(word: &str) -> Kept {
    match word {
        " RIGHT JOIN " => Kept::Right,
        " FULL JOIN " => Kept::Either,
        _ => Kept::Left,
    }
}

/// A column's name on both sides, and where it is asked for.
pub(super) struct Named {
    ident: Ident,
    start: Location,
}

impl Named {
    /// The columns that USING names. `start` is the place of the join.
    pub(super) fn given(names: &[ObjectName], start: Location) -> Result<Vec<Named>> {
        let name = |name: &ObjectName| match name.0.as_slice() {
            [only] => only.as_ident().map(|ident| Named { ident: ident.clone(), start: place(ident) }),
            _ => None,
        };
        let names: Option<Vec<Named>> = names.iter().map(name).collect();
        names.ok_or_else(|| unsupported(start, "A qualified column in USING"))
    }

    /// The columns that relations at the places given have in common with those behind them, in the order of the former.
    /// Columns without a name, which are `_col0` and so on here, have nothing in common.
    pub(super) fn common(scope: &Scope, left: Range<usize>, start: Location) -> Vec<Named> {
        let (earlier, joined) = scope.relations.split_at(left.end);
        let mut others = by_name(joined);
        let columns = earlier.iter().skip(left.start).flat_map(|relation| &relation.columns);
        let named = columns.filter(|column| !is_unnamed(&column.name));
        let common = named.filter(|column| others.remove(&column.name.to_ascii_lowercase()).is_some());
        let span = Span::new(start, start);
        common.map(|column| Named { ident: Ident::with_span(span, &column.name), start }).collect()
    }
}

/// Whether it is the name of a column that the query gave none.
fn is_unnamed(name: &str) -> bool {
    let number = name.strip_prefix("_col");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The columns of relations by their names in small letters.
fn by_name(relations: &[Relation]) -> HashMap<String, Vec<&ScopeColumn>> {
    let mut columns: HashMap<_, Vec<_>> = HashMap::new();
    for column in relations.iter().flat_map(|relation| &relation.columns) {
        columns.entry(column.name.to_ascii_lowercase()).or_default().push(column);
    }
    columns
}

impl Translator<'_> {
    /// The condition that columns are alike on both sides of a join: in the relations of a chain, at the places given,
    /// and in those behind them. The columns stand once, before the others of the chain.
    pub(super) fn using(
        &mut self,
        columns: &[Named],
        side: Kept,
        scope: &mut Scope,
        left: Range<usize>,
    ) -> Result<String> {
        let mut conditions = Vec::with_capacity(columns.len());
        let mut merged = Vec::with_capacity(columns.len());
        let mut gone = HashSet::new();
        let (earlier, joined) = scope.relations.split_at(left.end);
        let earlier = earlier.get(left.start..).unwrap_or_default();
        self.count(earlier.iter().map(|relation| relation.columns.len()).sum())?;
        if side == Kept::Either {
            // Such a column is written with all the sides that it has had.
            self.count(columns.len().saturating_mul(earlier.len()))?;
        }
        let (earlier, joined) = (by_name(earlier), by_name(joined));
        for Named { ident, start } in columns {
            let part = |columns: &HashMap<String, Vec<&ScopeColumn>>| {
                let found = columns.get(&ident.value.to_ascii_lowercase()).into_iter().flatten();
                let columns =
                    found.filter(|column| !gone.contains(&column.sql)).map(|column| (*column).clone()).collect();
                let relations = vec![Relation { qualifier: Vec::new(), columns }];
                Scope { relations, outputs: Vec::new() }.resolve(std::slice::from_ref(ident))
            };
            let (name, one) = part(&earlier)?;
            let (_, two) = part(&joined)?;
            gone.extend([one.sql.clone(), two.sql.clone()]);
            let [first, second] = self.unified([one.clone(), two.clone()], "=", *start)?;
            conditions.push(compared("=", &first, &second));
            // Dates are compared as timestamps, and stay dates.
            let common = one.kind.common(&two.kind).unwrap_or(first.kind);
            let [one, two] = [converted(one, &common), converted(two, &common)];
            let Typed { kind, sql, is_finite, .. } = match side {
                Kept::Left => one,
                Kept::Right => two,
                Kept::Either => Typed {
                    is_finite: one.is_finite && two.is_finite,
                    ..Typed::new(format!("coalesce({}, {})", one.sql, two.sql), one.kind)
                },
            };
            merged.push(ScopeColumn { name, kind, sql, origin: None, is_finite });
        }
        for relation in scope.relations.iter_mut().skip(left.start) {
            relation.columns.retain(|column| !gone.contains(&column.sql));
        }
        scope.relations.insert(left.start, Relation { qualifier: Vec::new(), columns: merged });
        match conditions.is_empty() {
            true => Ok("true".to_owned()),
            false => Ok(format!("({})", all_of(conditions.iter().map(String::as_str)))),
        }
    }
}
