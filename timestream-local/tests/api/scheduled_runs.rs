//! Runs of scheduled queries: by the clock, by hand, and what becomes of those that fail.

use std::time::Duration;

use aws_sdk_timestreamquery::error::ProvideErrorMetadata;
use aws_sdk_timestreamquery::primitives::DateTime;
use aws_sdk_timestreamquery::types::{
    MeasureValueType, MixedMeasureMapping, QueryInsightsMode, ScalarMeasureValueType, ScheduledQueryInsights,
    ScheduledQueryInsightsMode, ScheduledQueryRunStatus, ScheduledQueryState,
};
use timestream_local::Clock;

use crate::binary::Binary;
use crate::scheduling::{attributes, built, create, described, execute, make_derived, multi, run_for, target};
use crate::server::{Running, Scratch, clients, keys, record};

/// 2024-05-06 12:00:00.
const NOON: i64 = 1_714_996_800_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_query_runs_when_its_time_has_come() {
    let clock = Clock::system();
    let running = Running::with(|config| config.clock = clock.clone()).await.table().await;
    make_derived(&running).await;
    let text = "SELECT 'a' AS host, @scheduled_runtime AS runtime, 2.5 AS value";
    let mapping = multi(Some("values"), attributes(&[("value", ScalarMeasureValueType::Double)]));
    let target = built(target("runtime", &["host"]).multi_measure_mappings(mapping));
    let request = create(&running.query, "clocked", text, "rate(5 minutes)").target_configuration(target);
    let arn = request.send().await.unwrap().arn;
    let first = described(&running.query, &arn).await.next_invocation_time.unwrap().to_millis().unwrap();

    clock.advance(Duration::from_secs(297));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(running.rows("SELECT count(*) FROM db1.derived").await, ["0"]);
    clock.advance(Duration::from_secs(4));
    let run = run_for(&running.query, &arn, first, None).await;
    assert_eq!(run.run_status, Some(ScheduledQueryRunStatus::AutoTriggerSuccess));
    assert!(run.trigger_time.unwrap().to_millis().unwrap() >= first);
    let stats = run.execution_stats.unwrap();
    assert_eq!((stats.query_result_rows, stats.records_ingested, stats.data_writes), (1, 1, 1024));
    assert_eq!(stats.bytes_metered, 10_000_000);
    let found = described(&running.query, &arn).await;
    assert_eq!(found.previous_invocation_time, Some(DateTime::from_millis(first)));
    assert_eq!(found.next_invocation_time, Some(DateTime::from_millis(first + 300_000)));

    // Of several times that have passed, the query runs for the last.
    clock.advance(Duration::from_secs(900));
    run_for(&running.query, &arn, first + 900_000, None).await;
    let rows =
        running.rows("SELECT host, measure_name, to_milliseconds(time), value FROM db1.derived ORDER BY time").await;
    assert_eq!(rows, [format!("a values {first} 2.5"), format!("a values {} 2.5", first + 900_000)]);

    // A disabled query does not run by the clock.
    let switch = running.query.update_scheduled_query().scheduled_query_arn(&arn);
    switch.state(ScheduledQueryState::Disabled).send().await.unwrap();
    clock.advance(Duration::from_secs(900));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(running.rows("SELECT count(*) FROM db1.derived").await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_queries_that_are_due_at_once_all_run() {
    let clock = Clock::system();
    let running = Running::with(|config| config.clock = clock.clone()).await.table().await;
    let mut due = Vec::new();
    for number in 0..20 {
        let text = format!("SELECT {number} AS n, @scheduled_runtime AS time");
        let arn = create(&running.query, &format!("query-{number}"), &text, "rate(1 minute)").send().await.unwrap().arn;
        let next = described(&running.query, &arn).await.next_invocation_time.unwrap();
        due.push((arn, next.to_millis().unwrap()));
    }
    clock.advance(Duration::from_secs(60));
    for (arn, time) in due {
        let run = run_for(&running.query, &arn, time, None).await;
        assert_eq!(run.run_status, Some(ScheduledQueryRunStatus::AutoTriggerSuccess));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_run_replaces_the_records_of_an_earlier_one() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    running.records([record("a", 1.0, 60_000)]).send().await.unwrap();
    let text = "SELECT host, bin(@scheduled_runtime, 1h) AS hour, count(*) AS n FROM db1.metrics GROUP BY host";
    let mapping = multi(Some("counts"), attributes(&[("n", ScalarMeasureValueType::Bigint)]));
    let target = built(target("hour", &["host"]).multi_measure_mappings(mapping));
    let request = create(&running.query, "counts", text, "rate(1 day)").target_configuration(target);
    let arn = request.send().await.unwrap().arn;
    execute(&running.query, &arn, NOON + 1000).await;
    assert_eq!(running.rows("SELECT host, time, n FROM db1.derived").await, ["a 2024-05-06 12:00:00.000000000 1"]);
    running.records([record("a", 2.0, 30_000)]).send().await.unwrap();
    let run = execute(&running.query, &arn, NOON + 2000).await;
    assert_eq!(run.run_status, Some(ScheduledQueryRunStatus::ManualTriggerSuccess));
    assert_eq!(running.rows("SELECT host, time, n FROM db1.derived").await, ["a 2024-05-06 12:00:00.000000000 2"]);
}

/// What the samples of AWS call their invalid query: its time is later than the table takes.
const IN_2030: &str = "SELECT CAST('2030-12-16' AS timestamp) AS at, 1.0 AS random_value, '1' AS dim0";

fn in_2030() -> aws_sdk_timestreamquery::types::TargetConfiguration {
    let mapping = MixedMeasureMapping::builder().measure_value_type(MeasureValueType::Double);
    let mapping = mapping.source_column("random_value").target_measure_name("target_measure").build().unwrap();
    built(target("at", &["dim0"]).mixed_measure_mappings(mapping))
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_rejected_are_reported() {
    let mut objects = std::path::PathBuf::new();
    let running = Running::with(|config| {
        objects = config.data_dir.with_file_name("objects");
        config.object_root = Some(objects.clone());
    });
    let running = running.await.table().await;
    make_derived(&running).await;
    let request = create(&running.query, "daily-sample", IN_2030, "cron(0/1 * * * ? *)");
    let arn = request.target_configuration(in_2030()).send().await.unwrap().arn;
    let run = execute(&running.query, &arn, NOON).await;
    assert_eq!(run.run_status, Some(ScheduledQueryRunStatus::ManualTriggerFailure));
    let reason = run.failure_reason.unwrap();
    assert!(reason.contains("The record timestamp is outside the time range"), "{reason}");
    assert_eq!(run.execution_stats.unwrap().records_ingested, 0);
    let location = run.error_report_location.unwrap().s3_report_location.unwrap();
    assert_eq!(location.bucket_name.as_deref(), Some("reports"));
    let id = arn.rsplit('/').next().unwrap();
    // The fraction of a second is not exact.
    let trigger = (run.trigger_time.unwrap().as_secs_f64() * 1e3).round();
    let key = location.object_key.unwrap();
    assert_eq!(key, format!("failed/runs/{id}/{}/Manual/{trigger}", NOON / 1000));
    let report = std::fs::read_to_string(objects.join("reports").join(key)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let error = &report["errors"][0];
    assert!(error["reason"].as_str().unwrap().starts_with("The record timestamp is outside the time range"));
    let record = &error["records"][0];
    assert_eq!(record["dimensions"][0]["name"], "dim0");
    assert_eq!((&record["measureName"], &record["measureValue"]), (&"target_measure".into(), &"1".into()));
    // 2030-12-16 is 22,264 days after 1970-01-01.
    assert_eq!(record["time"], (22_264_i64 * 86_400_000_000_000).to_string());
    assert_eq!(described(&running.query, &arn).await.state, ScheduledQueryState::Enabled);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_five_failed_runs_are_remembered() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    let request = create(&running.query, "daily-sample", IN_2030, "rate(1 day)");
    let arn = request.target_configuration(in_2030()).send().await.unwrap().arn;
    for number in 0..7 {
        let run = execute(&running.query, &arn, NOON + number * 1000).await;
        // There is no place for reports.
        assert_eq!(run.error_report_location, None);
    }
    let found = described(&running.query, &arn).await;
    let times: Vec<i64> =
        found.recently_failed_runs().iter().map(|run| run.invocation_time.unwrap().to_millis().unwrap()).collect();
    assert_eq!(times, [6, 5, 4, 3, 2].map(|number| NOON + number * 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_harms_nothing() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    running.records([record("a", 0.0, 60_000)]).send().await.unwrap();
    let text =
        "SELECT host, @scheduled_runtime AS time, 1 / CAST(measure_value::double AS bigint) AS n FROM db1.metrics";
    let mapping = multi(Some("counts"), attributes(&[("n", ScalarMeasureValueType::Bigint)]));
    let target = built(target("time", &["host"]).multi_measure_mappings(mapping));
    let request = create(&running.query, "failing", text, "rate(1 day)").target_configuration(target);
    let arn = request.send().await.unwrap().arn;
    let run = execute(&running.query, &arn, NOON).await;
    assert_eq!(run.run_status, Some(ScheduledQueryRunStatus::ManualTriggerFailure));
    assert!(run.failure_reason.unwrap().contains("Division by zero"));
    assert_eq!(described(&running.query, &arn).await.state, ScheduledQueryState::Enabled);
    assert_eq!(running.rows("SELECT count(*) FROM db1.derived").await, ["0"]);

    // Without its target it can't succeed, and is disabled.
    running.records([record("b", 1.0, 60_000)]).send().await.unwrap();
    running.write.delete_table().database_name("db1").table_name("metrics").send().await.unwrap();
    let run = execute(&running.query, &arn, NOON + 1000).await;
    assert!(run.failure_reason.unwrap().contains("Table 'db1.metrics' does not exist"));
    assert_eq!(described(&running.query, &arn).await.state, ScheduledQueryState::Disabled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_run_has_insights_if_they_are_asked_for() {
    let running = Running::start().await.table().await;
    running.records([record("a", 1.0, 60_000), record("b", 1.0, 30_000)]).send().await.unwrap();
    let text = "SELECT host, time FROM db1.metrics WHERE host = 'a'";
    let arn = create(&running.query, "insights", text, "rate(1 day)").send().await.unwrap().arn;
    let insights = |mode| ScheduledQueryInsights::builder().mode(mode).build().unwrap();
    let call = running.query.execute_scheduled_query().scheduled_query_arn(&arn);
    let call = call.invocation_time(DateTime::from_millis(NOON));
    call.query_insights(insights(ScheduledQueryInsightsMode::EnabledWithRateControl)).send().await.unwrap();
    let run = run_for(&running.query, &arn, NOON, None).await;
    let found = run.query_insights_response.unwrap();
    assert_eq!((found.query_table_count, found.output_rows), (Some(1), Some(1)));
    assert_eq!(execute(&running.query, &arn, NOON + 1000).await.query_insights_response, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_have_insights_if_they_are_asked_for() {
    use aws_sdk_timestreamquery::types::QueryInsights;
    let running = Running::start().await.table().await;
    let records =
        [record("a", 1.0, 60_000), record("a", 2.0, 20_000), record("b", 1.0, 30_000), record("c", 1.0, 5_000)];
    running.records(records).send().await.unwrap();
    let ask = |text: &str| {
        let insights = QueryInsights::builder().mode(QueryInsightsMode::EnabledWithRateControl).build().unwrap();
        running.query.query().query_string(text).query_insights(insights).send()
    };
    let one =
        ask("SELECT host, time FROM db1.metrics WHERE host = 'a'").await.unwrap().query_insights_response.unwrap();
    assert_eq!((one.query_table_count, one.output_rows), (Some(1), Some(2)));
    assert!(one.output_bytes.unwrap() > 0);
    let coverage = one.query_spatial_coverage.unwrap().max.unwrap();
    // One series of three.
    assert!((coverage.value - 1.0 / 3.0).abs() < 1e-9, "{}", coverage.value);
    assert_eq!(
        coverage.table_arn.as_deref(),
        Some("arn:aws:timestream:us-east-1:000000000000:database/db1/table/metrics")
    );
    assert_eq!(coverage.partition_key(), ["measure_name"]);
    let range = one.query_temporal_range.unwrap().max.unwrap();
    assert!((39_000_000_000..41_000_000_000).contains(&range.value), "{}", range.value);
    let all = ask("SELECT host, time FROM db1.metrics").await.unwrap().query_insights_response.unwrap();
    assert!((all.query_spatial_coverage.unwrap().max.unwrap().value - 1.0).abs() < 1e-9);
    let none = ask("SELECT 1").await.unwrap().query_insights_response.unwrap();
    assert_eq!((none.query_table_count, none.output_rows, none.query_spatial_coverage), (Some(0), Some(1), None));
    let plain = running.query.query().query_string("SELECT 1").send().await.unwrap();
    assert_eq!(plain.query_insights_response, None);
    let wrong = QueryInsights::builder().mode(QueryInsightsMode::from("FULL")).build().unwrap();
    let error = running.query.query().query_string("SELECT 1").query_insights(wrong).send().await.unwrap_err();
    assert!(error.message().unwrap().contains("'queryInsights.mode' failed to satisfy constraint"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_is_one_that_failed() {
    let scratch = Scratch::new();
    let server = Binary::start(scratch.path());
    let (_, client) = clients(&server.endpoint, &keys("any", "any"));
    let endless = "SELECT count(*) AS n, @scheduled_runtime AS time FROM UNNEST(sequence(1, 10000)) AS a (x), \
                   UNNEST(sequence(1, 10000)) AS b (y), UNNEST(sequence(1, 10000)) AS c (z)";
    let arn = create(&client, "endless", endless, "rate(1 day)").send().await.unwrap().arn;
    let call = client.execute_scheduled_query().scheduled_query_arn(&arn);
    call.invocation_time(DateTime::from_millis(NOON)).send().await.unwrap();
    assert_eq!(described(&client, &arn).await.last_run_summary, None);
    drop(server);

    let server = Binary::start(scratch.path());
    let (_, client) = clients(&server.endpoint, &keys("any", "any"));
    let found = described(&client, &arn).await;
    assert_eq!(found.state, ScheduledQueryState::Enabled);
    assert_eq!(found.previous_invocation_time, Some(DateTime::from_millis(NOON)));
    let [failed] = found.recently_failed_runs() else { panic!("{found:?}") };
    assert_eq!(found.last_run_summary.as_ref(), Some(failed));
    assert_eq!(failed.run_status, Some(ScheduledQueryRunStatus::ManualTriggerFailure));
    assert_eq!(failed.invocation_time, Some(DateTime::from_millis(NOON)));
    let reason = failed.failure_reason.as_deref();
    assert_eq!(reason, Some("InternalServerException: The server stopped before the run had ended."));
    assert_eq!(failed.execution_stats, None);
}
