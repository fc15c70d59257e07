use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::*;
use crate::calendar::Clock;
use crate::error::ErrorKind;
use crate::query::Queries;
use crate::storage::{Change, Definition, ErrorReport, RunStatus, ScheduleChange, ScheduledQuery, Storage, Tags};

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn query() -> ScheduledQuery {
    let error_report = ErrorReport { bucket_name: "abc".into(), object_key_prefix: None, encryption_option: None };
    let definition = Definition {
        name: "one".into(),
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

#[tokio::test]
async fn a_query_that_is_disabled_while_a_run_waits_does_not_run() {
    let scratch = Scratch(std::env::temp_dir().join(format!("timestream-schedule-{}", std::process::id())));
    let clock = Clock::system();
    let (storage, _writer) = Storage::open(&scratch.0, 1 << 30, clock.clone()).unwrap();
    let queries = Arc::new(Queries::new(storage.reader().clone(), clock.clone(), None));
    let context = Context { storage: storage.clone(), queries, objects: None, clock };
    let change = |change| storage.change(Change::Schedule(change));
    change(ScheduleChange::Create { id: "one-1".into(), query: Box::new(query()) }).await.unwrap();
    let kept = || Arc::clone(&storage.catalog().scheduled["one-1"]);
    let (scheduler, orders) = Scheduler::new(context);
    // Nothing takes the order yet.
    orders.execute("one-1".into(), kept(), 7, false).await.unwrap();
    assert_eq!(kept().under_way.len(), 1);
    let switch = |enabled| ScheduleChange::Switch { id: "one-1".into(), enabled, next: None };
    change(switch(false)).await.unwrap();
    let error = orders.execute("one-1".into(), kept(), 8, false).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Validation, "The scheduled query one-1 is disabled."));

    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(scheduler.run(stopped));
    let ended = async {
        while kept().last_run.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), ended).await.unwrap();
    let run = kept().last_run.clone().unwrap();
    assert_eq!((run.status, run.invocation), (RunStatus::ManualTriggerFailure, 7));
    let reason = run.failure.unwrap();
    assert_eq!(reason, "ConflictException: The scheduled query was disabled while the run waited.");
    assert_eq!((run.stats.unwrap().query_result_rows, kept().under_way.len()), (0, 0));

    // Enabled again, it runs.
    change(switch(true)).await.unwrap();
    orders.execute("one-1".into(), kept(), 9, false).await.unwrap();
    let ended = async {
        while kept().last_run.as_ref().is_none_or(|run| run.invocation != 9) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), ended).await.unwrap();
    assert_eq!(kept().last_run.clone().unwrap().status, RunStatus::ManualTriggerSuccess);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn the_end_of_a_run_is_kept_as_soon_as_it_can_be() {
    let scratch = Scratch(std::env::temp_dir().join(format!("timestream-schedule-end-{}", std::process::id())));
    let clock = Clock::system();
    let (storage, _writer) = Storage::open(&scratch.0, 1 << 30, clock.clone()).unwrap();
    let queries = Arc::new(Queries::new(storage.reader().clone(), clock.clone(), None));
    let context = Context { storage: storage.clone(), queries, objects: None, clock };
    let create = ScheduleChange::Create { id: "one-1".into(), query: Box::new(query()) };
    storage.change(Change::Schedule(create)).await.unwrap();
    let kept = || Arc::clone(&storage.catalog().scheduled["one-1"]);
    let (scheduler, orders) = Scheduler::new(context);
    orders.execute("one-1".into(), kept(), 7, false).await.unwrap();
    let file = rusqlite::Connection::open(scratch.0.join("timestream.sqlite")).unwrap();
    let lose = "CREATE TRIGGER lost BEFORE INSERT ON scheduled_queries BEGIN SELECT RAISE(ABORT, 'lost'); END";
    file.execute_batch(lose).unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(scheduler.run(stopped));
    // Long enough for a first try.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(kept().last_run, None);
    file.execute_batch("DROP TRIGGER lost").unwrap();
    let ended = async {
        while kept().last_run.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    assert!(kept().under_way.is_empty());
    stop.send(true).unwrap();
    running.await.unwrap();
}
