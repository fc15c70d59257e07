use std::path::PathBuf;

use serde_json::json;

use super::super::properties::{Retention, Tags};
use super::super::samples::Snapshot;
use super::super::{
    AccountSettings, AccountUpdate, Owner, Provisioned, Run, RunStats, RunStatus, ScheduleChange, ScheduledQuery,
    UnderWay, connection, resources, schema,
};
use super::*;
use crate::calendar::now_ns;
use crate::error::ErrorKind;
use crate::records;

/// A writer on the test's own thread, and its file with the table `db1.metrics`.
struct Bench {
    writer: WriterThread,
    folder: PathBuf,
}

impl Bench {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("timestream-writer-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let connection = connection::open_writer(&folder.join("timestream.sqlite")).unwrap();
        schema::prepare(&connection).unwrap();
        let samples = Samples::open(&connection, 1 << 30).unwrap();
        let writer = WriterThread::new(connection, Published::default(), samples, Clock::system());
        let mut bench = Bench { writer, folder };
        bench.change(database("db1")).unwrap();
        bench.change(table("db1", "metrics")).unwrap();
        bench
    }

    fn sql(&self, text: &str) {
        self.writer.connection.execute_batch(text).unwrap();
    }

    /// From now on, the value 666 can't be stored.
    fn lose_666(&self) {
        self.sql(
            "CREATE TRIGGER lost BEFORE INSERT ON samples_1 WHEN NEW.bigint = 666 BEGIN SELECT RAISE(ABORT, 'lost'); END",
        );
    }

    fn change(&mut self, change: Change) -> Result<Arc<Catalog>, ApiError> {
        let (reply, mut answer) = oneshot::channel();
        self.writer.commit(vec![Job::Change(change, reply)]);
        answer.try_recv().unwrap()
    }

    /// Writes calls in one group, each of a host and its values.
    fn write(&mut self, calls: &[(&str, &[f64])]) -> Vec<Result<Ingested, ApiError>> {
        let (group, answers): (Vec<_>, Vec<_>) = calls
            .iter()
            .map(|(host, values)| {
                let (reply, answer) = oneshot::channel();
                (Job::Write(call(host, values), reply), answer)
            })
            .unzip();
        self.writer.commit(group);
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect()
    }

    fn count(&self) -> i64 {
        let reader = connection::open_read_only(&self.folder.join("timestream.sqlite")).unwrap();
        Snapshot::begin(&reader, self.writer.samples.heads()).unwrap().count(&reader, 1).unwrap()
    }

