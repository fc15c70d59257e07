//! Loads a whole connector and says what a sample costs: samples/s, CPU, memory, latency, bytes and write units.
//!
//! ```sh
//! cargo run --release --example load
//! ```
//!
//! It starts a constant-answer Timestream and, one after the other as processes of their own, the connector and a naive
//! one (prost and the SDK's builders, in the order of arrival), sends both the same requests over plain HTTP, and prints
//! one line for each. Options: `--seconds 10 --senders 8 --series 100000 --per-request 2000 --only connector|naive`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't go on says why")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of a program are its own")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

mod naive;
mod sender;
mod sink;
#[path = "../../benches/workload/mod.rs"]
mod workload;

use sink::Sink;
use workload::Kind;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("be-connector") => be_connector(&arguments[1..]),
        Some("be-naive") => naive::serve(arguments[1].parse().unwrap(), &arguments[2]),
        _ => measure(&arguments),
    }
}

fn be_connector(arguments: &[String]) {
    use timestream_prometheus_connector::{daemon::Daemon, options::Options};
    let arguments = std::iter::once("connector".to_owned()).chain(arguments.iter().cloned());
    let options = Options::parse(arguments, |name| std::env::var(name).ok()).expect("options");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let daemon = Daemon::start(options).await.unwrap();
        daemon.run(tokio_util::sync::CancellationToken::new()).await
    });
}

struct Settings {
    seconds: u64,
    senders: usize,
    series: usize,
    per_request: usize,
    only: Option<String>,
}

fn measure(arguments: &[String]) {
    let mut given: HashMap<&str, &str> = HashMap::new();
    for pair in arguments.chunks(2) {
        given.insert(&pair[0], pair.get(1).map_or("", String::as_str));
    }
    let number = |name: &str, default: u64| given.get(name).map_or(default, |text| text.parse().expect(name));
    let settings = Settings {
        seconds: number("--seconds", 10),
        senders: number("--senders", 8) as usize,
        series: number("--series", 100_000) as usize,
        per_request: number("--per-request", 2000) as usize,
        only: given.get("--only").map(|text| (*text).to_owned()),
    };
    let series = workload::series(Kind::Mixed, settings.series, 1);
    let labels: usize = series.iter().map(Vec::len).sum();
    let requests: Vec<(Vec<u8>, usize)> = workload::requests(&series, settings.per_request)
        .iter()
        .map(|request| (workload::packed(request, 0), request.len()))
        .collect();
    println!(
        "{} series of {:.1} labels, {} samples a request, {} senders, {} s each",
        series.len(),
        labels as f64 / series.len() as f64,
        settings.per_request,
        settings.senders,
        settings.seconds
    );
    drop(series);
    println!(
        "{:<10} {:>10} {:>14} {:>9} {:>8} {:>8} {:>11} {:>13} {:>13}",
        "", "samples/s", "CPU-s/M", "peak MiB", "p50 ms", "p99 ms", "calls/1000", "bytes/sample", "units/1000"
    );
    let mut cpu = Vec::new();
    for kind in ["connector", "naive"] {
        if settings.only.as_deref().is_none_or(|only| only == kind) {
            cpu.push(run(kind, &settings, &requests));
        }
    }
    if let [ours, naive] = cpu[..] {
        println!("The naive one takes {:.2} times the CPU.", naive / ours);
    }
}

/// Measures one server; gives its CPU seconds per million samples.
fn run(kind: &str, settings: &Settings, requests: &[(Vec<u8>, usize)]) -> f64 {
    let sink = Sink::start();
    let address = free_address();
    let child = Server::start(kind, address, &format!("http://{}", sink.address));
    let next = AtomicU64::new(0);
    let (stop, counting) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..settings.senders)
            .map(|_| scope.spawn(|| sender::send_until(&stop, &counting, &next, address, requests)))
            .collect();
        // What is allocated and connected once is not what a sample costs.
        std::thread::sleep(Duration::from_secs(2));
        let (cpu_before, sink_before, start) = (child.cpu_seconds(), sink.counts(), Instant::now());
        counting.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_secs(settings.seconds));
        counting.store(false, Ordering::SeqCst);
        let (took, cpu) = (start.elapsed(), child.cpu_seconds() - cpu_before);
        let sink_after = sink.counts();
        stop.store(true, Ordering::SeqCst);
        let latencies: Vec<Vec<_>> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        let samples: usize = latencies.iter().flatten().map(|(_, samples)| samples).sum();
        report(kind, samples, took, cpu, &child, &latencies, (sink_before, sink_after));
        cpu / samples as f64 * 1e6
    })
}

fn report(
    kind: &str,
    samples: usize,
    took: Duration,
    cpu: f64,
    child: &Server,
    latencies: &[Vec<(Duration, usize)>],
    (before, after): (sink::Counts, sink::Counts),
) {
    let mut sorted: Vec<Duration> = latencies.iter().flatten().map(|(latency, _)| *latency).collect();
    sorted.sort();
    let percentile = |part: f64| sorted[((sorted.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    let stored = (after.records - before.records) as f64;
    println!(
        "{kind:<10} {:>10.0} {:>14.2} {:>9.0} {:>8.1} {:>8.1} {:>11.1} {:>13.0} {:>13.0}",
        samples as f64 / took.as_secs_f64(),
        cpu / samples as f64 * 1e6,
        child.peak_bytes() / 1_048_576.0,
        percentile(0.5),
        percentile(0.99),
        (after.calls - before.calls) as f64 / stored * 1000.0,
        (after.bytes - before.bytes) as f64 / stored,
        child.units_per_sample().map_or(f64::NAN, |units| units * 1000.0),
    );
}

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A server under measurement, in a process of its own.
struct Server {
    child: Child,
    address: SocketAddr,
    has_metrics: bool,
}

impl Server {
    fn start(kind: &str, address: SocketAddr, endpoint: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        match kind {
            "naive" => command.args(["be-naive", &address.to_string(), endpoint]),
            _ => command.args([
                "be-connector",
                "--default-database=d",
                "--default-table=t",
                "--enable-sigv4-auth",
                &format!("--web.listen-address={address}"),
                &format!("--write-base-endpoint={endpoint}"),
            ]),
        };
        let keys = [("AWS_ACCESS_KEY_ID", "load"), ("AWS_SECRET_ACCESS_KEY", "load")];
        let child = command.envs(keys).stderr(Stdio::null()).spawn().unwrap();
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Server { child, address, has_metrics: kind == "connector" }
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        // Fields 14 and 15 of proc(5), in ticks of which there are 100 a second on every Linux.
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        ticks as f64 / 100.0
    }

    fn peak_bytes(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
    }

    /// Write units per sample written, from the connector's own metrics.
    fn units_per_sample(&self) -> Option<f64> {
        let text = if self.has_metrics { sender::get(self.address, "/metrics")? } else { return None };
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        Some(
            value("timestream_connector_metered_units_total ")? / value("timestream_connector_written_samples_total ")?,
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
