//! The walk over the syntax tree that writes SQLite's SQL.

mod aggregate;
mod call;
mod expression;
mod literal;
mod operators;
mod query;
mod relations;
mod scope;
mod select;
mod window;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::types::Value;
use sqlparser::ast::{Expr, Ident, Query, SetExpr};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::lexer::{TimestreamDialect, at};
use super::types::{Column, ColumnType};
use super::{Catalog, Compiled, Prepared, SqlError};
use scope::Relation;

/// How deep expressions and subqueries may nest.
const MAX_DEPTH: usize = 60;
/// Expressions and queries walked through. GROUP BY has some looked at twice, within each other again and again.
const MAX_STEPS: usize = 400_000;
/// Bound values in one statement; SQLite's own limit is 32,766.
const MAX_PARAMETERS: usize = 30_000;

pub(super) use relations::missing;
#[cfg(test)]
pub(super) use {
    aggregate::AGGREGATES,
    call::{SPECIAL, UNSUPPORTED},
    window::WINDOW_FUNCTIONS,
};

type Result<T> = std::result::Result<T, SqlError>;

/// Translates the one query that the tokens hold.
pub(super) fn query(tokens: Vec<TokenWithSpan>, catalog: &dyn Catalog, now_ns: i64) -> Result<Compiled> {
    let mut translator = Translator::new(catalog, now_ns);
    let rows = translator.query(&parsed(tokens)?)?;
    let Rows { sql, columns, counts, .. } = rows;
    Ok(Compiled { sql, parameters: translator.parameters, columns, counts })
}

/// Checks the one query that the tokens hold, and finds the types of its parameters.
pub(super) fn prepare(tokens: Vec<TokenWithSpan>, catalog: &dyn Catalog, now_ns: i64) -> Result<Prepared> {
    let mut translator = Translator::new(catalog, now_ns);
    translator.placeholders = Some(Vec::new());
    let rows = translator.query(&parsed(tokens)?)?;
    let typed = |placeholder: Placeholder| match placeholder.kind {
        Some(kind) => Ok((placeholder.name, kind)),
        None => Err(at(placeholder.start, format!("The type of the parameter @{} cannot be told", placeholder.name))),
    };
    let placeholders = translator.placeholders.unwrap_or_default();
    let parameters = placeholders.into_iter().map(typed).collect::<Result<_>>()?;
    Ok(Prepared { columns: rows.columns, parameters })
}

fn parsed(tokens: Vec<TokenWithSpan>) -> Result<Query> {
    let mut parser = Parser::new(&TimestreamDialect).with_tokens_with_locations(tokens);
    let start = parser.peek_token().span.start;
    let tree = parser.parse_query().map_err(refused)?;
    let _ = parser.consume_token(&Token::SemiColon);
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(at(rest.span.start, format!("mismatched input '{}'", rest.token)));
    }
    match tree.body.as_ref() {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::SetOperation { .. } => Ok(*tree),
        body => Err(refused_body(body, start)),
    }
}

/// The parser's message, with the place moved to where Timestream puts it.
fn refused(error: ParserError) -> SqlError {
    match error {
        ParserError::RecursionLimitExceeded => SqlError::new("The query is nested too deep."),
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => match text.rsplit_once(" at Line: ") {
            Some((message, place)) => {
                SqlError::new(format!("line {}: {message}", place.replacen(", Column: ", ":", 1)))
            }
            None => SqlError::new(text),
        },
    }
}

/// An expression in SQLite's SQL, and its Timestream type.
#[derive(Debug, Clone, PartialEq)]
struct Typed {
    sql: String,
    kind: ColumnType,
    /// The text, if it is a string literal.
    literal: Option<String>,
    /// The place among the placeholders, if it is one.
    placeholder: Option<usize>,
    /// The table that it is a column of, if it is one and nothing else.
    origin: Option<Arc<(String, String)>>,
}

impl Typed {
    fn new(sql: impl Into<String>, kind: ColumnType) -> Self {
        Self { sql: sql.into(), kind, literal: None, placeholder: None, origin: None }
    }
}

/// A query in SQLite's SQL, whose columns are named `c0`, `c1`, …
struct Rows {
    sql: String,
    columns: Vec<Column>,
    /// It has one row at most.
    single: bool,
    /// It counts the records of a table and nothing else.
    counts: bool,
}

/// Where an expression stands, which says what may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Clause {
    #[default]
    Where,
    Join,
    GroupBy,
    Select,
    Having,
}

/// What the SELECT in hand has shown so far.
#[derive(Default)]
struct Usage {
    clause: Clause,
    /// The SQL of its GROUP BY expressions, if it has any.
    keys: Option<Rc<[String]>>,
    /// An aggregate was called.
    aggregated: bool,
    /// The walk is inside an aggregate's arguments.
    inside_aggregate: bool,
    /// The first column used outside of aggregates.
    bare: Option<(String, Location)>,
}

/// A query that WITH gave a name.
struct NamedQuery {
    name: String,
    physical: String,
    columns: Vec<Column>,
}

/// A `@name` of a query that is only prepared.
struct Placeholder {
    name: String,
    start: Location,
    /// What it is used as, once that is seen.
    kind: Option<ColumnType>,
}

struct Translator<'a> {
    catalog: &'a dyn Catalog,
    /// Of a query that is only prepared.
    placeholders: Option<Vec<Placeholder>>,
    /// The relations around the subquery in hand, from the outermost.
    outer: Vec<Vec<Relation>>,
    now_ns: i64,
    parameters: Vec<Value>,
    known: HashMap<String, usize>,
    named_queries: Vec<NamedQuery>,
    aliases: usize,
    depth: usize,
    steps: usize,
    usage: Usage,
}

