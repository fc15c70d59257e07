//! The state of the walk over a syntax tree: what has been bound and named so far, and how deep the walk is.

use std::collections::HashMap;
use std::rc::Rc;

use rusqlite::types::Value;
use sqlparser::ast::WindowSpec;
use sqlparser::tokenizer::Location;

use super::super::catalog::Catalog;
use super::super::failure::{SqlError, at};
use super::super::types::{Column, ColumnType};
use super::around::Around;
use super::frame::Frame;
use super::groups::Groups;
use super::typed::{Result, Typed};

/// How deep expressions and subqueries may nest.
const MAX_DEPTH: usize = 60;
/// Expressions and queries that are walked, and columns of the tables of FROM. Those in GROUP BY are walked twice, and so
/// are those nested in them, each time.
const MAX_STEPS: usize = 400_000;
/// Bound values in one statement; SQLite's own limit is 32,766.
const MAX_PARAMETERS: usize = 30_000;

/// The parameter of scheduled queries.
const SCHEDULED_RUNTIME: &str = "scheduled_runtime";

/// A query in SQLite's SQL, whose columns are named `c0`, `c1`, …
pub(super) struct Rows {
    pub(super) sql: String,
    pub(super) columns: Vec<Column>,
    /// It has one row at most.
    pub(super) single: bool,
    /// What it is made of, if its rows are series or bins of series.
    pub(super) groups: Option<Groups>,
}

/// Where an expression stands, which says what may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Clause {
    #[default]
    Where,
    Join,
    GroupBy,
    Select,
    Having,
}

/// What the current SELECT has shown so far.
#[derive(Default)]
pub(super) struct Usage {
    pub(super) clause: Clause,
    /// The SQL of its GROUP BY expressions, if it has any.
    pub(super) keys: Option<Rc<[String]>>,
    /// Those of them that are NULL in the grouping set that is walked.
    pub(super) absent: Vec<String>,
    /// The query has other than one grouping set.
    pub(super) has_several_sets: bool,
    /// An aggregate was called.
    pub(super) aggregated: bool,
    /// The walk is inside an aggregate's arguments.
    pub(super) inside_aggregate: bool,
    /// The windows that its WINDOW clause names.
    pub(super) windows: Rc<[(String, WindowSpec)]>,
    /// The first column used outside of aggregates.
    pub(super) bare: Option<(String, Location)>,
}

/// A query that WITH gave a name.
pub(super) struct NamedQuery {
    pub(super) name: String,
    pub(super) physical: String,
    pub(super) columns: Vec<Column>,
}

/// A `@name` of a query that is only prepared.
pub(super) struct Placeholder {
    pub(super) name: String,
    pub(super) start: Location,
    /// The type that it is used as, once that is known.
    pub(super) kind: Option<ColumnType>,
}

/// The walk of one query.
pub(super) struct Translator<'a> {
    pub(super) catalog: &'a dyn Catalog,
    /// The placeholders of a query that is only prepared.
    pub(super) placeholders: Option<Vec<Placeholder>>,
    /// What is around the current subquery, from the outermost.
    pub(super) outer: Vec<Around>,
    pub(super) now_ns: i64,
    /// The value of `@scheduled_runtime` in a scheduled query.
    pub(super) scheduled_runtime: Option<i64>,
    pub(super) parameters: Vec<Value>,
    /// The places of the parameters by their values.
    known: HashMap<String, usize>,
    pub(super) named_queries: Vec<NamedQuery>,
    /// The expressions apart that the walk is inside, from the outermost.
    pub(super) frames: Vec<Frame>,
    aliases: usize,
    depth: usize,
    steps: usize,
    pub(super) usage: Usage,
}

impl<'a> Translator<'a> {
    pub(super) fn new(catalog: &'a dyn Catalog, now_ns: i64) -> Self {
        Translator {
            catalog,
            placeholders: None,
            outer: Vec::new(),
            now_ns,
            scheduled_runtime: None,
            parameters: Vec::new(),
            known: HashMap::new(),
            named_queries: Vec::new(),
            frames: Vec::new(),
            aliases: 0,
            depth: 0,
            steps: 0,
            usage: Usage::default(),
        }
    }

    /// The expression for `@name`.
    pub(super) fn placeholder(&mut self, name: &str, start: Location) -> Result<Typed> {
        let name = name.trim_start_matches('@');
        if name == SCHEDULED_RUNTIME
            && let Some(runtime) = self.scheduled_runtime
        {
            return Ok(Typed::new(self.bind(Value::Integer(runtime))?, ColumnType::Timestamp));
        }
        let Some(placeholders) = &mut self.placeholders else {
            let only = match self.scheduled_runtime {
                Some(_) => "the only parameter of a scheduled query is @scheduled_runtime",
                None => "parameters are for PrepareQuery only",
            };
            return Err(at(start, format!("Parameter @{name} has no value: {only}")));
        };
        let place = placeholders.iter().position(|known| known.name == name).unwrap_or_else(|| {
            // The only parameter of a scheduled query. The service sets it.
            let kind = (name == SCHEDULED_RUNTIME).then_some(ColumnType::Timestamp);
            placeholders.push(Placeholder { name: name.to_owned(), start, kind });
            placeholders.len() - 1
        });
        let kind = placeholders.get(place).and_then(|known| known.kind.clone()).unwrap_or(ColumnType::Unknown);
        Ok(Typed { placeholder: Some(place), ..Typed::new("NULL", kind) })
    }

    /// Notes that a placeholder, if `typed` is one, is used as a value of a type.
    pub(super) fn settle(&mut self, typed: &Typed, kind: &ColumnType) {
        if let (Some(place), Some(placeholders)) = (typed.placeholder, &mut self.placeholders)
            && let Some(placeholder) = placeholders.get_mut(place)
            && *kind != ColumnType::Unknown
        {
            placeholder.kind.get_or_insert_with(|| kind.clone());
        }
    }

    /// A placeholder for the value. Equal values share one, so that equal expressions have equal SQL.
    pub(super) fn bind(&mut self, value: Value) -> Result<String> {
        let key = match &value {
            Value::Real(number) => format!("r{:x}", number.to_bits()),
            Value::Text(text) => format!("t{text}"),
            other => format!("o{other:?}"),
        };
        let next = self.parameters.len() + 1;
        let position = *self.known.entry(key).or_insert(next);
        if position == next {
            if next > MAX_PARAMETERS {
                return Err(SqlError::new(format!("The query has more than {MAX_PARAMETERS} literals.")));
            }
            self.parameters.push(value);
        }
        self.taken(0, format!("?{position}"))
    }

    /// The value that the SQL of an expression is bound to, if it is a literal of the statement.
    pub(super) fn constant(&self, sql: &str) -> Option<&Value> {
        let place: usize = sql.strip_prefix('?')?.parse().ok()?;
        self.parameters.get(place.checked_sub(1)?).filter(|_| self.frames.is_empty())
    }

    /// A name that nothing else in the statement has.
    pub(super) fn alias(&mut self, prefix: char) -> String {
        self.aliases += 1;
        format!("{prefix}{}", self.aliases)
    }

    /// Counts steps of the walk.
    pub(super) fn count(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS { Err(SqlError::new("The query is too complex.")) } else { Ok(()) }
    }

    /// Walks on one level deeper.
    pub(super) fn nested<T>(&mut self, walk: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(SqlError::new("The query is nested too deep."));
        }
        self.count(1)?;
        self.depth += 1;
        let result = walk(self);
        self.depth -= 1;
        result
    }
}
