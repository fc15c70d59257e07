//! A real Prometheus writes while the connector and the Timestream behind it are killed and started again: what it sends
//! again from its write-ahead log leaves no gap.

use std::time::{Duration, Instant};

use super::connector::{Connector, Scratch, free_port};
use super::prometheus::now;
use super::prometheus_server::Prometheus;

#[test]
fn kill_9_of_timestream_and_of_the_connector_leaves_no_gap() {
    let scratch = Scratch::new();
    let (timestream_port, connector_port) = (free_port(), free_port());
    // A connector whose embedded Timestream the connector under test writes to, as it would to AWS.
    let timestream = || {
        let api = format!("--embedded.listen-address=127.0.0.1:{timestream_port}");
        Connector::embedded(scratch.path(), &[&api])
    };
    let connector = || {
        let url = format!("http://127.0.0.1:{timestream_port}");
        Connector::start_at(
            &format!("127.0.0.1:{connector_port}"),
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
             remote_write:\n- url: http://127.0.0.1:{connector_port}/write\n  \
             queue_config: {{batch_send_deadline: 200ms, max_backoff: 500ms}}\n"
        ),
    );
    let reader = Prometheus::start(
        scratch.path(),
        "reader",
        &format!("remote_read:\n- url: http://127.0.0.1:{connector_port}/read\n  read_recent: true\n"),
    );
    let pause = || std::thread::sleep(Duration::from_millis(1500));
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
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let highest = writer.query("prometheus_remote_storage_queue_highest_sent_timestamp_seconds", now());
        if highest[0]["value"][1].as_str().is_some_and(|time| time.parse::<f64>().unwrap() > end + 1.0) {
            break;
        }
        assert!(Instant::now() < deadline, "the window was not written: {highest}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let window = format!("[{}s]", (end - start) as u64 + 1);
    // Summaries are NaN while they have seen nothing, which can't be stored; every other sample of every series must be
    // there.
    let promql = format!("{{__name__=~\".+\",quantile=\"\"}}{window}");
    let (own, remote) = (writer.query(&promql, end), reader.query(&promql, end));
    assert!(own.as_array().is_some_and(|series| series.len() > 300), "{promql} finds little in A");
    for (own, remote) in own.as_array().unwrap().iter().zip(remote.as_array().unwrap()) {
        assert_eq!(own, remote, "differs after the kills");
    }
    assert!(own == remote, "B has other series than A");
    let failed = writer.query("sum(prometheus_remote_storage_samples_failed_total)", now());
    assert_eq!(failed[0]["value"][1], "0", "{failed}");
    drop(writer);
    running.assert_conserved();
    running_timestream.kill();
}
