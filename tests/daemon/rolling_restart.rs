//! Connectors behind a Service are restarted one after the other while a real Prometheus writes through them: nothing
//! fails, nothing is lost, and with `--shutdown.delay` nothing even has to be sent twice.

use std::path::Path;
use std::time::{Duration, Instant};

use super::balancer::Balancer;
use super::certificates::Authority;
use super::connector::{Connector, Scratch, free_port};
use super::curl::Curl;
use super::prometheus::now;
use super::prometheus_server::Prometheus;

const PASSWORD: &str = "hidden-secret-key";
const ROUNDS: usize = 2;
/// Several times what the balancer takes to notice, as in Kubernetes.
const DELAY: &str = "--shutdown.delay=1500ms";

/// How the connectors are reached.
struct Web {
    scheme: &'static str,
    flags: Vec<String>,
    /// What Prometheus is told about TLS.
    client: String,
    curl: Curl,
}

impl Web {
    fn plain() -> Self {
        let curl = Curl::trusting(Path::new("/dev/null"));
        Web { scheme: "http", flags: Vec::new(), client: String::new(), curl }
    }

    fn tls(folder: &Path) -> Self {
        let authority = Authority::root(folder, "root");
        let identity = authority.certify(folder, "server", &["127.0.0.1"]);
        let file = authority.file.display();
        Web {
            scheme: "https",
            flags: identity.flags().to_vec(),
            client: format!("  tls_config: {{ca_file: {file}}}\n"),
            curl: Curl::trusting(&authority.file),
        }
    }

