//! The connector's metrics. Handles are looked up once, here, and never on the path of samples.
//!
//! Each daemon has metrics of its own, without a global recorder, so that several can run in one process. The histograms
//! are classic ones: the exporter writes native histograms only in its protobuf format, and leaves them out of the text
//! format.

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};

use super::examples::Examples;
use super::reason::{Failed, Ignored, Rejected};

mod calls;
mod definitions;
mod durations;
mod elected;
mod http;
mod process;
mod read;
mod register;
mod totals;

pub use calls::{Call, Calls, Code, Operation};
pub use definitions::{DEFINITIONS, Definition};
pub use durations::Durations;
pub use elected::{ElectedReplica, ElectedReplicas};
pub use http::{Handler, HttpMetrics, RequestUnderWay};
pub use read::ReadMetrics;
pub use totals::{Total, Totals};

use definitions::*;
use register::{counter, gauge, histogram, total};

/// The handles of all metrics.
pub struct Metrics {
    exporter: PrometheusHandle,
    /// First examples for the reasons why samples are not written.
    pub examples: Examples,
    /// Samples received.
    pub received_samples: Total,
    /// Samples written.
    pub written_samples: Total,
    ignored_samples: Vec<Total>,
    rejected_samples: Vec<Total>,
    failed_samples: Vec<Total>,
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
    /// WriteRecords calls.
    pub write_requests: Counter,
    /// Seconds that WriteRecords calls take.
    pub write_duration: Durations,
    /// WriteRecords calls that were retries.
    pub write_retries: Counter,
    /// Write units billed.
    pub metered_units: Counter,
    /// Write units saved by sharing.
    pub saved_units: Counter,
    /// Calls to Timestream, by operation and outcome.
    pub calls: Calls,
    /// Records of a WriteRecords call.
    pub call_records: Histogram,
    /// Seconds for which the first record of a WriteRecords call waited.
    pub call_wait: Histogram,
    /// DescribeEndpoints calls.
    pub endpoint_discoveries: ByOutcome,
    /// Loads of the environment's credentials.
    pub credential_refreshes: ByOutcome,
    /// The replicas of HA pairs that are listened to.
    pub elected: ElectedReplicas,
    /// Times that another replica was elected.
    pub elected_changes: Total,
    /// The counters of the read path.
    pub read: ReadMetrics,
    /// HTTP requests.
    pub http: HttpMetrics,
    /// Bytes held of the memory limit.
    pub memory: Gauge,
    /// The memory limit in bytes.
    pub memory_limit: Gauge,
    /// Write requests in the queue.
    pub queue: Gauge,
    /// Write requests that the queue may hold.
    pub queue_limit: Gauge,
    /// Whether traffic may come.
    pub ready: Gauge,
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
        let recorder = register::recorder();
        let by_reason = |definition, reasons: &[&'static str]| -> Vec<Total> {
            reasons.iter().map(|reason| total(&recorder, definition, &[("reason", reason)])).collect()
        };
        let texts = |all: &[Ignored]| all.iter().map(|reason| reason.as_str()).collect::<Vec<_>>();
        let ignored_samples = by_reason(IGNORED, &texts(Ignored::ALL));
        let rejected: Vec<_> = Rejected::ALL.iter().map(|reason| reason.as_str()).collect();
        let failed: Vec<_> = Failed::ALL.iter().map(|reason| reason.as_str()).collect();
        let build_info = gauge(&recorder, BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION"))]);
        build_info.set(1.0);
        let calls = Calls::new(&recorder);
        Metrics {
            exporter: recorder.handle(),
            examples: Examples::default(),
            received_samples: total(&recorder, RECEIVED, &[]),
            written_samples: total(&recorder, WRITTEN, &[]),
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
            write_requests: counter(&recorder, WRITE_REQUESTS, &[]),
            write_duration: Durations::default(),
            write_retries: counter(&recorder, WRITE_RETRIES, &[]),
            metered_units: counter(&recorder, METERED_UNITS, &[]),
            saved_units: counter(&recorder, SAVED_UNITS, &[]),
            call_records: histogram(&recorder, CALL_RECORDS, &[]),
            call_wait: histogram(&recorder, CALL_WAIT, &[]),
            endpoint_discoveries: ByOutcome::new(&recorder, DISCOVERIES),
            credential_refreshes: ByOutcome::new(&recorder, CREDENTIALS),
            elected: ElectedReplicas::default(),
            elected_changes: total(&recorder, ELECTED_CHANGES, &[]),
            read: ReadMetrics::new(&recorder, calls.clone()),
            calls,
            http: HttpMetrics::new(&recorder),
            memory: gauge(&recorder, MEMORY, &[]),
            memory_limit: gauge(&recorder, MEMORY_LIMIT, &[]),
            queue: gauge(&recorder, QUEUE, &[]),
            queue_limit: gauge(&recorder, QUEUE_LIMIT, &[]),
            ready: gauge(&recorder, READY, &[]),
            certificate_expiry: gauge(&recorder, CERTIFICATE_EXPIRY, &[]),
            config_reload_successful: gauge(&recorder, CONFIG_RELOAD_SUCCESSFUL, &[]),
            config_reload_time: gauge(&recorder, CONFIG_RELOAD_TIME, &[]),
        }
    }

