//! Scheduled queries as they are stored: JSON in the file, with the API's names for what a request gives, so that it is
//! answered as it was given.

use super::properties::Tags;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Failed runs that are remembered (service model, member RecentlyFailedRuns).
const MAX_FAILED: usize = 5;

/// A scheduled query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScheduledQuery {
    /// What it does, and when.
    pub(crate) definition: Definition,
    /// By key.
    pub(crate) tags: Tags,
    /// The token of the request that made it.
    pub(crate) client_token: Option<String>,
    /// Nanoseconds since 1970.
    pub(crate) created: i64,
    /// It runs by its schedule.
    pub(crate) enabled: bool,
    /// When it runs next, in nanoseconds since 1970. `None` if it is disabled or its schedule is over.
    pub(crate) next: Option<i64>,
    /// The time for which it last ran, by its schedule or by hand, in nanoseconds since 1970.
    pub(crate) previous: Option<i64>,
    /// Its last run.
    pub(crate) last_run: Option<Run>,
    /// Its last failed runs, the newest first.
    pub(crate) failed_runs: Vec<Run>,
    /// Its runs that have not ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) under_way: Vec<UnderWay>,
}

impl ScheduledQuery {
    /// One that runs each day, without a target.
    #[cfg(test)]
    pub(crate) fn for_tests(name: &str) -> Self {
        let error_report = ErrorReport { bucket_name: "abc".into(), object_key_prefix: None, encryption_option: None };
        let definition = Definition {
            name: name.into(),
            query_string: "SELECT 1".into(),
            schedule_expression: "rate(1 day)".into(),
            topic_arn: "topic".into(),
            role_arn: "role".into(),
            kms_key_id: None,
            target: None,
            error_report,
        };
        ScheduledQuery {
            definition,
            tags: Tags::new(),
            client_token: None,
            created: 1,
            enabled: true,
            next: None,
            previous: None,
            last_run: None,
            failed_runs: Vec::new(),
            under_way: Vec::new(),
        }
    }

    /// Notes a run that has ended.
    pub(super) fn note(&mut self, run: &Run) {
        self.end(run);
        (self.previous, self.last_run) = (Some(run.invocation), Some(run.clone()));
    }

    /// Takes a run from those that have not ended, to those that failed if it did.
    fn end(&mut self, run: &Run) {
        let is_it = |other: &UnderWay| other.invocation == run.invocation && other.is_manual == run.status.is_manual();
        if let Some(index) = self.under_way.iter().position(is_it) {
            self.under_way.remove(index);
        }
        if run.status.is_failure() {
            let older = self.failed_runs.iter().position(|other| other.trigger <= run.trigger);
            self.failed_runs.insert(older.unwrap_or(self.failed_runs.len()), run.clone());
            self.failed_runs.truncate(MAX_FAILED);
        }
    }

    /// Notes that a stop broke off the runs that had not ended.
    pub(super) fn break_off(&mut self) {
        for UnderWay { invocation, trigger, is_manual } in self.under_way.clone() {
            let failure = Some("InternalServerException: The server stopped before the run had ended.".to_owned());
            let status = if is_manual { RunStatus::ManualTriggerFailure } else { RunStatus::AutoTriggerFailure };
            let run = Run { invocation, trigger, status, stats: None, insights: None, report: None, failure };
            // A later one may have ended before the stop.
            match self.last_run.as_ref().is_none_or(|last| last.trigger < trigger) {
                true => self.note(&run),
                false => self.end(&run),
            }
        }
    }
}

/// A run that has not ended: one that goes on, or that was ordered and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnderWay {
    /// The time for which it runs, in nanoseconds since 1970.
    pub(crate) invocation: i64,
    /// When it was ordered, in nanoseconds since 1970.
    pub(crate) trigger: i64,
    /// It was ordered by hand.
    pub(crate) is_manual: bool,
}

/// What a request says of a new scheduled query, but for its tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Definition {
    /// Its name, which no other has.
    pub(crate) name: String,
    /// Its SQL.
    pub(crate) query_string: String,
    /// `rate(…)` or `cron(…)`.
    pub(crate) schedule_expression: String,
    /// The topic for notifications. None are sent.
    pub(crate) topic_arn: String,
    /// The role of the runs. It is not assumed.
    pub(crate) role_arn: String,
    /// The key that a request named. Nothing is encrypted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key_id: Option<String>,
    /// Where results are written. Without it, they are counted only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Target>,
    /// Where failed records are reported.
    pub(crate) error_report: ErrorReport,
}

/// `S3Configuration` of an `ErrorReportConfiguration`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ErrorReport {
    pub(crate) bucket_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object_key_prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_option: Option<String>,
}

/// `TimestreamConfiguration` of a `TargetConfiguration`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Target {
    pub(crate) database_name: String,
    pub(crate) table_name: String,
    pub(crate) time_column: String,
    pub(crate) dimension_mappings: Vec<DimensionMapping>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) multi_measure_mappings: Option<MultiMapping>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mixed_measure_mappings: Option<Vec<MixedMapping>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) measure_name_column: Option<String>,
}

/// `DimensionMapping`: a column that is a dimension of the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DimensionMapping {
    pub(crate) name: String,
    pub(crate) dimension_value_type: String,
}

/// `MultiMeasureMappings`: a multi-measure record of each row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MultiMapping {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target_multi_measure_name: Option<String>,
    pub(crate) multi_measure_attribute_mappings: Vec<Attribute>,
}

/// `MixedMeasureMapping`: a record of each row, or of each row of a measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MixedMapping {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) measure_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_column: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target_measure_name: Option<String>,
    pub(crate) measure_value_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) multi_measure_attribute_mappings: Option<Vec<Attribute>>,
}

/// `MultiMeasureAttributeMapping`: a column that is a value of a multi-measure record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attribute {
    pub(crate) source_column: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target_multi_measure_attribute_name: Option<String>,
    pub(crate) measure_value_type: String,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The time for which it ran: `@scheduled_runtime`, in nanoseconds since 1970.
    pub(crate) invocation: i64,
    /// When it began, in nanoseconds since 1970.
    pub(crate) trigger: i64,
    /// How it began and ended.
    pub(crate) status: RunStatus,
    /// What it did, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<RunStats>,
    /// `QueryInsightsResponse`, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) insights: Option<Value>,
    /// Where its failed records are reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) report: Option<ReportLocation>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// `ScheduledQueryRunStatus`, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RunStatus {
    AutoTriggerSuccess,
    AutoTriggerFailure,
    ManualTriggerSuccess,
    ManualTriggerFailure,
}

impl RunStatus {
    /// Whether the run failed.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, RunStatus::AutoTriggerFailure | RunStatus::ManualTriggerFailure)
    }

    /// Whether the run was ordered by hand.
    fn is_manual(self) -> bool {
        matches!(self, RunStatus::ManualTriggerSuccess | RunStatus::ManualTriggerFailure)
    }
}

/// `ExecutionStats`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RunStats {
    pub(crate) execution_time_in_millis: u64,
    /// Bytes, whole KiB of each call.
    pub(crate) data_writes: u64,
    pub(crate) bytes_metered: u64,
    pub(crate) cumulative_bytes_scanned: u64,
    pub(crate) records_ingested: u64,
    pub(crate) query_result_rows: u64,
}

/// `S3ReportLocation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReportLocation {
    pub(crate) bucket_name: String,
    pub(crate) object_key: String,
}
