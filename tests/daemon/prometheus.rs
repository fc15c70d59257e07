//! A real Prometheus writes, and another that has nothing but remote read answers the same.
//!
//! A scrapes itself and the connector and remote-writes. B has no data of its own. The same PromQL over the same past
//! window must give the same answers from A's own storage and from B.

use super::connector::{Connector, Scratch};
use super::prometheus_server::{Prometheus, now, reading_from};
use super::waiting::eventually;

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
    let reader =
        Prometheus::start(scratch.path(), "reader", &reading_from(&format!("http://{}/read", connector.address), ""));
    let sent = "prometheus_remote_storage_samples_total - prometheus_remote_storage_samples_failed_total";
    eventually("some scrapes are written", || writer.sum(sent) > 3000.0);
    let window_end = now();
    writer.sends_all_until(window_end);

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
        writer.assert_read_by(&reader, promql, at);
    }
    assert_eq!(writer.sum("prometheus_remote_storage_samples_failed_total"), 0.0);
    drop(writer);
    connector.assert_conserved();
}
