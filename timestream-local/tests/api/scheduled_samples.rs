//! What AWS' guide and sample programs do with scheduled queries: the statements ask for the same, and the results were
//! worked out by hand from the records here.

use aws_sdk_timestreamquery::types::{
    MeasureValueType, MixedMeasureMapping, MultiMeasureAttributeMapping, ScalarMeasureValueType,
    ScheduledQueryRunStatus,
};
use aws_sdk_timestreamwrite::types::{MeasureValue, MeasureValueType as WriteType, Record};

use crate::scheduling::{attributes, built, create, execute, make_derived, multi, target};
use crate::server::{Running, dimension, now_ms};

/// 2024-05-06 12:00:00.
const NOON: i64 = 1_714_996_800_000;

/// A multi-measure record of a measure, so many seconds after noon.
fn devops(region: &str, measure: &str, seconds: i64, values: &[(&str, &str, WriteType)]) -> Record {
    at(NOON + seconds * 1000, &[("region", region)], measure, values)
}

fn at(time: i64, dimensions: &[(&str, &str)], measure: &str, values: &[(&str, &str, WriteType)]) -> Record {
    let value = |(name, value, kind): &(&str, &str, WriteType)| {
        MeasureValue::builder().name(*name).value(*value).r#type(kind.clone()).build().unwrap()
    };
    Record::builder()
        .set_dimensions(Some(dimensions.iter().map(|(name, value)| dimension(name, value)).collect()))
        .measure_name(measure)
        .measure_value_type(WriteType::Multi)
        .set_measure_values(Some(values.iter().map(value).collect()))
        .time(time.to_string())
        .build()
}

fn metrics(region: &str, seconds: i64) -> Record {
    devops(region, "metrics", seconds, &[("cpu", "1.5", WriteType::Double), ("memory", "40", WriteType::Bigint)])
}

fn events(region: &str, seconds: i64) -> Record {
    devops(region, "events", seconds, &[("completed", "7", WriteType::Bigint)])
}

/// The data points of each minute and region: 20 for a record of metrics, and 5 for one of events.
#[tokio::test(flavor = "multi_thread")]
async fn data_points_of_each_minute_and_region() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    let records = [
        metrics("us-east-1", 10),
        metrics("us-east-1", 50),
        events("us-east-1", 30),
        metrics("us-east-1", 540),
        events("eu-west-1", 305),
        // Before and after the times that the run looks at.
        metrics("eu-west-1", -1),
        metrics("eu-west-1", 661),
    ];
    running.records(records).send().await.unwrap();
    let text = "SELECT region, bin(time, 1m) AS minute, SUM(CASE measure_name WHEN 'metrics' THEN 20 ELSE 5 END) AS points \
                FROM db1.metrics WHERE time BETWEEN @scheduled_runtime - 10m AND @scheduled_runtime + 1m \
                GROUP BY region, bin(time, 1m)";
    let mapping = multi(Some("numDataPoints"), attributes(&[("points", ScalarMeasureValueType::Bigint)]));
    let target = built(target("minute", &["region"]).multi_measure_mappings(mapping));
    let request = create(&running.query, "PT1mPerMinutePerRegionMeasureCount", text, "cron(0/1 * * * ? *)");
    let arn = request.target_configuration(target).send().await.unwrap().arn;
    let run = execute(&running.query, &arn, NOON + 600_000).await;
    assert_eq!(run.run_status, Some(ScheduledQueryRunStatus::ManualTriggerSuccess));
    let stats = run.execution_stats.unwrap();
    assert_eq!((stats.query_result_rows, stats.records_ingested), (3, 3));
    let stored =
        "SELECT region, measure_name, date_format(time, '%H:%i'), points FROM db1.derived ORDER BY region, time";
    let expected =
        ["eu-west-1 numDataPoints 12:05 5", "us-east-1 numDataPoints 12:00 45", "us-east-1 numDataPoints 12:09 20"];
    assert_eq!(running.rows(stored).await, expected);

    // A record arrives late, and the run is repeated by hand for its time.
    running.records([events("us-east-1", 40)]).send().await.unwrap();
    execute(&running.query, &arn, NOON + 600_000).await;
    let expected =
        ["eu-west-1 numDataPoints 12:05 5", "us-east-1 numDataPoints 12:00 50", "us-east-1 numDataPoints 12:09 20"];
    assert_eq!(running.rows(stored).await, expected);
}

