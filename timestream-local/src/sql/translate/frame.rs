//! What is known of an expression that is evaluated apart, while the walk is inside it.

use std::rc::Rc;

use super::super::types::ColumnType;

/// An expression that is evaluated apart, while it is walked.
pub(super) struct Frame {
    /// Names and types of its arguments.
    pub(super) arguments: Vec<(String, ColumnType)>,
    /// What it takes, in the SQL of what is around it.
    pub(super) taken: Vec<String>,
    /// The SQL of the statement's GROUP BY expressions, if it has any.
    pub(super) keys: Option<Rc<[String]>>,
}
