//! Says once a minute what became of samples.

use std::ops::Sub;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Metrics;

const INTERVAL: Duration = Duration::from_secs(60);

/// Samples since the start.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Totals {
    received: u64,
    written: u64,
    ignored: u64,
    rejected: u64,
    failed: u64,
}

/// Logs what became of the samples of each minute in which there were any, until `stop` is cancelled; then once more.
pub async fn run(metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut told = Totals::default();
    loop {
        let stopping = tokio::select! {
            () = tokio::time::sleep(INTERVAL) => false,
            () = stop.cancelled() => true,
        };
        let now = Totals::of(&metrics.render());
        let Totals { received, written, ignored, rejected, failed } = now - told;
        if now != told {
            info!(received, written, ignored, rejected, failed, "samples since the last such line");
        }
        told = now;
        if stopping {
            return;
        }
    }
}

impl Totals {
    /// Reads them from Prometheus' text format, as the exporter writes it.
    fn of(text: &str) -> Self {
        let mut totals = Totals::default();
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("timestream_connector_") else { continue };
            let Some((outcome, rest)) = rest.split_once("_samples_total") else { continue };
            let Some(samples) = rest.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok()) else { continue };
            match outcome {
                "received" => totals.received += samples,
                "written" => totals.written += samples,
                "ignored" => totals.ignored += samples,
                "rejected" => totals.rejected += samples,
                "failed" => totals.failed += samples,
                _ => {}
            }
        }
        totals
    }
}

impl Sub for Totals {
    type Output = Totals;

    fn sub(self, before: Totals) -> Totals {
        Totals {
            received: self.received - before.received,
            written: self.written - before.written,
            ignored: self.ignored - before.ignored,
            rejected: self.rejected - before.rejected,
            failed: self.failed - before.failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::reason::{Failed, Ignored};

    #[test]
    fn totals_are_those_of_the_metrics() {
        let metrics = Metrics::new();
        metrics.received_samples.increment(7);
        metrics.written_samples.increment(1);
        metrics.ignored(Ignored::NaN).increment(2);
        metrics.ignored(Ignored::Infinity).increment(3);
        let before = Totals::of(&metrics.render());
        assert_eq!(before, Totals { received: 7, written: 1, ignored: 5, rejected: 0, failed: 0 });
        metrics.failed(Failed::Timeout).increment(1);
        assert_eq!(Totals::of(&metrics.render()) - before, Totals { failed: 1, ..Totals::default() });
    }
}
