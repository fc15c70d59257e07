//! Connectors behind a Service are restarted one after the other while a real Prometheus writes through them: nothing
//! fails, nothing is lost, and with `--shutdown.delay` nothing even has to be sent twice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::balancer::Balancer;
use super::certificates::Authority;
use super::connector::{Connector, Scratch};
use super::metrics;
use super::port::Port;
use super::prometheus_server::{Prometheus, now, reading_from};
use super::tls::TlsClient;
use super::waiting::eventually;

const PASSWORD: &str = "hidden-secret-key";
const ROUNDS: usize = 2;
/// How often Prometheus scrapes itself, for a load.
const COPIES: usize = 4;

/// How the connectors are reached.
#[derive(Clone)]
struct Web {
    scheme: &'static str,
    flags: Vec<String>,
    /// What Prometheus is told about TLS.
    client: String,
    authority: Option<PathBuf>,
}

impl Web {
    fn plain(_: &Path) -> Self {
        Web { scheme: "http", flags: Vec::new(), client: String::new(), authority: None }
    }

    fn tls(folder: &Path) -> Self {
        let root = Authority::root(folder, "root");
        let identity = root.certify(folder, "server", &["localhost", "127.0.0.1"]);
        Web {
            scheme: "https",
            flags: identity.flags().to_vec(),
            client: format!("  tls_config: {{ca_file: {}}}\n", root.file.display()),
            authority: Some(root.file),
        }
    }

    /// The answer to a GET, its head and its body; `None` where nobody answers.
    fn get(&self, address: &str, path: &str) -> Option<String> {
        match &self.authority {
            None => get(TcpStream::connect(address).ok()?, path),
            Some(authority) => get(TlsClient::try_connect(address, authority, b"http/1.1").ok()?.0, path),
        }
    }
}

