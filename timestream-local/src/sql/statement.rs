//! What a query's text turns into.

use rusqlite::types::Value;

use super::types::{Column, ColumnType};

/// The times that a query may ask for, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// What `now()` and `ago()` count from.
    pub now_ns: i64,
    /// The parameter `@scheduled_runtime`, which only scheduled queries have.
    pub scheduled: Option<i64>,
}

/// A SELECT ready for SQLite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compiled {
    /// One SQLite statement that yields `columns.len()` columns.
    pub sql: String,
    /// The values of `?1`, `?2`, …
    pub parameters: Vec<Value>,
    /// Its rows are series or bins of series, so that a sort of it is small.
    pub sorts_series: bool,
    /// The result's columns in Timestream's terms; [`ColumnType::write_datum`] prints a value of each.
    pub columns: Vec<Column>,
}

/// A value of a result that needs no SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A VARCHAR.
    Text(String),
    /// An array of rows: name and type of each dimension.
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
