//! A write request whose samples are on their way, and their outcomes.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::budget::Reservation;
#[cfg(test)]
use crate::budget::{Budget, Limit};
use crate::error::{Error, Kind};
use crate::sink::record::Record;
use crate::telemetry::Metrics;
use crate::telemetry::reason::{Failed, Rejected};
use crate::telemetry::request_id::RequestId;
use crate::write_request::{self, Expanded, Fate, HistogramTally, WriteRequest};

/// How many characters of a series a message shows.
const MAX_DESCRIPTION: usize = 200;

/// The outcome of some samples.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Timestream has them.
    Written,
    /// They can never be stored; the error says why, with an example.
    Rejected(Rejected, Error),
    /// They may be stored when sent again, or it is not known whether they are stored.
    Failed(Failed, Error),
}

/// The outcome of a whole request.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Samples that Timestream has.
    pub written: u64,
    /// Of those, samples that were made from native histograms.
    pub written_of_histograms: u64,
    /// The outcome of native histograms that were expanded.
    pub histograms: HistogramTally,
    /// Samples that can never be stored.
    pub rejected: u64,
    /// The same by reason, in the order of [`Rejected::ALL`].
    pub rejected_by: [u64; Rejected::ALL.len()],
    /// Samples that may be stored when sent again.
    pub failed: u64,
    /// The error of the first samples rejected.
    pub first_rejection: Option<Error>,
    /// The error of the first samples that failed.
    pub first_failure: Option<Error>,
}

impl Tally {
    /// Adds the outcome of `samples` samples.
    pub fn add(&mut self, samples: u64, outcome: Outcome) {
        match outcome {
            Outcome::Written => self.written += samples,
            Outcome::Rejected(reason, error) => {
                self.rejected += samples;
                self.rejected_by[reason as usize] += samples;
                self.first_rejection.get_or_insert(error);
            }
            Outcome::Failed(_, error) => {
                self.failed += samples;
                self.first_failure.get_or_insert(error);
            }
        }
    }

    /// The error to answer the request with. Failures go before rejections: a retry may help, and since records are
    /// idempotent, sending all of them again is safe.
    pub fn error(&self) -> Option<&Error> {
        self.first_failure.as_ref().or(self.first_rejection.as_ref())
    }
}

/// A request that waits for the outcomes of its samples. When the last one is known, its reply is sent.
#[derive(Debug)]
pub struct PendingWrite {
    request: WriteRequest,
    request_id: Option<RequestId>,
    queued: Instant,
    deadline: Instant,
    metrics: Arc<Metrics>,
    /// Held for as long as the request is in memory: its client may hang up long before.
    _memory: Reservation,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: u64,
    tally: Tally,
    expanded: Vec<Expanded>,
    reply: Option<oneshot::Sender<Tally>>,
}

impl State {
    /// Notes the outcome of records for their histograms.
    fn note_histograms(&mut self, records: &[Record], outcome: &Outcome) {
        for record in records {
            if let Some(histogram) = write_request::expanded_by_series(&mut self.expanded, record.series) {
                histogram.fate = histogram.fate.max(fate(outcome));
                self.tally.written_of_histograms += u64::from(matches!(outcome, Outcome::Written));
            }
        }
    }
}

impl PendingWrite {
    /// A request with at least one sample and the memory that it holds. The receiver gets its tally.
    pub fn new(
        mut request: WriteRequest,
        deadline: Instant,
        memory: Reservation,
        metrics: Arc<Metrics>,
    ) -> (Self, oneshot::Receiver<Tally>) {
        let (reply, tally) = oneshot::channel();
        let expanded = std::mem::take(&mut request.expanded);
        let left = request.sample_count() as u64;
        let state = State { left, tally: Tally::default(), expanded, reply: Some(reply) };
        let (queued, request_id) = (Instant::now(), RequestId::current());
        (
            PendingWrite { request, request_id, queued, deadline, metrics, _memory: memory, state: Mutex::new(state) },
            tally,
        )
    }

    /// The request.
    pub fn request(&self) -> &WriteRequest {
        &self.request
    }

    /// One of its samples, for messages.
    pub fn describe(&self, record: Record) -> String {
        let (series, sample) = (self.request.series_at(record.series), self.request.sample_at(record.sample));
        self.request.describe_sample(series, sample, MAX_DESCRIPTION)
    }

