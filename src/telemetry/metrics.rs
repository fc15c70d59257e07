//! The connector's metrics. Handles are looked up once, here; nothing on the per-sample path does.
//!
//! Each daemon has metrics of its own, without a global recorder, so that several can run in one process.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::examples::Examples;
use super::reason::{Failed, Ignored, Rejected};

/// The default buckets of Prometheus' client libraries, in seconds.
const BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const METADATA: Metadata<'static> = Metadata::new("timestream_connector", Level::INFO, Some(module_path!()));

/// What a metric is: its name, type and help. The table of docs/metrics.md is held against these.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The name on /metrics.
    pub name: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub help: &'static str,
}

macro_rules! definitions {
    ($($constant:ident = $name:literal, $labels:expr, $help:literal;)+) => {
        $(const $constant: Definition = Definition { name: $name, labels: &$labels, help: $help };)+

        /// All metrics.
        pub const DEFINITIONS: &[Definition] = &[$($constant,)+];
    };
}

definitions! {
    RECEIVED = "timestream_connector_received_samples_total", [], "Samples received in decoded write requests, and made from native histograms.";
    IGNORED = "timestream_connector_ignored_samples_total", ["reason"], "Samples left out by policy: long names, non-finite values, repetitions within a request.";
    WRITTEN = "timestream_connector_written_samples_total", [], "Samples that Timestream has stored.";
    REJECTED = "timestream_connector_rejected_samples_total", ["reason"], "Samples that can never be stored.";
    FAILED = "timestream_connector_failed_samples_total", ["reason"], "Samples not stored this time, answered so that the sender tries again.";
    RECEIVED_HISTOGRAMS = "timestream_connector_received_histograms_total", [], "Native histograms received.";
    IGNORED_HISTOGRAMS = "timestream_connector_ignored_histograms_total", [], "Native histograms that only mark their series as ended, or of which samples were ignored.";
    WRITTEN_HISTOGRAMS = "timestream_connector_written_histograms_total", [], "Native histograms whose samples Timestream has stored, all of them.";
    REJECTED_HISTOGRAMS = "timestream_connector_rejected_histograms_total", [], "Native histograms that can never be stored, or are not to be.";
    FAILED_HISTOGRAMS = "timestream_connector_failed_histograms_total", [], "Native histograms not stored this time, answered so that the sender tries again.";
    RECEIVED_EXEMPLARS = "timestream_connector_received_exemplars_total", [], "Exemplars received. They are not stored.";
    IGNORED_EXEMPLARS = "timestream_connector_ignored_exemplars_total", [], "Exemplars ignored, in remote write 1.0.";
    REJECTED_EXEMPLARS = "timestream_connector_rejected_exemplars_total", [], "Exemplars answered with an error, in remote write 2.0.";
    WRITE_REQUESTS = "timestream_connector_write_requests_total", [], "WriteRecords calls made to Timestream, retries included.";
    WRITE_DURATION = "timestream_connector_write_duration_seconds", [], "How long WriteRecords calls take.";
    WRITE_RETRIES = "timestream_connector_write_retries_total", [], "WriteRecords calls that were retries.";
    METERED_UNITS = "timestream_connector_metered_units_total", [], "Write units of 1 KiB that Timestream bills for the calls it accepted, as estimated from their size.";
    SAVED_UNITS = "timestream_connector_saved_units_total", [], "Write units that these calls would have been billed in addition if their records shared no attributes.";
    READ_REQUESTS = "timestream_connector_read_requests_total", [], "Query calls made to Timestream, further pages and retries included.";
    READ_DURATION = "timestream_connector_read_duration_seconds", [], "How long Query calls take.";
    READ_RETRIES = "timestream_connector_read_retries_total", [], "Query calls that were retries.";
    READ_PAGES = "timestream_connector_read_pages_total", [], "Pages of query results received.";
    READ_ROWS = "timestream_connector_read_rows_total", [], "Rows of query results received.";
    READ_SAMPLES = "timestream_connector_read_samples_total", [], "Samples sent in answers to remote read.";
    READ_SKIPPED_ROWS = "timestream_connector_read_skipped_rows_total", [], "Rows of Timestream that are no samples: values of other types, or none.";
    READ_CANCELS = "timestream_connector_read_cancels_total", [], "Queries cancelled because the reader hung up or a limit was reached.";
    READ_ABORTS = "timestream_connector_read_aborts_total", [], "Streamed answers broken off by an error after a part was sent.";
    HTTP_REQUESTS = "timestream_connector_http_requests_in_flight", [], "HTTP requests being handled.";
    MEMORY = "timestream_connector_memory_bytes", [], "Bytes of the memory limit that write requests hold.";
    MEMORY_LIMIT = "timestream_connector_memory_limit_bytes", [], "The memory limit of write requests.";
    QUEUE = "timestream_connector_queue_length", [], "Write requests that wait for the batcher.";
    QUEUE_LIMIT = "timestream_connector_queue_limit", [], "Write requests that may wait for the batcher.";
    CERTIFICATE_EXPIRY = "timestream_connector_tls_certificate_expiry_timestamp_seconds", [], "When the first certificate of the chain that is served expires, in seconds since 1970; 0 without TLS.";
    CONFIG_RELOAD_SUCCESSFUL = "timestream_connector_config_last_reload_successful", [], "1 if the certificates and the web configuration were last read without an error, 0 if the ones before are still used.";
    CONFIG_RELOAD_TIME = "timestream_connector_config_last_reload_success_timestamp_seconds", [], "When the certificates and the web configuration were last taken over, in seconds since 1970.";
    BUILD_INFO = "timestream_connector_build_info", ["version"], "1, labelled with the version.";
}

