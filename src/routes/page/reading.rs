//! The numbers that the page shows, read from /metrics' own text: so that the two always say the same.

use std::collections::HashMap;

const RECEIVED: &str = "timestream_connector_received_samples_total";
const WRITTEN: &str = "timestream_connector_written_samples_total";
const IGNORED: &str = "timestream_connector_ignored_samples_total";
const REJECTED: &str = "timestream_connector_rejected_samples_total";
const FAILED: &str = "timestream_connector_failed_samples_total";
const CALLS: &str = "timestream_connector_write_duration_seconds_bucket";

/// What /metrics says at one moment. Counts are of samples since the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) received: u64,
    pub(super) written: u64,
    pub(super) ignored: u64,
    pub(super) rejected: u64,
    pub(super) failed: u64,
    /// Samples not written, by outcome and reason.
    pub(super) reasons: HashMap<(&'static str, String), u64>,
    /// WriteRecords calls that took at most so many seconds; the last bound is infinite.
    pub(super) calls: Vec<(f64, u64)>,
}

impl Reading {
    /// Reads Prometheus' text format as our exporter writes it.
    pub(super) fn of(text: &str) -> Self {
        let mut reading = Reading::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let Ok(value) = value.parse::<u64>() else { continue };
            match name {
                RECEIVED => reading.received += value,
                WRITTEN => reading.written += value,
                IGNORED => reading.not_written("ignored", labels, value),
                REJECTED => reading.not_written("rejected", labels, value),
                FAILED => reading.not_written("failed", labels, value),
                CALLS => {
                    let bound = label(labels, "le=\"").and_then(|bound| bound.parse().ok());
                    reading.calls.extend(bound.map(|bound| (bound, value)));
                }
                _ => {}
            }
        }
        reading
    }

    fn not_written(&mut self, outcome: &'static str, labels: &str, samples: u64) {
        match outcome {
            "ignored" => self.ignored += samples,
            "rejected" => self.rejected += samples,
            _ => self.failed += samples,
        }
        let reason = label(labels, "reason=\"").unwrap_or_default().to_owned();
        self.reasons.insert((outcome, reason), samples);
    }
}

/// The value of a label, from the labels of a series. Ours need no escapes.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split_once(name)?.1.split('"').next()
}

/// The quantile of the calls that ended between two readings, interpolated within its bucket as `histogram_quantile`
/// does; of a call above the last bound, that bound. `None` where there were no calls.
pub(super) fn quantile(quantile: f64, before: &[(f64, u64)], now: &[(f64, u64)]) -> Option<f64> {
    let earlier = |index: usize| before.get(index).map_or(0, |(_, count)| *count);
    let counts: Vec<(f64, u64)> =
        now.iter().enumerate().map(|(index, (bound, count))| (*bound, count.saturating_sub(earlier(index)))).collect();
    let (_, total) = *counts.last()?;
    if total == 0 {
        return None;
    }
    let rank = quantile * total as f64;
    let (mut lower, mut below) = (0.0, 0);
    for (bound, count) in counts {
        if count as f64 >= rank && count > below {
            if bound.is_infinite() {
                return Some(lower);
            }
            return Some(lower + (bound - lower) * (rank - below as f64) / (count - below) as f64);
        }
        (lower, below) = (bound, count);
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;
    use crate::telemetry::reason::{Failed, Ignored, Rejected};

    #[test]
    fn what_the_metrics_count_is_read() {
        let metrics = Metrics::new();
        metrics.received_samples.increment(21);
        metrics.written_samples.increment(6);
        metrics.ignored(Ignored::NaN).increment(1);
        metrics.ignored(Ignored::Repeated).increment(2);
        metrics.rejected(Rejected::Duplicate).increment(4);
        metrics.failed(Failed::QueueFull).increment(8);
        metrics.write_duration.record(0.02);
        metrics.write_duration.record(60.0);
        let reading = Reading::of(&metrics.render());
        let Reading { received, written, ignored, rejected, failed, reasons, calls } = reading;
        assert_eq!((received, written, ignored, rejected, failed), (21, 6, 3, 4, 8));
        assert_eq!(reasons[&("ignored", "repeated".to_owned())], 2);
        assert_eq!(reasons[&("failed", "queue_full".to_owned())], 8);
        assert_eq!(reasons.len(), Ignored::ALL.len() + Rejected::ALL.len() + Failed::ALL.len());
        assert_eq!((calls[2], calls.last()), ((0.025, 1), Some(&(f64::INFINITY, 2))));
    }

    #[test]
    fn quantiles_are_those_of_the_calls_between_two_readings() {
        let infinite = f64::INFINITY;
        let before = [(0.1, 100), (0.2, 100), (infinite, 100)];
        let now = [(0.1, 150), (0.2, 200), (infinite, 200)];
        let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-9;
        assert!(close(quantile(0.25, &before, &now), 0.05));
        assert!(close(quantile(0.75, &before, &now), 0.15));
        assert!(close(quantile(0.99, &[], &[(0.1, 1), (infinite, 100)]), 0.1), "above the last bound");
        assert_eq!(quantile(0.5, &now, &now), None, "no calls");
        assert_eq!(quantile(0.5, &[], &[]), None);
    }
}
