//! A real Prometheus 3 writes in 2.0 mode, and none of its samples fails.

use super::connector::{Connector, Scratch};
use super::prometheus_server::{Prometheus, now, prometheus3, reading_from};
use super::waiting::eventually;

/// Not even those that Timestream can't hold: stale markers of a target that is down, and quantiles without observations.
#[test]
fn no_sample_of_prometheus_3_fails_in_2_0_mode() {
    let Some(binary) = prometheus3() else { return };
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--native-histograms=expand"]);
    let address = &connector.address;
    let config = format!(
        "global:\n  scrape_interval: 1s\n\
         scrape_configs:\n\
         - job_name: prometheus\n  static_configs:\n  - targets: [\"SELF\", \"127.0.0.1:1\"]\n\
         - job_name: connector\n  static_configs:\n  - targets: [\"{address}\"]\n    labels: {{env: test}}\n\
         remote_write:\n- url: http://{address}/write\n  protobuf_message: io.prometheus.write.v2.Request\n  \
         send_native_histograms: true\n  queue_config: {{batch_send_deadline: 200ms}}\n"
    );
    let features = ["--enable-feature=native-histograms,metadata-wal-records"];
    let writer = Prometheus::start_binary(&binary, scratch.path(), "writer", &config, &features);
    let config = reading_from(&format!("http://{address}/read"), "");
    let reader = Prometheus::start_binary(&binary, scratch.path(), "reader", &config, &[]);
    eventually("samples and native histograms are written", || {
        connector.metric("timestream_connector_written_samples_total") > 5000.0
            && connector.metric("timestream_connector_written_histograms_total") > 10.0
    });
    let window_end = now();
    writer.sends_all_until(window_end);

    let at = window_end.floor();
    for promql in [
        "up",
        "prometheus_build_info",
        "up{env=\"\"}",
        "{__name__=~\"go_gc.*|up\",quantile=\"\"}",
        "sum by (job) (scrape_samples_scraped)",
        "rate(timestream_connector_received_samples_total[10s])",
        "timestream_connector_write_duration_seconds_bucket",
        "count_over_time(up[8s])",
    ] {
        writer.assert_read_by(&reader, promql, at);
    }
    for (native, classic) in [
        ("histogram_count(prometheus_http_request_duration_seconds)", "prometheus_http_request_duration_seconds_count"),
        ("histogram_sum(prometheus_http_request_duration_seconds)", "prometheus_http_request_duration_seconds_sum"),
    ] {
        eventually(&format!("{native} is read as {classic}"), || {
            let (own, read) = (writer.sum_at(native, at), reader.sum_at(classic, at));
            own > 0.0 && (own - read).abs() <= own * 1e-12
        });
    }
    for failed in ["samples_failed", "histograms_failed", "exemplars_failed", "samples_dropped", "histograms_dropped"] {
        let counter = format!("prometheus_remote_storage_{failed}_total");
        assert_eq!(writer.sum(&counter), 0.0, "{counter}");
    }
    assert!(writer.sum("prometheus_remote_storage_histograms_total") > 10.0);
    assert!(connector.samples("ignored", "nan") > 0.0, "summaries without observations");
    drop(writer);
    let [written, ignored, rejected, failed] = connector.assert_histograms_conserved();
    assert!(written > 10.0 && rejected == 0.0 && failed == 0.0, "{written} {ignored} {rejected} {failed}");
    connector.assert_conserved();
}
