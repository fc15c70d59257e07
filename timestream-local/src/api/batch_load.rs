//! Operations on batch load tasks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::shape::{check_enum, check_length, page, request, required};
use crate::batch_load::{Asked, DataModelConfiguration, DataSourceConfiguration, ReportConfiguration, Status};
use crate::error::ApiError;
use crate::names::constraint;

/// Tasks on a page of a list, at most and by default (service model, PageLimit).
const MAX_TASKS: i64 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    client_token: Option<String>,
    data_model_configuration: Option<DataModelConfiguration>,
    data_source_configuration: Option<DataSourceConfiguration>,
    report_configuration: Option<ReportConfiguration>,
    target_database_name: Option<String>,
    target_table_name: Option<String>,
    record_version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskRequest {
    task_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    next_token: Option<String>,
    max_results: Option<i64>,
    task_status: Option<String>,
}

impl Api {
    pub(super) async fn create_batch_load_task(&self, body: &[u8]) -> Result<Value, ApiError> {
        let given: CreateRequest = request(body)?;
        if let Some(token) = &given.client_token {
            check_length("clientToken", token, 1, 64)?;
        }
        let asked = Asked {
            database: required(given.target_database_name, "targetDatabaseName")?,
            table: required(given.target_table_name, "targetTableName")?,
            source: required(given.data_source_configuration, "dataSourceConfiguration")?,
            model: given.data_model_configuration.unwrap_or_default(),
            report: required(given.report_configuration, "reportConfiguration")?,
            version: given.record_version,
        };
        Ok(json!({"TaskId": self.batch_loads.create(asked, given.client_token).await?}))
    }

    pub(super) fn describe_batch_load_task(&self, body: &[u8]) -> Result<Value, ApiError> {
        let task = self.batch_loads.task(&task_id(body)?)?;
        Ok(json!({"BatchLoadTaskDescription": task.description()}))
    }

    pub(super) fn list_batch_load_tasks(&self, body: &[u8]) -> Result<Value, ApiError> {
        let ListRequest { next_token, max_results, task_status } = request(body)?;
        if let Some(status) = &task_status {
            check_enum("taskStatus", status, &Status::NAMES)?;
        }
        let tasks = self.batch_loads.summaries(task_status.as_deref()).into_iter();
        let (page, next) = page(tasks, MAX_TASKS, max_results, next_token.as_deref())?;
        Ok(json!({"BatchLoadTasks": page, "NextToken": next}))
    }

    pub(super) async fn resume_batch_load_task(&self, body: &[u8]) -> Result<Value, ApiError> {
        self.batch_loads.resume(&task_id(body)?).await?;
        Ok(json!({}))
    }
}

/// BatchLoadTaskId of the service model.
fn task_id(body: &[u8]) -> Result<String, ApiError> {
    let id = required(request::<TaskRequest>(body)?.task_id, "taskId")?;
    check_length("taskId", &id, 3, 32)?;
    if !id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return Err(constraint("taskId", &id, "Member must satisfy regular expression pattern: [A-Z0-9]+"));
    }
    Ok(id)
}