fn get(mut stream: impl Read + Write, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    stream.write_all(request.as_bytes()).ok()?;
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// A connector that has ended has counted each sample once, and has written some. While traffic flows its metrics can't
/// tell; the summaries of its log can, of which the last comes when nothing is in flight any more.
fn assert_conserved(log: &[String]) {
    let summaries = log.iter().filter(|line| line.contains("samples since the last such line"));
    let total = |outcome: &str| -> u64 {
        let name = format!(" {outcome}=");
        let counts = summaries.clone().map(|line| line.split(&name).nth(1).unwrap().split(' ').next().unwrap());
        counts.map(|count| count.parse::<u64>().unwrap()).sum()
    };
    let [received, outcomes @ ..] = ["received", "written", "ignored", "rejected", "failed"].map(total);
    assert_eq!(received, outcomes.iter().sum::<u64>(), "written, ignored, rejected, failed: {outcomes:?}");
    assert!(outcomes[0] > 0, "no traffic came");
}

/// What restarting has cost.
struct Rolled {
    /// Samples that Prometheus has sent again.
    retried: f64,
    /// What the balancer took at most to see that a connector is not ready any more.
    noticed_in: Duration,
}

/// Restarts two connectors in turn.
fn roll(web: fn(&Path) -> Web, delay: Option<Duration>) -> Rolled {
    let scratch = Scratch::new();
    let web = web(scratch.path());
    let timestream = Connector::embedded(scratch.path(), &[]);
    let url = format!("http://{}", timestream.timestream);
    let endpoints = [format!("--write-base-endpoint={url}"), format!("--query-base-endpoint={url}")];
    let delay = delay.map(|delay| format!("--shutdown.delay={}ms", delay.as_millis()));
    let mut all = vec!["--default-database=prometheus", "--default-table=metrics", &endpoints[0], &endpoints[1]];
    all.extend(web.flags.iter().chain(&delay).map(String::as_str));
    let ports = [Port::new(), Port::new()];
    let addresses: Vec<String> = ports.iter().map(|port| port.address.to_string()).collect();
    let start = |address: &str| Connector::listening_at(address, &all, &[]);
    let mut connectors: Vec<Connector> = addresses.iter().map(|address| start(address)).collect();
    let probe = web.clone();
    let balancer = Balancer::start(addresses.clone(), move |address| {
        probe.get(address, "/-/ready").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    });
    (0..2).for_each(|index| balancer.wait_until(index, true));

    let remote = format!("{}://{}", web.scheme, balancer.address);
    let client = format!("  basic_auth: {{username: AKIAROLL, password: {PASSWORD}}}\n{}", web.client);
    let targets: String =
        (0..COPIES).map(|copy| format!("  - targets: [SELF]\n    labels: {{copy: \"{copy}\"}}\n")).collect();
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n\
         - job_name: prometheus\n  static_configs:\n{targets}\
         - job_name: connector\n  scheme: {}\n{}  static_configs:\n  - targets: [{}]\n\
         remote_write:\n- url: {remote}/write\n{client}  \
         queue_config: {{min_shards: 4, batch_send_deadline: 200ms, max_backoff: 500ms}}\n",
        web.scheme,
        web.client,
        addresses.join(", ")
    );
    let writer = Prometheus::start(scratch.path(), "writer", &config);
    let reader = Prometheus::start(scratch.path(), "reader", &reading_from(&format!("{remote}/read"), &client));
    eventually("the load is there", || writer.sum("prometheus_remote_storage_samples_total") > 2000.0);

    let from = now();
    // Over HTTP/2 one has all the traffic. What it leaves goes to the other, which is next.
    let written = |index: usize| {
        let metrics = web.get(&addresses[index], "/metrics").unwrap();
        metrics::sum(&metrics, "timestream_connector_written_samples_total").unwrap()
    };
    let first = usize::from(written(0) < written(1));
    let mut noticed_in = Duration::ZERO;
    for index in (0..ROUNDS).flat_map(|_| [first, 1 - first]) {
        eventually("it has traffic", || written(index) > 0.0);
        let asked = Instant::now();
        connectors[index].terminate();
        balancer.wait_until(index, false);
        noticed_in = noticed_in.max(asked.elapsed());
        assert_eq!(connectors[index].wait().code(), Some(0));
        assert_conserved(&connectors[index].log_lines());
        connectors[index] = start(&addresses[index]);
        balancer.wait_until(index, true);
    }
    let end = now();
    writer.sends_all_until(end);

    // What is NaN can't be stored: summaries that have seen nothing.
    let of_copies = (0..COPIES).map(|copy| format!("copy=\"{copy}\""));
    let series: usize = of_copies
        .chain(["job=\"connector\"".to_owned()])
        .map(|matcher| {
            let promql = format!("{{{matcher},quantile=\"\"}}[{}s]", (end - from) as u64 + 1);
            writer.assert_read_by(&reader, &promql, end)
        })
        .sum();
    assert!(series > 1000, "only {series} series");
    let [failed, dropped, sent, retried] = ["failed_total", "dropped_total", "total", "retried_total"]
        .map(|name| writer.sum(&format!("prometheus_remote_storage_samples_{name}")));
    assert_eq!((failed, dropped), (0.0, 0.0));
    eprintln!(
        "{series} series, {sent} samples sent, {retried} of them again; {} refused, noticed in {noticed_in:?}",
        balancer.refused()
    );
    drop(writer);
    timestream.assert_conserved();
    Rolled { retried, noticed_in }
}

/// With a delay of twice what the balancer takes to notice, as in Kubernetes, no sample is sent twice. A busy machine's
/// balancer takes longer.
fn assert_that_none_is_sent_twice(web: fn(&Path) -> Web) {
    for delay in [1500, 6000, 24_000].map(Duration::from_millis) {
        let rolled = roll(web, Some(delay));
        if rolled.noticed_in < delay / 2 {
            assert_eq!(rolled.retried, 0.0);
            return;
        }
    }
    panic!("the balancer never noticed in time");
}

#[test]
fn with_a_delay_no_sample_is_even_sent_twice_over_http_1() {
    assert_that_none_is_sent_twice(Web::plain);
}

#[test]
fn with_a_delay_no_sample_is_even_sent_twice_over_http_2() {
    assert_that_none_is_sent_twice(Web::tls);
}

#[test]
fn without_a_delay_no_sample_is_lost() {
    roll(Web::plain, None);
}
