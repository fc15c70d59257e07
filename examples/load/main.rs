//! Loads a whole connector and says what a sample costs: samples/s, CPU, memory, latency, bytes and write units.
//!
//! ```sh
//! cargo run --release --example load
//! ```
//!
//! It starts a constant-answer Timestream and, one after the other as processes of their own, the connector and a naive
//! one (prost and the SDK's builders, in the order of arrival), sends both the same requests over plain HTTP, and prints
//! one line for each. `--before PATH` takes the binary of another build of the connector beside them, and `--peer PATH`
//! that of another connector with the same options. With several rounds, all run in turn, and medians are printed.
//! [`Settings`] has the options and their defaults.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't go on says why")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of a program are its own")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tikv_jemallocator::Jemalloc;

#[path = "../../tests/common/mod.rs"]
mod common;
mod figures;
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
use figures::Figures;
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
    /// Only these of `connector`, `naive`, `before` and `peer`; `--only connector,before`.
    only: Option<String>,
    /// The binary of another build of the connector; `--before`.
    before: Option<String>,
    /// The binary of another connector that takes the same options, such as Amazon's in Go; `--peer`.
    peer: Option<String>,
    /// How often each is measured, in turn; `--rounds 1`.
    rounds: usize,
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
        let (samples, rounds) = (number("--samples", 1), number("--rounds", 1) as usize);
        let [only, cores, under, before, peer] =
            ["--only", "--cores", "--under", "--before", "--peer"].map(|name| given.remove(name).map(str::to_owned));
        assert!(given.is_empty(), "no such options: {given:?}");
        Settings { seconds, senders, series, per_request, samples, only, before, peer, rounds, cores, under }
    }

    /// The servers to measure.
    fn kinds(&self) -> Vec<&'static str> {
        let given = [("connector", true), ("before", self.before.is_some()), ("peer", self.peer.is_some())];
        let all = given.into_iter().chain([("naive", true)]).filter(|(_, is_given)| *is_given).map(|(kind, _)| kind);
        let is_wanted = |kind: &&str| self.only.as_deref().is_none_or(|only| only.split(',').any(|one| one == *kind));
        all.filter(is_wanted).collect()
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
    println!("{:<10} {}", "", Figures::HEAD);
    let kinds = settings.kinds();
    let mut all: Vec<Vec<Figures>> = vec![Vec::new(); kinds.len()];
    for _ in 0..settings.rounds {
        for (kind, figures) in kinds.iter().zip(&mut all) {
            let measured = run(kind, settings, &requests);
            println!("{kind:<10} {measured}");
            figures.push(measured);
        }
    }
    let medians: Vec<Figures> = all.iter().map(|figures| Figures::medians(figures)).collect();
    if settings.rounds > 1 {
        println!("Medians of {} rounds:", settings.rounds);
        kinds.iter().zip(&medians).for_each(|(kind, figures)| println!("{kind:<10} {figures}"));
    }
    if let ([first, others @ ..], [own, figures @ ..]) = (&kinds[..], &medians[..]) {
        others.iter().zip(figures).for_each(|(kind, other)| println!("{first}, times {kind}: {}", own.over(other)));
    }
}

/// Measures one server.
fn run(kind: &str, settings: &Settings, requests: &[Request]) -> Figures {
    let sink = Sink::start(|_| Fault::None);
    let server = Server::start(kind, &format!("http://{}", sink.address), settings);
    let next = AtomicU64::new(0);
    let (stop, counting) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut figures = std::thread::scope(|scope| {
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
        Figures {
            rate: samples / took.as_secs_f64(),
            cpu: cpu / samples * 1e6,
            peak: server.peak_bytes() / 1_048_576.0,
            half: latencies.percentile_ms(0.5),
            most: latencies.percentile_ms(0.99),
            calls: (sink_after.calls - sink_before.calls) as f64 / stored * 1000.0,
            bytes: (sink_after.bytes - sink_before.bytes) as f64 / stored,
            units: server.units_per_sample().map_or(f64::NAN, |units| units * 1000.0),
            others: others / took.as_secs_f64() / machine::cores() * 100.0,
            lone: f64::NAN,
        }
    });
    if kind != "naive" {
        figures.lone = sender::send_alone(server.address, &one_small_request()).percentile_ms(0.5);
    }
    figures
}

fn one_small_request() -> Request {
    let series = workload::series(Kind::NodeExporter, 10, 2);
    (workload::packed(&series.iter().collect::<Vec<_>>(), 0), series.len())
}
