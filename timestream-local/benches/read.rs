//! Queries over ten million records, from the call to the last page: a selector of rows for 240,000 of them, time series
//! of 300,000 of them as the connector asks for them, and `SELECT count(*)`. Says how much memory the process took for
//! it, and the CPU that time series take.
//!
//! 10,000 series of ten dimensions, in ten measures, have 1,000 samples each, 15 s apart. The first of each series is
//! written through the API, the rest straight into the file as rows of an older version, which the server then brings over.
//! The data is made each time unless `TIMESTREAM_BENCH_DIR` names a folder to keep it in.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run must stop")]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use timestream_local::{Config, Server};
use tokio::runtime::Runtime;

const MEASURES: usize = 10;
const SERIES: usize = 1_000;
const SAMPLES: i64 = 1_000;
const STEP_MS: i64 = 15_000;
/// 2021-05-06T06:00:00Z.
const START_MS: i64 = 1_620_280_800_000;
const DIMENSIONS: [&str; 10] =
    ["job", "instance", "cpu", "mode", "cluster", "namespace", "pod", "container", "region", "team"];

fn call(address: SocketAddr, operation: &str, body: &Value) -> Value {
    let mut answer = ureq::post(format!("http://{address}/"))
        .header("X-Amz-Target", format!("Timestream_20181101.{operation}"))
        .send(body.to_string())
        .unwrap();
    let body = answer.body_mut().with_config().limit(16 << 20).read_to_vec().unwrap();
    // The rows are counted but not parsed, which a client would do.
    match operation {
        "Query" => {
            let token = b"\"NextToken\":\"";
            let head = body.get(..200.min(body.len())).unwrap_or_default();
            let found = head
                .windows(token.len())
                .position(|window| window == token)
                .and_then(|at| body.get(at + token.len()..));
            let token = found.and_then(|rest| rest.split(|byte| *byte == b'"').next()).map(String::from_utf8_lossy);
            json!({"NextToken": token, "Length": body.len(), "Rows": body.windows(8).filter(|window| window == b"{\"Data\":").count()})
        }
        _ => serde_json::from_slice(&body).unwrap(),
    }
}

/// Rows and bytes of a whole result.
fn query(address: SocketAddr, text: &str, count: bool) -> (u64, u64) {
    let (mut rows, mut bytes, mut request) = (0, 0, json!({"QueryString": text}));
    loop {
        let page = call(address, "Query", &request);
        rows += if count { page["Rows"].as_u64().unwrap() } else { 0 };
        bytes += page["Length"].as_u64().unwrap();
        match page["NextToken"].as_str() {
            Some(token) => request["NextToken"] = token.into(),
            None => return (rows, bytes),
        }
    }
}

fn fill(runtime: &Runtime, folder: &Path) {
    let started = Instant::now();
    let server =
        runtime.block_on(Server::start(Config::new(folder.to_owned(), "127.0.0.1:0".parse().unwrap()))).unwrap();
    let address = server.local_addr();
    call(address, "CreateDatabase", &json!({"DatabaseName": "bench"}));
    let retention = json!({"MemoryStoreRetentionPeriodInHours": 1, "MagneticStoreRetentionPeriodInDays": 73000});
    let late = json!({"EnableMagneticStoreWrites": true});
    call(
        address,
        "CreateTable",
        &json!({"DatabaseName": "bench", "TableName": "metrics", "RetentionProperties": retention,
            "MagneticStoreWriteProperties": late}),
    );
    let series: Vec<usize> = (0..MEASURES * SERIES).collect();
    for hundred in series.chunks(100) {
        let records = hundred.iter().map(|series| {
            let value = |name: &str| match name {
                "instance" => format!("host-{series}.example.com:9100"),
                "pod" => format!("node-exporter-{series}"),
                name => format!("{name}-{}", series % 8),
            };
            let dimensions: Vec<Value> =
                DIMENSIONS.iter().map(|name| json!({"Name": name, "Value": value(name)})).collect();
            json!({"Dimensions": dimensions, "MeasureName": format!("measure_{}_total", series % MEASURES),
                "MeasureValue": "0", "Time": START_MS.to_string()})
        });
        let records: Vec<Value> = records.collect();
        call(address, "WriteRecords", &json!({"DatabaseName": "bench", "TableName": "metrics", "Records": records}));
    }
    runtime.block_on(server.shutdown());
    let mut connection = rusqlite::Connection::open(folder.join("timestream.sqlite")).unwrap();
    connection.execute_batch("PRAGMA synchronous = off; PRAGMA cache_size = -2000000").unwrap();
    for slice in (1..SAMPLES).collect::<Vec<_>>().chunks(50) {
        let transaction = connection.transaction().unwrap();
        let mut insert =
            transaction.prepare("INSERT INTO samples_1(series, time, version, double) VALUES(?1, ?2, 1, ?3)").unwrap();
        for sample in slice {
            let time = (START_MS + sample * STEP_MS) * 1_000_000;
            for series in 1..=(MEASURES * SERIES) as i64 {
                insert.execute((series, time, (series * sample) as f64 * 1.25)).unwrap();
            }
        }
        drop(insert);
        transaction.commit().unwrap();
    }
    connection.execute_batch("INSERT INTO moves VALUES(1, 0)").unwrap();
    let server =
        runtime.block_on(Server::start(Config::new(folder.to_owned(), "127.0.0.1:0".parse().unwrap()))).unwrap();
    while connection.query_row("SELECT count(*) FROM moves", [], |row| row.get::<_, i64>(0)).unwrap() > 0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    runtime.block_on(server.shutdown());
    connection.query_row("PRAGMA wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
    drop(connection);
    let size = std::fs::metadata(folder.join("timestream.sqlite")).unwrap().len();
    std::fs::write(folder.join("filled"), "").unwrap();
    println!("filled in {:.0} s: {} MB", started.elapsed().as_secs_f64(), size >> 20);
}

/// A line of `/proc/self/status`, in kilobytes.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|own| own.strip_prefix(line));
    found.and_then(|rest| rest.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok()).unwrap_or(0)
}

