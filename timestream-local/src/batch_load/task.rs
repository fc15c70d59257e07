//! A batch load task as it is kept.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errors::Errors;
use super::model::{DataModel, DataModelConfiguration, DataSourceConfiguration, ReportConfiguration};
use super::source::Place;

/// How long a task that stopped can be resumed, in seconds.
pub(super) const RESUMABLE: f64 = 7.0 * 86_400.0;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) database: String,
    pub(crate) table: String,
    pub(crate) source: DataSourceConfiguration,
    pub(crate) model: DataModelConfiguration,
    pub(crate) report: ReportConfiguration,
    pub(crate) version: Option<i64>,
}

/// The state of a task (`BatchLoadStatus` of the service model).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    /// It waits for its turn.
    Created,
    /// It runs.
    InProgress,
    /// It ended with errors.
    Failed,
    /// It ended without.
    Succeeded,
    /// It was broken off.
    ProgressStopped,
    /// It waits for its turn to go on.
    PendingResume,
}

impl Status {
    /// The names of all states.
    pub(crate) const NAMES: [&str; 6] =
        ["CREATED", "IN_PROGRESS", "FAILED", "SUCCEEDED", "PROGRESS_STOPPED", "PENDING_RESUME"];

    /// Its name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Created => "CREATED",
            Status::InProgress => "IN_PROGRESS",
            Status::Failed => "FAILED",
            Status::Succeeded => "SUCCEEDED",
            Status::ProgressStopped => "PROGRESS_STOPPED",
            Status::PendingResume => "PENDING_RESUME",
        }
    }

    /// Whether it runs or waits for that.
    pub(super) fn is_active(self) -> bool {
        matches!(self, Status::Created | Status::InProgress | Status::PendingResume)
    }

    /// Whether it will never run again.
    pub(super) fn is_over(self) -> bool {
        matches!(self, Status::Failed | Status::Succeeded)
    }
}

/// `BatchLoadProgressReport`. What was processed is the sum of what was stored and of the failures of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Progress {
    pub(super) records_processed: u64,
    pub(super) records_ingested: u64,
    pub(super) parse_failures: u64,
    pub(super) record_ingestion_failures: u64,
    pub(super) file_failures: u64,
    /// Of the files, as far as they were read.
    pub(super) bytes_metered: u64,
}

/// An object that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LoadedFile {
    pub(super) key: String,
    pub(super) bytes: u64,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(super) id: String,
    pub(super) client_token: Option<String>,
    pub(super) asked: Asked,
    /// The data model, also if it was in an object.
    pub(super) model: DataModel,
    pub(super) files: Vec<LoadedFile>,
    pub(super) status: Status,
    /// Seconds since 1970.
    pub(super) created: f64,
    pub(super) updated: f64,
    pub(super) resumable_until: Option<f64>,
    pub(super) error_message: Option<String>,
    /// The file that is read or comes next, and where it is read.
    pub(super) file: usize,
    pub(super) place: Place,
    pub(super) progress: Progress,
    pub(super) errors: Errors,
}

impl Task {
    /// Whether it loads into a table.
    pub(super) fn is_for(&self, database: &str, table: &str) -> bool {
        self.asked.database == database && self.asked.table == table
    }

    /// Stops it, so that it can be resumed.
    pub(super) fn stop(&mut self, now: f64, why: &str) {
        self.status = Status::ProgressStopped;
        self.updated = now;
        self.resumable_until = Some(now + RESUMABLE);
        self.error_message = Some(why.chars().take(2048).collect());
    }

    /// `BatchLoadTask`.
    pub(crate) fn summary(&self) -> Value {
        let mut shown = json!({
            "TaskId": self.id,
            "TaskStatus": self.status.name(),
            "DatabaseName": self.asked.database,
            "TableName": self.asked.table,
            "CreationTime": self.created,
            "LastUpdatedTime": self.updated,
        });
        if let Some(until) = self.resumable_until {
            shown["ResumableUntil"] = json!(until);
        }
        shown
    }

    /// `BatchLoadTaskDescription`.
    pub(crate) fn description(&self) -> Value {
        let mut shown = json!({
            "TaskId": self.id,
            "TaskStatus": self.status.name(),
            "TargetDatabaseName": self.asked.database,
            "TargetTableName": self.asked.table,
            "DataSourceConfiguration": self.asked.source,
            "DataModelConfiguration": self.asked.model,
            "ReportConfiguration": self.asked.report,
            "RecordVersion": self.asked.version.unwrap_or(1),
            "ProgressReport": self.progress,
            "CreationTime": self.created,
            "LastUpdatedTime": self.updated,
        });
        if let Some(until) = self.resumable_until {
            shown["ResumableUntil"] = json!(until);
        }
        if let Some(message) = &self.error_message {
            shown["ErrorMessage"] = json!(message);
        }
        shown
    }
}
