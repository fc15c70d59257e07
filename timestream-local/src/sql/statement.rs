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

/// A SELECT whose result goes to objects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unload {
    /// The SELECT. Its last columns are those of [`UnloadOptions::partitioned_by`].
    pub select: Compiled,
    /// Where to, as the text says it.
    pub to: String,
    /// How.
    pub options: UnloadOptions,
}

/// How a result is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnloadOptions {
    /// The columns by whose values there are folders.
    pub(crate) partitioned_by: Vec<String>,
    /// What files are.
    pub(crate) format: UnloadFormat,
    /// With gzip: the files of CSV, the columns of Parquet.
    pub(crate) is_compressed: bool,
    /// Bytes in a file, about.
    pub(crate) max_file_bytes: u64,
}

/// What files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnloadFormat {
    /// Text.
    Csv(CsvForm),
    /// Apache Parquet.
    Parquet,
}

/// The form of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CsvForm {
    /// Stands between values.
    pub(crate) delimiter: u8,
    /// Stands before a quote, and before itself.
    pub(crate) escape: u8,
    /// The first line has the columns' names.
    pub(crate) has_header: bool,
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
    /// To be run by SQLite, with its result in files.
    Unload(Unload),
}
