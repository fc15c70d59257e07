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
    /// Whether it is NULL or finite in every row, if it is a double. SQLite's operators do with those what Trino's do.
    pub(super) is_finite: bool,
}

impl Typed {
    /// An expression that is one of some values in each row.
    pub(super) fn one_of(values: &[Typed], sql: impl Into<String>, kind: ColumnType) -> Self {
        Self { is_finite: values.iter().all(|value| value.is_finite), ..Self::new(sql, kind) }
    }

    /// The values of this expression, or some of them, in another place.
    pub(super) fn as_is(&self, sql: impl Into<String>) -> Self {
        Self { is_finite: self.is_finite, ..Self::new(sql, self.kind.clone()) }
    }

    pub(super) fn new(sql: impl Into<String>, kind: ColumnType) -> Self {
        let is_finite = kind != ColumnType::Double;
        Self { sql: sql.into(), kind, literal: None, placeholder: None, origin: None, is_finite }
    }
}
