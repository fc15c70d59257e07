//! Names in expressions: columns, arguments of lambdas, and fields of rows.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::Location;

use super::super::types::ColumnType;
use super::arrays::field;
use super::location::place;
use super::scope::Scope;
use super::select::must_be_grouped;
use super::translator::{Clause, Translator};
use super::typed::{Result, Typed};

impl Translator<'_> {
    /// A column, an argument of a lambda, or a field of either.
    pub(super) fn column(&mut self, path: &[Ident], scope: &Scope) -> Result<Typed> {
        if let [first, fields @ ..] = path
            && let Some(argument) = self.argument(&first.value)?
        {
            return fields.iter().try_fold(argument, field);
        }
        match scope.resolve(path) {
            Ok((name, typed)) => self.leaf(name, typed, path, scope),
            Err(error) => {
                // The last names may be those of fields.
                let prefixes = (1..path.len()).rev().filter_map(|length| path.split_at_checked(length));
                let rows = prefixes.filter_map(|(prefix, fields)| Some((scope.resolve(prefix).ok()?, prefix, fields)));
                let mut rows = rows.filter(|((_, typed), ..)| matches!(typed.kind, ColumnType::Row(_)));
                let Some(((name, row), prefix, fields)) = rows.next() else {
                    return self.outer_column(path).unwrap_or(Err(error));
                };
                let row = self.leaf(name, row, prefix, scope)?;
                fields.iter().try_fold(row, field)
            }
        }
    }

    /// A column that was found.
    fn leaf(&mut self, name: String, typed: Typed, path: &[Ident], scope: &Scope) -> Result<Typed> {
        let is_output = path.len() == 1 && scope.outputs.iter().any(|output| output.0 == name && output.1 == typed);
        if !is_output && !self.usage.inside_aggregate && matches!(self.usage.clause, Clause::Select | Clause::Having) {
            let start = path.first().map_or_else(Location::empty, place);
            match self.keys() {
                Some(keys) if self.frames.is_empty() || !keys.contains(&typed.sql) => {
                    return Err(must_be_grouped(&name, start));
                }
                Some(_) => {}
                None => {
                    self.usage.bare.get_or_insert((name, start));
                }
            }
        }
        // What is not in a lambda or TRY was looked at as an expression of its own.
        let is_apart = !self.frames.is_empty() && !self.usage.inside_aggregate;
        let is_absent = is_apart && self.usage.absent.contains(&typed.sql);
        let sql = if is_absent { "NULL".to_owned() } else { self.taken(0, typed.sql.clone())? };
        Ok(Typed { sql, ..typed })
    }
}
