//! HTTP requests by handler and status.

use std::time::Instant;

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::super::reason::reasons;
use super::definitions::{HTTP_ANSWERS, HTTP_DURATION, HTTP_REQUESTS};
use super::register::{counter, gauge, histogram};

reasons! {
    /// The handler of a request.
    Handler {
        /// `/write`
        Write = "write",
        /// `/read`
        Read = "read",
        /// The metrics.
        Metrics = "metrics",
        /// Health, readiness, status, and changes of the process.
        Admin = "admin",
        /// The landing page.
        Page = "page",
        /// No such path.
        Other = "other",
    }
}

/// The statuses of answers. 499 means that the client was gone before the answer. Others are counted as the last.
const CODES: [&str; 18] = [
    "200", "204", "400", "401", "402", "403", "404", "405", "408", "409", "413", "415", "429", "431", "499", "500",
    "503", "other",
];
const CLIENT_GONE: u16 = 499;

/// Counts requests.
pub struct HttpMetrics {
    /// By handler, then by code.
    answers: Vec<Vec<Counter>>,
    durations: Vec<Histogram>,
    in_flight: Gauge,
}

impl HttpMetrics {
    pub(super) fn new(recorder: &PrometheusRecorder) -> Self {
        let of =
            |handler: &Handler, code| counter(recorder, HTTP_ANSWERS, &[("handler", handler.as_str()), ("code", code)]);
        let by_code = |handler| CODES.iter().map(|code| of(handler, code)).collect();
        let duration = |handler: &Handler| histogram(recorder, HTTP_DURATION, &[("handler", handler.as_str())]);
        HttpMetrics {
            answers: Handler::ALL.iter().map(by_code).collect(),
            durations: Handler::ALL.iter().map(duration).collect(),
            in_flight: gauge(recorder, HTTP_REQUESTS, &[]),
        }
    }

    /// Begins a request. It ends with [`RequestUnderWay::end`], or when it is dropped because its client has gone.
    pub fn begin(&self, handler: Handler) -> RequestUnderWay<'_> {
        self.in_flight.increment(1.0);
        RequestUnderWay { metrics: self, handler, status: CLIENT_GONE, since: Instant::now() }
    }
}

/// A request that is handled.
#[must_use]
pub struct RequestUnderWay<'a> {
    metrics: &'a HttpMetrics,
    handler: Handler,
    status: u16,
    since: Instant,
}

impl RequestUnderWay<'_> {
    /// Ends the request with the status of its answer.
    pub fn end(mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for RequestUnderWay<'_> {
    fn drop(&mut self) {
        let HttpMetrics { answers, durations, in_flight } = self.metrics;
        in_flight.decrement(1.0);
        let code = CODES.iter().position(|code| code.parse() == Ok(self.status)).unwrap_or(CODES.len() - 1);
        answers[self.handler as usize][code].increment(1);
        durations[self.handler as usize].record(self.since.elapsed().as_secs_f64());
    }
}
