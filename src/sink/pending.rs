//! A write request whose samples are on their way, and what became of each.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::Error;
use crate::telemetry::reason::{Failed, Rejected};
use crate::write_request::WriteRequest;

/// What became of some samples.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Timestream has them.
    Written,
    /// They can never be stored; the error says why, with an example.
    Rejected(Rejected, Error),
    /// They may be stored when sent again, or it is not known whether they are.
    Failed(Failed, Error),
}

/// What became of a whole request.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Samples that Timestream has.
    pub written: u64,
    /// Samples that can never be stored.
    pub rejected: u64,
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
            Outcome::Rejected(_, error) => {
                self.rejected += samples;
                self.first_rejection.get_or_insert(error);
            }
            Outcome::Failed(_, error) => {
                self.failed += samples;
                self.first_failure.get_or_insert(error);
            }
        }
    }

    /// The error to answer the request with. What a retry may save goes before what it can't: the records are
    /// idempotent, so sending all of them again is safe.
    pub fn error(&self) -> Option<&Error> {
        self.first_failure.as_ref().or(self.first_rejection.as_ref())
    }
}

/// A request that waits for the outcome of its samples. When the last is known, its reply is sent.
#[derive(Debug)]
pub struct PendingWrite {
    request: WriteRequest,
    deadline: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: u64,
    tally: Tally,
    reply: Option<oneshot::Sender<Tally>>,
}

impl PendingWrite {
    /// A request with at least one sample, and where its tally will arrive.
    pub fn new(request: WriteRequest, deadline: Instant) -> (Self, oneshot::Receiver<Tally>) {
        let (reply, tally) = oneshot::channel();
        let state = State { left: request.sample_count() as u64, tally: Tally::default(), reply: Some(reply) };
        (PendingWrite { request, deadline, state: Mutex::new(state) }, tally)
    }

    /// The request.
    pub fn request(&self) -> &WriteRequest {
        &self.request
    }

    /// When it must be answered.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Takes note of what became of `samples` of its samples.
    pub fn settle(&self, samples: u64, outcome: Outcome) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tally.add(samples, outcome);
        state.left = state.left.saturating_sub(samples);
        if state.left == 0
            && let Some(reply) = state.reply.take()
        {
            // The client may have hung up; the samples are counted all the same.
            let _ = reply.send(std::mem::take(&mut state.tally));
        }
    }
}