/// The handles of all metrics.
pub struct Metrics {
    exporter: PrometheusHandle,
    /// First examples for the reasons why samples are not written.
    pub examples: Examples,
    /// Samples received.
    pub received_samples: Counter,
    /// Samples written.
    pub written_samples: Counter,
    ignored_samples: Vec<Counter>,
    rejected_samples: Vec<Counter>,
    failed_samples: Vec<Counter>,
    /// Native histograms received.
    pub received_histograms: Counter,
    /// Native histograms ignored.
    pub ignored_histograms: Counter,
    /// Native histograms written.
    pub written_histograms: Counter,
    /// Native histograms rejected.
    pub rejected_histograms: Counter,
    /// Native histograms failed.
    pub failed_histograms: Counter,
    /// Exemplars received.
    pub received_exemplars: Counter,
    /// Exemplars ignored.
    pub ignored_exemplars: Counter,
    /// Exemplars rejected.
    pub rejected_exemplars: Counter,
    /// WriteRecords calls.
    pub write_requests: Counter,
    /// Seconds that WriteRecords calls take.
    pub write_duration: Histogram,
    /// WriteRecords calls that were retries.
    pub write_retries: Counter,
    /// Write units billed.
    pub metered_units: Counter,
    /// Write units saved by sharing.
    pub saved_units: Counter,
    /// Query calls.
    pub read_requests: Counter,
    /// Seconds that Query calls take.
    pub read_duration: Histogram,
    /// Query calls that were retries.
    pub read_retries: Counter,
    /// Pages received.
    pub read_pages: Counter,
    /// Rows received.
    pub read_rows: Counter,
    /// Samples sent to readers.
    pub read_samples: Counter,
    /// Rows that are no samples.
    pub read_skipped_rows: Counter,
    /// Queries cancelled.
    pub read_cancels: Counter,
    /// Streamed answers broken off.
    pub read_aborts: Counter,
    /// HTTP requests being handled.
    pub http_requests: Gauge,
    /// Bytes held of the memory limit.
    pub memory: Gauge,
    /// The memory limit in bytes.
    pub memory_limit: Gauge,
    /// Write requests in the queue.
    pub queue: Gauge,
    /// Write requests that the queue may hold.
    pub queue_limit: Gauge,
    /// When the served chain expires.
    pub certificate_expiry: Gauge,
    /// Whether the last reload went well.
    pub config_reload_successful: Gauge,
    /// When the last good reload was.
    pub config_reload_time: Gauge,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics(..)")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl Metrics {
    /// New metrics, all at zero.
    pub fn new() -> Self {
        // The builder refuses only an empty list of buckets.
        let builder = PrometheusBuilder::new();
        let recorder = builder.set_buckets(BUCKETS).unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let by_reason = |definition, reasons: &[&'static str]| -> Vec<Counter> {
            reasons.iter().map(|reason| counter(&recorder, definition, &[("reason", reason)])).collect()
        };
        let texts = |all: &[Ignored]| all.iter().map(|reason| reason.as_str()).collect::<Vec<_>>();
        let ignored_samples = by_reason(IGNORED, &texts(Ignored::ALL));
        let rejected: Vec<_> = Rejected::ALL.iter().map(|reason| reason.as_str()).collect();
        let failed: Vec<_> = Failed::ALL.iter().map(|reason| reason.as_str()).collect();
        let build_info = gauge(&recorder, BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION"))]);
        build_info.set(1.0);
        Metrics {
            exporter: recorder.handle(),
            examples: Examples::default(),
            received_samples: counter(&recorder, RECEIVED, &[]),
            written_samples: counter(&recorder, WRITTEN, &[]),
            ignored_samples,
            rejected_samples: by_reason(REJECTED, &rejected),
            failed_samples: by_reason(FAILED, &failed),
            received_histograms: counter(&recorder, RECEIVED_HISTOGRAMS, &[]),
            ignored_histograms: counter(&recorder, IGNORED_HISTOGRAMS, &[]),
            written_histograms: counter(&recorder, WRITTEN_HISTOGRAMS, &[]),
            rejected_histograms: counter(&recorder, REJECTED_HISTOGRAMS, &[]),
            failed_histograms: counter(&recorder, FAILED_HISTOGRAMS, &[]),
            received_exemplars: counter(&recorder, RECEIVED_EXEMPLARS, &[]),
            ignored_exemplars: counter(&recorder, IGNORED_EXEMPLARS, &[]),
            rejected_exemplars: counter(&recorder, REJECTED_EXEMPLARS, &[]),
            write_requests: counter(&recorder, WRITE_REQUESTS, &[]),
            write_duration: histogram(&recorder, WRITE_DURATION),
            write_retries: counter(&recorder, WRITE_RETRIES, &[]),
            metered_units: counter(&recorder, METERED_UNITS, &[]),
            saved_units: counter(&recorder, SAVED_UNITS, &[]),
            read_requests: counter(&recorder, READ_REQUESTS, &[]),
            read_duration: histogram(&recorder, READ_DURATION),
            read_retries: counter(&recorder, READ_RETRIES, &[]),
            read_pages: counter(&recorder, READ_PAGES, &[]),
            read_rows: counter(&recorder, READ_ROWS, &[]),
            read_samples: counter(&recorder, READ_SAMPLES, &[]),
            read_skipped_rows: counter(&recorder, READ_SKIPPED_ROWS, &[]),
            read_cancels: counter(&recorder, READ_CANCELS, &[]),
            read_aborts: counter(&recorder, READ_ABORTS, &[]),
            http_requests: gauge(&recorder, HTTP_REQUESTS, &[]),
            memory: gauge(&recorder, MEMORY, &[]),
            memory_limit: gauge(&recorder, MEMORY_LIMIT, &[]),
            queue: gauge(&recorder, QUEUE, &[]),
            queue_limit: gauge(&recorder, QUEUE_LIMIT, &[]),
            certificate_expiry: gauge(&recorder, CERTIFICATE_EXPIRY, &[]),
            config_reload_successful: gauge(&recorder, CONFIG_RELOAD_SUCCESSFUL, &[]),
            config_reload_time: gauge(&recorder, CONFIG_RELOAD_TIME, &[]),
        }
    }

    /// Samples ignored for `reason`.
    pub fn ignored(&self, reason: Ignored) -> &Counter {
        &self.ignored_samples[reason as usize]
    }

    /// Samples rejected for `reason`.
    pub fn rejected(&self, reason: Rejected) -> &Counter {
        &self.rejected_samples[reason as usize]
    }

    /// Samples failed for `reason`.
    pub fn failed(&self, reason: Failed) -> &Counter {
        &self.failed_samples[reason as usize]
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.exporter.run_upkeep();
        self.exporter.render()
    }
}

fn key(definition: Definition, labels: &[(&'static str, &'static str)]) -> Key {
    Key::from_parts(definition.name, labels.iter().map(|(name, value)| Label::new(*name, *value)).collect::<Vec<_>>())
}

fn described(definition: Definition) -> (KeyName, Option<Unit>, SharedString) {
    (KeyName::from_const_str(definition.name), None, SharedString::const_str(definition.help))
}

fn counter(recorder: &PrometheusRecorder, definition: Definition, labels: &[(&'static str, &'static str)]) -> Counter {
    let (name, unit, help) = described(definition);
    recorder.describe_counter(name, unit, help);
    let counter = recorder.register_counter(&key(definition, labels), &METADATA);
    // Shown from the start, so that rates see the first increase.
    counter.increment(0);
    counter
}

fn gauge(recorder: &PrometheusRecorder, definition: Definition, labels: &[(&'static str, &'static str)]) -> Gauge {
    let (name, unit, help) = described(definition);
    recorder.describe_gauge(name, unit, help);
    recorder.register_gauge(&key(definition, labels), &METADATA)
}

fn histogram(recorder: &PrometheusRecorder, definition: Definition) -> Histogram {
    let (name, unit, help) = described(definition);
    recorder.describe_histogram(name, unit, help);
    recorder.register_histogram(&key(definition, &[]), &METADATA)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn every_metric_is_there_from_the_start_with_its_help() {
        let text = Metrics::new().render();
        for definition in DEFINITIONS {
            assert!(
                text.contains(&format!("# HELP {} {}", definition.name, definition.help)),
                "{}\n{text}",
                definition.name
            );
        }
        for reason in Rejected::ALL {
            let line = format!("timestream_connector_rejected_samples_total{{reason=\"{}\"}} 0", reason.as_str());
            assert!(text.contains(&line), "{line}\n{text}");
        }
    }

    /// The table of docs/metrics.md and the metrics are the same, both ways.
    #[test]
    fn the_documentation_lists_every_metric() {
        let page = include_str!("../../docs/metrics.md");
        let documented: Vec<&str> = page.lines().filter(|line| line.starts_with("| `timestream_connector_")).collect();
        let row = |definition: &Definition| {
            let labels: Vec<String> = definition.labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
            format!("| `{}` | {labels} | {} |", definition.name, definition.help)
        };
        let rows: Vec<String> = DEFINITIONS.iter().map(row).collect();
        assert_eq!(documented, rows);
    }

    #[test]
    fn reasons_count_apart_and_metrics_are_not_shared() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.ignored(Ignored::StaleMarker).increment(3);
        assert!(one.render().contains("ignored_samples_total{reason=\"stale_marker\"} 3"));
        assert!(other.render().contains("ignored_samples_total{reason=\"stale_marker\"} 0"));
    }

    #[test]
    fn durations_have_prometheus_default_buckets() {
        let metrics = Metrics::new();
        metrics.write_duration.record(0.02);
        let text = metrics.render();
        assert!(text.contains("timestream_connector_write_duration_seconds_bucket{le=\"0.025\"} 1"), "{text}");
        assert!(text.contains("timestream_connector_write_duration_seconds_bucket{le=\"10\"} 1"), "{text}");
    }

    #[test]
    fn promtool_finds_nothing_to_mend() {
        let metrics = Metrics::new();
        metrics.write_duration.record(0.02);
        metrics.read_duration.record(0.02);
        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = promtool else {
            eprintln!("promtool is not installed: not checked");
            return;
        };
        promtool.stdin.take().unwrap().write_all(metrics.render().as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
