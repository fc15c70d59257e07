//! Starts and stops the connector's binary.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Instant;

use super::metrics;
use super::output;
use super::remote::{self, Answer};
use super::waiting::{PATIENCE, eventually, eventually_equal, found};

pub use super::scratch::Scratch;

/// A running connector. Killed when dropped.
pub struct Connector {
    child: Child,
    /// Its address, such as `127.0.0.1:40000`.
    pub address: String,
    /// The address of its embedded Timestream; empty where it has none.
    pub timestream: String,
    log: Mutex<mpsc::Receiver<String>>,
}

impl Connector {
    /// Starts the connector with the embedded Timestream on free ports, its data in `data`.
    pub fn embedded(data: &Path, arguments: &[&str]) -> Self {
        let data = format!("--embedded.data-dir={}", data.join("data").display());
        let mut all = vec!["--embedded", &data];
        if !arguments.iter().any(|argument| argument.starts_with("--embedded.listen-address")) {
            all.push("--embedded.listen-address=127.0.0.1:0");
        }
        all.extend(arguments);
        Connector::start(&all, &[])
    }

    /// Starts the connector on a free port and waits until it is ready.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_at("127.0.0.1:0", arguments, environment)
    }

    /// Starts the connector at an address and waits until it is ready.
    pub fn start_at(address: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let connector = Connector::listening_at(address, arguments, environment);
        eventually("it is ready", || connector.get("/-/ready").status == 200);
        connector
    }

    /// Starts the connector on a free port and waits until it listens, as far as a caller without keys can tell.
    pub fn listening(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Connector::listening_at("127.0.0.1:0", arguments, environment)
    }

    /// Starts the connector at an address and waits until it listens.
    pub fn listening_at(address: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        for (name, value) in environment {
            if ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].contains(name) {
                output::must_be_marked(value);
            }
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_timestream-prometheus-connector"))
            .arg(format!("--web.listen-address={address}"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // The output of a test that fails shows the daemon's log.
                eprintln!("  {line}");
                output::check(&line);
                let _ = sender.send(line);
            }
        });
        let mut connector =
            Connector { child, address: String::new(), timestream: String::new(), log: Mutex::new(log) };
        let address_in = |line: &str| -> String {
            let (_, rest) = line.split_once("://").unwrap();
            rest.split(|c: char| !c.is_ascii_alphanumeric() && !".:[]-".contains(c)).next().unwrap().to_owned()
        };
        if arguments.contains(&"--embedded") || arguments.contains(&"--demo") {
            connector.timestream = address_in(&connector.wait_for_log("the embedded Timestream listens"));
        }
        connector.address = address_in(&connector.wait_for_log("Connector is ready"));
        connector
    }

    /// Waits for a log line that holds `text`.
    pub fn wait_for_log(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line =
                self.log.get_mut().unwrap().recv_timeout(left).unwrap_or_else(|_| panic!("no log line with {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The log lines that were not looked at yet.
    pub fn log_lines(&mut self) -> Vec<String> {
        self.log.get_mut().unwrap().iter().collect()
    }

    pub fn get(&self, path: &str) -> Answer {
        remote::get(&format!("http://{}{path}", self.address), &[])
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process at once, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// A line of `/proc/<pid>/status` that is in kB, such as VmRSS or VmHWM, in MB.
    #[allow(dead_code, reason = "benches/read_end_to_end.rs uses it")]
    pub fn memory_mb(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let found = status.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(':')?.strip_suffix(" kB"));
        found.unwrap().trim().parse::<f64>().unwrap() * 1024.0 / 1e6
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        found("it ends", || self.child.try_wait().unwrap())
    }

    /// The sum of a metric over its labels.
    pub fn metric(&self, name: &str) -> f64 {
        metrics::sum(&self.get("/metrics").text(), name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// The sum of the series of a metric that have these labels.
    pub fn series(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.get("/metrics").text();
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let of_metric = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
        let found: Vec<f64> = of_metric
            .filter(|line| labels.iter().all(|label| line.contains(label)))
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
            .collect();
        assert!(!found.is_empty(), "no {name} with {labels:?} in\n{text}");
        found.into_iter().sum()
    }

    /// A samples counter for one reason.
    pub fn samples(&self, outcome: &str, reason: &str) -> f64 {
        let text = self.get("/metrics").text();
        let name = format!("timestream_connector_{outcome}_samples_total{{reason=\"{reason}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.unwrap_or_else(|| panic!("no {name}in\n{text}")).parse().unwrap()
    }

    /// Once nothing is in flight, every sample received was counted once as written, ignored, rejected or
    /// failed; gives (received, written).
    pub fn assert_conserved(&self) -> (f64, f64) {
        let [received, written, ..] = self.assert_kind_conserved("samples");
        (received, written)
    }

    /// Once nothing is in flight, every native histogram received was counted once as written, ignored, rejected or
    /// failed; gives those four.
    pub fn assert_histograms_conserved(&self) -> [f64; 4] {
        let [_, outcomes @ ..] = self.assert_kind_conserved("histograms");
        outcomes
    }

    fn assert_kind_conserved(&self, kind: &str) -> [f64; 5] {
        let mut counts = [0.0; 5];
        // A request whose client has gone may still be on its way; then it holds memory.
        eventually_equal(&format!("{kind} received and what became of them, with no memory held"), || {
            let text = self.get("/metrics").text();
            let sum = |name: &str| metrics::sum(&text, &format!("timestream_connector_{name}")).unwrap();
            counts = ["received", "written", "ignored", "rejected", "failed"]
                .map(|outcome| sum(&format!("{outcome}_{kind}_total")));
            let [received, outcomes @ ..] = counts;
            ((received, 0.0), (outcomes.iter().sum(), sum("memory_bytes")))
        });
        counts
    }
}

/// The memory that a process has resident.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

impl Drop for Connector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            output::assert_none_shown();
        }
    }
}
