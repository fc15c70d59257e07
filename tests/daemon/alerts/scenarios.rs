//! Connectors that each have one fault, and the alerts that it must raise.

use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use timestream_prometheus_connector::proto;

use super::super::certificates::Authority;
use super::super::connector::{Connector, Scratch};
use super::super::port::Port;
use super::super::remote::{
    self, Series, WRITE_HEADERS, basic_auth, eq, now_ms, packed, query, series, try_post, write_request,
};
use super::super::timestream::{Fault, Timestream};
use super::super::v2::{Builder, HEADERS, histograms};
use super::super::waiting::found;

/// An alert, and labels that it must have.
pub type Expected = (&'static str, &'static [(&'static str, &'static str)]);

/// A connector with a fault.
pub struct Scenario {
    pub name: &'static str,
    pub connector: Option<Connector>,
    pub scheme: &'static str,
    /// What callers do all the time, by how many of them.
    pub load: Box<dyn Fn() + Send + Sync>,
    pub callers: usize,
    /// Every alert that its fault raises.
    pub expected: Vec<Expected>,
    /// What has to live as long.
    pub keeps: Vec<Starved>,
}

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];
const CALLER: &str = "AKIACALLER";
/// Between two requests of a caller.
const PAUSE: Duration = Duration::from_millis(250);

impl Scenario {
    fn new(name: &'static str, connector: Connector, expected: Vec<Expected>) -> Self {
        let load = Box::new(|| std::thread::sleep(PAUSE));
        let (connector, keeps) = (Some(connector), Vec::new());
        Scenario { name, connector, scheme: "http", load, callers: 1, expected, keeps }
    }

    /// Loads it with what `request` does with its address.
    fn loaded(mut self, callers: usize, request: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let address = self.address();
        self.load = Box::new(move || request(&address));
        self.callers = callers;
        self
    }

    /// Loads it with good samples.
    fn written_to(self) -> Self {
        self.loaded(1, |address| {
            send(address, &some_series(4, |_| 1.0));
            std::thread::sleep(PAUSE);
        })
    }

    pub fn address(&self) -> String {
        self.connector.as_ref().unwrap().address.clone()
    }
}

/// Series whose samples are of now.
fn some_series(count: usize, value: impl Fn(usize) -> f64) -> Vec<Series> {
    let now = now_ms();
    let one = |index: usize| series(&[("__name__", "m"), ("i", &index.to_string())], &[(value(index), now)]);
    (0..count).map(one).collect()
}

/// Writes as a caller with keys. How it is answered is for the alerts to say.
fn send(address: &str, series: &[Series]) {
    let authorization = basic_auth(CALLER, "hidden-key-of-the-caller");
    let headers = [WRITE_HEADERS, &[("Authorization", authorization.as_str())]].concat();
    let _ = try_post(&format!("http://{address}/write"), &headers, &write_request(series));
}

/// Reads as a caller with keys.
fn ask(address: &str, name: &str, accepted: i32) {
    let request = proto::ReadRequest {
        queries: vec![query(0, now_ms(), &[eq("__name__", name)])],
        accepted_response_types: vec![accepted],
    };
    let authorization = basic_auth(CALLER, "hidden-key-of-the-caller");
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build();
    let post = ureq::Agent::from(agent).post(format!("http://{address}/read")).header("Authorization", &authorization);
    // An answer may be broken off.
    let _ = post.send(&packed(&request)).map(|answer| answer.into_body().read_to_vec());
}

fn before(plan: impl Fn(&str, u64) -> Fault + Send + Sync + 'static, arguments: &[&str]) -> Connector {
    let timestream = Timestream::start(plan);
    let [database, table, write] = timestream.arguments();
    let query = format!("--query-base-endpoint=http://{}", timestream.address);
    let environment = if arguments.contains(&"--enable-sigv4-auth") { KEYS } else { &[] };
    Connector::listening(&[&[database.as_str(), &table, &write, &query], arguments].concat(), environment)
}

/// A URL at which nobody ever listens.
fn closed() -> String {
    static KEPT: LazyLock<Port> = LazyLock::new(Port::new);
    format!("http://{}", KEPT.address)
}

/// Every fault, each with a connector of its own. `scratch` is for their files.
pub fn all(scratch: &Scratch) -> Vec<Scenario> {
    let mut all = vec![
        healthy(scratch),
        Scenario::new("gone", before(|_, _| Fault::None, &[]), vec![("Down", &[("severity", "critical")])]),
        refused(),
    ];
    all.extend(refusing_timestreams());
    all.extend(bad_requests());
    all.extend(full());
    all.extend(reads(scratch));
    all.extend(environments());
    all.extend(files(scratch));
    all
}

