//! The metrics of the read path.

use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::calls::Calls;
use super::definitions::*;
use super::register::{counter, histogram, total};
use super::totals::Total;

/// The handles of the read path. `requests` and `duration` are of calls to Timestream: a page or a DESCRIBE each.
#[derive(Clone)]
pub struct ReadMetrics {
    /// Query calls, retries included.
    pub requests: Counter,
    /// Retries of Query calls.
    pub retries: Counter,
    /// Calls, by operation and outcome.
    pub calls: Calls,
    /// How long Query calls took, in seconds.
    pub duration: Histogram,
    /// Pages received.
    pub pages: Counter,
    /// Rows received.
    pub rows: Counter,
    /// Samples answered.
    pub samples: Total,
    /// Rows left out because their value is neither a double nor a bigint.
    pub other_rows: Counter,
    /// Tables whose reads went on without time series, since Timestream refused them.
    pub refused_series: Counter,
    /// Queries cancelled in Timestream.
    pub cancels: Counter,
    /// Streamed answers broken off after a part was sent.
    pub aborts: Counter,
}

impl ReadMetrics {
    pub(super) fn new(recorder: &PrometheusRecorder, calls: Calls) -> Self {
        ReadMetrics {
            requests: counter(recorder, READ_REQUESTS, &[]),
            retries: counter(recorder, READ_RETRIES, &[]),
            calls,
            duration: histogram(recorder, READ_DURATION, &[]),
            pages: counter(recorder, READ_PAGES, &[]),
            rows: counter(recorder, READ_ROWS, &[]),
            samples: total(recorder, READ_SAMPLES, &[]),
            other_rows: counter(recorder, READ_SKIPPED_ROWS, &[]),
            refused_series: counter(recorder, READ_REFUSED_SERIES, &[]),
            cancels: counter(recorder, READ_CANCELS, &[]),
            aborts: counter(recorder, READ_ABORTS, &[]),
        }
    }
}

impl std::fmt::Debug for ReadMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadMetrics(..)")
    }
}
