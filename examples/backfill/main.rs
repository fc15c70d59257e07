//! Compares the rate of `import` with that of remote write of the same samples, both into an embedded Timestream.
//!
//! ```sh
//! cargo run --release --example backfill
//! ```
//!
//! The samples come in two orders: scrape after scrape, as Prometheus sends them, and series after series, as exports and
//! dumps are written. For each order the connector of this build runs as a process of its own with new data, and gets the
//! samples in requests of 2,000 over 8 connections; then `import` reads them as text, again with new data. The
//! rates are of the time from the first request to the last answer, and from the start of the process to the table at its
//! end. With several rounds, both run in turn, and medians are compared.
//!
//! Options: `--series 20000`, `--samples 50` of each, `--rounds 3`, and `--gzip true` for compressed text.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't go on says why")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of a program are its own")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use tempfile::TempDir;
use tikv_jemallocator::Jemalloc;
use timestream_prometheus_connector::openmetrics::{END, TextWriter};
use timestream_prometheus_connector::options::{Command as Called, Options};
use timestream_prometheus_connector::proto::WriteRequest;
use timestream_prometheus_connector::run::{daemon::Daemon, import};
use timestream_prometheus_connector::telemetry::log;
use tokio_util::sync::CancellationToken;

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../benches/workload/mod.rs"]
mod workload;

use common::port::Port;
use common::waiting::eventually;
use workload::Kind;

const PER_REQUEST: usize = 2000;
const SENDERS: usize = 8;

/// That of the connector's binary.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("be") => be(&arguments[1..]),
        _ => compare(&Settings::parse(&arguments)),
    }
}

/// Does what the connector's binary does with these arguments.
fn be(arguments: &[String]) {
    let arguments = std::iter::once("connector".to_owned()).chain(arguments.iter().cloned());
    let options = Options::parse(arguments, |_| None).expect("options");
    log::install(options.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let never = CancellationToken::new();
        match options.command.clone() {
            Called::Import(settings) => import::run(options, settings, never).await.unwrap(),
            _ => Daemon::start(options).await.unwrap().run(never).await,
        };
    });
}

struct Settings {
    series: usize,
    samples: u64,
    rounds: usize,
    gzip: bool,
}

impl Settings {
    fn parse(arguments: &[String]) -> Self {
        let mut given: HashMap<&str, &str> = HashMap::new();
        for pair in arguments.chunks(2) {
            given.insert(&pair[0], pair.get(1).expect("a value for each option"));
        }
        let mut number =
            |name: &str, default: u64| given.remove(name).map_or(default, |text| text.parse().expect(name));
        let (series, samples, rounds) = (number("--series", 20_000), number("--samples", 50), number("--rounds", 3));
        let gzip = given.remove("--gzip").is_some_and(|text| text == "true");
        assert!(given.is_empty(), "no such options: {given:?}");
        Settings { series: series as usize, samples, rounds: rounds as usize, gzip }
    }
}

/// Samples in one order: as requests, and as a text.
struct Data {
    requests: Vec<Vec<u8>>,
    text: PathBuf,
    samples: u64,
}

impl Data {
    fn new(messages: impl Iterator<Item = WriteRequest>, text: PathBuf, gzip: bool) -> Self {
        let file = BufWriter::new(File::create(&text).unwrap());
        let mut to: Box<dyn Write> =
            if gzip { Box::new(GzEncoder::new(file, Compression::default())) } else { Box::new(file) };
        let (mut requests, mut samples, mut writer) = (Vec::new(), 0, TextWriter::default());
        for message in messages {
            for series in &message.timeseries {
                writer.start_series(&series.labels);
                series.samples.iter().for_each(|sample| writer.push(sample.timestamp, sample.value()));
                samples += series.samples.len() as u64;
            }
            to.write_all(&writer.take()).unwrap();
            requests.push(snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).unwrap());
        }
        to.write_all(END).unwrap();
        to.flush().unwrap();
        drop(to);
        Data { requests, text, samples }
    }
}

fn compare(settings: &Settings) {
    let folder = TempDir::new().unwrap();
    let series = workload::series(Kind::Mixed, settings.series, 1);
    let requests = workload::requests(&series, PER_REQUEST);
    let (samples, name) = (settings.samples, |name: &str| {
        folder.path().join(if settings.gzip { format!("{name}.om.gz") } else { format!("{name}.om") })
    });
    let scrapes =
        (0..samples).flat_map(|scrape| requests.iter().map(move |series| workload::message(series, scrape, 1)));
    // A request has as many samples in both orders.
    let few_series = workload::requests(&series, (PER_REQUEST / samples as usize).max(1));
    let catching_up = few_series.iter().map(|series| workload::message(series, 0, samples));
    let orders = [
        ("scrape after scrape", Data::new(scrapes, name("scrapes"), settings.gzip)),
        ("series after series", Data::new(catching_up, name("series"), settings.gzip)),
    ];
    for (order, data) in &orders {
        println!("{order}: {} samples, {} bytes of text", data.samples, data.text.metadata().unwrap().len());
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..settings.rounds {
            let [by_remote_write, by_import] = [remote_write(data), imported(data)];
            println!("  remote write {by_remote_write:>9.0} samples/s, import {by_import:>9.0}");
            rates[0].push(by_remote_write);
            rates[1].push(by_import);
        }
        let [by_remote_write, by_import] = rates.map(|mut rates| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        });
        println!("  import has {:.0} % of the rate of remote write", 100.0 * by_import / by_remote_write);
    }
}

fn start(data: &Path, arguments: &[String]) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["be", "--embedded", "--embedded.listen-address=127.0.0.1:0", "--log.level=warn"]);
    command.arg(format!("--embedded.data-dir={}", data.join("data").display())).args(arguments);
    Process(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap())
}

/// Killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Samples a second, from the first request to the last answer.
fn remote_write(Data { requests, samples, .. }: &Data) -> f64 {
    let (folder, port) = (TempDir::new().unwrap(), Port::new());
    let _connector = start(folder.path(), &[format!("--web.listen-address={}", port.address)]);
    eventually("the connector listens", || TcpStream::connect(port.address).is_ok());
    let (url, next) = (format!("http://{}/write", port.address), AtomicUsize::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let agent = ureq::Agent::new_with_defaults();
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sent = agent.post(&url).header("Content-Type", "application/x-protobuf");
                    let answer = sent.header("Content-Encoding", "snappy").send(&request[..]).unwrap();
                    assert_eq!(answer.status(), 204);
                }
            });
        }
    });
    *samples as f64 / begun.elapsed().as_secs_f64()
}

/// Samples a second, from the start of the process to the table at its end.
fn imported(Data { text, samples, .. }: &Data) -> f64 {
    let folder = TempDir::new().unwrap();
    let begun = Instant::now();
    let state = format!("--state={}", folder.path().join("state").display());
    let mut import = start(folder.path(), &["import".to_owned(), format!("--from={}", text.display()), state]);
    let mut output = BufReader::new(import.0.stdout.take().unwrap());
    let mut table = String::new();
    output.read_line(&mut table).unwrap();
    let took = begun.elapsed();
    output.read_to_string(&mut table).unwrap();
    let written = table.lines().find_map(|line| line.strip_prefix("written")).unwrap_or_else(|| panic!("{table}"));
    assert_eq!(written.trim().parse(), Ok(*samples), "{table}");
    *samples as f64 / took.as_secs_f64()
}