    /// What is in memory is what a start would read from the file.
    fn assert_agrees(&self) {
        assert!(self.writer.connection.is_autocommit());
        let file = schema::load(&self.writer.connection).unwrap();
        assert_eq!(*self.writer.catalog, file);
        assert_eq!(*self.writer.published.get(), file);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn scheduled_queries_and_settings_are_read_back() {
    let mut bench = Bench::new("scheduled");
    bench.change(scheduled("one-1", "one")).unwrap();
    let status = RunStatus::AutoTriggerFailure;
    let run = |number| Run {
        invocation: number,
        trigger: number,
        status,
        stats: Some(RunStats::default()),
        insights: Some(json!({"OutputRows": 1})),
        report: None,
        failure: Some("why".into()),
    };
    for number in 0..7 {
        let end = ScheduleChange::End { id: "one-1".into(), run: Box::new(run(number)), disables: number == 6 };
        bench.change(Change::Schedule(end)).unwrap();
        bench.assert_agrees();
    }
    let query = Arc::clone(&bench.writer.catalog.scheduled["one-1"]);
    assert_eq!((query.enabled, query.next, query.previous), (false, None, Some(6)));
    assert_eq!(query.failed_runs.iter().map(|run| run.trigger).collect::<Vec<_>>(), [6, 5, 4, 3, 2]);
    let capacity = Provisioned { target_tcu: 8, role_arn: None, topic_arn: None };
    let updates = [
        AccountUpdate { max_query_tcu: Some(4), ..AccountUpdate::default() },
        AccountUpdate { is_provisioned: Some(true), provisioned: Some(capacity.clone()), ..AccountUpdate::default() },
    ];
    for update in updates {
        bench.change(Change::UpdateAccount(update)).unwrap();
        bench.assert_agrees();
    }
    let both = AccountSettings { max_query_tcu: 4, is_provisioned: true, provisioned: Some(capacity) };
    assert_eq!(bench.writer.catalog.account, both);
    bench.change(Change::Schedule(ScheduleChange::Delete { id: "one-1".into() })).unwrap();
    assert!(bench.writer.catalog.scheduled.is_empty());
    bench.assert_agrees();
}

#[test]
fn runs_that_a_stop_breaks_off_have_failed() {
    let mut bench = Bench::new("broken-off");
    bench.change(scheduled("one-1", "one")).unwrap();
    let order = |number| ScheduleChange::Order { id: "one-1".into(), run: under_way(number, true) };
    let begin = ScheduleChange::Begin { id: "one-1".into(), run: under_way(3, false), next: Some(9) };
    let status = RunStatus::ManualTriggerSuccess;
    let (stats, insights, report, failure) = (Some(RunStats::default()), None, None, None);
    let run = Run { invocation: 3, trigger: 7, status, stats, insights, report, failure };
    let end = ScheduleChange::End { id: "one-1".into(), run: Box::new(run), disables: false };
    // The run by hand for 3 ends, and that by the schedule for the same time does not.
    for change in [order(3), begin, order(4), end] {
        bench.change(Change::Schedule(change)).unwrap();
        bench.assert_agrees();
    }
    assert_eq!(bench.writer.catalog.scheduled["one-1"].under_way, [under_way(3, false), under_way(4, true)]);
    for _ in 0..2 {
        resources::break_off_runs(&bench.writer.connection).unwrap();
        let query = &schema::load(&bench.writer.connection).unwrap().scheduled["one-1"];
        let failed: Vec<_> = query.failed_runs.iter().map(|run| (run.invocation, run.trigger, run.status)).collect();
        assert_eq!(failed, [(4, 40, RunStatus::ManualTriggerFailure), (3, 30, RunStatus::AutoTriggerFailure)]);
        assert_eq!(query.last_run, query.failed_runs.first().cloned());
        let reason = query.failed_runs[1].failure.as_deref();
        assert_eq!(reason, Some("InternalServerException: The server stopped before the run had ended."));
        assert_eq!((query.under_way.len(), query.enabled, query.next), (0, true, Some(9)));
    }
}

#[test]
fn a_run_that_is_left_over_does_not_hide_a_later_one() {
    let mut bench = Bench::new("left-over");
    bench.change(scheduled("one-1", "one")).unwrap();
    let failed = |invocation, trigger| {
        let (status, stats) = (RunStatus::ManualTriggerFailure, Some(RunStats::default()));
        let (insights, report, failure) = (None, None, Some("why".to_owned()));
        let run = Run { invocation, trigger, status, stats, insights, report, failure };
        ScheduleChange::End { id: "one-1".into(), run: Box::new(run), disables: false }
    };
    let order = ScheduleChange::Order { id: "one-1".into(), run: under_way(3, false) };
    for change in [failed(1, 29), order, failed(5, 50)] {
        bench.change(Change::Schedule(change)).unwrap();
    }
    resources::break_off_runs(&bench.writer.connection).unwrap();
    let query = &schema::load(&bench.writer.connection).unwrap().scheduled["one-1"];
    assert_eq!((query.previous, query.last_run.as_ref().map(|run| run.trigger)), (Some(5), Some(50)));
    assert_eq!(query.failed_runs.iter().map(|run| run.trigger).collect::<Vec<_>>(), [50, 30, 29]);
    assert!(query.under_way.is_empty());
}

#[test]
fn a_query_that_is_enabled_again_does_not_run_twice_for_a_time() {
    let mut bench = Bench::new("switched");
    bench.change(scheduled("one-1", "one")).unwrap();
    let begin = ScheduleChange::Begin { id: "one-1".into(), run: under_way(2, false), next: Some(12) };
    bench.change(Change::Schedule(begin)).unwrap();
    // Whoever switches it read the query before the run for 2 began.
    let switch = |enabled, next| Change::Schedule(ScheduleChange::Switch { id: "one-1".into(), enabled, next });
    bench.change(switch(true, Some(2))).unwrap();
    assert_eq!(bench.writer.catalog.scheduled["one-1"].next, Some(12));
    bench.change(switch(false, None)).unwrap();
    bench.change(switch(true, Some(22))).unwrap();
    assert_eq!(bench.writer.catalog.scheduled["one-1"].next, Some(22));
    bench.assert_agrees();
}

/// A run that was ordered at ten times its time.
fn under_way(invocation: i64, is_manual: bool) -> UnderWay {
    UnderWay { invocation, trigger: invocation * 10, is_manual }
}

fn scheduled(id: &str, name: &str) -> Change {
    let query = ScheduledQuery { next: Some(2), ..ScheduledQuery::for_tests(name) };
    Change::Schedule(ScheduleChange::Create { id: id.into(), query: Box::new(query) })
}

fn database(name: &str) -> Change {
    Change::CreateDatabase { name: name.into(), kms_key_id: None, tags: Tags::new() }
}

fn table(database: &str, name: &str) -> Change {
    Change::CreateTable {
        database: database.into(),
        name: name.into(),
        retention: Retention::default(),
        magnetic_writes: None,
        schema: None,
        tags: Tags::new(),
    }
}

/// A record for each value, 666 a BIGINT and the others plain samples, of a measure and a dimension that bear the host's name.
fn call(host: &str, values: &[f64]) -> WriteCall {
    let now = now_ns() / 1_000_000;
    let records = values.iter().zip(0..).map(|(value, number)| {
        json!({"Dimensions": [{"Name": host, "Value": "x"}], "MeasureName": format!("m_{host}"),
            "MeasureValue": value.to_string(), "MeasureValueType": if *value == 666.0 { "BIGINT" } else { "DOUBLE" }, "Time": (now - number).to_string()})
    });
    let body = json!({"DatabaseName": "db1", "TableName": "metrics", "Records": records.collect::<Vec<_>>()});
    records::parse(body.to_string().as_bytes()).unwrap()
}

#[test]
fn a_call_that_breaks_off_costs_itself_only() {
    let mut bench = Bench::new("breaks");
    bench.lose_666();
    let results = bench.write(&[("a", &[1.0]), ("b", &[1.0, 666.0]), ("c", &[1.0, 2.0])]);
    let totals: Vec<_> = results.iter().map(|result| result.as_ref().ok().map(|ingested| ingested.memory)).collect();
    assert_eq!(totals, [Some(1), None, Some(2)]);
    assert_eq!(results[1].as_ref().unwrap_err().kind, ErrorKind::InternalServer);
    assert_eq!(bench.count(), 3);
    bench.assert_agrees();
    // What it would have made is made by the next.
    assert!(bench.write(&[("b", &[1.0])])[0].is_ok());
    assert_eq!(bench.count(), 4);
    bench.assert_agrees();
}

#[test]
fn a_group_in_which_many_break_off_fails_as_a_whole() {
    let mut bench = Bench::new("many");
    bench.lose_666();
    let bad: &[f64] = &[666.0];
    let good: &[f64] = &[1.0];
    let results = bench.write(&[("a", bad), ("b", bad), ("c", bad), ("d", bad), ("e", good)]);
    assert!(results.iter().all(|result| result.as_ref().is_err_and(|error| error.kind == ErrorKind::InternalServer)));
    assert_eq!(bench.count(), 0);
    bench.assert_agrees();
    assert!(bench.write(&[("e", good)])[0].is_ok());
}

#[test]
fn a_commit_that_fails_changes_nothing() {
    let mut bench = Bench::new("commit");
    bench.sql(
        "CREATE TABLE parent(id INTEGER PRIMARY KEY);
         CREATE TABLE child(id INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER fails AFTER INSERT ON samples_1 WHEN NEW.bigint = 666 BEGIN INSERT INTO child VALUES(1); END;",
    );
    let results = bench.write(&[("a", &[1.0]), ("b", &[666.0])]);
    assert!(results.iter().all(Result::is_err));
    assert_eq!(bench.count(), 0);
    bench.assert_agrees();
    assert!(bench.write(&[("a", &[1.0])])[0].is_ok());
    bench.assert_agrees();
}

#[test]
fn rejected_records_leave_the_others_stored() {
    let mut bench = Bench::new("rejected");
    let mut partly = call("b", &[1.0, 2.0]);
    partly.records[0].time = 0;
    let (reply, mut answer) = oneshot::channel();
    bench.writer.commit(vec![Job::Write(partly, reply)]);
    let error = answer.try_recv().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::RejectedRecords);
    assert_eq!(error.rejected.iter().map(|record| record.index).collect::<Vec<_>>(), [0]);
    assert_eq!(bench.count(), 1);
    bench.assert_agrees();
}

#[test]
fn a_refusal_changes_nothing() {
    let mut bench = Bench::new("refusal");
    bench.write(&[("a", &[1.0])]);
    bench.change(scheduled("one-1", "one")).unwrap();
    bench.change(Change::Schedule(ScheduleChange::Switch { id: "one-1".into(), enabled: false, next: None })).unwrap();
    let before = bench.writer.published.get();
    let (missing, many): (String, Tags) =
        ("none".into(), (0..51).map(|number| (number.to_string(), String::new())).collect());
    let owner = |table: Option<&str>| match table {
        Some(table) => Owner::Table { database: "db1".into(), table: table.into() },
        None => Owner::Database("db1".into()),
    };
    let key =
        super::super::Schema { composite_partition_key: Some(vec![super::super::properties::PartitionKey::default()]) };
    let update = |name: &str, schema| Change::UpdateTable {
        database: "db1".into(),
        name: name.into(),
        retention: None,
        magnetic_writes: None,
        schema,
    };
    for refused in [
        database("db1"),
        Change::CreateDatabase { name: "db2".into(), kms_key_id: None, tags: many.clone() },
        Change::UpdateDatabase { name: missing.clone(), kms_key_id: "k".into() },
        Change::DeleteDatabase { name: "db1".into() },
        Change::DeleteDatabase { name: missing.clone() },
        table("db1", "metrics"),
        table("none", "metrics"),
        update("none", None),
        update("metrics", Some(key)),
        Change::DeleteTable { database: "db1".into(), name: missing },
        Change::Tag { owner: owner(None), tags: many.clone() },
        Change::Tag { owner: owner(Some("metrics")), tags: many },
        Change::Untag { owner: owner(Some("none")), keys: Vec::new() },
        Change::Untag { owner: Owner::ScheduledQuery("none".into()), keys: Vec::new() },
        Change::Tag {
            owner: Owner::ScheduledQuery("one-1".into()),
            tags: (0..51).map(|number| (number.to_string(), String::new())).collect(),
        },
        scheduled("one-2", "one"),
        Change::Schedule(ScheduleChange::Switch { id: "none".into(), enabled: true, next: None }),
        Change::Schedule(ScheduleChange::Begin { id: "none".into(), run: under_way(1, false), next: None }),
        Change::Schedule(ScheduleChange::Begin { id: "one-1".into(), run: under_way(1, false), next: None }),
        Change::Schedule(ScheduleChange::Order { id: "one-1".into(), run: under_way(1, true) }),
        Change::Schedule(ScheduleChange::Delete { id: "none".into() }),
    ] {
        let shown = format!("{refused:?}");
        let error = bench.change(refused).unwrap_err();
        assert_ne!(error.kind, ErrorKind::InternalServer, "{shown}");
        assert_eq!(bench.writer.published.get(), before, "{shown}");
        bench.assert_agrees();
    }
}
