//! Scheduled queries as answers show them.

use serde_json::{Map, Value, json};

use super::arn::of_scheduled_query;
use crate::storage::{Run, ScheduledQuery};

/// `ScheduledQueryDescription`.
pub(super) fn described(id: &str, query: &ScheduledQuery) -> Value {
    let definition = &query.definition;
    let mut shown = common(id, query);
    shown.extend(object(json!({
        "QueryString": definition.query_string,
        "ScheduleConfiguration": {"ScheduleExpression": definition.schedule_expression},
        "NotificationConfiguration": {"SnsConfiguration": {"TopicArn": definition.topic_arn}},
        "ScheduledQueryExecutionRoleArn": definition.role_arn,
        "RecentlyFailedRuns": query.failed_runs.iter().map(summary).collect::<Vec<_>>(),
    })));
    if let Some(target) = &definition.target {
        shown.insert("TargetConfiguration".to_owned(), json!({"TimestreamConfiguration": target}));
    }
    if let Some(key) = &definition.kms_key_id {
        shown.insert("KmsKeyId".to_owned(), json!(key));
    }
    if let Some(run) = &query.last_run {
        shown.insert("LastRunSummary".to_owned(), summary(run));
    }
    shown.into()
}

/// `ScheduledQuery`, an item of a list.
pub(super) fn listed(id: &str, query: &ScheduledQuery) -> Value {
    let mut shown = common(id, query);
    if let Some(target) = &query.definition.target {
        let destination = json!({"DatabaseName": target.database_name, "TableName": target.table_name});
        shown.insert("TargetDestination".to_owned(), json!({"TimestreamDestination": destination}));
    }
    if let Some(run) = &query.last_run {
        shown.insert("LastRunStatus".to_owned(), json!(run.status));
    }
    shown.into()
}

fn common(id: &str, query: &ScheduledQuery) -> Map<String, Value> {
    let mut shown = object(json!({
        "Arn": of_scheduled_query(id),
        "Name": query.definition.name,
        "CreationTime": seconds(query.created),
        "State": if query.enabled { "ENABLED" } else { "DISABLED" },
        "ErrorReportConfiguration": {"S3Configuration": query.definition.error_report},
    }));
    for (name, time) in [("PreviousInvocationTime", query.previous), ("NextInvocationTime", query.next)] {
        if let Some(time) = time {
            shown.insert(name.to_owned(), json!(seconds(time)));
        }
    }
    shown
}

/// `ScheduledQueryRunSummary`.
fn summary(run: &Run) -> Value {
    let mut shown = object(json!({
        "InvocationTime": seconds(run.invocation),
        "TriggerTime": seconds(run.trigger),
        "RunStatus": run.status,
    }));
    if let Some(stats) = &run.stats {
        shown.insert("ExecutionStats".to_owned(), json!(stats));
    }
    if let Some(insights) = &run.insights {
        shown.insert("QueryInsightsResponse".to_owned(), insights.clone());
    }
    if let Some(report) = &run.report {
        shown.insert("ErrorReportLocation".to_owned(), json!({"S3ReportLocation": report}));
    }
    if let Some(failure) = &run.failure {
        shown.insert("FailureReason".to_owned(), json!(failure));
    }
    shown.into()
}

/// The members of an object.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Seconds since 1970, whole milliseconds of them.
fn seconds(nanoseconds: i64) -> f64 {
    (nanoseconds / 1_000_000) as f64 / 1e3
}
