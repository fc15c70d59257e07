//! Registers metrics with the exporter.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use super::definitions::{CALL_RECORDS, CALL_WAIT, Definition, HTTP_DURATION};
use super::totals::Total;

/// The default buckets of Prometheus' client libraries, in seconds.
pub(super) const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Writes are answered within 25 s, reads within two minutes, unless options say otherwise.
const HTTP_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0];
/// 99 and 100 are apart, to show whether a call was full.
const RECORD_BUCKETS: &[f64] = &[1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 99.0, 100.0];
/// The linger is some milliseconds, and a call leaves within the time limit of its first request.
const WAIT_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0];

const METADATA: Metadata<'static> = Metadata::new("timestream_connector", Level::INFO, Some(module_path!()));

/// The recorder, with the buckets of each histogram.
pub(super) fn recorder() -> PrometheusRecorder {
    let of = |definition: Definition| Matcher::Full(definition.name.to_owned());
    // The builder refuses only an empty list of buckets.
    let builder = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(of(HTTP_DURATION), HTTP_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(of(CALL_RECORDS), RECORD_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(of(CALL_WAIT), WAIT_BUCKETS));
    builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder()
}

fn key(definition: Definition, labels: &[(&'static str, &'static str)]) -> Key {
    Key::from_parts(definition.name, labels.iter().map(|(name, value)| Label::new(*name, *value)).collect::<Vec<_>>())
}

fn described(definition: Definition) -> (KeyName, Option<Unit>, SharedString) {
    (KeyName::from_const_str(definition.name), None, SharedString::const_str(definition.help))
}

pub(super) fn counter(
    recorder: &PrometheusRecorder,
    definition: Definition,
    labels: &[(&'static str, &'static str)],
) -> Counter {
    let (name, unit, help) = described(definition);
    recorder.describe_counter(name, unit, help);
    let counter = recorder.register_counter(&key(definition, labels), &METADATA);
    // Shown from the start, so that rates see the first increase.
    counter.increment(0);
    counter
}

/// A counter that the connector reads too.
pub(super) fn total(
    recorder: &PrometheusRecorder,
    definition: Definition,
    labels: &[(&'static str, &'static str)],
) -> Total {
    Total::new(counter(recorder, definition, labels))
}

pub(super) fn gauge(
    recorder: &PrometheusRecorder,
    definition: Definition,
    labels: &[(&'static str, &'static str)],
) -> Gauge {
    let (name, unit, help) = described(definition);
    recorder.describe_gauge(name, unit, help);
    recorder.register_gauge(&key(definition, labels), &METADATA)
}

pub(super) fn histogram(
    recorder: &PrometheusRecorder,
    definition: Definition,
    labels: &[(&'static str, &'static str)],
) -> Histogram {
    let (name, unit, help) = described(definition);
    recorder.describe_histogram(name, unit, help);
    recorder.register_histogram(&key(definition, labels), &METADATA)
}
