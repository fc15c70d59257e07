//! Operations on scheduled queries.

use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

use super::Api;
use super::arn::{of_scheduled_query, scheduled_query};
use super::new_scheduled_query::CreateRequest;
use super::queries::QueryInsights;
use super::scheduled_shape::{described, listed};
use super::shape::{check_enum, check_length, page, request, required};
use crate::error::ApiError;
use crate::schedule::{Expression, Mapping};
use crate::storage::{Change, Definition, ScheduleChange, ScheduledQuery, no_scheduled_query};

/// Scheduled queries on a page of their list, at most and by default (service model, MaxScheduledQueriesResults).
const MAX_RESULTS: i64 = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OneRequest {
    scheduled_query_arn: Option<String>,
    state: Option<String>,
    invocation_time: Option<f64>,
    client_token: Option<String>,
    query_insights: Option<QueryInsights>,
}

impl OneRequest {
    fn id(&mut self) -> Result<String, ApiError> {
        let arn = required(self.scheduled_query_arn.take(), "scheduledQueryArn")?;
        check_length("scheduledQueryArn", &arn, 1, 2048)?;
        scheduled_query(&arn)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Api {
    pub(super) async fn create_scheduled_query(&self, body: &[u8]) -> Result<Value, ApiError> {
        let (definition, tags, client_token) = request::<CreateRequest>(body)?.checked()?;
        let name = definition.name.clone();
        let expression = Expression::parse(&definition.schedule_expression)?;
        let created = self.clock.now_ns();
        let Some(next) = expression.after(created, created) else {
            return Err(ApiError::validation("Parameter ScheduleExpression is not valid: it never runs the query."));
        };
        self.check_query(&definition).await?;
        let id = self.new_id(&name);
        let query = ScheduledQuery {
            definition,
            tags,
            client_token,
            created,
            enabled: true,
            next: Some(next),
            previous: None,
            last_run: None,
            failed_runs: Vec::new(),
            under_way: Vec::new(),
        };
        let change = ScheduleChange::Create { id, query: Box::new(query) };
        let catalog = self.storage.change(Change::Schedule(change)).await?;
        self.orders.schedules_changed();
        // The same request may have made it before, with another id.
        let made = catalog.scheduled.iter().find(|(_, query)| query.definition.name == name);
        let (id, _) = made.ok_or_else(|| no_scheduled_query(&name))?;
        Ok(json!({"Arn": of_scheduled_query(id)}))
    }

    pub(super) fn describe_scheduled_query(&self, body: &[u8]) -> Result<Value, ApiError> {
        let id = request::<OneRequest>(body)?.id()?;
        let query = self.scheduled_query(&id)?;
        Ok(json!({"ScheduledQuery": described(&id, &query)}))
    }

    pub(super) fn list_scheduled_queries(&self, body: &[u8]) -> Result<Value, ApiError> {
        let ListRequest { next_token, max_results } = request(body)?;
        let catalog = self.storage.catalog();
        let all = catalog.scheduled.iter().map(|(id, query)| (id.clone(), (id, query)));
        let (page, next) = page(all, MAX_RESULTS, max_results, next_token.as_deref())?;
        let queries: Vec<Value> = page.into_iter().map(|(id, query)| listed(id, query)).collect();
        Ok(match next {
            Some(next) => json!({"ScheduledQueries": queries, "NextToken": next}),
            None => json!({"ScheduledQueries": queries}),
        })
    }

    pub(super) async fn update_scheduled_query(&self, body: &[u8]) -> Result<Value, ApiError> {
        let mut asked: OneRequest = request(body)?;
        let id = asked.id()?;
        let state = required(asked.state, "state")?;
        check_enum("state", &state, &["ENABLED", "DISABLED"])?;
        let query = self.scheduled_query(&id)?;
        let enabled = state == "ENABLED";
        let next = match query.next {
            _ if !enabled => None,
            Some(next) => Some(next),
            None => {
                let expression = Expression::parse(&query.definition.schedule_expression)?;
                expression.after(self.clock.now_ns(), query.created)
            }
        };
        self.storage.change(Change::Schedule(ScheduleChange::Switch { id, enabled, next })).await?;
        self.orders.schedules_changed();
        Ok(json!({}))
    }

    pub(super) async fn delete_scheduled_query(&self, body: &[u8]) -> Result<Value, ApiError> {
        let id = request::<OneRequest>(body)?.id()?;
        self.storage.change(Change::Schedule(ScheduleChange::Delete { id })).await?;
        Ok(json!({}))
    }

    pub(super) async fn execute_scheduled_query(&self, body: &[u8]) -> Result<Value, ApiError> {
        let mut asked: OneRequest = request(body)?;
        let id = asked.id()?;
        let time = required(asked.invocation_time, "invocationTime")?;
        if let Some(token) = &asked.client_token {
            check_length("clientToken", token, 32, 128)?;
        }
        let with_insights = QueryInsights::are_on(asked.query_insights)?;
        // Whole milliseconds, since fractions of a second are not exact.
        let milliseconds = (time * 1e3).round();
        if !(0.0..=i64::MAX as f64 / 1e6 - 1.0).contains(&milliseconds) {
            return Err(ApiError::validation("The InvocationTime is not valid: it must be from 1970 to 2262."));
        }
        let query = self.scheduled_query(&id)?;
        self.orders.execute(id, query, milliseconds as i64 * 1_000_000, with_insights).await?;
        Ok(json!({}))
    }

    fn scheduled_query(&self, id: &str) -> Result<Arc<ScheduledQuery>, ApiError> {
        self.storage.catalog().scheduled.get(id).cloned().ok_or_else(|| no_scheduled_query(id))
    }

    /// Checks that the SQL can be run, and that its result can be written to the target.
    async fn check_query(&self, definition: &Definition) -> Result<(), ApiError> {
        let catalog = self.storage.catalog();
        if let Some(target) = &definition.target
            && catalog.table(&target.database_name, &target.table_name).is_none()
        {
            // The operation knows no ResourceNotFoundException.
            let (database, table) = (&target.database_name, &target.table_name);
            return Err(ApiError::validation(format!("The target table {database}.{table} does not exist.")));
        }
        let columns = self.queries.scheduled_columns(definition.query_string.clone(), catalog).await?;
        definition.target.as_ref().map(|target| Mapping::new(target, &columns)).transpose()?;
        Ok(())
    }

    /// A new id: the name, and what no other query of this name had.
    fn new_id(&self, name: &str) -> String {
        use std::hash::{BuildHasher, RandomState};
        let number = RandomState::new().hash_one((name, self.clock.now_ns()));
        format!("{name}-{:012x}", number & 0xffff_ffff_ffff)
    }
}