fn healthy(scratch: &Scratch) -> Scenario {
    let connector = Connector::embedded(scratch.path(), &[]);
    Scenario::new("healthy", connector, vec![]).loaded(1, |address| {
        send(address, &some_series(10, |index| index as f64));
        ask(address, "m", 0);
        ask(address, "m", 1);
        std::thread::sleep(PAUSE);
    })
}

fn refused() -> Scenario {
    let url = format!("--write-base-endpoint={}", closed());
    let arguments = ["--default-database=dat", "--default-table=tab", "--write.timeout=2s", &url];
    let expected: Vec<Expected> =
        vec![("NotReady", &[("severity", "critical")]), ("SamplesFailing", &[("severity", "critical")])];
    Scenario::new("refused", Connector::listening(&arguments, &[]), expected).written_to()
}

/// What Timestream itself refuses.
fn refusing_timestreams() -> Vec<Scenario> {
    let throttling = before(
        |_, number| match number % 2 {
            0 => Fault::Exception(429, "ThrottlingException"),
            _ => Fault::None,
        },
        &[],
    );
    let denying = before(|_, _| Fault::Exception(403, "AccessDeniedException"), &[]);
    let retaining = before(|_, _| Fault::Rejecting(1), &[]);
    let twice = before(|_, _| Fault::None, &[]);
    let (time, value) = (now_ms(), AtomicI64::new(0));
    vec![
        Scenario::new("throttled", throttling, vec![("Throttled", &[("operation", "WriteRecords")])]).written_to(),
        Scenario::new("denied", denying, vec![("WritesRefused", &[("reason", "access_denied")])]).written_to(),
        Scenario::new("retention", retaining, vec![("RetentionRejects", &[("reason", "retention_window")])])
            .written_to(),
        Scenario::new("duplicates", twice, vec![("SamplesRejected", &[("reason", "duplicate")])]).loaded(
            1,
            move |address| {
                let value = value.fetch_add(1, Ordering::Relaxed) as f64;
                send(address, &[series(&[("__name__", "m"), ("i", "1")], &[(value, time)])]);
                std::thread::sleep(PAUSE);
            },
        ),
    ]
}

/// What callers do wrong.
fn bad_requests() -> Vec<Scenario> {
    let sound = || before(|_, _| Fault::None, &[]);
    let as_everyone = before(|_, _| Fault::None, &["--enable-sigv4-auth"]);
    vec![
        Scenario::new("no keys", sound(), vec![("RequestsRefused", &[("code", "401")])]).loaded(1, |address| {
            remote::write(address, &some_series(1, |_| 1.0));
            std::thread::sleep(PAUSE);
        }),
        Scenario::new("nan", sound(), vec![("IgnoredShareHigh", &[("severity", "warning")])]).loaded(1, |address| {
            send(address, &some_series(4, |index| if index % 2 == 0 { f64::NAN } else { 1.0 }));
            std::thread::sleep(PAUSE);
        }),
        Scenario::new("histograms", as_everyone, vec![("HistogramsRejected", &[("severity", "warning")])]).loaded(
            1,
            |address| {
                let histogram = super::super::native_histograms::histogram(now_ms());
                let series = Builder::default().series(&[("__name__", "h")], histograms(&[histogram]));
                let _ = try_post(&format!("http://{address}/write"), HEADERS, &packed(&series.0));
                std::thread::sleep(PAUSE);
            },
        ),
    ]
}

/// Timestreams that answer late or not at all, and a batcher that gets no CPU.
fn full() -> Vec<Scenario> {
    let stalled = before(
        |_, _| Fault::Slow(Duration::from_secs(3600)),
        &["--enable-sigv4-auth", "--write.memory-limit=2MiB", "--write.timeout=5s"],
    );
    let slow = before(|_, _| Fault::Slow(Duration::from_secs(11)), &["--write.call-timeout=20s"]);
    let starved = before(|_, _| Fault::None, &["--write.queue-capacity=2", "--write.timeout=60s"]);
    let starving = Starved::thread(starved.pid(), "batcher");
    let mut queue = Scenario::new(
        "queue",
        starved,
        vec![("QueueFilling", &[("severity", "warning")]), ("SamplesFailing", &[("reason", "queue_full")])],
    )
    .loaded(6, |address| {
        send(address, &some_series(1, |_| 1.0));
        std::thread::sleep(Duration::from_millis(5));
    });
    queue.keeps.push(starving);
    vec![
        Scenario::new(
            "stalled",
            stalled,
            vec![("MemoryNearLimit", &[("severity", "warning")]), ("SamplesFailing", &[("severity", "critical")])],
        )
        .loaded(32, |address| send(address, &some_series(1000, |index| index as f64))),
        Scenario::new("slow", slow, vec![("WritesSlow", &[("severity", "warning")])])
            .loaded(16, |address| send(address, &some_series(2, |_| 1.0))),
        queue,
    ]
}

