//! Correlation: subqueries that use columns of the query around them.
//!
//! SQLite evaluates such a subquery for each row. Its WHERE, its HAVING and its columns may use those of the query that it
//! directly stands in, outside of aggregates and windows. What Trino can't decorrelate either is refused: uses further inside
//! or further out, in FROM, WITH and set operations.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::Location;

use super::super::failure::unsupported;
use super::around::Around;
use super::location::place;
use super::scope::Scope;
use super::select::must_be_grouped;
use super::translator::{Clause, Translator, Usage};
use super::typed::{Result, Typed};

impl Translator<'_> {
    /// Walks a subquery that may use the columns of `scope`. `usage` is that of the query around it.
    pub(super) fn within<T>(
        &mut self,
        scope: &Scope,
        usage: &mut Usage,
        mut walk: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let is_selected = matches!(usage.clause, Clause::Select | Clause::Having);
        let is_open = (is_selected || usage.clause == Clause::Where)
            && !usage.inside_aggregate
            && !usage.has_several_sets
            && self.frames.is_empty();
        let mut has_own_names = false;
        loop {
            let scope = Scope { relations: scope.relations.clone(), outputs: Vec::new() };
            let keys = usage.keys.clone().filter(|_| is_selected);
            self.outer.push(Around { scope, is_open, keys, has_own_names, ..Around::default() });
            let walked = walk(self);
            let around = self.outer.pop().unwrap_or_default();
            // Most subqueries use none of them, so that their tables are first named as everywhere.
            if walked.is_err() && around.is_used && !has_own_names {
                has_own_names = true;
                self.usage = Usage::default();
                continue;
            }
            if let Some(column) = around.used
                && is_selected
                && usage.keys.is_none()
            {
                usage.bare.get_or_insert(column);
            }
            return walked;
        }
    }

    /// Walks what may not use the columns of any query around it.
    pub(super) fn shut_off<T>(&mut self, walk: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.outer.push(Around::default());
        let walked = walk(self);
        self.outer.pop();
        walked
    }

    /// A column of a query around this one. `None` if none has it.
    pub(super) fn outer_column(&mut self, path: &[Ident]) -> Option<Result<Typed>> {
        let start = path.first().map_or_else(Location::empty, place);
        let may_stand_here = !self.usage.inside_aggregate
            && matches!(self.usage.clause, Clause::Where | Clause::Select | Clause::Having);
        let refusal = || unsupported(start, "This use of a column of the query around the subquery");
        let found = self.outer.last_mut().map(|around| (around.scope.resolve(path), around));
        if let Some((Ok((name, typed)), around)) = found {
            if !around.is_open || !may_stand_here {
                return Some(Err(refusal()));
            }
            around.is_used = true;
            if !around.has_own_names {
                return Some(Err(refusal()));
            }
            if around.keys.as_ref().is_some_and(|keys| !keys.contains(&typed.sql)) {
                return Some(Err(must_be_grouped(&name, start)));
            }
            around.used.get_or_insert((name, start));
            let sql = self.taken(0, typed.sql.clone());
            return Some(sql.map(|sql| Typed { sql, ..typed }));
        }
        self.outer.iter().any(|around| around.scope.resolve(path).is_ok()).then(|| Err(refusal()))
    }
}