/// CPU that the process has taken, in milliseconds: the 14th and 15th field of `stat`, in hundredths of a second.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    behind_name.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10
}

/// The queries for the time series of 1,250 series of 240 samples: in any order, by bins, and in the order of label sets.
fn series_queries(from: i64, to: i64) -> [(&'static str, String); 4] {
    let keys = DIMENSIONS.map(|name| format!("\"{name}\"")).join(", ");
    let query = |bin: &str, bin_key: &str| {
        format!(
            "SELECT {keys}, measure_name, {bin}CREATE_TIME_SERIES(time, measure_value::double) AS ts_samples FROM \
             \"bench\".\"metrics\" WHERE time >= from_milliseconds({from}) AND time < from_milliseconds({}) AND \
             \"job\" = 'job-3' AND measure_value::double IS NOT NULL GROUP BY {keys}, measure_name{bin_key}",
            to + 1
        )
    };
    let (last, order): (Vec<_>, Vec<_>) = DIMENSIONS
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let last = format!("WHEN \"{name}\" <> '' THEN {place}");
            (
                last,
                format!(
                    "CASE WHEN \"{name}\" <> '' THEN \"{name}\" WHEN ts_last_label < {place} THEN '' END NULLS LAST"
                ),
            )
        })
        .unzip();
    let ordered = |inner: &str, bin: &str| {
        let (last, order) = (last.iter().rev().cloned().collect::<Vec<_>>().join(" "), order.join(", "));
        format!(
            "SELECT * FROM (SELECT *, CASE {last} ELSE -1 END AS ts_last_label FROM ({inner})) ORDER BY measure_name, \
             {order}{bin}, length(measure_name)"
        )
    };
    let (plain, bins) = (query("", ""), query("bin(time, 900s) AS ts_bin, ", ", bin(time, 900s)"));
    [
        ("time series of 300,000 samples in 10 million, in any order", plain.clone()),
        ("the same in the order of label sets", ordered(&plain, "")),
        ("the same by bins of 15 minutes", bins.clone()),
        ("the same by bins, in the order of label sets", ordered(&bins, ", ts_bin")),
    ]
}

fn read(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let kept = std::env::var_os("TIMESTREAM_BENCH_DIR").map(PathBuf::from);
    let folder = kept
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("timestream-bench-read-{}", std::process::id())));
    if !folder.join("filled").exists() {
        fill(&runtime, &folder);
    }
    let config = Config::new(folder.clone(), "127.0.0.1:0".parse().unwrap());
    let server = runtime.block_on(Server::start(config)).unwrap();
    let address = server.local_addr();
    let mut selector = String::from("SELECT * FROM \"bench\".\"metrics\" WHERE time BETWEEN ");
    let (from, to) = (START_MS + 3_600_000, START_MS + 2 * 3_600_000 - 1);
    write!(selector, "from_milliseconds({from}) AND from_milliseconds({to}) AND measure_name = 'measure_7_total' ")
        .unwrap();
    selector.push_str("ORDER BY time ASC");
    let before = memory("VmRSS:");
    let (rows, bytes) = query(address, &selector, true);
    assert_eq!(rows, 240_000);
    println!(
        "{rows} rows, {} MB of JSON; memory {} MB before, {} MB at most",
        bytes >> 20,
        before >> 10,
        memory("VmHWM:") >> 10
    );
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10);
    group.bench_function("selector of 240,000 rows in 10 million", |bencher| {
        bencher.iter(|| query(address, &selector, false));
    });
    let mut unordered = selector.clone();
    unordered.truncate(selector.len() - " ORDER BY time ASC".len());
    group.bench_function("the same without ORDER BY", |bencher| bencher.iter(|| query(address, &unordered, false)));
    for (name, text) in series_queries(from, to) {
        let (rows, bytes) = query(address, &text, true);
        let before = cpu_ms();
        for _ in 0..5 {
            query(address, &text, false);
        }
        let cpu = (cpu_ms() - before) * 1_000_000 / 5 / 300_000;
        println!("{name}: {rows} rows, {} MB of JSON, {cpu} ns of CPU a sample", bytes >> 20);
        group.bench_function(name, |bencher| bencher.iter(|| query(address, &text, false)));
    }
    group.bench_function("count(*) of 10 million rows", |bencher| {
        bencher.iter(|| query(address, "SELECT count(*) FROM \"bench\".\"metrics\"", false));
    });
    group.finish();
    // The peak says nothing any more, since a count maps the file.
    println!("memory {} MB without the mapped file", memory("RssAnon:") >> 10);
    runtime.block_on(server.shutdown());
    if kept.is_none() {
        let _ = std::fs::remove_dir_all(&folder);
    }
}

criterion_group!(benches, read);
criterion_main!(benches);
