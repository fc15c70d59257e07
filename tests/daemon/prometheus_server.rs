//! Starts and stops real Prometheus servers.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::port::Port;
use super::remote;
use super::waiting::{PATIENCE, eventually, eventually_equal};

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
    _port: Port,
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
        let port = Port::new();
        let address = port.address.to_string();
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
        let prometheus = Prometheus { child, address, _port: port };
        eventually("Prometheus is ready", || {
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

    /// The sum of what a query finds now.
    pub fn sum(&self, promql: &str) -> f64 {
        self.sum_at(promql, now())
    }

    /// The sum of what a query finds at `time`, in seconds.
    pub fn sum_at(&self, promql: &str, time: f64) -> f64 {
        let sum = self.query(&format!("sum({promql})"), time);
        sum[0]["value"][1].as_str().map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until it has scraped itself, which takes a target of its own, so many times more.
    pub fn scrapes(&self, more: usize) {
        let count = || self.sum("count_over_time(up[1h])");
        let before = count();
        eventually("Prometheus scrapes", || count() >= before + more as f64);
    }

    /// Waits until it has sent all that it scraped up to a time. Of several shards one may lag behind.
    pub fn sends_all_until(&self, time: f64) {
        eventually("all is sent", || {
            self.sum("prometheus_remote_storage_queue_highest_sent_timestamp_seconds") > time + 1.0
        });
    }

    /// A reader comes to answer a query about the past as this does; gives how many series that are, some at least. What
    /// is still on its way comes; what is lost never does.
    pub fn assert_read_by(&self, reader: &Prometheus, promql: &str, time: f64) -> usize {
        let mut found = 0;
        eventually_equal(promql, || {
            let (own, read) = (self.query(promql, time), reader.query(promql, time));
            found = own.as_array().unwrap().len();
            (first_difference(&own, &read), None)
        });
        assert!(found > 0, "{promql} finds nothing in what was scraped");
        found
    }
}

/// The configuration of a Prometheus that reads from `url`, with these settings of its client. It waits as long as a test.
pub fn reading_from(url: &str, client: &str) -> String {
    let patience = PATIENCE.as_secs();
    format!("remote_read:\n- url: {url}\n  read_recent: true\n  remote_timeout: {patience}s\n{client}")
}

/// The first series of which two answers differ.
fn first_difference(own: &Value, read: &Value) -> Option<String> {
    let (own, read) = (own.as_array().unwrap(), read.as_array().unwrap());
    let differs = own.iter().zip(read).find(|(own, read)| own != read);
    let longer = (own.len() != read.len()).then(|| format!("{} series, of which {} are read", own.len(), read.len()));
    differs.map(|(own, read)| format!("{own} is read as {read}")).or(longer)
}

/// Now, in seconds since 1970.
pub fn now() -> f64 {
    remote::now_ms() as f64 / 1000.0
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
