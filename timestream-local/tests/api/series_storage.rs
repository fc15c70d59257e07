//! Samples in the log, in memory and in chunks: across kill -9, damage, a full disk, and files of older versions.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_timestreamquery::error::ProvideErrorMetadata as _;
use aws_sdk_timestreamwrite::types::{MeasureValueType, Record};
use rusqlite::Connection;

use crate::binary::Binary;
use crate::server::{PATIENCE, Scratch, clients, keys, make_table, now_ms, record, rows};

/// So little that samples are sealed all the time.
const TIGHT: &[&str] = &["--head-memory", "40000"];

/// A record of a host at a time in milliseconds since 1970.
pub fn at(host: &str, time: i64, value: f64) -> Record {
    let mut record = record(host, value, 0);
    record.time = Some(time.to_string());
    record
}

pub async fn put(server: &Binary, records: Vec<Record>) -> Result<(), String> {
    let (write, _) = clients(&server.endpoint, &keys("any", "any"));
    let call = write.write_records().database_name("db1").table_name("metrics").set_records(Some(records));
    call.send().await.map(drop).map_err(|error| error.message().unwrap_or("no answer").to_owned())
}

pub async fn found(server: &Binary, text: &str) -> Vec<String> {
    let (_, query) = clients(&server.endpoint, &keys("any", "any"));
    rows(&query, text).await
}

pub async fn started(data: &Path, arguments: &[&str]) -> Binary {
    let server = Binary::with(data, arguments);
    let (write, _) = clients(&server.endpoint, &keys("any", "any"));
    make_table(&write).await;
    server
}

fn file(data: &Path) -> Connection {
    Connection::open(data.join("timestream.sqlite")).unwrap()
}