    /// Samples ignored for `reason`.
    pub fn ignored(&self, reason: Ignored) -> &Total {
        &self.ignored_samples[reason as usize]
    }

    /// Samples rejected for `reason`.
    pub fn rejected(&self, reason: Rejected) -> &Total {
        &self.rejected_samples[reason as usize]
    }

    /// Samples failed for `reason`.
    pub fn failed(&self, reason: Failed) -> &Total {
        &self.failed_samples[reason as usize]
    }

    /// The outcomes of samples since the start.
    pub fn totals(&self) -> Totals {
        let sum = |totals: &[Total]| totals.iter().map(Total::get).sum();
        // Samples are counted as received before their outcome. Reading in reverse never shows an outcome of a sample
        // that was not received.
        let (failed, rejected) = (sum(&self.failed_samples), sum(&self.rejected_samples));
        let (written, ignored) = (self.written_samples.get(), sum(&self.ignored_samples));
        Totals { received: self.received_samples.get(), written, ignored, rejected, failed }
    }

    /// Puts the recorded values of the exporter's histograms into their buckets. Until then they keep each value, so
    /// this must be called every few seconds, even if nobody reads the metrics.
    pub fn upkeep(&self) {
        self.exporter.run_upkeep();
    }

    /// All metrics in Prometheus' text format. Metrics of the runtime are those of the caller's runtime.
    pub fn render(&self) -> String {
        let Metrics { received_samples, written_samples, ignored_samples, rejected_samples, failed_samples, .. } = self;
        // Outcomes first: so a sample with an outcome is always counted as received.
        let outcomes = [failed_samples, rejected_samples, ignored_samples].into_iter().flatten();
        outcomes.chain([written_samples, received_samples, &self.read.samples]).for_each(Total::export);
        self.elected_changes.export();
        self.upkeep();
        let mut text = self.exporter.render();
        self.write_duration.render(&mut text, WRITE_DURATION);
        self.elected.render(&mut text);
        process::render(&mut text);
        text
    }
}

/// A counter for success and one for failure.
#[derive(Clone)]
pub struct ByOutcome {
    success: Counter,
    failure: Counter,
}

impl ByOutcome {
    fn new(recorder: &PrometheusRecorder, definition: Definition) -> Self {
        let of = |outcome| counter(recorder, definition, &[("outcome", outcome)]);
        ByOutcome { success: of("success"), failure: of("failure") }
    }

    /// Counts one.
    pub fn count(&self, success: bool) {
        if success { &self.success } else { &self.failure }.increment(1);
    }
}

impl std::fmt::Debug for ByOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByOutcome(..)")
    }
}

#[cfg(test)]
mod tests;
