//! One run of a scheduled query: the query, its records, and what is kept of the run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::context::Context;
use super::mapping::Mapping;
use super::report::Report;
use crate::calendar::SECOND;
use crate::error::{ApiError, ErrorKind};
use crate::records::{MAX_RECORDS, Record, WriteCall};
use crate::storage::{Change, Run, RunStats, RunStatus, ScheduleChange, ScheduledQuery};

/// The longest reason of a failure, in characters.
const MAX_REASON: usize = 2048;
/// How long to wait before what could not be kept is tried again.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// What begins a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The schedule.
    Auto,
    /// ExecuteScheduledQuery.
    Manual {
        /// QueryInsights is on.
        with_insights: bool,
    },
}

/// A run that is about to begin.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    /// As it was when the run was ordered.
    pub(super) query: Arc<ScheduledQuery>,
    /// `@scheduled_runtime`, in nanoseconds since 1970.
    pub(super) invocation: i64,
    pub(super) trigger: Trigger,
}

/// What a run has done so far.
#[derive(Default)]
struct Progress {
    stats: RunStats,
    insights: Option<serde_json::Value>,
    report: Report,
}

/// Runs a scheduled query, and keeps how it went. A failure is a part of that.
pub(super) async fn run(context: &Context, order: &Order) {
    let (trigger, began) = (context.clock.now_ns(), Instant::now());
    let mut progress = Progress::default();
    let outcome = attempt(context, order, trigger, &mut progress).await;
    let Progress { mut stats, insights, report } = progress;
    stats.execution_time_in_millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    // What will fail in the same way each time is not tried again, as in the service.
    let disables = outcome.as_ref().is_err_and(is_final);
    let failure = match outcome {
        Err(error) => Some(format!("{}: {}", error.kind.name(), error.message)),
        Ok(()) => report.reason(),
    };
    let failure = failure.map(|reason| reason.chars().take(MAX_REASON).collect::<String>());
    let status = match (order.trigger, failure.is_some()) {
        (Trigger::Auto, false) => RunStatus::AutoTriggerSuccess,
        (Trigger::Auto, true) => RunStatus::AutoTriggerFailure,
        (Trigger::Manual { .. }, false) => RunStatus::ManualTriggerSuccess,
        (Trigger::Manual { .. }, true) => RunStatus::ManualTriggerFailure,
    };
    let report = match report.reason() {
        Some(_) => put(context, order, trigger, report).await,
        None => None,
    };
    let stats = Some(stats);
    let run = Run { invocation: order.invocation, trigger, status, stats, insights, report, failure };
    if let Some(failure) = &run.failure {
        tracing::warn!(query = %order.id, %failure, "a scheduled query failed");
    }
    keep(context, ScheduleChange::End { id: order.id.clone(), run: Box::new(run), disables }, &order.id).await;
}

/// Keeps the end of a run, as soon as it can be kept: without it, the run would count as one that a stop broke off.
async fn keep(context: &Context, end: ScheduleChange, id: &str) {
    loop {
        match context.storage.change(Change::Schedule(end.clone())).await {
            Ok(_) => return,
            // It was deleted meanwhile.
            Err(error) if error.kind == ErrorKind::ResourceNotFound => return,
            Err(error) => tracing::error!(query = %id, %error, "a run of a scheduled query can't be kept"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The query or its target has to be mended before it can run.
fn is_final(error: &ApiError) -> bool {
    matches!(error.kind, ErrorKind::Validation | ErrorKind::ResourceNotFound)
}

async fn attempt(context: &Context, order: &Order, trigger: i64, progress: &mut Progress) -> Result<(), ApiError> {
    let definition = &order.query.definition;
    let is_disabled = |query: &Arc<ScheduledQuery>| !query.enabled;
    if order.trigger != Trigger::Auto && context.storage.catalog().scheduled.get(&order.id).is_none_or(is_disabled) {
        let message = "The scheduled query was disabled while the run waited.";
        return Err(ApiError::new(ErrorKind::Conflict, message));
    }
    let with_insights = order.trigger == Trigger::Manual { with_insights: true };
    let catalog = context.storage.catalog();
    let query = context.queries.scheduled(definition.query_string.clone(), catalog, order.invocation, with_insights);
    let mut rows = query.await?;
    let target = definition.target.as_ref();
    let mapping = target.map(|target| Mapping::new(target, rows.columns())).transpose()?;
    // A later run has a higher version, so that its records replace those of an earlier one.
    let version = (trigger / 1_000_000).max(1);
    let mut waiting = Vec::new();
    while let Some(page) = rows.next().await? {
        progress.stats.query_result_rows += page.len() as u64;
        let (scanned, metered) = rows.bytes();
        (progress.stats.cumulative_bytes_scanned, progress.stats.bytes_metered) = (scanned, metered);
        progress.insights = rows.insights().cloned();
        let Some(mapping) = &mapping else { continue };
        for row in &page {
            match mapping.records(row, version) {
                Ok(records) => waiting.extend(records),
                Err(error) => progress.report.row(&error.message, row),
            }
            while waiting.len() >= MAX_RECORDS {
                let rest = waiting.split_off(MAX_RECORDS);
                write(context, order, std::mem::replace(&mut waiting, rest), progress).await?;
            }
        }
    }
    if waiting.is_empty() { Ok(()) } else { write(context, order, waiting, progress).await }
}

/// Writes a call of records to the target, as WriteRecords does.
async fn write(
    context: &Context,
    order: &Order,
    records: Vec<Record>,
    progress: &mut Progress,
) -> Result<(), ApiError> {
    let Some(target) = &order.query.definition.target else { return Ok(()) };
    let (database, table) = (target.database_name.clone(), target.table_name.clone());
    let bytes: usize = records.iter().map(Record::metered_bytes).sum();
    let all = records.len();
    let rejected = match context.storage.write(WriteCall { database, table, records: records.clone() }).await {
        Ok(_) => Vec::new(),
        Err(error) if error.kind == ErrorKind::RejectedRecords => error.rejected,
        Err(error) => return Err(error),
    };
    for rejection in &rejected {
        if let Some(record) = records.get(rejection.index) {
            progress.report.record(&rejection.reason, record);
        }
    }
    progress.stats.data_writes += (bytes.div_ceil(1024) * 1024) as u64;
    progress.stats.records_ingested += all.saturating_sub(rejected.len()) as u64;
    Ok(())
}

/// Puts the report where the query says, if there is a place for it.
async fn put(context: &Context, order: &Order, trigger: i64, report: Report) -> Option<crate::storage::ReportLocation> {
    let objects = context.objects.clone()?;
    let how = if order.trigger == Trigger::Auto { "Auto" } else { "Manual" };
    let path = format!("{}/{}/{how}/{}", order.id, order.invocation / SECOND, trigger / 1_000_000);
    let report_id = format!("{:016X}{:016X}", order.invocation, trigger);
    let config = order.query.definition.error_report.clone();
    let put = tokio::task::spawn_blocking(move || report.put(&objects, &config, &path, &report_id)).await;
    match put.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(location) => Some(location),
        Err(error) => {
            tracing::error!(query = %order.id, error, "an error report of a scheduled query can't be written");
            None
        }
    }
}