fn reads(scratch: &Scratch) -> Vec<Scenario> {
    let failing = before(|_, _| Fault::Exception(500, "InternalServerException"), &["--max-read-retries=0"]);
    let data = format!("--embedded.data-dir={}", scratch.path().join("aborted").display());
    let arguments = ["--embedded", &data, "--embedded.listen-address=127.0.0.1:0", "--read.max-samples=290000"];
    let aborting = Connector::start(&arguments, &[]);
    super::super::streaming::write_much(&aborting, &["a", "b", "c"]);
    vec![
        Scenario::new("reads", failing, vec![("ReadErrors", &[("severity", "warning")])]).loaded(1, |address| {
            ask(address, "m", 0);
            std::thread::sleep(PAUSE);
        }),
        Scenario::new("aborted", aborting, vec![("ReadsAborted", &[("severity", "warning")])]).loaded(1, |address| {
            ask(address, "much", 1);
            std::thread::sleep(Duration::from_secs(2));
        }),
    ]
}

/// Environments without credentials, and without an endpoint to find.
fn environments() -> Vec<Scenario> {
    let none = [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    let timestream = Timestream::start(|_, _| Fault::None);
    let [database, table, url] = timestream.arguments();
    let short = "--write.timeout=2s";
    let poor = Connector::listening(&[&database, &table, &url, "--enable-sigv4-auth", short], &none);
    let nowhere =
        [format!("--write-discovery-endpoint={}", closed()), format!("--query-discovery-endpoint={}", closed())];
    let lost = Connector::listening(&[&database, &table, &nowhere[0], &nowhere[1], short], &[]);
    vec![
        Scenario::new(
            "credentials",
            poor,
            vec![("CredentialsFailing", &[("severity", "critical")]), ("SamplesFailing", &[])],
        )
        .written_to(),
        Scenario::new(
            "discovery",
            lost,
            vec![("DiscoveryFailing", &[("severity", "warning")]), ("NotReady", &[]), ("SamplesFailing", &[])],
        )
        .written_to(),
    ]
}

/// Certificates and a configuration that someone should look at.
fn files(scratch: &Scratch) -> Vec<Scenario> {
    let authority = Authority::root(scratch.path(), "root");
    let mut all = Vec::new();
    let both: &[Expected] =
        &[("CertificateExpiring", &[("severity", "warning")]), ("CertificateExpiring", &[("severity", "critical")])];
    for (name, hours, expected) in [("week", 3 * 24, &both[..1]), ("day", 12, both)] {
        let identity = authority.certify_for(scratch.path(), name, &["127.0.0.1"], hours);
        let [certificate, key] = identity.flags();
        let connector = before(|_, _| Fault::None, &[&certificate, &key]);
        let mut scenario = Scenario::new(name, connector, expected.to_vec());
        scenario.scheme = "https";
        all.push(scenario);
    }
    let file = scratch.path().join("web.yml");
    std::fs::write(&file, "rate_limit: {burst: 1000, interval: 1ms}\n").unwrap();
    let connector = before(|_, _| Fault::None, &[&format!("--web.config.file={}", file.display())]);
    std::fs::write(&file, "rate_limit: {burst: none}\n").unwrap();
    all.push(Scenario::new("reload", connector, vec![("ConfigReloadFailed", &[("severity", "warning")])]));
    all
}

/// A thread that gets next to no CPU until this is dropped: it runs when nothing else does, on a core where something
/// always does.
pub struct Starved(Child);

impl Starved {
    fn thread(pid: u32, name: &str) -> Self {
        let is_it = |task: &std::path::PathBuf| {
            std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)
        };
        // A thread takes its name when it first runs.
        let thread = found(&format!("a thread {name}"), || {
            let mut tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path());
            tasks.find(is_it)
        });
        let thread = thread.file_name().unwrap().to_str().unwrap().to_owned();
        let run = |program: &str, arguments: &[&str]| {
            let status = Command::new(program).args(arguments).stdout(Stdio::null()).status().unwrap();
            assert!(status.success(), "{program}");
        };
        run("chrt", &["--idle", "--pid", "0", &thread]);
        run("taskset", &["--cpu-list", "--pid", "0", &thread]);
        let hog = ["--cpu-list", "0", "sh", "-c", "while :; do :; done"];
        Starved(Command::new("taskset").args(hog).spawn().unwrap())
    }
}

impl Drop for Starved {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
