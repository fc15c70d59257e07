//! Operations on queries.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::shape::{check_enum, request, required};
use crate::error::ApiError;
use crate::names::constraint;
use crate::query::NewQuery;

/// Rows that a client may ask for per page (service model, MaxQueryResults).
const MAX_ROWS: usize = 1000;
/// The longest query text, in bytes (service model, QueryString).
const MAX_TEXT: usize = 262_144;
/// The longest NextToken, in bytes (service model, PaginationToken).
const MAX_TOKEN: usize = 2048;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueryRequest {
    query_string: Option<String>,
    client_token: Option<String>,
    next_token: Option<String>,
    max_rows: Option<i64>,
    query_insights: Option<QueryInsights>,
}

/// `QueryInsights` and `ScheduledQueryInsights`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueryInsights {
    mode: Option<String>,
}

impl QueryInsights {
    /// Whether insights are asked for.
    pub(super) fn are_on(asked: Option<Self>) -> Result<bool, ApiError> {
        let Some(asked) = asked else { return Ok(false) };
        let mode = required(asked.mode, "queryInsights.mode")?;
        check_enum("queryInsights.mode", &mode, &["ENABLED_WITH_RATE_CONTROL", "DISABLED"])?;
        Ok(mode != "DISABLED")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CancelRequest {
    query_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrepareRequest {
    query_string: Option<String>,
    validate_only: Option<bool>,
}

impl Api {
    pub(super) async fn query(&self, body: &[u8]) -> Result<Bytes, ApiError> {
        let QueryRequest { query_string, client_token, next_token, max_rows, query_insights } = request(body)?;
        let text = text(query_string)?;
        let max_rows = max_rows.map(checked_rows).transpose()?;
        if let Some(token) = client_token.as_ref().filter(|token| !(32..=128).contains(&token.len())) {
            return Err(constraint("clientToken", token, "Member must have length between 32 and 128"));
        }
        let with_insights = QueryInsights::are_on(query_insights)?;
        match next_token {
            None => {
                let query = NewQuery { text, max_rows, client_token, with_insights };
                self.queries.start(query, self.storage.catalog()).await
            }
            Some(token) if token.is_empty() || token.len() > MAX_TOKEN => {
                let rule = format!("Member must have length between 1 and {MAX_TOKEN}");
                Err(constraint("nextToken", &token, &rule))
            }
            Some(token) => self.queries.next(&text, &token).await,
        }
    }

    pub(super) fn cancel_query(&self, body: &[u8]) -> Result<Value, ApiError> {
        let CancelRequest { query_id } = request(body)?;
        Ok(match self.queries.cancel(&required(query_id, "queryId")?)? {
            Some(message) => json!({"CancellationMessage": message}),
            None => json!({}),
        })
    }

    pub(super) async fn prepare_query(&self, body: &[u8]) -> Result<Value, ApiError> {
        let PrepareRequest { query_string, validate_only } = request(body)?;
        let text = text(query_string)?;
        if validate_only != Some(true) {
            return Err(ApiError::validation("PrepareQuery is supported with ValidateOnly set to true only."));
        }
        self.queries.prepare(text, self.storage.catalog()).await
    }
}

/// The text of a query.
pub(super) fn text(text: Option<String>) -> Result<String, ApiError> {
    let text = required(text, "queryString")?;
    match text.len() {
        1..=MAX_TEXT => Ok(text),
        _ => {
            let rule = format!("Member must have length between 1 and {MAX_TEXT}");
            Err(constraint("queryString", &text, &rule))
        }
    }
}

fn checked_rows(rows: i64) -> Result<usize, ApiError> {
    let legal = usize::try_from(rows).ok().filter(|rows| (1..=MAX_ROWS).contains(rows));
    legal.ok_or_else(|| {
        constraint("maxRows", &rows.to_string(), &format!("Member must have value between 1 and {MAX_ROWS}"))
    })
}