    /// The id of its HTTP request.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref().map(RequestId::as_str)
    }

    /// When it was ready to be gathered into calls.
    pub fn queued(&self) -> Instant {
        self.queued
    }

    /// When it must be answered.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Counts the outcome of some of its samples.
    pub fn settle(&self, records: &[Record], outcome: Outcome) {
        self.note_example(records.first(), &outcome);
        self.settle_noted(records, outcome);
    }

    /// The same of one sample, which the outcome's error shows.
    pub fn settle_shown(&self, record: Record, outcome: Outcome) {
        self.note_example(None, &outcome);
        self.settle_noted(&[record], outcome);
    }

    fn settle_noted(&self, records: &[Record], outcome: Outcome) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.expanded.is_empty() {
            state.note_histograms(records, &outcome);
        }
        self.count(&mut state, records.len() as u64, outcome);
    }

    /// Notes an error as an example, with its sample if the error does not show it.
    fn note_example(&self, sample: Option<&Record>, outcome: &Outcome) {
        let text = |error: &Error| match sample {
            Some(record) => format!("{}: {error}", self.describe(*record)),
            None => error.to_string(),
        };
        match outcome {
            Outcome::Written => {}
            Outcome::Rejected(reason, error) => self.metrics.examples.note_rejected(*reason, || text(error)),
            Outcome::Failed(reason, error) => self.metrics.examples.note_failed(*reason, || text(error)),
        }
    }

    fn count(&self, state: &mut State, samples: u64, outcome: Outcome) {
        let samples = samples.min(state.left);
        match &outcome {
            Outcome::Written => self.metrics.written_samples.increment(samples),
            Outcome::Rejected(reason, _) => self.metrics.rejected(*reason).increment(samples),
            Outcome::Failed(reason, _) => self.metrics.failed(*reason).increment(samples),
        }
        state.tally.add(samples, outcome);
        state.left -= samples;
        if state.left == 0
            && let Some(reply) = state.reply.take()
        {
            state.tally.histograms = HistogramTally::of(&state.expanded);
            count_histograms(&self.metrics, &state.tally.histograms);
            // The client may have hung up; the samples are counted all the same.
            let _ = reply.send(std::mem::take(&mut state.tally));
        }
    }

    /// Counts an outcome for all samples that have none yet.
    pub fn settle_rest(&self, outcome: Outcome) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.left == 0 {
            return;
        }
        // It is no longer known which histograms these samples belong to, so no histogram counts as whole.
        for histogram in &mut state.expanded {
            histogram.fate = histogram.fate.max(fate(&outcome));
        }
        let left = state.left;
        let sample = self
            .request
            .series()
            .iter()
            .zip(0..)
            .find_map(|(one, series)| one.sample_indexes().next().map(|sample| Record { series, sample }));
        self.note_example(sample.as_ref(), &outcome);
        self.count(&mut state, left, outcome);
    }

    #[cfg(test)]
    pub(crate) fn for_tests(request: WriteRequest) -> Arc<Self> {
        let memory = Budget::new(Limit::new("none", 0)).reserve_none();
        Arc::new(PendingWrite::new(request, Instant::now(), memory, Arc::new(Metrics::new())).0)
    }
}

/// Counts the outcomes of expanded native histograms.
pub fn count_histograms(metrics: &Metrics, tally: &HistogramTally) {
    metrics.written_histograms.increment(tally.written);
    metrics.ignored_histograms.increment(tally.ignored);
    metrics.rejected_histograms.increment(tally.rejected);
    metrics.failed_histograms.increment(tally.failed);
}

fn fate(outcome: &Outcome) -> Fate {
    match outcome {
        Outcome::Written => Fate::Written,
        Outcome::Rejected(..) => Fate::Rejected,
        Outcome::Failed(..) => Fate::Failed,
    }
}

impl Drop for PendingWrite {
    /// Even if a call is dropped on its way, by a panic or at the end of the runtime, all its samples are counted.
    fn drop(&mut self) {
        let error = Error::new(Kind::Stopping, "Shutdown", "the connector dropped the samples; send again");
        self.settle_rest(Outcome::Failed(Failed::Shutdown, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::decode_v1;

    /// A request of three samples.
    fn pending(metrics: &Arc<Metrics>) -> (PendingWrite, oneshot::Receiver<Tally>) {
        let request = decode_v1::decode(vec![0x0a, 6, 0x12, 0, 0x12, 0, 0x12, 0]).unwrap();
        PendingWrite::new(request, Instant::now(), Budget::new(Limit::new("none", 0)).reserve_none(), metrics.clone())
    }

    fn records(count: u32) -> Vec<Record> {
        (0..count).map(|sample| Record { series: 0, sample }).collect()
    }

    #[test]
    fn the_reply_comes_with_the_last_outcome_and_no_sample_counts_twice() {
        let metrics = Arc::new(Metrics::new());
        let (write, mut reply) = pending(&metrics);
        write.settle(&records(1), Outcome::Written);
        assert!(reply.try_recv().is_err());
        write.settle(
            &records(5),
            Outcome::Rejected(Rejected::Duplicate, Error::invalid("RejectedRecordsException", "no")),
        );
        let tally = reply.try_recv().unwrap();
        assert_eq!((tally.written, tally.rejected, tally.failed), (1, 2, 0));
        assert_eq!(tally.rejected_by[Rejected::Duplicate as usize], 2);
        drop(write);
        let text = metrics.render();
        assert!(text.contains("written_samples_total 1") && text.contains("{reason=\"duplicate\"} 2"), "{text}");
        assert!(text.contains("failed_samples_total{reason=\"shutdown\"} 0"), "{text}");
        let example = metrics.examples.rejected(Rejected::Duplicate).map(|example| example.text.as_str());
        assert_eq!(example, Some("{} 0 at 0 ms: RejectedRecordsException: no"));
    }

    #[test]
    fn an_example_shows_its_sample_once() {
        let metrics = Arc::new(Metrics::new());
        let (write, _reply) = pending(&metrics);
        let sample = write.describe(records(1)[0]);
        let shown = Error::invalid("RejectedRecordsException", format!("no ({sample})"));
        write.settle_shown(records(1)[0], Outcome::Rejected(Rejected::Version, shown));
        let example = metrics.examples.rejected(Rejected::Version).map(|example| example.text.as_str());
        assert_eq!(example, Some("RejectedRecordsException: no ({} 0 at 0 ms)"));
    }

    #[test]
    fn what_is_dropped_on_its_way_has_failed() {
        let metrics = Arc::new(Metrics::new());
        let (write, mut reply) = pending(&metrics);
        write.settle(&records(1), Outcome::Written);
        drop(write);
        let tally = reply.try_recv().unwrap();
        assert_eq!((tally.written, tally.rejected, tally.failed), (1, 0, 2));
        assert!(tally.error().is_some_and(|error| error.kind().is_retryable()));
        assert!(metrics.render().contains("failed_samples_total{reason=\"shutdown\"} 2"));
    }
}
