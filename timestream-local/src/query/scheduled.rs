//! Scheduled queries, whose results are taken row by row and not answered.

use std::sync::Arc;
use std::time::Duration;

use super::job::Job;
use super::pager::broken;
use super::run;
use super::scheduled_rows::ScheduledRows;
use super::{Queries, View};
use crate::error::ApiError;
use crate::sql::{self, Column, Statement, Times};
use crate::storage::Catalog;

/// How long a scheduled query waits for a place among the queries that run.
const PATIENCE: Duration = Duration::from_secs(60);

impl Queries {
    /// The columns that a scheduled query has, without running it.
    pub(crate) async fn scheduled_columns(&self, text: String, catalog: Arc<Catalog>) -> Result<Vec<Column>, ApiError> {
        let permit = self.place(PATIENCE).await?;
        let (view, now_ns) = (View::new(catalog), self.clock.now_ns());
        let times = Times { now_ns, scheduled: Some(now_ns) };
        // The parser recurses, so it runs on a blocking thread and not on one of the runtime's.
        let compiled = tokio::task::spawn_blocking(move || sql::compile_at(&text, &view, times)).await;
        drop(permit);
        let statement = compiled.map_err(|_| broken())?.map_err(|error| ApiError::validation(error.message))?;
        Ok(match statement {
            Statement::Select(select) => select.columns,
            Statement::Listing(listing) => listing.columns,
            Statement::Unload(_) => return Err(ApiError::validation("A scheduled query can't be an UNLOAD.")),
        })
    }

    /// Starts a scheduled query for the time `scheduled`, in nanoseconds since 1970.
    pub(crate) async fn scheduled(
        &self,
        text: String,
        catalog: Arc<Catalog>,
        scheduled: i64,
        with_insights: bool,
    ) -> Result<ScheduledRows, ApiError> {
        let permit = self.place(PATIENCE).await?;
        let job = Job {
            // Only UNLOAD names files by it, and none is scheduled.
            id: String::new(),
            text,
            view: View::new(catalog),
            reader: self.reader.clone(),
            objects: None,
            unloads: Arc::clone(&self.unloads),
            max_rows: usize::MAX,
            times: Times { now_ns: self.clock.now_ns(), scheduled: Some(scheduled) },
            with_insights,
        };
        ScheduledRows::of(run::start(job, permit)?).await
    }
}
