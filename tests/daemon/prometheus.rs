//! A real Prometheus writes, and another that has nothing but remote read answers the same.
//!
//! A scrapes itself and the connector and remote-writes. B has no data of its own. The same PromQL over the same past
//! window must give the same answers from A's own storage and from B.

use super::connector::{Connector, Scratch};
use super::prometheus_server::Prometheus;
use super::remote;

#[test]
fn a_second_prometheus_reads_what_the_first_wrote() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let writer = Prometheus::start(
        scratch.path(),
        "writer",
        &format!(
            "global:\n  scrape_interval: 1s\n\
             scrape_configs:\n\
             - job_name: prometheus\n  static_configs:\n  - targets: [\"SELF\"]\n\
             - job_name: connector\n  static_configs:\n  - targets: [\"{0}\"]\n    labels: {{env: test}}\n\
             remote_write:\n- url: http://{0}/write\n  queue_config: {{batch_send_deadline: 200ms}}\n",
            connector.address
        ),
    );
    let reader = Prometheus::start(
        scratch.path(),
        "reader",
        &format!("remote_read:\n- url: http://{}/read\n  read_recent: true\n", connector.address),
    );
    let sent = || {
        writer.query("prometheus_remote_storage_samples_total - prometheus_remote_storage_samples_failed_total", now())
    };
    writer.wait_until("some scrapes are written", || {
        let first = &sent()[0]["value"][1];
        first.as_str().is_some_and(|samples| samples.parse::<f64>().unwrap() > 3000.0)
    });
    // All that was scraped up to here is written once the queue has sent everything older.
    let window_end = now();
    writer.wait_until("the window is written", || {
        let highest = writer.query("prometheus_remote_storage_queue_highest_sent_timestamp_seconds", now());
        highest[0]["value"][1].as_str().is_some_and(|time| time.parse::<f64>().unwrap() > window_end + 1.0)
    });

    let at = window_end.floor();
    for promql in [
        "prometheus_build_info",
        "up",
        "rate(prometheus_http_requests_total[10s])",
        "timestream_connector_received_samples_total",
        "{__name__=~\"go_gc.*|up\"}",
        "prometheus_http_requests_total{handler=~\"/api/v1/.*\"}",
        "up{env!=\"test\"}",
        "up{env=\"\"}",
        "{__name__=\"up\",env!~\"pro.*\"}",
        "sum by (job) (scrape_samples_scraped)",
        "histogram_quantile(0.9, sum by (le) (prometheus_http_request_duration_seconds_bucket))",
        "timestream_connector_ignored_samples_total{reason=~\".*inf\"}",
        "count_over_time(up[8s])",
        "up[5s]",
    ] {
        let (own, remote) = (writer.query(promql, at), reader.query(promql, at));
        assert!(own.as_array().is_some_and(|series| !series.is_empty()), "{promql} finds nothing in A: {own}");
        assert_eq!(own, remote, "{promql}");
    }
    let failed = writer.query("sum(prometheus_remote_storage_samples_failed_total)", now());
    assert_eq!(failed[0]["value"][1], "0", "{failed}");
    drop(writer);
    connector.assert_conserved();
}

pub fn now() -> f64 {
    remote::now_ms() as f64 / 1000.0
}