/// The same for each hour and series, twice an hour. Records of one measure lack a dimension of the other.
#[tokio::test(flavor = "multi_thread")]
async fn data_points_of_each_hour_and_series() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    let cpu = [("cpu", "1.5", WriteType::Double)];
    let completed = [("completed", "7", WriteType::Bigint)];
    let host = [("region", "us-east-1"), ("instance_name", "i-1")];
    let process = [("region", "us-east-1"), ("instance_name", "i-1"), ("process_name", "p-1")];
    let records = [
        at(NOON + 60_000, &host, "metrics", &cpu),
        at(NOON + 120_000, &host, "metrics", &cpu),
        at(NOON + 3_660_000, &host, "metrics", &cpu),
        at(NOON + 60_000, &process, "events", &completed),
        // Within the hour before the hour of the run, and before that.
        at(NOON - 60_000, &process, "events", &completed),
        at(NOON - 3_660_000, &process, "events", &completed),
    ];
    running.records(records).send().await.unwrap();
    let text = "SELECT region, instance_name, process_name, bin(time, 1h) AS hour, \
                SUM(CASE WHEN measure_name = 'metrics' THEN 20 ELSE 5 END) AS points FROM db1.metrics \
                WHERE time BETWEEN bin(@scheduled_runtime, 1h) - 1h AND @scheduled_runtime + 1h \
                GROUP BY region, instance_name, process_name, bin(time, 1h)";
    let mapping = multi(Some("numDataPoints"), attributes(&[("points", ScalarMeasureValueType::Bigint)]));
    let target = built(target("hour", &["region", "instance_name", "process_name"]).multi_measure_mappings(mapping));
    let request = create(&running.query, "MultiPT30mPerHrPerTimeseriesDPCount", text, "cron(0/30 * * * ? *)");
    let arn = request.target_configuration(target).send().await.unwrap().arn;
    // At 12:30 the run looks at 11:00 to 13:30.
    execute(&running.query, &arn, NOON + 1_800_000).await;
    let stored = "SELECT instance_name, process_name, date_format(time, '%H:%i'), points FROM db1.derived \
                  ORDER BY process_name, time";
    let expected = ["i-1 p-1 11:00 5", "i-1 p-1 12:00 5", "i-1 - 12:00 40", "i-1 - 13:00 20"];
    assert_eq!(running.rows(stored).await, expected);
}

/// The sample programs' query: the CPU of one host in steps of 15 seconds, of the last two hours.
#[tokio::test(flavor = "multi_thread")]
async fn the_cpu_of_a_host_in_steps() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    let start = now_ms() / 15_000 * 15_000 - 3_600_000;
    let sample = |hostname: &str, after: i64, cpu: &str| {
        let dimensions = [("region", "us-east-1"), ("az", "us-east-1a"), ("hostname", hostname)];
        at(start + after, &dimensions, "metrics", &[("cpu_utilization", cpu, WriteType::Double)])
    };
    let records = [
        sample("host-1", 0, "35.251"),
        sample("host-1", 15_000, "10.0"),
        sample("host-1", 20_000, "20.5"),
        sample("host-1", 30_000, "5.004"),
        sample("host-2", 0, "99.0"),
        // Older than two hours.
        sample("host-1", -7_200_000, "99.0"),
    ];
    running.records(records).send().await.unwrap();
    let percentile = |p: &str| format!("round(approx_percentile(cpu_utilization, {p}), 2)");
    let text = format!(
        "SELECT region, az, hostname, bin(time, 15s) AS binned, round(avg(cpu_utilization), 2) AS avg_cpu, {} AS p90_cpu, \
         {} AS p99_cpu FROM db1.metrics WHERE time > ago(2h) AND measure_name = 'metrics' AND hostname = 'host-1' \
         GROUP BY region, az, hostname, bin(time, 15s) ORDER BY binned LIMIT 5",
        percentile("0.9"),
        percentile("0.99"),
    );
    let double = ScalarMeasureValueType::Double;
    let columns = [("avg_cpu", double.clone()), ("p90_cpu", double.clone()), ("p99_cpu", double)];
    let mapping = multi(Some("multi-metrics"), attributes(&columns));
    let target = built(target("binned", &["region", "az", "hostname"]).multi_measure_mappings(mapping));
    let request = create(&running.query, "daily-sample", &text, "cron(0/1 * * * ? *)");
    let arn = request.target_configuration(target).send().await.unwrap().arn;
    let run = execute(&running.query, &arn, now_ms() / 1000 * 1000).await;
    assert_eq!(run.failure_reason, None);
    let stored = "SELECT hostname, measure_name, to_milliseconds(time), avg_cpu, p90_cpu, p99_cpu FROM db1.derived ORDER BY time";
    let expected = [
        format!("host-1 multi-metrics {start} 35.25 35.25 35.25"),
        format!("host-1 multi-metrics {} 15.25 20.5 20.5", start + 15_000),
        format!("host-1 multi-metrics {} 5.0 5.0 5.0", start + 30_000),
    ];
    assert_eq!(running.rows(stored).await, expected);
}

