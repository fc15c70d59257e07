//! Operations on queries.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::shape::{request, required};
use crate::error::ApiError;
use crate::names::constraint;

/// Rows that a client may ask for per page (service model, MaxQueryResults).
const MAX_ROWS: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueryRequest {
    query_string: Option<String>,
    next_token: Option<String>,
    max_rows: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CancelRequest {
    query_id: Option<String>,
}

impl Api {
    pub(super) async fn query(&self, body: &[u8]) -> Result<Vec<u8>, ApiError> {
        let QueryRequest { query_string, next_token, max_rows } = request(body)?;
        let text = required(query_string, "queryString")?;
        let max_rows = max_rows.unwrap_or(MAX_ROWS);
        if !(1..=MAX_ROWS).contains(&max_rows) {
            let rule = format!("Member must have value between 1 and {MAX_ROWS}");
            return Err(constraint("maxRows", &max_rows.to_string(), &rule));
        }
        match next_token {
            None => self.queries.start(&text, self.storage.catalog(), max_rows).await,
            Some(token) => self.queries.next(&text, &token).await,
        }
    }

    pub(super) fn cancel_query(&self, body: &[u8]) -> Result<Value, ApiError> {
        let CancelRequest { query_id } = request(body)?;
        self.queries.cancel(&required(query_id, "queryId")?)?;
        Ok(json!({"CancellationMessage": "Query cancelled."}))
    }
}
