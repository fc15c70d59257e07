//! What the thread of a query needs.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::catalog::View;
use crate::objects::ObjectRoot;
use crate::sql::Times;
use crate::storage::Reader;

/// A query to be run.
pub(super) struct Job {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) view: View,
    pub(super) reader: Reader,
    /// What stands for S3, if anything does.
    pub(super) objects: Option<ObjectRoot>,
    /// Places for queries that write objects.
    pub(super) unloads: Arc<Semaphore>,
    /// Rows on a page, at most.
    pub(super) max_rows: usize,
    pub(super) times: Times,
    /// The last page is to have insights.
    pub(super) with_insights: bool,
}
