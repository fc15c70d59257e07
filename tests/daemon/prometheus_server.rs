//! Starts and stops real Prometheus servers.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::connector::PATIENCE;
use super::remote;

/// The Prometheus that is installed.
pub const INSTALLED: &str = "prometheus";

/// A Prometheus 3: the one that `PROMETHEUS3` names, or the one that `.ci/prometheus3` has unpacked. Where there is none,
/// says so.
pub fn prometheus3() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus3/root/usr/bin/prometheus");
    let named = std::env::var_os("PROMETHEUS3").map(PathBuf::from);
    let found = named.or_else(|| unpacked.exists().then_some(unpacked));
    if found.is_none() {
        eprintln!("NOT TESTED with Prometheus 3: there is none. `.ci/prometheus3` fetches one.");
    }
    found
}

/// A running Prometheus. Killed when dropped.
pub struct Prometheus {
    child: Child,
    /// Its address, such as `127.0.0.1:40000`.
    pub address: String,
}

impl Prometheus {
    /// Starts the installed Prometheus with its data in a subfolder, and waits until it is ready. `SELF` in its
    /// configuration is its own address.
    pub fn start(folder: &Path, name: &str, config: &str) -> Self {
        Prometheus::start_binary(Path::new(INSTALLED), folder, name, config, &[])
    }

    /// Starts this Prometheus, with these arguments more.
    pub fn start_binary(binary: &Path, folder: &Path, name: &str, config: &str, arguments: &[&str]) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let config = config.replace("SELF", &address);
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        let child = Command::new(binary)
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .expect("prometheus must be installed (Debian: apt-get install prometheus)");
        let prometheus = Prometheus { child, address };
        prometheus.wait_until("it is ready", || {
            std::net::TcpStream::connect(&prometheus.address).is_ok() && prometheus.get("/-/ready").status == 200
        });
        prometheus
    }

    /// GETs a path.
    pub fn get(&self, path: &str) -> remote::Answer {
        remote::get(&format!("http://{}{path}", self.address), &[])
    }

    /// The result of a query at `time`, in seconds; series in a fixed order.
    pub fn query(&self, promql: &str, time: f64) -> Value {
        let promql: String = promql.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={promql}&time={time}"));
        let mut answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        assert!(answer.get("warnings").is_none(), "{answer}");
        let mut result = answer["data"]["result"].take();
        if let Some(series) = result.as_array_mut() {
            series.sort_by_key(|one| one["metric"].to_string());
        }
        result
    }

    /// Waits for a condition.
    pub fn wait_until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "waited too long until {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
