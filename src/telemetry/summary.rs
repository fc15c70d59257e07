//! Says once a minute what became of samples.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Metrics;
use super::metrics::Totals;

const INTERVAL: Duration = Duration::from_secs(60);
/// How often the metrics are kept up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Logs what became of the samples of each minute in which there were any, until `stop` is cancelled; then once more.
/// Keeps the metrics up in between.
pub async fn run(metrics: Arc<Metrics>, stop: CancellationToken) {
    let (mut told, mut at) = (Totals::default(), Instant::now());
    loop {
        let stopping = tokio::select! {
            () = tokio::time::sleep(UPKEEP) => false,
            () = stop.cancelled() => true,
        };
        metrics.upkeep();
        if !stopping && at.elapsed() < INTERVAL {
            continue;
        }
        let now = metrics.totals();
        let Totals { received, written, ignored, rejected, failed } = now - told;
        if now != told {
            info!(received, written, ignored, rejected, failed, "samples since the last such line");
        }
        if stopping {
            return;
        }
        (told, at) = (now, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exporter's histograms keep each value until they are kept up or read.
    #[test]
    fn metrics_that_nobody_reads_take_no_memory() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let metrics = Arc::new(Metrics::new());
        let (summary, stop) = (metrics.clone(), CancellationToken::new());
        let recorded = allocation_counter::measure(|| {
            runtime.block_on(async {
                let summary = tokio::spawn(run(summary, stop.clone()));
                for _ in 0..100 {
                    metrics.call_wait.record_many(0.1, 10_000);
                    tokio::time::sleep(UPKEEP).await;
                }
                stop.cancel();
                summary.await.unwrap();
            });
        });
        assert!(recorded.bytes_max < 2_000_000, "{} bytes for a million values", recorded.bytes_max);
    }
}