/// Rows of two measures, which the query names. A mapping of each says which values its records have.
#[tokio::test(flavor = "multi_thread")]
async fn the_measure_of_a_row_says_what_its_record_has() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    running
        .records([metrics("us-east-1", 10), metrics("us-east-1", 20), events("us-east-1", 30)])
        .send()
        .await
        .unwrap();
    let text = "SELECT region, measure_name, bin(time, 1h) AS hour, avg(cpu) AS avg_cpu, max(memory) AS max_memory, \
                max(time) AS latest, sum(completed) AS completed FROM db1.metrics \
                WHERE time BETWEEN bin(@scheduled_runtime, 1h) AND @scheduled_runtime GROUP BY region, measure_name, bin(time, 1h)";
    let attribute = |column: &str, name: &str, kind| {
        let mapping = MultiMeasureAttributeMapping::builder().source_column(column);
        mapping.target_multi_measure_attribute_name(name).measure_value_type(kind).build().unwrap()
    };
    let of_metrics = MixedMeasureMapping::builder()
        .measure_name("metrics")
        .measure_value_type(MeasureValueType::Multi)
        .multi_measure_attribute_mappings(attribute("avg_cpu", "avgCpu", ScalarMeasureValueType::Double))
        .multi_measure_attribute_mappings(attribute("max_memory", "maxMemory", ScalarMeasureValueType::Bigint))
        .multi_measure_attribute_mappings(attribute("latest", "latest", ScalarMeasureValueType::Timestamp));
    let of_events = MixedMeasureMapping::builder()
        .measure_name("events")
        .source_column("completed")
        .target_measure_name("completedTasks")
        .measure_value_type(MeasureValueType::Bigint);
    let target = target("hour", &["region"])
        .measure_name_column("measure_name")
        .mixed_measure_mappings(of_metrics.build().unwrap())
        .mixed_measure_mappings(of_events.build().unwrap());
    let request = create(&running.query, "mixed", text, "rate(1 hour)").target_configuration(built(target));
    let arn = request.send().await.unwrap().arn;
    let run = execute(&running.query, &arn, NOON + 1_800_000).await;
    assert_eq!(run.failure_reason, None);
    let stored = "SELECT measure_name, avgCpu, maxMemory, date_format(latest, '%H:%i:%s'), measure_value::bigint \
                  FROM db1.derived ORDER BY measure_name";
    assert_eq!(running.rows(stored).await, ["completedTasks - - - 7", "metrics 1.5 40 12:00:20 -"]);
}

/// The measure's name is that of the row. A row without a mapping for it is reported, and the others are stored.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_no_mapping_takes_fail_the_run_and_no_other_row() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    let text = "SELECT host, name, at, n FROM (VALUES ('a', 'one', TIMESTAMP '2024-05-06 12:00:00', 1), \
                ('a', 'two', TIMESTAMP '2024-05-06 12:00:00', 2), ('a', NULL, TIMESTAMP '2024-05-06 12:00:00', 3), \
                ('a', 'one', NULL, 4), ('b', 'one', TIMESTAMP '2024-05-06 12:00:00', NULL), \
                (NULL, 'one', TIMESTAMP '2024-05-06 12:00:00', 5)) AS t (host, name, at, n)";
    let mapping = MixedMeasureMapping::builder().measure_name("one").source_column("n");
    let mapping = mapping.measure_value_type(MeasureValueType::Bigint).build().unwrap();
    let mixed = target("at", &["host"]).measure_name_column("name").mixed_measure_mappings(mapping);
    let request = create(&running.query, "rows", text, "rate(1 hour)").target_configuration(built(mixed));
    let arn = request.send().await.unwrap().arn;
    let run = execute(&running.query, &arn, NOON).await;
    assert_eq!(run.run_status, Some(ScheduledQueryRunStatus::ManualTriggerFailure));
    // Two has no mapping, and of the others the first lacks the name, the second the time and the last all dimensions.
    let reason = run.failure_reason.unwrap();
    assert!(reason.starts_with("4 rows or records of the result could not be written."), "{reason}");
    let stats = run.execution_stats.unwrap();
    assert_eq!((stats.query_result_rows, stats.records_ingested), (6, 1));
    assert_eq!(running.rows("SELECT host, measure_name, measure_value::bigint FROM db1.derived").await, ["a one 1"]);

    let named = target("at", &["host"])
        .measure_name_column("name")
        .multi_measure_mappings(multi(None, attributes(&[("n", ScalarMeasureValueType::Bigint)])));
    let request = create(&running.query, "named", text, "rate(1 hour)").target_configuration(built(named));
    let arn = request.send().await.unwrap().arn;
    execute(&running.query, &arn, NOON).await;
    let stored = "SELECT host, measure_name, n FROM db1.derived WHERE n IS NOT NULL ORDER BY n";
    assert_eq!(running.rows(stored).await, ["a one 1", "a two 2"]);
}
