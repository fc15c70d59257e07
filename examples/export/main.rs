//! Compares the export of ten million samples from the embedded Timestream with a remote read of the same: samples a second, and
//! memory above what an idle connector has on the same data.
//!
//! ```sh
//! cargo run --release --example export
//! ```
//!
//! 20,000 series of ten labels have a sample each 15 seconds. The remote read asks for all of them as STREAMED_XOR_CHUNKS,
//! in one query: once only to receive the answer, and once to decode all samples of it, as Prometheus does, on the same
//! cores. The export makes OpenMetrics files, with and without gzip, in a process of its own that opens the data
//! itself. Each is done in rounds by turns; a line is printed for each, with the medians. The peak of an export is looked
//! at every few milliseconds.
//!
//! Options: `--samples 10000000`, `--rounds 3`, and `--data DIR`: where the data is kept, and found again, as that of
//! `--example reads` is.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't go on says why")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of a program are its own")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tikv_jemallocator::Jemalloc;
use timestream_prometheus_connector::options::{self, Options};
use timestream_prometheus_connector::proto::label_matcher::Type;
use timestream_prometheus_connector::proto::{ReadRequest, read_request::ResponseType};
use timestream_prometheus_connector::run::export;
use timestream_prometheus_connector::telemetry::log;
use tokio_util::sync::CancellationToken;

#[path = "../../tests/common/cases.rs"]
#[allow(dead_code, reason = "only its types are needed here")]
mod cases;
#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../reads/data.rs"]
mod data;
mod decoding;
#[path = "../load/machine.rs"]
#[allow(dead_code, reason = "the load uses all of it")]
mod machine;
#[path = "../../tests/daemon/output.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod output;
#[path = "../reads/process.rs"]
#[allow(dead_code, reason = "the reads use all of it")]
mod process;
#[path = "../../tests/daemon/remote.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod remote;
#[path = "../reads/servers.rs"]
#[allow(dead_code, reason = "the reads use all of it")]
mod servers;
#[path = "../reads/workload.rs"]
#[allow(dead_code, reason = "the reads use all of it")]
mod workload;

use common::waiting;
use data::Data;
use servers::Build;
use workload::{SERIES, STEP_MS};

/// That of the connector's binary.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How often the memory of an export is looked at.
const LOOK: Duration = Duration::from_millis(5);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("be-connector") => servers::be_connector(&arguments[1..]),
        Some("export") => be_export(&arguments),
        _ => compare(&arguments),
    }
}

/// What the process of an export does: the same as the connector's binary.
fn be_export(arguments: &[String]) {
    let arguments = std::iter::once("connector".to_owned()).chain(arguments.iter().cloned());
    let options = Options::parse(arguments, |_| None).expect("options");
    log::install(options.log);
    let options::Command::Export(settings) = options.command.clone() else { panic!("an export") };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(export::run(options, settings, CancellationToken::new()));
    assert_eq!(format!("{:?}", ended.unwrap()), format!("{:?}", std::process::ExitCode::SUCCESS));
}

/// What something costs.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    peak_mb: f64,
    bytes: u64,
}

fn compare(arguments: &[String]) {
    let mut given: HashMap<&str, &str> = HashMap::new();
    for pair in arguments.chunks(2) {
        given.insert(&pair[0], pair.get(1).expect("a value for each option"));
    }
    let samples: usize = given.remove("--samples").map_or(10_000_000, |text| text.parse().expect("--samples"));
    let rounds: usize = given.remove("--rounds").map_or(3, |text| text.parse().expect("--rounds"));
    let folder = given.remove("--data").map(PathBuf::from);
    assert!(given.is_empty() && rounds > 0, "no such options: {given:?}");

    let build = Build { name: "this", binary: None };
    let data = Data::open(folder.as_deref(), samples, &build);
    let copy = data.copy("export");
    let (end, samples) = (data.workload().end, data.workload().samples_each * SERIES);
    let start = end - (data.workload().samples_each as i64 + 1) * STEP_MS;
    let mut costs: [Vec<Cost>; 4] = Default::default();
    let mut idle = 0.0;
    for _ in 0..rounds {
        let connector = build.embedded(&copy);
        connector.wait_until_idle();
        idle = connector.memory_mb("VmRSS");
        for (costs, is_decoded) in costs.iter_mut().zip([false, true]) {
            costs.push(read(&connector, end, is_decoded.then_some(samples)));
        }
        connector.stop();
        for (compression, costs) in ["gzip", "none"].iter().zip(&mut costs[2..]) {
            costs.push(exported(&copy, compression, (start, end), samples));
        }
    }
    println!("{samples} samples; an idle connector has {idle:.1} MB. Medians of {rounds} rounds:");
    for (name, costs) in ["remote read", "and decoded", "export, gzip", "export, plain"].iter().zip(&costs) {
        let of = |what: fn(&Cost) -> f64| {
            let mut all: Vec<f64> = costs.iter().map(what).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let (seconds, peak) = (of(|cost| cost.seconds), of(|cost| cost.peak_mb));
        println!(
            "{name:<14} {:>10.0} samples a second {:>7.1} MB at most, {:>6.1} above idle {:>6.2} bytes a sample",
            samples as f64 / seconds,
            peak,
            peak - idle,
            of(|cost| cost.bytes as f64) / samples as f64
        );
    }
}

/// A remote read of everything. What is decoded are so many samples.
fn read(connector: &process::Process, end: i64, decoded: Option<usize>) -> Cost {
    let query = remote::query(0, end, &[remote::matcher(Type::Neq, "__name__", "")]);
    let request = remote::packed(&ReadRequest {
        queries: vec![query],
        accepted_response_types: vec![ResponseType::StreamedXorChunks.into()],
    });
    connector.forget_peak();
    let started = Instant::now();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("http://{}/read", connector.address);
    let mut answer = agent.post(&url).header("Content-Encoding", "snappy").send(&request[..]).unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let mut body = answer.body_mut().as_reader();
    let bytes = match decoded {
        None => std::io::copy(&mut body, &mut std::io::sink()).unwrap(),
        Some(expected) => {
            let (bytes, samples) = decoding::read(body);
            assert_eq!(samples, expected as u64);
            bytes
        }
    };
    Cost { seconds: started.elapsed().as_secs_f64(), peak_mb: connector.memory_mb("VmHWM"), bytes }
}

/// An export of everything, in a process of its own.
fn exported(data: &Path, compression: &str, (start, end): (i64, i64), samples: usize) -> Cost {
    let out = data.with_file_name("out");
    let (start, end) = (start / 1000, end / 1000 + 1);
    let _ = std::fs::remove_dir_all(&out);
    let started = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["export", "--embedded", "--log.level=warn", &format!("--compression={compression}")])
        .arg(format!("--embedded.data-dir={}", data.display()))
        .args([format!("--start={start}"), format!("--end={end}"), format!("--to={}", out.display())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak_mb: f64 = 0.0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        // It may have ended since.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let highest = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak_mb = peak_mb.max(highest.map_or(0.0, |kb| kb.parse::<f64>().unwrap() * 1024.0 / 1e6));
        std::thread::sleep(LOOK);
    };
    let seconds = started.elapsed().as_secs_f64();
    assert!(status.success(), "{status}");
    let report = std::io::read_to_string(child.stdout.take().unwrap()).unwrap();
    let all: Vec<&str> = report.lines().find(|line| line.starts_with("all")).unwrap().split_whitespace().collect();
    assert_eq!(all[1], samples.to_string(), "{report}");
    let entries = std::fs::read_dir(&out).unwrap();
    let bytes = entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    Cost { seconds, peak_mb, bytes }
}
