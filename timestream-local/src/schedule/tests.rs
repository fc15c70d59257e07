use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::*;
use crate::calendar::Clock;
use crate::error::ErrorKind;
use crate::query::Queries;
use crate::storage::{Change, Run, RunStatus, ScheduleChange, ScheduledQuery, Storage, Writer};

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server's scheduler, with an order for the time 7 that nothing takes yet.
struct Ordered {
    storage: Storage,
    /// It holds the file as long as it is there.
    _writer: Writer,
    scheduler: Scheduler,
    orders: Orders,
}

impl Ordered {
    async fn in_folder(folder: &Path) -> Self {
        let clock = Clock::system();
        let (storage, writer) = Storage::open(folder, 1 << 30, clock.clone()).unwrap();
        let queries = Arc::new(Queries::new(storage.reader().clone(), clock.clone(), None));
        let context = Context { storage: storage.clone(), queries, objects: None, clock };
        let query = Box::new(ScheduledQuery::for_tests("one"));
        storage.change(Change::Schedule(ScheduleChange::Create { id: "one-1".into(), query })).await.unwrap();
        let (scheduler, orders) = Scheduler::new(context);
        orders.execute("one-1".into(), kept(&storage), 7, false).await.unwrap();
        Ordered { storage, _writer: writer, scheduler, orders }
    }
}

fn kept(storage: &Storage) -> Arc<ScheduledQuery> {
    Arc::clone(&storage.catalog().scheduled["one-1"])
}

/// The last run, once it is one for this time.
async fn run_for(storage: &Storage, invocation: i64) -> Run {
    let ended = async {
        loop {
            match kept(storage).last_run.clone() {
                Some(run) if run.invocation == invocation => return run,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), ended).await.unwrap()
}

#[tokio::test]
async fn a_query_that_is_disabled_while_a_run_waits_does_not_run() {
    let scratch = Scratch(std::env::temp_dir().join(format!("timestream-schedule-{}", std::process::id())));
    let Ordered { storage, _writer, scheduler, orders } = Ordered::in_folder(&scratch.0).await;
    assert_eq!(kept(&storage).under_way.len(), 1);
    let switch = async |enabled| {
        let change = ScheduleChange::Switch { id: "one-1".into(), enabled, next: None };
        storage.change(Change::Schedule(change)).await.unwrap();
    };
    switch(false).await;
    let error = orders.execute("one-1".into(), kept(&storage), 8, false).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Validation, "The scheduled query one-1 is disabled."));

    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(scheduler.run(stopped));
    let run = run_for(&storage, 7).await;
    assert_eq!(run.status, RunStatus::ManualTriggerFailure);
    let reason = run.failure.unwrap();
    assert_eq!(reason, "ConflictException: The scheduled query was disabled while the run waited.");
    assert_eq!((run.stats.unwrap().query_result_rows, kept(&storage).under_way.len()), (0, 0));

    // Enabled again, it runs.
    switch(true).await;
    orders.execute("one-1".into(), kept(&storage), 9, false).await.unwrap();
    assert_eq!(run_for(&storage, 9).await.status, RunStatus::ManualTriggerSuccess);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn the_end_of_a_run_is_kept_as_soon_as_it_can_be() {
    let scratch = Scratch(std::env::temp_dir().join(format!("timestream-schedule-end-{}", std::process::id())));
    let Ordered { storage, _writer, scheduler, .. } = Ordered::in_folder(&scratch.0).await;
    let file = rusqlite::Connection::open(scratch.0.join("timestream.sqlite")).unwrap();
    let lose = "CREATE TRIGGER lost BEFORE INSERT ON scheduled_queries BEGIN SELECT RAISE(ABORT, 'lost'); END";
    file.execute_batch(lose).unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(scheduler.run(stopped));
    // Long enough for a first try.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(kept(&storage).last_run, None);
    file.execute_batch("DROP TRIGGER lost").unwrap();
    run_for(&storage, 7).await;
    assert!(kept(&storage).under_way.is_empty());
    stop.send(true).unwrap();
    running.await.unwrap();
}