impl<'a> Translator<'a> {
    fn new(catalog: &'a dyn Catalog, now_ns: i64) -> Self {
        Translator {
            catalog,
            placeholders: None,
            outer: Vec::new(),
            now_ns,
            parameters: Vec::new(),
            known: HashMap::new(),
            named_queries: Vec::new(),
            aliases: 0,
            depth: 0,
            steps: 0,
            usage: Usage::default(),
        }
    }

    /// The expression for `@name`.
    fn placeholder(&mut self, name: &str, start: Location) -> Result<Typed> {
        let name = name.trim_start_matches('@');
        let Some(placeholders) = &mut self.placeholders else {
            return Err(at(start, format!("Parameter @{name} has no value: parameters are for PrepareQuery only")));
        };
        let place = placeholders.iter().position(|known| known.name == name).unwrap_or_else(|| {
            // A scheduled query's only parameter, which the service gives its value.
            let kind = (name == "scheduled_runtime").then_some(ColumnType::Timestamp);
            placeholders.push(Placeholder { name: name.to_owned(), start, kind });
            placeholders.len() - 1
        });
        let kind = placeholders.get(place).and_then(|known| known.kind).unwrap_or(ColumnType::Unknown);
        Ok(Typed { placeholder: Some(place), ..Typed::new("NULL", kind) })
    }

    /// Notes that a placeholder, if `typed` is one, is used as a value of a type.
    fn settle(&mut self, typed: &Typed, kind: ColumnType) {
        if let (Some(place), Some(placeholders)) = (typed.placeholder, &mut self.placeholders)
            && let Some(placeholder) = placeholders.get_mut(place)
            && kind != ColumnType::Unknown
        {
            placeholder.kind.get_or_insert(kind);
        }
    }

    /// A placeholder for the value. Equal values share one, so that equal expressions have equal SQL.
    fn bind(&mut self, value: Value) -> Result<String> {
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
        Ok(format!("?{position}"))
    }

    fn alias(&mut self, prefix: char) -> String {
        self.aliases += 1;
        format!("{prefix}{}", self.aliases)
    }

    fn nested<T>(&mut self, walk: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(SqlError::new("The query is nested too deep."));
        }
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(SqlError::new("The query is too complex."));
        }
        self.depth += 1;
        let result = walk(self);
        self.depth -= 1;
        result
    }
}

/// `what` is not supported, with its place.
fn unsupported(location: Location, what: impl std::fmt::Display) -> SqlError {
    at(location, format!("{what} is not supported"))
}

fn place(ident: &Ident) -> Location {
    ident.span.start
}

/// Where an expression begins, found without descending into all of it.
fn location(expression: &Expr) -> Location {
    let mut current = expression;
    loop {
        current = match current {
            Expr::Identifier(ident) => return place(ident),
            Expr::CompoundIdentifier(parts) => return parts.first().map_or_else(Location::empty, place),
            Expr::Value(value) => return value.span.start,
            Expr::TypedString(typed) => return typed.value.span.start,
            Expr::Case { case_token, .. } => return case_token.0.span.start,
            Expr::Function(function) => {
                return function.name.0.first().and_then(|part| part.as_ident()).map_or_else(Location::empty, place);
            }
            Expr::Subquery(query) | Expr::Exists { subquery: query, .. } => return query_location(query),
            Expr::Tuple(items) => match items.first() {
                Some(first) => first,
                None => return Location::empty(),
            },
            Expr::Array(array) => match array.elem.first() {
                Some(first) => first,
                None => return Location::empty(),
            },
            Expr::BinaryOp { left: inner, .. }
            | Expr::Nested(inner)
            | Expr::UnaryOp { expr: inner, .. }
            | Expr::Cast { expr: inner, .. }
            | Expr::In { expr: inner, .. }
            | Expr::Between { expr: inner, .. }
            | Expr::Like { expr: inner, .. }
            | Expr::ILike { expr: inner, .. }
            | Expr::SimilarTo { expr: inner, .. }
            | Expr::RLike { expr: inner, .. }
            | Expr::Extract { expr: inner, .. }
            | Expr::Ceil { expr: inner, .. }
            | Expr::Floor { expr: inner, .. }
            | Expr::Position { expr: inner, .. }
            | Expr::Substring { expr: inner, .. }
            | Expr::Trim { expr: inner, .. }
            | Expr::Collate { expr: inner, .. }
            | Expr::AtTimeZone { timestamp: inner, .. }
            | Expr::CompoundFieldAccess { root: inner, .. }
            | Expr::IsDistinctFrom(inner, _)
            | Expr::IsNotDistinctFrom(inner, _)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner) => inner,
            Expr::Interval(interval) => &interval.value,
            _ => return Location::empty(),
        };
    }
}

/// Where a query begins, as far as the tree says.
fn query_location(query: &Query) -> Location {
    if let Some(with) = &query.with {
        return with.with_token.0.span.start;
    }
    body_location(&query.body)
}

fn body_location(body: &SetExpr) -> Location {
    let mut body = body;
    loop {
        body = match body {
            SetExpr::Select(select) => return select.select_token.0.span.start,
            SetExpr::Query(query) => &query.body,
            SetExpr::SetOperation { left, .. } => left,
            _ => return Location::empty(),
        };
    }
}

/// The refusal of the bodies of a query that are no SELECT.
fn refused_body(body: &SetExpr, start: Location) -> SqlError {
    let what = match body {
        SetExpr::Values(_) => "VALUES",
        SetExpr::Insert(_) => "INSERT",
        SetExpr::Update(_) => "UPDATE",
        SetExpr::Delete(_) => "DELETE",
        SetExpr::Merge(_) => "MERGE",
        _ => "TABLE",
    };
    unsupported(start, what)
}
