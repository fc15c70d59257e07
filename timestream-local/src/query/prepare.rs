//! Queries that are checked without being run.

use std::sync::Arc;

use serde_json::{Value, json};

use super::pager::broken;
use super::{PLACE_WAIT, Queries, View};
use crate::error::ApiError;
use crate::sql;
use crate::storage::Catalog;

impl Queries {
    /// Checks a query without running it. Returns the body of PrepareQuery's answer.
    pub(crate) async fn prepare(&self, text: String, catalog: Arc<Catalog>) -> Result<Value, ApiError> {
        let permit = self.place(PLACE_WAIT).await?;
        let (view, now) = (View::new(catalog), self.clock.now_ns());
        let query = text.clone();
        // The parser recurses, so it runs on a blocking thread and not on one of the runtime's.
        let prepared = tokio::task::spawn_blocking(move || sql::prepare(&query, &view, now)).await;
        drop(permit);
        let prepared = prepared.map_err(|_| broken())?.map_err(|error| ApiError::validation(error.message))?;
        let column = |column: &sql::Column| {
            let mut shown =
                json!({"Name": column.name, "Type": column.column_type.api_type(), "Aliased": column.aliased});
            if let Some(origin) = &column.origin {
                shown["DatabaseName"] = json!(origin.0);
                shown["TableName"] = json!(origin.1);
            }
            shown
        };
        let parameters = prepared.parameters.iter().map(|(name, kind)| json!({"Name": name, "Type": kind.api_type()}));
        Ok(json!({
            "QueryString": text,
            "Columns": prepared.columns.iter().map(column).collect::<Vec<_>>(),
            "Parameters": parameters.collect::<Vec<_>>(),
        }))
    }
}
