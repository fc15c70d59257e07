use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;
use crate::error::{Error, Kind};

/// How the rows of the table begin.
const PREFIXES: [&str; 3] = ["| `timestream_connector_", "| `process_", "| `tokio_"];

#[tokio::test]
async fn every_metric_is_there_from_the_start_with_its_help() {
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
    let page = include_str!("../../../docs/metrics.md");
    let documented: Vec<&str> =
        page.lines().filter(|line| PREFIXES.iter().any(|prefix| line.starts_with(prefix))).collect();
    let row = |definition: &Definition| {
        let labels: Vec<String> = definition.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
        format!("| `{}` | {labels} | {} |", definition.name, definition.help)
    };
    let rows: Vec<String> = DEFINITIONS.iter().map(row).collect();
    assert_eq!(documented, rows, "left docs/metrics.md, right src/telemetry/metrics/definitions.rs");
}

/// The values that docs/metrics.md lists for a label, in the row that begins with it and in those below that leave it out.
fn documented_values(label: &str) -> Vec<&'static str> {
    let page = include_str!("../../../docs/metrics.md");
    let rows = page.lines().skip_while(|line| !line.starts_with(&format!("| {label} |")));
    let of_label = rows.enumerate().take_while(|(index, row)| *index == 0 || row.starts_with("| | "));
    let cells = of_label.filter_map(|(_, row)| row.split('|').nth(2));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn the_documentation_lists_every_value_of_a_label() {
    fn check<T: Copy>(label: &str, all: &[T], text: fn(T) -> &'static str) {
        let mut own: Vec<_> = all.iter().map(|value| text(*value)).collect();
        let mut documented = documented_values(label);
        own.sort_unstable();
        documented.sort_unstable();
        assert_eq!(own, documented, "left the code, right the row {label} under Labels in docs/metrics.md");
    }
    check("`reason`, ignored", Ignored::ALL, Ignored::as_str);
    check("`reason`, rejected", Rejected::ALL, Rejected::as_str);
    check("`reason`, failed", Failed::ALL, Failed::as_str);
    check("`operation`", Operation::ALL, Operation::as_str);
    check("`code` of calls", Code::ALL, Code::as_str);
    check("`handler`", Handler::ALL, Handler::as_str);
}

#[test]
fn reasons_count_apart_and_metrics_are_not_shared() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.ignored(Ignored::StaleMarker).increment(3);
    assert!(one.render().contains("ignored_samples_total{reason=\"stale_marker\"} 3"));
    assert!(other.render().contains("ignored_samples_total{reason=\"stale_marker\"} 0"));
}

/// The totals and /metrics agree, whichever is read first.
#[test]
fn totals_are_what_the_metrics_say() {
    let metrics = Metrics::new();
    for round in 1..=3 {
        metrics.received_samples.increment(21);
        metrics.written_samples.increment(6);
        metrics.ignored(Ignored::NaN).increment(1);
        metrics.ignored(Ignored::Repeated).increment(2);
        metrics.rejected(Rejected::Duplicate).increment(4);
        metrics.failed(Failed::QueueFull).increment(8);
        metrics.read.samples.increment(5);
        let once = Totals { received: 21, written: 6, ignored: 3, rejected: 4, failed: 8 };
        let before = Totals {
            received: 21 * (round - 1),
            written: 6 * (round - 1),
            ignored: 3 * (round - 1),
            rejected: 4 * (round - 1),
            failed: 8 * (round - 1),
        };
        assert_eq!(metrics.totals() - before, once);
        let text = metrics.render();
        for (name, samples) in [
            ("received_samples_total", 21),
            ("written_samples_total", 6),
            ("ignored_samples_total{reason=\"nan\"}", 1),
            ("ignored_samples_total{reason=\"repeated\"}", 2),
            ("rejected_samples_total{reason=\"duplicate\"}", 4),
            ("failed_samples_total{reason=\"queue_full\"}", 8),
            ("read_samples_total", 5),
        ] {
            let line = format!("\ntimestream_connector_{name} {}\n", samples * round);
            assert!(text.contains(&line), "{line}{text}");
        }
    }
    assert_eq!(metrics.ignored(Ignored::Repeated).get(), 6);
}

/// The page asks every two seconds and Lambda after each invocation, so it costs next to nothing.
#[test]
fn totals_are_read_without_an_allocation() {
    let metrics = Metrics::new();
    let mut samples = 0;
    let counted = allocation_counter::measure(|| {
        let (Totals { received, .. }, reason) = (metrics.totals(), metrics.failed(Failed::Timeout).get());
        let calls = metrics.write_duration.cumulative().map(|(_, calls)| calls).sum::<u64>();
        samples = received + reason + calls;
    });
    assert_eq!((counted.count_total, samples), (0, 0));
}

#[test]
fn durations_have_prometheus_default_buckets() {
    let metrics = Metrics::new();
    metrics.write_duration.record(Duration::from_millis(20));
    let text = metrics.render();
    assert!(text.contains("timestream_connector_write_duration_seconds_bucket{le=\"0.025\"} 1"), "{text}");
    assert!(text.contains("timestream_connector_write_duration_seconds_bucket{le=\"10\"} 1"), "{text}");
}

#[tokio::test]
async fn promtool_finds_nothing_to_mend() {
    let metrics = Metrics::new();
    metrics.write_duration.record(Duration::from_millis(20));
    metrics.read.duration.record(0.02);
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

#[test]
fn a_call_is_counted_once_by_what_became_of_it() {
    let failed = |kind, name| Error::new(kind, name, "no");
    let metrics = Metrics::new();
    metrics.calls.begin(Operation::WriteRecords).end(Code::Ok);
    metrics.calls.begin(Operation::WriteRecords).end(Code::of_error(&failed(Kind::Throttled, "ThrottlingException")));
    metrics.calls.begin(Operation::WriteRecords).end(Code::of_error(&failed(Kind::Unavailable, "SomethingNew")));
    metrics.calls.begin(Operation::Query).end(Code::of_error(&failed(Kind::TimedOut, "RequestTimeout")));
    drop(metrics.calls.begin(Operation::WriteRecords));
    drop(metrics.calls.begin(Operation::Query));
    let _under_way = metrics.calls.begin(Operation::Query);
    let text = metrics.render();
    for (operation, code) in [
        ("WriteRecords", "OK"),
        ("WriteRecords", "ThrottlingException"),
        ("WriteRecords", "Other"),
        ("WriteRecords", "Timeout"),
        ("Query", "Timeout"),
        ("Query", "Abandoned"),
    ] {
        let line = format!("timestream_calls_total{{operation=\"{operation}\",code=\"{code}\"}} 1\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(text.contains("timestream_connector_calls_in_flight 1\n"), "{text}");
}

#[test]
fn a_request_is_counted_once_by_its_status() {
    let metrics = Metrics::new();
    metrics.http.begin(Handler::Write).end(204);
    metrics.http.begin(Handler::Write).end(799);
    drop(metrics.http.begin(Handler::Read));
    let _under_way = metrics.http.begin(Handler::Page);
    let text = metrics.render();
    for (handler, code) in [("write", "204"), ("write", "other"), ("read", "499")] {
        let line = format!("http_requests_total{{handler=\"{handler}\",code=\"{code}\"}} 1\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(text.contains("timestream_connector_http_request_duration_seconds_count{handler=\"write\"} 2\n"), "{text}");
    assert!(text.contains("timestream_connector_http_requests_in_flight 1\n"), "{text}");
}
