//! Joins by columns that have the same name on both sides: USING and NATURAL.

use std::ops::Range;

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::{Location, Span};

use super::super::failure::unsupported;
use super::location::place;
use super::operators::{compared, converted};
use super::scope::{Relation, Scope, ScopeColumn};
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
    pub(super) fn common(scope: &Scope, left: Range<usize>, start: Location) -> Vec<Named> {
        let (earlier, joined) = scope.relations.split_at(left.end);
        let mut common: Vec<Named> = Vec::new();
        for column in earlier.iter().skip(left.start).flat_map(|relation| &relation.columns) {
            let name = &column.name;
            let mut others = joined.iter().flat_map(|relation| &relation.columns);
            let is_known = common.iter().any(|known| known.ident.value.eq_ignore_ascii_case(name));
            if !is_known && others.any(|other| other.name.eq_ignore_ascii_case(name)) {
                common.push(Named { ident: Ident::with_span(Span::new(start, start), name), start });
            }
        }
        common
    }
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
        for Named { ident, start } in columns {
            let path = std::slice::from_ref(ident);
            let part = |range: &[Relation]| Scope { relations: range.to_vec(), outputs: Vec::new() }.resolve(path);
            let (earlier, joined) = scope.relations.split_at(left.end);
            let (name, one) = part(earlier.get(left.start..).unwrap_or_default())?;
            let (_, two) = part(joined)?;
            let gone = [one.sql.clone(), two.sql.clone()];
            let [first, second] = self.unified([one.clone(), two.clone()], "=", *start)?;
            conditions.push(compared("=", &first, &second));
            // Dates are compared as timestamps, and stay dates.
            let common = one.kind.common(&two.kind).unwrap_or(first.kind);
            let [one, two] = [converted(one, &common), converted(two, &common)];
            for relation in &mut scope.relations {
                relation.columns.retain(|column| !gone.contains(&column.sql));
            }
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
        scope.relations.insert(left.start, Relation { qualifier: Vec::new(), columns: merged });
        match conditions.is_empty() {
            true => Ok("true".to_owned()),
            false => Ok(format!("({})", conditions.join(" AND "))),
        }
    }
}
