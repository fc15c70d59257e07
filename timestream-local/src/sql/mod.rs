//! Timestream's SQL, translated into SQLite's.
//!
//! [`compile`] reads the text of a query into `sqlparser`'s typed tree and walks that tree into one SQLite statement,
//! with every literal a bound parameter, and with the Timestream type of every result column. What the walk does not
//! know is refused by name; nothing is passed through to SQLite unread.
//!
//! The statement calls scalar and aggregate functions of this module, so a connection that runs it needs
//! [`register_functions`] first.

mod aggregates;
pub(crate) mod calendar;
mod datum;
mod functions;
mod java_regex;
mod lexer;
mod like;
mod series;
mod show;
mod text;
mod translate;
mod types;

pub(crate) use types::{Attribute, Column, ColumnType, TableColumn, TableSchema};

use rusqlite::types::Value;

/// The longest query text that Timestream takes, in bytes.
pub(crate) const MAX_QUERY_BYTES: usize = 256 * 1024;

/// Why a query was refused. The message is Timestream's where Timestream's is known, with `line L:C:` in front where
/// the place in the text is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SqlError {
    /// What a client reads in its ValidationException.
    pub message: String,
}

impl SqlError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Why the catalog has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CatalogError {
    /// There is no database of that name.
    #[error("database not found")]
    DatabaseMissing,
    /// The database exists but has no table of that name.
    #[error("table not found")]
    TableMissing,
}

/// A measure of a table, as SHOW MEASURES lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measure {
    /// The measure's name.
    pub name: String,
    /// Timestream's name of its type: `double`, `bigint`, `varchar`, `boolean`, `timestamp` or `multi`.
    pub data_type: String,
    /// The names of the dimensions that its series have.
    pub dimensions: Vec<String>,
}

/// What the translation asks of the storage.
pub(crate) trait Catalog {
    /// The columns and physical tables of a Timestream table.
    fn table(&self, database: &str, table: &str) -> Result<TableSchema, CatalogError>;
    /// The names of the databases, sorted.
    fn databases(&self) -> Result<Vec<String>, CatalogError>;
    /// The names of a database's tables, sorted.
    fn tables(&self, database: &str) -> Result<Vec<String>, CatalogError>;
    /// The measures of a table, sorted by name.
    fn measures(&self, database: &str, table: &str) -> Result<Vec<Measure>, CatalogError>;
}

/// A SELECT ready for SQLite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compiled {
    /// One SQLite statement that yields `columns.len()` columns.
    pub sql: String,
    /// The values of `?1`, `?2`, …
    pub parameters: Vec<Value>,
    /// It counts all records of a table, which reads the file once from end to end.
    pub counts: bool,
    /// The result's columns in Timestream's terms; [`ColumnType::write_datum`] prints a value of each.
    pub columns: Vec<Column>,
}

/// A value of a result that needs no SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A VARCHAR.
    Text(String),
    /// The value of a [`ColumnType::Dimensions`] column: name and type of each dimension.
    Dimensions(Vec<(String, String)>),
}

/// The whole result of a SHOW or DESCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// What PrepareQuery tells of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// The columns of its result.
    pub columns: Vec<Column>,
    /// Its parameters in order of appearance: name and type.
    pub parameters: Vec<(String, ColumnType)>,
}

/// What a query text turned into.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    /// To be run by SQLite.
    Select(Compiled),
    /// Answered from the catalog already.
    Listing(Listing),
}

/// Compiles one query. `now_ns` is the time, in nanoseconds since 1970, that `now()` and `ago()` count from.
///
/// # Errors
/// [`SqlError`] for text that is no query, or one that Timestream or this translation refuses.
pub(crate) fn compile(text: &str, catalog: &dyn Catalog, now_ns: i64) -> Result<Statement, SqlError> {
    let tokens = tokens(text)?;
    match show::listing(&tokens, catalog)? {
        Some(listing) => Ok(Statement::Listing(listing)),
        None => translate::query(tokens, catalog, now_ns).map(Statement::Select),
    }
}

/// Checks a query that may have parameters, written `@name`.
///
/// # Errors
/// As [`compile`], and a parameter whose type nothing around it tells.
pub(crate) fn prepare(text: &str, catalog: &dyn Catalog, now_ns: i64) -> Result<Prepared, SqlError> {
    let tokens = tokens(text)?;
    match show::listing(&tokens, catalog)? {
        Some(listing) => Ok(Prepared { columns: listing.columns, parameters: Vec::new() }),
        None => translate::prepare(tokens, catalog, now_ns),
    }
}

fn tokens(text: &str) -> Result<Vec<sqlparser::tokenizer::TokenWithSpan>, SqlError> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(SqlError::new(format!("The query text is longer than {MAX_QUERY_BYTES} bytes.")));
    }
    lexer::tokens(text)
}

/// Registers on a reader connection the functions that compiled statements call.
///
/// # Errors
/// What SQLite says when it refuses a function.
pub(crate) fn register_functions(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    functions::register(connection)?;
    aggregates::register(connection)
}

#[cfg(test)]
mod tests;
