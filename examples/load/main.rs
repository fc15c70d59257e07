//! Loads a whole connector and says what a sample costs: samples/s, CPU, memory, latency, bytes and write units.
//!
//! ```sh
//! cargo run --release --example load
//! ```
//!
//! It starts a constant-answer Timestream and, one after the other as processes of their own, the connector and a naive
//! one (prost and the SDK's builders, in the order of arrival), sends both the same requests over plain HTTP, and prints
//! one line for each. [`Settings`] has the options and their defaults.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't go on says why")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of a program are its own")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tikv_jemallocator::Jemalloc;

#[path = "../../tests/common/mod.rs"]
mod common;
mod machine;
mod naive;
#[path = "../../benches/sdk/mod.rs"]
mod sdk;
mod sender;
mod server;
#[path = "../../benches/workload/mod.rs"]
mod workload;

use common::fault::Fault;
use common::sink::Sink;
use machine::Busy;
use sender::Latencies;
use server::Server;
use workload::{Cluster, Kind, SHARDS};

/// A packed request and its number of samples.
pub type Request = (Vec<u8>, usize);

/// That of the connector's binary.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("be-connector") => server::be_connector(&arguments[1..]),
        Some("be-naive") => naive::serve(arguments[1].parse().unwrap(), &arguments[2]),
        _ => measure(&Settings::parse(&arguments)),
    }
}

/// The options, each as `--name value`.
struct Settings {
    /// How long each server is measured; `--seconds 10`.
    seconds: u64,
    /// Connections that send side by side; `--senders 8`.
    senders: usize,
    /// Series in all; `--series 100000`.
    series: usize,
    /// Series of a request; `--per-request 2000`.
    per_request: usize,
    /// Samples of each of them; `--samples 1`.
    samples: u64,
    /// Only `connector` or `naive`; `--only`.
    only: Option<String>,
    /// The cores that the servers may use, as taskset takes them; `--cores 0`.
    cores: Option<String>,
    /// A command to run the servers under, such as a profiler; `--under`.
    under: Option<String>,
}

impl Settings {
    fn parse(arguments: &[String]) -> Self {
        let mut given: HashMap<&str, &str> = HashMap::new();
        for pair in arguments.chunks(2) {
            given.insert(&pair[0], pair.get(1).expect("a value for each option"));
        }
        let mut number =
            |name: &str, default: u64| given.remove(name).map_or(default, |text| text.parse().expect(name));
        let (seconds, senders) = (number("--seconds", 10), number("--senders", 8) as usize);
        let (series, per_request) = (number("--series", 100_000) as usize, number("--per-request", 2000) as usize);
        let samples = number("--samples", 1);
        let [only, cores, under] = ["--only", "--cores", "--under"].map(|name| given.remove(name).map(str::to_owned));
        assert!(given.is_empty(), "no such options: {given:?}");
        Settings { seconds, senders, series, per_request, samples, only, cores, under }
    }

    /// All requests. The series are forgotten block by block, so that ten million of them fit in memory.
    fn requests(&self) -> Vec<Request> {
        let mut cluster = Cluster::new(Kind::Mixed, 1);
        let (mut requests, mut scraped, mut left) = (Vec::new(), Vec::new(), self.series);
        while left > 0 {
            let block = left.min(self.per_request * SHARDS);
            while scraped.len() < block {
                cluster.scrape(&mut scraped);
            }
            for series in workload::requests(&scraped[..block], self.per_request) {
                let request = workload::encode_samples(&series, 0, self.samples);
                let packed = snap::raw::Encoder::new().compress_vec(&request).unwrap();
                requests.push((packed, series.len() * self.samples as usize));
            }
            scraped.drain(..block);
            left -= block;
        }
        requests
    }
}

fn measure(settings: &Settings) {
    let requests = settings.requests();
    println!(
        "{} series, {} of them a request with {} samples each, {} senders, {} s",
        settings.series, settings.per_request, settings.samples, settings.senders, settings.seconds
    );
    println!(
        "{:<10} {:>10} {:>14} {:>9} {:>8} {:>8} {:>11} {:>13} {:>11} {:>9}",
        "",
        "samples/s",
        "CPU-s/million",
        "peak MiB",
        "p50 ms",
        "p99 ms",
        "calls/1000",
        "bytes/sample",
        "units/1000",
        "others %"
    );
    let kinds = ["connector", "naive"].into_iter();
    let kinds = kinds.filter(|kind| settings.only.as_deref().is_none_or(|only| only == *kind));
    let cpu: Vec<f64> = kinds.map(|kind| run(kind, settings, &requests)).collect();
    if let [ours, naive] = cpu[..] {
        println!("The naive one takes {:.2} times the CPU.", naive / ours);
    }
}

/// Measures one server; gives its CPU seconds per million samples.
fn run(kind: &str, settings: &Settings, requests: &[Request]) -> f64 {
    let sink = Sink::start(|_| Fault::None);
    let server = Server::start(kind, &format!("http://{}", sink.address), settings);
    let next = AtomicU64::new(0);
    let (stop, counting) = (AtomicBool::new(false), AtomicBool::new(false));
    let cpu = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..settings.senders)
            .map(|_| scope.spawn(|| sender::send_until(&stop, &counting, &next, server.address, requests)))
            .collect();
        // What is allocated and connected once is not what a sample costs.
        std::thread::sleep(Duration::from_secs(2));
        let (busy, cpu, sink_before, start) = (Busy::now(), server.cpu_seconds(), sink.counts(), Instant::now());
        let own = machine::own_cpu_seconds();
        counting.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_secs(settings.seconds));
        counting.store(false, Ordering::SeqCst);
        let (took, cpu) = (start.elapsed(), server.cpu_seconds() - cpu);
        let others = busy.elapsed() - cpu - (machine::own_cpu_seconds() - own);
        let sink_after = sink.counts();
        stop.store(true, Ordering::SeqCst);
        let latencies = Latencies::of(senders.into_iter().flat_map(|sender| sender.join().unwrap()));
        let samples = latencies.samples() as f64;
        let stored = (sink_after.records - sink_before.records) as f64;
        println!(
            "{kind:<10} {:>10.0} {:>14.2} {:>9.0} {:>8.1} {:>8.1} {:>11.1} {:>13.0} {:>11.0} {:>9.0}",
            samples / took.as_secs_f64(),
            cpu / samples * 1e6,
            server.peak_bytes() / 1_048_576.0,
            latencies.percentile_ms(0.5),
            latencies.percentile_ms(0.99),
            (sink_after.calls - sink_before.calls) as f64 / stored * 1000.0,
            (sink_after.bytes - sink_before.bytes) as f64 / stored,
            server.units_per_sample().map_or(f64::NAN, |units| units * 1000.0),
            others / took.as_secs_f64() / machine::cores() * 100.0,
        );
        cpu / samples * 1e6
    });
    if kind == "connector" {
        let lone = sender::send_alone(server.address, &one_small_request());
        println!(
            "{kind:<10} a request of 10 samples, alone: p50 {:.1} ms, p99 {:.1} ms; a call of it waits 5 ms",
            lone.percentile_ms(0.5),
            lone.percentile_ms(0.99)
        );
    }
    cpu
}

fn one_small_request() -> Request {
    let series = workload::series(Kind::NodeExporter, 10, 2);
    (workload::packed(&series.iter().collect::<Vec<_>>(), 0), series.len())
}