    /// A counter of a connector that runs, summed over its labels.
    fn metric(&self, address: &str, name: &str) -> f64 {
        let text = self.curl.get(&format!("{}://{address}/metrics", self.scheme)).unwrap().text;
        let lines =
            text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        lines.map(|line| line.trim().rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// The connector at `address` has counted each sample once, and has written some.
    fn assert_conserved(&self, address: &str) {
        let total = |outcome: &str| self.metric(address, &format!("timestream_connector_{outcome}_samples_total"));
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let [received, outcomes @ ..] = ["received", "written", "ignored", "rejected", "failed"].map(total);
            if received == outcomes.iter().sum::<f64>() {
                break;
            }
            assert!(Instant::now() < deadline, "{received} received, {outcomes:?}");
        }
        assert!(total("written") > 0.0, "no traffic came to {address}");
    }
}

/// Restarts two connectors in turn; gives how many samples Prometheus had to send again.
fn roll(scratch: &Scratch, web: &Web, arguments: &[&str]) -> f64 {
    let timestream_port = free_port();
    let api = format!("--embedded.listen-address=127.0.0.1:{timestream_port}");
    let timestream = Connector::embedded(scratch.path(), &[&api]);
    let url = format!("http://127.0.0.1:{timestream_port}");
    let endpoints = [format!("--write-base-endpoint={url}"), format!("--query-base-endpoint={url}")];
    let mut all = vec!["--default-database=prometheus", "--default-table=metrics", &endpoints[0], &endpoints[1]];
    all.extend(web.flags.iter().map(String::as_str));
    all.extend(arguments);
    let addresses: Vec<String> = (0..2).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    let start = |address: &str| Connector::listening_at(address, &all, &[]);
    let mut connectors: Vec<Connector> = addresses.iter().map(|address| start(address)).collect();
    let (scheme, probe) = (web.scheme, web.curl.with(&["--max-time", "1"]));
    let balancer = Balancer::start(addresses.clone(), move |address| {
        probe.status(&format!("{scheme}://{address}/-/ready")) == Some(200)
    });
    (0..2).for_each(|index| balancer.wait_until(index, true));

    let remote = format!("{scheme}://{}", balancer.address);
    let client = format!("  basic_auth: {{username: AKIAROLL, password: {PASSWORD}}}\n{}", web.client);
    let targets: String =
        (0..4).map(|copy| format!("  - targets: [SELF]\n    labels: {{copy: \"{copy}\"}}\n")).collect();
    let config = format!(
        "global:\n  scrape_interval: 500ms\nscrape_configs:\n\
         - job_name: prometheus\n  static_configs:\n{targets}\
         - job_name: connector\n  scheme: {scheme}\n{}  static_configs:\n  - targets: [{}]\n\
         remote_write:\n- url: {remote}/write\n{client}  \
         queue_config: {{min_shards: 4, batch_send_deadline: 200ms, max_backoff: 500ms}}\n",
        web.client,
        addresses.join(", ")
    );
    let writer = Prometheus::start(scratch.path(), "writer", &config);
    let reader = Prometheus::start(
        scratch.path(),
        "reader",
        &format!("remote_read:\n- url: {remote}/read\n  read_recent: true\n{client}"),
    );
    let value = |name: &str| -> f64 {
        let sum = writer.query(&format!("sum({name})"), now());
        sum[0]["value"][1].as_str().map_or(0.0, |value| value.parse().unwrap())
    };
    writer.wait_until("the load is there", || value("prometheus_remote_storage_samples_total") > 2000.0);

    let from = now();
    // Over HTTP/2 one has all the traffic. What it leaves goes to the other, which is next.
    let written = |index: usize| web.metric(&addresses[index], "timestream_connector_written_samples_total");
    let first = usize::from(written(0) < written(1));
    for index in (0..ROUNDS).flat_map(|_| [first, 1 - first]) {
        web.assert_conserved(&addresses[index]);
        connectors[index].terminate();
        assert_eq!(connectors[index].wait().code(), Some(0));
        balancer.wait_until(index, false);
        connectors[index] = start(&addresses[index]);
        balancer.wait_until(index, true);
        std::thread::sleep(Duration::from_millis(800));
    }
    let end = now();
    let highest = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds";
    writer.wait_until("the window is written", || value(highest) > end + 1.0);

    // What is NaN can't be stored: summaries that have seen nothing.
    let promql = format!("{{__name__=~\".+\",quantile=\"\"}}[{}s]", (end - from) as u64 + 1);
    let own = writer.query(&promql, end);
    let own = own.as_array().unwrap();
    assert!(own.len() > 1000, "{promql} finds little in A");
    // Of four shards one may lag behind the highest time sent; what is lost never comes.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let remote = reader.query(&promql, end);
        let remote = remote.as_array().unwrap();
        if own == remote {
            break;
        }
        if Instant::now() > deadline {
            for (own, remote) in own.iter().zip(remote) {
                assert_eq!(own, remote, "differs after the restarts");
            }
            panic!("A has {} series, B has {}", own.len(), remote.len());
        }
    }
    assert_eq!(value("prometheus_remote_storage_samples_failed_total"), 0.0);
    assert_eq!(value("prometheus_remote_storage_samples_dropped_total"), 0.0);
    let (sent, retried) =
        (value("prometheus_remote_storage_samples_total"), value("prometheus_remote_storage_samples_retried_total"));
    eprintln!("{} series, {sent} samples sent, {retried} of them again; {} refused", own.len(), balancer.refused());
    drop(writer);
    timestream.assert_conserved();
    retried
}

#[test]
fn with_a_delay_no_sample_is_even_sent_twice_over_http_1() {
    let scratch = Scratch::new();
    assert_eq!(roll(&scratch, &Web::plain(), &[DELAY]), 0.0);
}

#[test]
fn with_a_delay_no_sample_is_even_sent_twice_over_http_2() {
    let scratch = Scratch::new();
    assert_eq!(roll(&scratch, &Web::tls(scratch.path()), &[DELAY]), 0.0);
}

#[test]
fn without_a_delay_no_sample_is_lost() {
    let scratch = Scratch::new();
    roll(&scratch, &Web::plain(), &[]);
}
