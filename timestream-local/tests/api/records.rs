//! WriteRecords.

use std::collections::BTreeSet;

use aws_sdk_timestreamwrite::error::ProvideErrorMetadata;
use aws_sdk_timestreamwrite::operation::write_records::WriteRecordsError;
use aws_sdk_timestreamwrite::types::{
    MeasureValue, MeasureValueType, PartitionKey, PartitionKeyEnforcementLevel, PartitionKeyType, Record,
    RejectedRecord, RetentionProperties, Schema, TimeUnit,
};

use crate::server::{Running, dimension, now_ms, record};

const HOUR: i64 = 3_600_000;

fn value(name: &str, value: &str, kind: MeasureValueType) -> MeasureValue {
    MeasureValue::builder().name(name).value(value).r#type(kind).build().unwrap()
}

fn multi(host: &str, values: Vec<MeasureValue>) -> Record {
    let record = Record::builder().dimensions(dimension("host", host)).measure_name("metrics");
    let record = record.measure_value_type(MeasureValueType::Multi).set_measure_values(Some(values));
    record.time("1700000000").time_unit(TimeUnit::Seconds).build()
}

async fn rejected(running: &Running, records: impl IntoIterator<Item = Record>) -> Vec<RejectedRecord> {
    let error = running.records(records).send().await.unwrap_err();
    match error.as_service_error() {
        Some(WriteRecordsError::RejectedRecordsException(error)) => error.rejected_records().to_vec(),
        _ => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_value_of_a_multi_measure_record_is_a_column() {
    let running = Running::start().await.table().await;
    let all = vec![
        value("cpu", "0.1", MeasureValueType::Double),
        value("count", "-7", MeasureValueType::Bigint),
        value("state", "it's \"up\"", MeasureValueType::Varchar),
        value("ok", "true", MeasureValueType::Boolean),
        value("since", "1600000000", MeasureValueType::Timestamp),
    ];
    let single = record("c", 2.5, 0);
    let some = multi("b", vec![value("count", "8", MeasureValueType::Bigint)]);
    running.records([multi("a", all), some, single]).send().await.unwrap();
    assert_eq!(
        running.rows("SELECT host, measure_name, measure_value::double, cpu, \"count\", state, ok, since FROM db1.metrics ORDER BY host").await,
        [
            "a metrics - 0.1 -7 it's \"up\" true 2020-09-13 12:26:40.000000000",
            "b metrics - - 8 - - -",
            "c m 2.5 - - - - -",
        ]
    );
    let described = running.rows("DESCRIBE db1.metrics").await;
    let wanted = [
        "host varchar DIMENSION",
        "measure_name varchar MEASURE_NAME",
        "time timestamp TIMESTAMP",
        "measure_value::double double MEASURE_VALUE",
        "cpu double MULTI",
        "count bigint MULTI",
        "state varchar MULTI",
        "ok boolean MULTI",
        "since timestamp MULTI",
    ];
    assert_eq!(described.iter().collect::<BTreeSet<_>>(), wanted.map(str::to_owned).iter().collect());
    assert_eq!(running.rows("SHOW MEASURES FROM db1.metrics").await, ["m double -", "metrics multi -"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn multi_measure_names_and_types_hold_for_the_table() {
    let running = Running::start().await.table().await;
    let boolean = |name: &str| value(name, "true", MeasureValueType::Boolean);
    running.records([multi("a", vec![boolean("x")])]).send().await.unwrap();
    let clash = Record::builder().dimensions(dimension("x", "1")).measure_name("m").measure_value("1");
    let clash = clash.time(now_ms().to_string()).build();
    let other_type = multi("b", vec![value("x", "1", MeasureValueType::Double)]);
    let new_name = record("a", 1.0, 0);
    let rejected = rejected(&running, [clash, other_type, multi("c", vec![boolean("y")]), new_name]).await;
    let reasons: Vec<_> = rejected.iter().map(|record| (record.record_index, record.reason().unwrap())).collect();
    assert_eq!(
        reasons,
        [
            (0, "The dimension x has the name of a measure of the table's multi-measure records."),
            (1, "The measure x has the type BOOLEAN in this table."),
        ]
    );
    assert_eq!(running.rows("SELECT count(*) FROM db1.metrics").await, ["3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_decide_between_values() {
    let running = Running::start().await.table().await;
    let at = |value: &str, version: Option<i64>| {
        let record = Record::builder().dimensions(dimension("host", "a")).measure_name("m").measure_value(value);
        record.time("1700000000000").set_version(version).build()
    };
    running.records([at("1", None)]).send().await.unwrap();
    let again = running.records([at("1", None)]).send().await.unwrap().records_ingested.unwrap();
    assert_eq!(again.total, 1);

    let other = rejected(&running, [at("2", None)]).await;
    assert!(other[0].reason().unwrap().starts_with("A record already exists with the same time"));
    assert_eq!(other[0].existing_version, Some(1));
    running.records([at("2", Some(200))]).send().await.unwrap();
    let lower = rejected(&running, [at("3", Some(2))]).await;
    assert!(lower[0].reason().unwrap().starts_with("The record version 2 is lower than the existing version 200."));
    assert_eq!(lower[0].existing_version, Some(200));
    // The same value with a higher version raises the version.
    running.records([at("2", Some(300))]).send().await.unwrap();
    assert_eq!(rejected(&running, [at("3", Some(250))]).await[0].existing_version, Some(300));
    // Another type takes the place of the value.
    let text = Record::builder().dimensions(dimension("host", "a")).measure_name("m").measure_value("x");
    let text = text.measure_value_type(MeasureValueType::Varchar).time("1700000000000").version(301).build();
    running.records([text]).send().await.unwrap();
    assert_eq!(running.rows("SELECT measure_value::double, measure_value::varchar FROM db1.metrics").await, ["- x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_multi_measure_record_a_higher_version_replaces_all() {
    let running = Running::start().await.table().await;
    let [x, y] = ["x", "y"].map(|name| value(name, "1", MeasureValueType::Bigint));
    running.records([multi("a", vec![x.clone(), y.clone()])]).send().await.unwrap();
    running.records([multi("a", vec![y.clone(), x.clone()])]).send().await.unwrap();
    assert_eq!(rejected(&running, [multi("a", vec![y.clone()])]).await.len(), 1);
    let mut higher = multi("a", vec![y]);
    higher.version = Some(2);
    running.records([higher]).send().await.unwrap();
    assert_eq!(running.rows("SELECT x, y FROM db1.metrics").await, ["- 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_outside_the_retention_are_rejected_and_the_others_stored() {
    let running = Running::start().await.table().await;
    let table = running.write.create_table().database_name("db1").table_name("short");
    let retention = RetentionProperties::builder()
        .memory_store_retention_period_in_hours(2)
        .magnetic_store_retention_period_in_days(7);
    table.retention_properties(retention.build().unwrap()).send().await.unwrap();
    let ages = [0, 3 * HOUR, HOUR, -14 * 60_000, -16 * 60_000];
    let records = || ages.map(|age| record(&format!("h{age}"), 1.0, age));
    let error = running.records(records()).table_name("short").send().await.unwrap_err();
    let Some(WriteRecordsError::RejectedRecordsException(error)) = error.as_service_error() else {
        panic!("{error:?}")
    };
    let indexes: Vec<i32> = error.rejected_records().iter().map(|record| record.record_index).collect();
    assert_eq!(indexes, [1, 4]);
    let reason = error.rejected_records()[0].reason().unwrap();
    assert!(reason.starts_with("The record timestamp is outside the time range [20"), "{reason}");
    assert!(reason.ends_with("of the memory store."), "{reason}");
    assert_eq!(running.rows("SELECT count(*) FROM db1.short").await, ["3"]);

    // Where late records are taken, they are counted as the magnetic store's.
    let ages = [0, HOUR, 9000 * HOUR].map(|age| record(&format!("h{age}"), 1.0, age));
    let ingested = running.records(ages).send().await.unwrap().records_ingested.unwrap();
    assert_eq!((ingested.total, ingested.memory_store, ingested.magnetic_store), (3, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_partition_key_must_be_there() {
    let running = Running::start().await.table().await;
    let key = PartitionKey::builder()
        .r#type(PartitionKeyType::Dimension)
        .name("tenant")
        .enforcement_in_record(PartitionKeyEnforcementLevel::Required);
    let schema = Schema::builder().composite_partition_key(key.build().unwrap()).build();
    let table = running.write.create_table().database_name("db1").table_name("keyed").schema(schema.clone());
    assert_eq!(table.send().await.unwrap().table.unwrap().schema, Some(schema));
    let mut with = record("", 1.0, 0);
    with.dimensions = Some(vec![dimension("tenant", "t")]);
    let error = running.records([with, record("a", 1.0, 0)]).table_name("keyed").send().await.unwrap_err();
    let Some(WriteRecordsError::RejectedRecordsException(error)) = error.as_service_error() else {
        panic!("{error:?}")
    };
    assert_eq!(error.rejected_records()[0].record_index, 1);
    assert_eq!(running.rows("SELECT tenant FROM db1.keyed").await, ["t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_record_refuses_the_call() {
    let running = Running::start().await.table().await;
    let mut nan = record("b", 1.0, 0);
    nan.measure_value = Some("NaN".into());
    let error = running.records([record("a", 1.0, 0), nan]).send().await.unwrap_err();
    assert_eq!(error.code(), Some("ValidationException"));
    let mut single = record("b", 1.0, 0);
    single.measure_value_type = Some(MeasureValueType::Timestamp);
    let error = running.records([record("a", 1.0, 0), single]).send().await.unwrap_err();
    assert!(error.message().unwrap().contains("TIMESTAMP is an invalid measure value type"));
    let missing = running.records([record("a", 1.0, 0)]).table_name("none").send().await.unwrap_err();
    assert_eq!(missing.code(), Some("ResourceNotFoundException"));
    assert_eq!(running.rows("SELECT count(*) FROM db1.metrics").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn measure_names_that_the_service_forbids_refuse_the_call() {
    let running = Running::start().await.table().await;
    let measure = |name: &str| {
        let mut named = record("a", 1.0, 0);
        named.measure_name = Some(name.to_owned());
        named
    };
    let column = |name: &str| multi("a", vec![value(name, "1", MeasureValueType::Double)]);
    let refusal = async |bad: Record| {
        let error = running.records([record("b", 1.0, 0), bad]).send().await.unwrap_err();
        assert_eq!(error.code(), Some("ValidationException"));
        error.message().unwrap().to_owned()
    };
    for name in ["job:up:rate5m", "time", "measure_value", "measure_values", "ts_non_existent_col", "ts_x"] {
        for message in [refusal(measure(name)).await, refusal(column(name)).await] {
            assert!(message.starts_with("The measure name is ") && message.ends_with(name), "{message}");
        }
    }
    assert!(refusal(column("measure_name")).await.ends_with("reserved: measure_name"));
    assert_eq!(running.rows("SELECT count(*) FROM db1.metrics").await, ["0"]);

    let legal = ["Time", "a.b/c d", "it's \"é\"", "measure_name", "tsx"];
    running.records(legal.map(measure)).send().await.unwrap();
    assert_eq!(running.rows("SELECT measure_name FROM db1.metrics ORDER BY 1").await, legal);
    let columns =
        legal.into_iter().filter(|name| *name != "measure_name").map(|name| value(name, "1", MeasureValueType::Bigint));
    running.records([multi("a", columns.collect())]).send().await.unwrap();
    let found = running.rows("SELECT \"a.b/c d\", \"it's \"\"é\"\"\" FROM db1.metrics WHERE tsx = 1").await;
    assert_eq!(found, ["1 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_time_unit_is_the_same_moment() {
    let running = Running::start().await.table().await;
    let units = [
        (TimeUnit::Seconds, "1700000000"),
        (TimeUnit::Milliseconds, "1700000000000"),
        (TimeUnit::Microseconds, "1700000000000000"),
        (TimeUnit::Nanoseconds, "1700000000000000000"),
    ];
    let records = units.map(|(unit, time)| {
        let record = Record::builder().dimensions(dimension("host", unit.as_str())).measure_name("m");
        record.measure_value("1").time(time).time_unit(unit).build()
    });
    running.records(records).send().await.unwrap();
    let times = running.rows("SELECT DISTINCT time FROM db1.metrics").await;
    assert_eq!(times, ["2023-11-14 22:13:20.000000000"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_at_most_128_dimensions_and_8192_measures() {
    let running = Running::start().await.table().await;
    let with = |dimensions: std::ops::Range<usize>, measure: String| {
        let dimensions = dimensions.map(|number| dimension(&format!("d{number}"), "x")).collect();
        let mut record = record("", 1.0, 0);
        record.dimensions = Some(dimensions);
        record.measure_name = Some(measure);
        record
    };
    running.records([with(0..128, "m0".into())]).send().await.unwrap();
    let over = rejected(&running, [with(100..129, "m0".into()), with(3..9, "m0".into())]).await;
    assert_eq!((over.len(), over[0].record_index), (1, 0));
    assert!(over[0].reason().unwrap().contains("128 dimensions"));
    for call in 0..82 {
        let records: Vec<_> = (call * 100..8192.min((call + 1) * 100)).map(|n| with(0..1, format!("m{n}"))).collect();
        running.records(records).send().await.unwrap();
    }
    let over = rejected(&running, [with(0..1, "m8191".into()), with(0..1, "m8192".into())]).await;
    assert_eq!((over.len(), over[0].record_index), (1, 1));
    assert!(over[0].reason().unwrap().contains("8192 measure names"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_at_most_1024_multi_measure_names() {
    let running = Running::start().await.table().await;
    let names = |from: usize, to: usize| {
        let values = (from..to).map(|number| value(&format!("v{number}"), "true", MeasureValueType::Boolean));
        multi(&format!("h{from}"), values.collect())
    };
    running.records((0..4).map(|part| names(part * 256, (part + 1) * 256))).send().await.unwrap();
    let over = rejected(&running, [names(1020, 1025), names(1000, 1024)]).await;
    assert_eq!((over.len(), over[0].record_index), (1, 0));
    assert!(over[0].reason().unwrap().contains("1024 measures"));
    assert_eq!(running.rows("SELECT count(*) FROM db1.metrics WHERE v1023").await, ["2"]);
    let all = running.query.query().query_string("SELECT * FROM db1.metrics").send().await.unwrap();
    assert_eq!(all.column_info().len(), 3 + 1024);
}
