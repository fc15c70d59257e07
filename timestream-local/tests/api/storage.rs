//! The data directory: one process at a time, older and newer files, records that outlive their retention.

use std::time::{Duration, Instant};

use aws_sdk_timestreamwrite::error::ProvideErrorMetadata;
use aws_sdk_timestreamwrite::types::{MeasureValue, MeasureValueType, Record, RetentionProperties};
use rusqlite::Connection;

use crate::binary::Binary;
use crate::server::{PATIENCE, Running, Scratch, clients, dimension, keys, make_table, record, rows};

const HOUR: i64 = 3_600_000;

#[test]
fn a_second_process_on_the_same_directory_is_refused() {
    let scratch = Scratch::new();
    let first = Binary::start(scratch.path());
    let refusal = Binary::refusal(scratch.path());
    assert!(refusal.contains("is in use by another process"), "{refusal}");
    drop(first);
    Binary::start(scratch.path());
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let scratch = Scratch::new();
    drop(Binary::start(scratch.path()));
    let file = Connection::open(scratch.path().join("timestream.sqlite")).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let refusal = Binary::refusal(scratch.path());
    assert!(refusal.contains("schema version 99, newer than"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_first_version_is_brought_up_to_date() {
    let scratch = Scratch::new();
    let file = Connection::open(scratch.path().join("timestream.sqlite")).unwrap();
    let properties = r#"{"created":1.5,"updated":1.5,"retention":{"memory_hours":8766,"magnetic_days":73000},
        "magnetic_writes":{"EnableMagneticStoreWrites":true},"schema":null,"dimensions":["host"]}"#;
    file.execute_batch(&format!(
        "PRAGMA journal_mode = wal;
         CREATE TABLE databases(name TEXT PRIMARY KEY, properties TEXT NOT NULL) WITHOUT ROWID;
         CREATE TABLE tables(number INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT NOT NULL REFERENCES databases(name),
             name TEXT NOT NULL, properties TEXT NOT NULL, UNIQUE(database, name));
         CREATE TABLE measures(table_number INTEGER NOT NULL, name TEXT NOT NULL, types INTEGER NOT NULL,
             PRIMARY KEY(table_number, name)) WITHOUT ROWID;
         INSERT INTO databases VALUES('db1', '{{\"created\":1.5,\"updated\":1.5,\"kms_key_id\":null}}');
         INSERT INTO tables VALUES(1, 'db1', 'metrics', '{properties}');
         INSERT INTO measures VALUES(1, 'm', 1);
         CREATE TABLE series_1(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, measure_name TEXT NOT NULL, d0 TEXT);
         CREATE INDEX series_1_measure ON series_1(measure_name);
         CREATE TABLE samples_1(series INTEGER NOT NULL, time INTEGER NOT NULL, version INTEGER NOT NULL,
             double, bigint INTEGER, varchar TEXT, boolean INTEGER, timestamp INTEGER,
             PRIMARY KEY(series, time)) WITHOUT ROWID;
         INSERT INTO series_1 VALUES(1, x'00016d0004686f7374000161', 'm', 'a');
         INSERT INTO samples_1(series, time, version, double) VALUES(1, 1700000000000000000, 1, 2.5);
         PRAGMA user_version = 1;"
    ))
    .unwrap();
    drop(file);
    let server = Binary::start(scratch.path());
    let (write, query) = clients(&server.endpoint, &keys("any", "any"));
    let call = write.write_records().database_name("db1").table_name("metrics").records(record("a", 3.5, 0));
    call.send().await.unwrap();
    let found = rows(&query, "SELECT host, measure_value::double FROM db1.metrics ORDER BY time").await;
    assert_eq!(found, ["a 2.5", "a 3.5"]);
    assert_eq!(rows(&query, "SHOW MEASURES FROM db1.metrics").await, ["m double -"]);
    drop(server);
    let file = Connection::open(scratch.path().join("timestream.sqlite")).unwrap();
    let count: i64 = file.query_row("SELECT count(*) FROM series_1", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1, "a record of a known series made a second one");
}

/// A file of an older program may hold measure names that are refused now.
#[tokio::test(flavor = "multi_thread")]
async fn measure_names_that_are_refused_now_are_still_read() {
    let scratch = Scratch::new();
    let server = Binary::start(scratch.path());
    let (write, _) = clients(&server.endpoint, &keys("any", "any"));
    make_table(&write).await;
    let mut single = record("a", 2.5, 0);
    single.measure_name = Some("a_b_c".into());
    let values = MeasureValue::builder().name("x_y").value("7").r#type(MeasureValueType::Bigint).build().unwrap();
    let mut multi = record("b", 0.0, 0);
    multi.measure_value = None;
    multi.measure_value_type = Some(MeasureValueType::Multi);
    multi.measure_values = Some(vec![values]);
    let call = write.write_records().database_name("db1").table_name("metrics");
    call.records(single).records(multi).send().await.unwrap();
    drop(server);
    let file = Connection::open(scratch.path().join("timestream.sqlite")).unwrap();
    file.execute_batch(
        "UPDATE measures SET name = 'a:b:c' WHERE name = 'a_b_c';
         UPDATE series_1 SET measure_name = 'a:b:c', key = CAST(replace(CAST(key AS TEXT), 'a_b_c', 'a:b:c') AS BLOB)
             WHERE measure_name = 'a_b_c';
         UPDATE tables SET properties = replace(properties, 'x_y', 'x:y');",
    )
    .unwrap();
    drop(file);

    let server = Binary::start(scratch.path());
    let (write, query) = clients(&server.endpoint, &keys("any", "any"));
    let single = "SELECT host, measure_value::double FROM db1.metrics WHERE measure_name = 'a:b:c'";
    assert_eq!(rows(&query, single).await, ["a 2.5"]);
    assert_eq!(rows(&query, "SELECT host, \"x:y\" FROM db1.metrics WHERE \"x:y\" > 1").await, ["b 7"]);
    assert_eq!(rows(&query, "SHOW MEASURES FROM db1.metrics LIKE 'a:%'").await, ["a:b:c double -"]);
    assert!(rows(&query, "DESCRIBE db1.metrics").await.contains(&"x:y bigint MULTI".to_owned()));
    let mut again = record("a", 2.5, 0);
    again.measure_name = Some("a:b:c".into());
    let call = write.write_records().database_name("db1").table_name("metrics").records(again);
    assert_eq!(call.send().await.unwrap_err().code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_its_retention_goes_and_so_does_its_space() {
    let scratch = Scratch::new();
    let data = scratch.path().join("data");
    let folder = data.clone();
    let running = Running::with(|config| config.data_dir = folder).await.table().await;
    let text = "x".repeat(1500);
    for call in 0..60 {
        let records = (0..100).map(|number| {
            let mut old = record(&format!("h{number}"), 1.0, 36 * HOUR + call);
            old.measure_value = Some(text.clone());
            old.measure_value_type = Some("VARCHAR".into());
            old
        });
        running.records(records).send().await.unwrap();
    }
    running.records([record("h1", 7.0, 0), record("new", 8.0, HOUR)]).send().await.unwrap();
    let size = || std::fs::metadata(data.join("timestream.sqlite")).unwrap().len();
    let retention = RetentionProperties::builder()
        .memory_store_retention_period_in_hours(1)
        .magnetic_store_retention_period_in_days(1);
    let update = running.write.update_table().database_name("db1").table_name("metrics");
    update.retention_properties(retention.build().unwrap()).send().await.unwrap();

    let deadline = Instant::now() + PATIENCE;
    while running.rows("SELECT count(*) FROM db1.metrics").await != ["2"] || size() > 3 << 20 {
        assert!(
            Instant::now() < deadline,
            "{:?}, {} bytes",
            running.rows("SELECT count(*) FROM db1.metrics").await,
            size()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A removed series is made again when it comes back.
    running.records([record("h1", 9.0, -1000), record("h2", 9.0, 0)]).send().await.unwrap();
    let found = running.rows("SELECT host, measure_value::double FROM db1.metrics ORDER BY host, time").await;
    assert_eq!(found, ["h1 7.0", "h1 9.0", "h2 9.0", "new 8.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_table_gives_its_space_back() {
    let scratch = Scratch::new();
    let data = scratch.path().join("data");
    let folder = data.clone();
    let running = Running::with(|config| config.data_dir = folder).await.table().await;
    for call in 0..40 {
        let records = (0..100).map(|number| record(&format!("{}{number}", "h".repeat(700)), 1.0, call * 100 + number));
        running.records(records).send().await.unwrap();
    }
    running.write.delete_table().database_name("db1").table_name("metrics").send().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while std::fs::metadata(data.join("timestream.sqlite")).unwrap().len() > 3 << 20 {
        assert!(Instant::now() < deadline, "the file does not shrink");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_read_does_not_hold_up_writes() {
    let running = Running::start().await.table().await;
    for call in 0..80_i64 {
        let records = (0..100).map(|number| record(&format!("h{number}"), 1.0, call * 1000));
        running.records(records).send().await.unwrap();
    }
    let query = running.query.clone();
    let slow = "SELECT count(*) FROM db1.metrics a JOIN db1.metrics b ON a.host || b.host <> ''";
    running.count_calls();
    let reading = tokio::spawn(async move { rows(&query, slow).await });
    running.calls_come(1).await;
    for number in 0..20 {
        running.records([record(&format!("n{number}"), 1.0, 0)]).send().await.unwrap();
    }
    assert!(!reading.is_finished(), "the read was over before the writes, which shows nothing");
    assert_eq!(running.rows("SELECT count(*) FROM db1.metrics").await, ["8020"]);
    // It saw the table as it was when it began, which may be after some of the writes.
    let seen: u64 = reading.await.unwrap()[0].parse().unwrap();
    assert!((8000..=8020_u64).any(|count| seen == count * count), "{seen}");
}

/// A file whose triggers make SQLite fail where it should not, with `db1.metrics` in it.
async fn failing_file(scratch: &Scratch, triggers: &str) -> Binary {
    let server = Binary::start(scratch.path());
    let (write, _) = clients(&server.endpoint, &keys("any", "any"));
    make_table(&write).await;
    drop(server);
    let file = Connection::open(scratch.path().join("timestream.sqlite")).unwrap();
    file.execute_batch(triggers).unwrap();
    drop(file);
    Binary::start(scratch.path())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_breaks_off_leaves_nothing_of_itself() {
    let scratch = Scratch::new();
    let lost =
        "CREATE TRIGGER lost BEFORE INSERT ON samples_1 WHEN NEW.bigint = 666 BEGIN SELECT RAISE(ABORT, 'lost'); END;";
    let server = failing_file(&scratch, lost).await;
    let (write, query) = clients(&server.endpoint, &keys("any", "any"));
    let put = async |records: Vec<Record>| {
        let call = write.write_records().database_name("db1").table_name("metrics").set_records(Some(records));
        call.send().await.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
    };
    let in_rack = |value: f64| {
        let mut record = record("a", value, 0);
        record.dimensions.as_mut().unwrap().push(dimension("rack", "r1"));
        record
    };
    let mut lost = record("b", 0.0, 0);
    lost.measure_value = Some("666".into());
    lost.measure_value_type = Some(MeasureValueType::Bigint);
    let broken = put(vec![in_rack(1.0), lost]).await;
    assert_eq!(broken, Err("InternalServerException".to_owned()));
    // The dimension that it would have made can still be made.
    assert_eq!(
        rows(&query, "DESCRIBE db1.metrics").await,
        ["measure_name varchar MEASURE_NAME", "time timestamp TIMESTAMP"]
    );
    assert_eq!(put(vec![in_rack(2.0)]).await, Ok(()));
    assert_eq!(rows(&query, "SELECT rack, measure_value::double FROM db1.metrics").await, ["r1 2.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retention_that_could_not_be_stored_removes_nothing() {
    let scratch = Scratch::new();
    let fails_to_commit = "
        CREATE TABLE parent(id INTEGER PRIMARY KEY);
        CREATE TABLE child(id INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER fails AFTER UPDATE ON tables WHEN NEW.properties LIKE '%\"magnetic_days\":1}%'
            BEGIN INSERT INTO child VALUES(1); END;";
    let server = failing_file(&scratch, fails_to_commit).await;
    let (write, query) = clients(&server.endpoint, &keys("any", "any"));
    let call = write.write_records().database_name("db1").table_name("metrics");
    call.records(record("a", 1.0, 36 * HOUR)).send().await.unwrap();
    let retention = RetentionProperties::builder()
        .memory_store_retention_period_in_hours(1)
        .magnetic_store_retention_period_in_days(1);
    let update = write.update_table().database_name("db1").table_name("metrics");
    let refused = update.retention_properties(retention.build().unwrap()).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InternalServerException"), "{refused:?}");
    let described = write.describe_table().database_name("db1").table_name("metrics").send().await.unwrap();
    let kept = described.table.unwrap().retention_properties.unwrap();
    assert_eq!(kept.magnetic_store_retention_period_in_days, 73_000);
    for _ in 0..10 {
        assert_eq!(rows(&query, "SELECT count(*) FROM db1.metrics").await, ["1"]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
