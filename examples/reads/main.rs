//! Compares the remote reads of two builds of the connector, and those of Prometheus: CPU, time, memory, and what goes
//! between the connector and Timestream.
//!
//! ```sh
//! cargo run --release --example reads -- --before PATH_OF_A_CONNECTOR
//! ```
//!
//! The read is the last hour of 1,280 of 20,000 series: with ten million samples 240 samples of each, 307,200 in all.
//! It is asked for as SAMPLES and as STREAMED_XOR_CHUNKS:
//!
//! - of the connector with its embedded Timestream. CPU is that of the process, both parts of it
//! - of the connector in front of a Timestream of this build in a process of its own, through a proxy that counts bytes
//!   and pages, and again through one that holds back each page for 40 ms; in three rounds at most
//! - of Prometheus, which was sent the same samples, if there is one
//!
//! Each answer must be what was written, or this panics. A line is printed for each measurement, the median of its
//! rounds, and a table of ratios at the end. Other programs on the machine disturb time and CPU, so only ratios of one
//! run count.
//!
//! Options: `--after PATH` (else the connector of this build, run by this program), `--samples 10000000`, `--rounds 5`,
//! `--prometheus PATH`, and `--data DIR`: where the data is kept, and found again, since filling takes minutes. The
//! builds use copies of it, which are removed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't go on says why")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of a program are its own")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use tikv_jemallocator::Jemalloc;

#[path = "../../tests/common/cases.rs"]
#[allow(dead_code, reason = "only its types are needed here")]
mod cases;
#[path = "../../tests/daemon/chunks.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod chunks;
#[path = "../../tests/common/mod.rs"]
mod common;
mod data;
#[path = "../load/machine.rs"]
#[allow(dead_code, reason = "the load uses all of it")]
mod machine;
#[path = "../../tests/daemon/output.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod output;
mod process;
mod prometheus;
mod proxy;
mod read;
#[path = "../../tests/daemon/remote.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod remote;
mod rounds;
mod servers;
mod table;
mod workload;

use common::waiting;
use data::Data;
use prometheus::Prometheus;
use servers::Build;

/// That of the connector's binary.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("be-connector") => servers::be_connector(&arguments[1..]),
        Some("be-timestream") => servers::be_timestream(&arguments[1], &arguments[2]),
        _ => compare(&Settings::parse(&arguments)),
    }
}

struct Settings {
    before: Build,
    after: Build,
    samples: usize,
    rounds: usize,
    data: Option<PathBuf>,
    prometheus: Option<String>,
}

impl Settings {
    fn parse(arguments: &[String]) -> Self {
        let mut given: HashMap<&str, &str> = HashMap::new();
        for pair in arguments.chunks(2) {
            given.insert(&pair[0], pair.get(1).expect("a value for each option"));
        }
        let before = given.remove("--before").expect("--before PATH: the connector to compare with");
        let settings = Settings {
            before: Build { name: "before", binary: Some(before.into()) },
            after: Build { name: "after", binary: given.remove("--after").map(PathBuf::from) },
            samples: given.remove("--samples").map_or(10_000_000, |text| text.parse().expect("--samples")),
            rounds: given.remove("--rounds").map_or(5, |text| text.parse().expect("--rounds")),
            data: given.remove("--data").map(PathBuf::from),
            prometheus: given.remove("--prometheus").map(str::to_owned).or_else(installed_prometheus),
        };
        assert!(given.is_empty(), "no such options: {given:?}");
        assert!(settings.rounds > 0, "--rounds is at least 1");
        settings
    }
}

fn installed_prometheus() -> Option<String> {
    let found = Command::new("prometheus").arg("--version").output().is_ok_and(|output| output.status.success());
    found.then(|| "prometheus".to_owned())
}

fn compare(settings: &Settings) {
    let data = Data::open(settings.data.as_deref(), settings.samples, &settings.before);
    let workload = data.workload();
    let prometheus = settings.prometheus.as_deref().map(|binary| Prometheus::filled(binary, &workload));
    if prometheus.is_none() {
        println!("There is no Prometheus to compare with.");
    }
    let expected = workload.expected();
    let samples: usize = expected.iter().map(|(_, samples)| samples.len()).sum();
    println!("The read: {} series, {samples} samples. Median of {} rounds:", expected.len(), settings.rounds);
    let expected = read::Expected { query: workload.read(), small: workload.small_read(), series: expected, samples };
    let builds = [&settings.before, &settings.after];
    let embedded = rounds::embedded(builds, &data, prometheus.as_ref(), &expected, settings.rounds);
    let remote = rounds::remote(builds, &data, &expected, settings.rounds);
    table::print(&embedded, &remote);
}
