//! Limits of the read path, and the errors at them.

use std::time::Duration;

use crate::budget::{Budget, Exhausted};
use crate::error::{Error, Kind};

/// Queries of one request that run side by side.
pub(super) const SIDE_BY_SIDE: usize = 4;

/// Limits of the read path.
#[derive(Debug, Clone, Copy)]
pub struct ReadSettings {
    /// The longest that a read request may take.
    pub timeout: Duration,
    /// The most samples that one query may return.
    pub max_samples: usize,
    /// The most bytes that the series of one SAMPLES answer may take until it is sent.
    pub max_bytes: usize,
    /// The most bytes that all SAMPLES answers, and the long series of streamed ones, may take together.
    pub memory_limit_bytes: usize,
    /// The most read requests at once. Others wait for as long as their time-out lets them.
    pub max_concurrent: usize,
    /// Retries of a call to Timestream after the first attempt.
    pub max_retries: u32,
}

/// The error of an answer for which there is no memory, now or ever.
pub(super) fn no_memory(why: Exhausted, budget: &Budget) -> Error {
    let limit = budget.named_limit();
    match why {
        Exhausted::ForNow => Error::new(Kind::Unavailable, "MemoryLimit", format!("{limit}, is used up; ask again")),
        Exhausted::ForEver => {
            let message = format!(
                "the answer would take more memory than {limit}; narrow its matchers or its range, or, if it is of \
                 SAMPLES, ask for STREAMED_XOR_CHUNKS"
            );
            Error::new(Kind::TooLarge, "AnswerSizeLimitError", message)
        }
    }
}

/// The error of a request at its deadline.
pub(crate) fn too_late() -> Error {
    Error::new(Kind::TimedOut, "RequestTimeout", "the query did not end in time")
}
