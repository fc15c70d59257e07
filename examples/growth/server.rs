//! A connector with its embedded Timestream, what it writes, and queries of it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::port::Port;
use crate::process::Process;
use crate::remote;
use crate::servers::Build;

/// A server is idle when it has used so little of a core for so long.
const IDLE_SHARE: f64 = 0.02;
const IDLE_FOR: Duration = Duration::from_secs(5);
const IDLE_AFTER: Duration = Duration::from_secs(120);

/// A running connector. Killed when dropped, as by `kill -9`.
pub struct Server {
    pub process: Process,
    timestream: SocketAddr,
    _port: Port,
}

impl Server {
    /// Starts it, and waits until it is ready.
    pub fn start(build: &Build, data: &Path) -> Self {
        let port = Port::new();
        let process = build.start(|command| {
            command.args(["--embedded", &format!("--embedded.listen-address={}", port.address)]);
            command.arg(format!("--embedded.data-dir={}", data.display()));
        });
        Server { process, timestream: port.address, _port: port }
    }

    pub fn write_url(&self) -> String {
        format!("http://{}/write", self.process.address)
    }

    /// Bytes that it wrote to the disk, unless its file system is none of a disk (proc(5), /proc/PID/io).
    pub fn written_bytes(&self) -> Option<f64> {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.process.id())).unwrap();
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
        Some(written.parse::<f64>().unwrap()).filter(|bytes| *bytes > 0.0)
    }

    /// Waits until it is idle, or no longer. The seconds, if it became idle.
    pub fn idle(&self) -> Option<f64> {
        let started = Instant::now();
        let mut seen = Vec::new();
        while started.elapsed() < IDLE_AFTER {
            let now = (started.elapsed(), self.process.cpu_seconds());
            seen.push(now);
            let earlier = seen.iter().rev().find(|(at, _)| now.0 - *at >= IDLE_FOR);
            if earlier.is_some_and(|(at, cpu)| now.1 - cpu < IDLE_SHARE * (now.0 - *at).as_secs_f64()) {
                return Some(now.0.as_secs_f64());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        None
    }

    /// All rows of a query, and the milliseconds from the call to the last page.
    pub fn query(&self, text: &str) -> (Vec<Value>, f64) {
        let headers = [("X-Amz-Target", "Timestream_20181101.Query"), ("Content-Type", "application/x-amz-json-1.0")];
        let (mut rows, mut call, started) = (Vec::new(), json!({"QueryString": text}), Instant::now());
        loop {
            let answer = remote::post(&format!("http://{}/", self.timestream), &headers, call.to_string().as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.text());
            let mut page: Value = serde_json::from_slice(&answer.body).unwrap();
            rows.append(page["Rows"].as_array_mut().unwrap());
            match page["NextToken"].take() {
                Value::Null => return (rows, started.elapsed().as_secs_f64() * 1000.0),
                token => call["NextToken"] = token,
            }
        }
    }
}
