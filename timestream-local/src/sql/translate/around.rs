//! What is known of the query around a subquery, while the walk is in the subquery.

use std::rc::Rc;

use sqlparser::tokenizer::Location;

use super::scope::Scope;

/// The query around a subquery.
#[derive(Default)]
pub(super) struct Around {
    pub(super) scope: Scope,
    /// Its columns may be used.
    pub(super) is_open: bool,
    /// The GROUP BY expressions of which its columns have to be some.
    pub(super) keys: Option<Rc<[String]>>,
    /// The tables of the subquery have names of their own in SQLite, which do not hide those of this query.
    pub(super) has_own_names: bool,
    /// One of its columns was asked for.
    pub(super) is_used: bool,
    /// The first of its columns that was used.
    pub(super) used: Option<(String, Location)>,
}
