//! A real Prometheus writes while the connector and the Timestream behind it are killed and started again: what it sends
//! again from its write-ahead log leaves no gap.

use super::connector::{Connector, Scratch};
use super::port::Port;
use super::prometheus_server::{Prometheus, now, reading_from};

#[test]
fn kill_9_of_timestream_and_of_the_connector_leaves_no_gap() {
    let scratch = Scratch::new();
    let (timestream_port, connector_port) = (Port::new(), Port::new());
    let (timestream_address, address) = (timestream_port.address.to_string(), connector_port.address.to_string());
    // A connector whose embedded Timestream the connector under test writes to, as it would to AWS.
    let timestream = || {
        let api = format!("--embedded.listen-address={timestream_address}");
        Connector::embedded(scratch.path(), &[&api])
    };
    let connector = || {
        let url = format!("http://{timestream_address}");
        Connector::start_at(
            &address,
            &[
                "--default-database=prometheus",
                "--default-table=metrics",
                "--enable-sigv4-auth",
                "--write.timeout=4s",
                &format!("--write-base-endpoint={url}"),
                &format!("--query-base-endpoint={url}"),
            ],
            &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")],
        )
    };
    let (mut running_timestream, mut running) = (timestream(), connector());
    let writer = Prometheus::start(
        scratch.path(),
        "writer",
        &format!(
            "global:\n  scrape_interval: 500ms\n\
             scrape_configs:\n\
             - job_name: prometheus\n  static_configs:\n  - targets: [\"SELF\"]\n\
             remote_write:\n- url: http://{address}/write\n  \
             queue_config: {{batch_send_deadline: 200ms, max_backoff: 500ms}}\n"
        ),
    );
    let reader = Prometheus::start(scratch.path(), "reader", &reading_from(&format!("http://{address}/read"), ""));
    let pause = || writer.scrapes(3);
    let start = now();
    for _ in 0..2 {
        pause();
        running_timestream.kill();
        pause();
        running_timestream = timestream();
        pause();
        running.kill();
        pause();
        running = connector();
    }
    pause();
    let end = now();
    writer.sends_all_until(end);
    let window = format!("[{}s]", (end - start) as u64 + 1);
    // Summaries are NaN while they have seen nothing, which can't be stored; every other sample of every series must be
    // there.
    let promql = format!("{{__name__=~\".+\",quantile=\"\"}}{window}");
    let series = writer.assert_read_by(&reader, &promql, end);
    assert!(series > 300, "{promql} finds only {series} series");
    assert_eq!(writer.sum("prometheus_remote_storage_samples_failed_total"), 0.0);
    drop(writer);
    running.assert_conserved();
    running_timestream.kill();
}
