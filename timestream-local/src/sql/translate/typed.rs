//! An expression that was translated.

use std::sync::Arc;

use super::super::failure::SqlError;
use super::super::types::ColumnType;

/// A part of the translation, or why there is none.
pub(super) type Result<T> = std::result::Result<T, SqlError>;

/// An expression in SQLite's SQL, and its Timestream type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Typed {
    pub(super) sql: String,
    pub(super) kind: ColumnType,
    /// The text, if it is a string literal.
    pub(super) literal: Option<String>,
    /// The place among the placeholders, if it is one.
    pub(super) placeholder: Option<usize>,
    /// The table that it is a column of, if it is one and nothing else.
    pub(super) origin: Option<Arc<(String, String)>>,
}

impl Typed {
    pub(super) fn new(sql: impl Into<String>, kind: ColumnType) -> Self {
        Self { sql: sql.into(), kind, literal: None, placeholder: None, origin: None }
    }
}
