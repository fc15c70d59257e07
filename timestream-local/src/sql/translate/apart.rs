//! Expressions that are evaluated apart from the statement, such as the bodies of lambdas.
//!
//! Such an expression becomes the text of a SELECT without FROM. Its parameters are its arguments (`?1`, `?2`, …) and,
//! behind them, what it takes from around it: columns, literals, and arguments of expressions that it stands in. The
//! function that evaluates it gets the text and what it takes.

use std::rc::Rc;

use rusqlite::types::Value;

use super::super::failure::SqlError;
use super::super::lambdas::BY_CHANCE;
use super::super::types::ColumnType;
use super::frame::Frame;
use super::translator::Translator;
use super::typed::{Result, Typed};

/// Values that one expression may take from around it. SQLite's functions take a thousand arguments.
const MAX_TAKEN: usize = 100;

/// An expression that is evaluated apart.
pub(super) struct Apart {
    /// The arguments for the function that evaluates it: its text and what it takes.
    pub(super) sql: String,
    /// How many values it takes.
    pub(super) taken: usize,
    pub(super) kind: ColumnType,
    /// What stands behind the name of the function.
    pub(super) suffix: &'static str,
}

impl Translator<'_> {
    /// An expression of some arguments, which have the SQL that `walk` is given.
    pub(super) fn apart(
        &mut self,
        arguments: Vec<(String, ColumnType)>,
        walk: impl FnOnce(&mut Self, Vec<Typed>) -> Result<Typed>,
    ) -> Result<Apart> {
        let keys = self.usage.keys.take();
        let parameters = (1..).zip(&arguments).map(|(place, (_, kind))| Typed::new(format!("?{place}"), kind.clone()));
        let parameters = parameters.collect();
        self.frames.push(Frame { arguments, taken: Vec::new(), keys: keys.clone() });
        let body = walk(self, parameters);
        let taken = self.frames.pop().map(|frame| frame.taken).unwrap_or_default();
        self.usage.keys = keys;
        let body = body?;
        let is_by_chance = body.sql.contains("random()") || body.sql.contains(BY_CHANCE);
        let mut sql = self.bind(Value::Text(format!("SELECT {}", body.sql)))?;
        for value in &taken {
            sql.push_str(", ");
            sql.push_str(value);
        }
        let suffix = if is_by_chance { BY_CHANCE } else { "" };
        Ok(Apart { sql, taken: taken.len(), kind: body.kind, suffix })
    }

    /// The SQL here of what is `sql` within the first `depth` of the expressions that are walked.
    pub(super) fn taken(&mut self, depth: usize, mut sql: String) -> Result<String> {
        for frame in self.frames.iter_mut().skip(depth) {
            let place = frame.taken.iter().position(|known| *known == sql).unwrap_or(frame.taken.len());
            if place == frame.taken.len() {
                if place == MAX_TAKEN {
                    let message = format!("A lambda uses more than {MAX_TAKEN} literals and names from around it.");
                    return Err(SqlError::new(message));
                }
                frame.taken.push(sql);
            }
            sql = format!("?{}", frame.arguments.len() + place + 1);
        }
        Ok(sql)
    }

    /// The argument of a name, of the innermost expression that has one.
    pub(super) fn argument(&mut self, name: &str) -> Result<Option<Typed>> {
        let found = self.frames.iter().enumerate().rev().find_map(|(depth, frame)| {
            let mut arguments = (1..).zip(&frame.arguments);
            let (place, (_, kind)) = arguments.find(|(_, (own, _)): &(i32, _)| own.eq_ignore_ascii_case(name))?;
            Some((depth, place, kind.clone()))
        });
        let Some((depth, place, kind)) = found else { return Ok(None) };
        Ok(Some(Typed::new(self.taken(depth + 1, format!("?{place}"))?, kind)))
    }

    /// The SQL of the statement's GROUP BY expressions, also within an expression apart.
    pub(super) fn keys(&self) -> Option<Rc<[String]>> {
        let outer = || self.frames.iter().find_map(|frame| frame.keys.clone());
        self.usage.keys.clone().or_else(outer)
    }
}
