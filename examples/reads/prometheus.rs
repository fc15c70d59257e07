//! A Prometheus that was sent the same samples.

use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;

use crate::process::Process;
use crate::remote::{self, Series, WRITE_HEADERS, write_request};
use crate::workload::{SERIES, Workload};

/// Ten minutes. Prometheus refuses samples that are an hour older than its latest, so series can't be sent one by one.
const SCRAPES: usize = 40;
const PER_REQUEST: usize = 500;

/// A running Prometheus. Killed when dropped, and its data removed.
pub struct Prometheus {
    pub process: Process,
    _data: TempDir,
}

impl Prometheus {
    /// Starts one in an empty folder, where its data is in `tsdb`.
    pub fn start(binary: &str, data: TempDir, arguments: &[&str]) -> Self {
        let config = data.path().join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let process = Process::start(Some("/-/ready"), |address| {
            let mut command = Command::new(binary);
            command.arg(format!("--config.file={}", config.display()));
            command.arg(format!("--storage.tsdb.path={}", data.path().join("tsdb").display()));
            command.arg(format!("--web.listen-address={address}"));
            command.args(["--web.enable-remote-write-receiver", "--log.level=error"]);
            command.args(arguments);
            command
        });
        Prometheus { process, _data: data }
    }

    pub fn write_url(&self) -> String {
        format!("http://{}/api/v1/write", self.process.address)
    }

    /// Starts one and sends it all samples.
    pub fn filled(binary: &str, workload: &Workload) -> Self {
        let prometheus = Prometheus::start(binary, TempDir::with_prefix("reads-prometheus-").unwrap(), &[]);
        let started = Instant::now();
        let url = prometheus.write_url();
        for first in (0..workload.samples_each).step_by(SCRAPES) {
            let scrapes = first..workload.samples_each.min(first + SCRAPES);
            for index in (0..SERIES).step_by(PER_REQUEST) {
                let part = |index| {
                    let (labels, samples): Series = workload.series(index);
                    (labels, samples[scrapes.clone()].to_vec())
                };
                let series: Vec<Series> = (index..SERIES.min(index + PER_REQUEST)).map(part).collect();
                let answer = remote::post(&url, WRITE_HEADERS, &write_request(&series));
                assert_eq!(answer.status, 204, "{}", answer.text());
            }
        }
        println!("Prometheus filled in {:.0} s", started.elapsed().as_secs_f64());
        prometheus
    }
}
