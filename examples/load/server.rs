//! A server under measurement, in a process of its own.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use timestream_prometheus_connector::{options::Options, run::daemon::Daemon, telemetry::log};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::common::port::Port;
use crate::common::waiting::eventually;
use crate::{Settings, machine, sender};

/// How long a server may take to stop. A profiler writes its findings then.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the process of the connector does: the same as its binary.
pub fn be_connector(arguments: &[String]) {
    let arguments = std::iter::once("connector".to_owned()).chain(arguments.iter().cloned());
    let options = Options::parse(arguments, |name| std::env::var(name).ok()).expect("options");
    log::install(options.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        let daemon = Daemon::start(options).await.unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            terminate.recv().await;
            stopped.cancel();
        });
        daemon.run(stop).await
    });
}

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    has_metrics: bool,
    _port: Port,
}

impl Server {
    pub fn start(kind: &str, endpoint: &str, settings: &Settings) -> Self {
        let port = Port::new();
        let address = port.address;
        let mut words: Vec<String> = Vec::new();
        if let Some(cores) = &settings.cores {
            words.extend(["taskset".into(), "--cpu-list".into(), cores.clone()]);
        }
        words.extend(settings.under.iter().flat_map(|under| under.split_whitespace()).map(str::to_owned));
        let other = match kind {
            "before" => settings.before.clone(),
            "peer" => settings.peer.clone(),
            _ => None,
        };
        let own = || std::env::current_exe().unwrap().to_str().unwrap().to_owned();
        let is_own = other.is_none();
        words.push(other.unwrap_or_else(own));
        match kind {
            "naive" => words.extend(["be-naive".into(), address.to_string(), endpoint.to_owned()]),
            _ => words.extend(is_own.then(|| "be-connector".into()).into_iter().chain([
                "--default-database=dat".into(),
                "--default-table=tab".into(),
                // Amazon's wants a value.
                "--enable-sigv4-auth=true".into(),
                format!("--web.listen-address={address}"),
                format!("--write-base-endpoint={endpoint}"),
            ])),
        }
        // Amazon's asks for the endpoint with each request unless it is told not to; the others ignore this.
        let keys = [
            ("AWS_ACCESS_KEY_ID", "load"),
            ("AWS_SECRET_ACCESS_KEY", "load"),
            ("AWS_ENABLE_ENDPOINT_DISCOVERY", "false"),
        ];
        let mut command = Command::new(&words[0]);
        let child = command.args(&words[1..]).envs(keys).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("the server listens", || TcpStream::connect(address).is_ok());
        Server { child, address, has_metrics: kind != "naive", _port: port }
    }

    pub fn cpu_seconds(&self) -> f64 {
        machine::cpu_seconds(&self.child.id().to_string())
    }

    pub fn peak_bytes(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
    }

    /// Write units per sample written, from the connector's own metrics.
    pub fn units_per_sample(&self) -> Option<f64> {
        let text = if self.has_metrics { sender::get(self.address, "/metrics")? } else { return None };
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        Some(
            value("timestream_connector_metered_units_total ")? / value("timestream_connector_written_samples_total ")?,
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = Instant::now();
        if let Some(process) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(process, Signal::TERM);
        }
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