fn number(file: &Connection, sql: &str) -> i64 {
    file.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Waits until a number in the file is what it should be.
pub async fn wait_for(data: &Path, sql: &str, is_reached: impl Fn(i64) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_reached(number(&file(data), sql)) {
        assert!(Instant::now() < deadline, "{sql}: {}", number(&file(data), sql));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// 8 hosts are written to without a pause, and the server is killed in the middle of it, again and again.
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_sealing_loses_nothing_that_was_answered() {
    let scratch = Scratch::new();
    let start = now_ms() - 3_600_000;
    let mut acknowledged = BTreeSet::new();
    drop(started(scratch.path(), TIGHT).await);
    for round in 0..6_i64 {
        let server = Binary::with(scratch.path(), TIGHT);
        let endpoint = server.endpoint.clone();
        let writing = tokio::spawn(async move {
            let (write, _) = clients(&endpoint, &keys("any", "any"));
            let mut done = Vec::new();
            for call in 0.. {
                let time = |record: i64| start + round * 100_000 + call * 13 + record / 8;
                let records = (0..100).map(|record| at(&format!("h{}", record % 8), time(record), record as f64));
                let call = write.write_records().database_name("db1").table_name("metrics");
                if call.set_records(Some(records.collect())).send().await.is_err() {
                    return done;
                }
                done.extend((0..100).map(|record| (format!("h{}", record % 8), time(record))));
            }
            unreachable!("the calls end with the server")
        });
        tokio::time::sleep(Duration::from_millis(700 + 150 * round as u64)).await;
        drop(server);
        acknowledged.extend(writing.await.unwrap());
    }
    let server = Binary::with(scratch.path(), TIGHT);
    let all = found(&server, "SELECT host, to_milliseconds(time) FROM db1.metrics ORDER BY host, time").await;
    let distinct: BTreeSet<(String, i64)> = all
        .iter()
        .map(|row| row.split_once(' ').map(|(host, time)| (host.to_owned(), time.parse().unwrap())).unwrap())
        .collect();
    assert_eq!(distinct.len(), all.len(), "a sample came twice");
    let lost: Vec<_> = acknowledged.difference(&distinct).take(3).collect();
    assert!(lost.is_empty(), "{lost:?} of {}", acknowledged.len());
    assert!(acknowledged.len() > 1000, "{}", acknowledged.len());
    assert_eq!(found(&server, "SELECT count(*) FROM db1.metrics").await, [all.len().to_string()]);
    assert!(number(&file(scratch.path()), "SELECT generation FROM sealing") > 3, "nothing was sealed");
}

/// 40 samples of three hosts each, sealed.
async fn sealed(data: &Path) -> i64 {
    let server = started(data, &["--head-memory", "2"]).await;
    let start = now_ms() - 600_000;
    for host in ["a", "b", "c"] {
        put(&server, (0..40).map(|n| at(host, start + n * 1000, n as f64)).collect()).await.unwrap();
    }
    wait_for(data, "SELECT count(*) FROM log", |count| count == 0).await;
    start
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_costs_its_own_samples_and_is_named() {
    let scratch = Scratch::new();
    let start = sealed(scratch.path()).await;
    let damaged = file(scratch.path());
    let chunk = number(&damaged, "SELECT min(number) FROM chunks_1 WHERE series = 2");
    damaged
        .execute(
            "UPDATE chunks_1 SET data = CAST(substr(data, 1, 9) || x'5a5a' || substr(data, 12) AS BLOB) WHERE number = ?1",
            [chunk],
        )
        .unwrap();
    drop(damaged);
    let server = Binary::start(scratch.path());
    let (_, query) = clients(&server.endpoint, &keys("any", "any"));
    let text = "SELECT sum(measure_value::double) FROM db1.metrics WHERE host = 'b'";
    let refused = query.query().query_string(text).send().await.unwrap_err();
    let message = refused.message().unwrap();
    assert!(message.contains(&format!("chunk {chunk} of chunks_1")) && message.contains("damaged"), "{message}");
    for host in ["a", "c"] {
        assert_eq!(found(&server, &text.replace("'b'", &format!("'{host}'"))).await, ["780.0"]);
    }
    assert_eq!(found(&server, "SELECT count(*) FROM db1.metrics").await, ["120"]);
    // Samples after it, and late ones within its time, are stored.
    put(&server, vec![at("b", start + 500, 1.0), at("b", start + 100_000, 2.0)]).await.unwrap();
    let later = format!(
        "SELECT measure_value::double FROM db1.metrics WHERE host = 'b' AND time > from_milliseconds({})",
        start + 50_000
    );
    assert_eq!(found(&server, &later).await, ["2.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_of_the_log_costs_its_own_samples() {
    let scratch = Scratch::new();
    let server = started(scratch.path(), &[]).await;
    let start = now_ms() - 600_000;
    for n in 0..3 {
        put(&server, vec![at("a", start + n, n as f64)]).await.unwrap();
    }
    drop(server);
    let damaged = file(scratch.path());
    assert_eq!(damaged.execute("UPDATE log SET entry = zeroblob(20) WHERE id = 2", []).unwrap(), 1);
    drop(damaged);
    let server = Binary::start(scratch.path());
    assert_eq!(found(&server, "SELECT measure_value::double FROM db1.metrics ORDER BY time").await, ["0.0", "2.0"]);
    put(&server, vec![at("a", start + 1, 1.0)]).await.unwrap();
    assert_eq!(found(&server, "SELECT count(*) FROM db1.metrics").await, ["3"]);
}

/// Whatever rests where, the rules of versions hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_sample_is_as_much_in_the_way_as_one_in_memory() {
    let scratch = Scratch::new();
    let start = sealed(scratch.path()).await;
    let server = Binary::start(scratch.path());
    put(&server, vec![at("a", start, 0.0)]).await.unwrap();
    let refused = put(&server, vec![at("a", start, 0.5)]).await.unwrap_err();
    assert!(refused.contains("rejected"), "{refused}");
    let mut higher = at("a", start, 0.5);
    higher.version = Some(2);
    let mut other = at("b", start, 0.0);
    (other.version, other.measure_value_type) = (Some(3), Some(MeasureValueType::Varchar));
    other.measure_value = Some("text".into());
    put(&server, vec![higher.clone(), other.clone()]).await.unwrap();
    // A late sample between two sealed ones.
    put(&server, vec![at("a", start + 500, 9.0)]).await.unwrap();
    let check = async |server: &Binary| {
        let text = format!(
            "SELECT host, measure_value::double, measure_value::varchar FROM db1.metrics \
             WHERE time <= from_milliseconds({}) ORDER BY host, time",
            start + 1000
        );
        let wanted = ["a 0.5 -", "a 9.0 -", "a 1.0 -", "b - text", "b 1.0 -", "c 0.0 -", "c 1.0 -"];
        assert_eq!(found(server, &text).await, wanted);
        assert_eq!(found(server, "SELECT count(*) FROM db1.metrics").await, ["121"]);
    };
    check(&server).await;
    drop(server);
    let server = Binary::with(scratch.path(), &["--head-memory", "2"]);
    put(&server, vec![at("c", start + 500_000, 1.0)]).await.unwrap();
    wait_for(scratch.path(), "SELECT count(*) FROM log", |count| count == 0).await;
    put(&server, vec![higher, other]).await.unwrap();
    drop(server);
    let file = file(scratch.path());
    assert_eq!(number(&file, "SELECT count(*) FROM samples_1"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_is_recovered_from() {
    let scratch = Scratch::new();
    drop(started(scratch.path(), &[]).await);
    let server = Binary::on_full_disk(scratch.path(), 1500);
    let start = now_ms() - 3_600_000;
    let (mut stored, mut refused) = (0_i64, None);
    while refused.is_none() && stored < 200_000 {
        let records = (0..100).map(|n| at(&format!("h{}", n % 50), start + stored + n / 50, n as f64)).collect();
        match put(&server, records).await {
            Ok(()) => stored += 100,
            Err(error) => refused = Some(error),
        }
    }
    let refused = refused.unwrap();
    assert!(refused.starts_with("storage: "), "{refused}");
    assert_eq!(found(&server, "SELECT count(*) FROM db1.metrics").await, [stored.to_string()]);
    server.free_disk();
    put(&server, vec![at("after", start, 1.0)]).await.unwrap();
    assert_eq!(found(&server, "SELECT count(*) FROM db1.metrics").await, [(stored + 1).to_string()]);
    drop(server);
    let server = Binary::start(scratch.path());
    assert_eq!(found(&server, "SELECT count(*) FROM db1.metrics").await, [(stored + 1).to_string()]);
}

/// A file as the version before this layout left it: a row for each sample.
fn rewrite_as_version_2(data: &Path, samples: i64, start: i64) {
    let file = file(data);
    file.execute_batch(&format!(
        "BEGIN;
         DROP TABLE log; DROP TABLE sealing; DROP TABLE floors; DROP TABLE moves; DROP TABLE chunks_1; DROP TABLE samples_1;
         CREATE TABLE samples_1(series INTEGER NOT NULL, time INTEGER NOT NULL, version INTEGER NOT NULL,
             double, bigint, varchar, boolean, PRIMARY KEY(series, time)) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {samples})
             INSERT INTO samples_1(series, time, version, double)
             SELECT s.id, ({start} + n.i * 1000) * 1000000, 1, n.i / 4.0 FROM series_1 AS s, n;
         UPDATE samples_1 SET version = 2 WHERE series = 1 AND double = 1.0;
         UPDATE samples_1 SET double = NULL, bigint = 7 WHERE series = 2 AND double = 1.0;
         UPDATE measures SET types = 3;
         PRAGMA user_version = 2;
         COMMIT;"
    ))
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_an_older_version_are_brought_over_while_it_is_written_to() {
    let scratch = Scratch::new();
    let server = started(scratch.path(), &[]).await;
    let start = now_ms() - 20_000_000;
    let hosts: Vec<String> = (0..10).map(|n| format!("h{n}")).collect();
    put(&server, hosts.iter().map(|host| at(host, start, 0.0)).collect()).await.unwrap();
    drop(server);
    rewrite_as_version_2(scratch.path(), 6_000, start);
    let text = "SELECT host, count(measure_value::double), sum(measure_value::double), count(measure_value::bigint) \
                FROM db1.metrics GROUP BY host ORDER BY host";
    let sum = (0..6_000).sum::<i64>() as f64 / 4.0;
    let wanted: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(n, host)| if n == 1 { format!("{host} 5999 {} 1", sum - 1.0) } else { format!("{host} 6000 {sum} 0") })
        .map(|row| row.replace("e6", "E6"))
        .collect();
    let shown = |rows: Vec<String>| -> Vec<String> {
        let plain = |cell: &str| cell.parse::<f64>().map_or(cell.to_owned(), |number| number.to_string());
        rows.iter().map(|row| row.split(' ').map(plain).collect::<Vec<_>>().join(" ")).collect()
    };
    for _ in 0..3 {
        // Killed before it has brought all over.
        let server = Binary::start(scratch.path());
        assert_eq!(shown(found(&server, text).await), wanted);
    }
    let server = Binary::start(scratch.path());
    // The same again, and another value of that time.
    put(&server, vec![at("h3", start + 1000, 0.25)]).await.unwrap();
    assert!(put(&server, vec![at("h3", start + 1000, 0.5)]).await.is_err());
    wait_for(scratch.path(), "SELECT count(*) FROM moves", |count| count == 0).await;
    assert_eq!(number(&file(scratch.path()), "SELECT count(*) FROM samples_1"), 2);
    assert_eq!(shown(found(&server, text).await), wanted);
    assert_eq!(found(&server, "SELECT count(*) FROM db1.metrics").await, ["60000"]);
    assert!(put(&server, vec![at("h3", start + 1000, 0.5)]).await.is_err());
}
