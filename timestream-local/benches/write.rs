//! Durable records per second over HTTP: eight clients, calls of 100 records, each answered once it is on disk.
//!
//! Each client has 500 series of its own with eight dimensions, and writes their next samples, 15 s after the last, as a
//! scraper does.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run must stop")]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use timestream_local::{Config, Server};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

const CLIENTS: usize = 8;
const SERIES: usize = 500;
const CALL: usize = 100;
const STEP_MS: u64 = 15_000;

struct Client {
    sender: SendRequest<Full<Bytes>>,
    number: usize,
    next: usize,
    time_ms: u64,
}

impl Client {
    async fn connect(address: SocketAddr, number: usize, time_ms: u64) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { sender, number, next: 0, time_ms }
    }

    async fn call(&mut self) {
        let mut body = String::with_capacity(64 << 10);
        body.push_str(r#"{"DatabaseName":"bench","TableName":"metrics","CommonAttributes":{"MeasureValueType":"DOUBLE","TimeUnit":"MILLISECONDS"},"Records":["#);
        for place in 0..CALL {
            let (series, comma) = (self.next, if place == 0 { "" } else { "," });
            let (number, time, value) = (self.number, self.time_ms, series as f64 * 1.25);
            write!(
                body,
                r#"{comma}{{"Dimensions":[{{"Name":"job","Value":"node"}},{{"Name":"instance","Value":"host-{number}:9100"}},{{"Name":"cpu","Value":"{series}"}},{{"Name":"mode","Value":"idle"}},{{"Name":"cluster","Value":"eu-west-1a"}},{{"Name":"namespace","Value":"monitoring"}},{{"Name":"pod","Value":"node-exporter-{number}-{series}"}},{{"Name":"container","Value":"node-exporter"}}],"MeasureName":"node_cpu_seconds_total","MeasureValue":"{value}","Time":"{time}"}}"#
            )
            .unwrap();
            self.next += 1;
            if self.next == SERIES {
                (self.next, self.time_ms) = (0, self.time_ms + STEP_MS);
            }
        }
        body.push_str("]}");
        let answer = post(&mut self.sender, "WriteRecords", body).await;
        assert!(answer.contains(r#""Total":100"#), "{answer}");
    }
}

async fn post(sender: &mut SendRequest<Full<Bytes>>, operation: &str, body: String) -> String {
    let request = Request::post("/")
        .header("host", "127.0.0.1")
        .header("x-amz-target", format!("Timestream_20181101.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    sender.ready().await.unwrap();
    let response = sender.send_request(request).await.unwrap();
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Has all clients write until `calls` are done, and gives the time it took.
async fn run(clients: Vec<Client>, calls: u64) -> (Vec<Client>, Duration) {
    let start = Instant::now();
    let tasks = clients.into_iter().enumerate().map(|(place, mut client)| {
        let share = calls / CLIENTS as u64 + u64::from((place as u64) < calls % CLIENTS as u64);
        tokio::spawn(async move {
            for _ in 0..share {
                client.call().await;
            }
            client
        })
    });
    let mut clients = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        clients.push(task.await.unwrap());
    }
    (clients, start.elapsed())
}

fn write(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("timestream-bench-{}", std::process::id()));
    let runtime = Runtime::new().unwrap();
    let mut clients = runtime.block_on(async {
        let server = Server::start(Config::new(folder.clone(), "127.0.0.1:0".parse().unwrap())).await.unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
        let begin = now - 360 * 24 * 3_600_000;
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            clients.push(Client::connect(server.local_addr(), number, begin).await);
        }
        let sender = &mut clients[0].sender;
        post(sender, "CreateDatabase", r#"{"DatabaseName":"bench"}"#.to_owned()).await;
        let table = r#"{"DatabaseName":"bench","TableName":"metrics","RetentionProperties":{"MemoryStoreRetentionPeriodInHours":8766,"MagneticStoreRetentionPeriodInDays":73000}}"#;
        post(sender, "CreateTable", table.to_owned()).await;
        // It runs until the process ends.
        std::mem::forget(server);
        run(clients, 80).await.0
    });
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(CALL as u64)).sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("8 clients, calls of 100", |bencher| {
        bencher.iter_custom(|calls| {
            let (back, took) = runtime.block_on(run(std::mem::take(&mut clients), calls));
            clients = back;
            took
        });
    });
    group.finish();
    let _ = std::fs::remove_dir_all(folder);
}

criterion_group!(benches, write);
criterion_main!(benches);
