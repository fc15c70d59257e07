//! What runs of scheduled queries need.

use std::sync::Arc;

use crate::calendar::Clock;
use crate::objects::ObjectRoot;
use crate::query::Queries;
use crate::storage::Storage;

/// What runs of scheduled queries need.
#[derive(Clone)]
pub(crate) struct Context {
    /// Where they are kept, and where results are written.
    pub(crate) storage: Storage,
    /// What runs their SQL.
    pub(crate) queries: Arc<Queries>,
    /// What stands for S3, if anything does.
    pub(crate) objects: Option<ObjectRoot>,
    /// What their schedules go by.
    pub(crate) clock: Clock,
}
