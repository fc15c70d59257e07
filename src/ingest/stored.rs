//! What became of a write request's samples, and the answer that follows from it.

use tracing::debug;

use super::not_stored::NotStored;
use super::validate::Dropped;
use crate::error::Error;
use crate::sink::pending::Tally;

/// What became of a request's samples.
#[derive(Debug)]
pub struct Stored {
    /// Samples of the request.
    pub received: u64,
    /// Those that validation took out. The rejected ones of them are in the tally too.
    pub dropped: Dropped,
    /// The outcome of all that were not ignored.
    pub tally: Tally,
}

impl Stored {
    /// Whether the request is answered as stored, or with which error.
    pub(super) fn answer(&self, not_stored: &NotStored) -> Result<(), Error> {
        let Stored { received, dropped, tally } = self;
        let ignored = dropped.ignored_count();
        let Tally { written, rejected, failed, .. } = tally;
        debug!(received, written, ignored, rejected, failed, "write request");
        match tally.error() {
            Some(error) => {
                let counts = format!(
                    "of {received} samples {written} written, {ignored} ignored, {rejected} rejected, {failed} failed"
                );
                Err(Error::new(error.kind(), error.name().to_owned(), format!("{} ({counts})", error.message())))
            }
            None => not_stored.error(*written).map_or(Ok(()), Err),
        }
    }
}

/// Adds what the sink reports to what validation has found.
pub(super) fn merge(tally: &mut Tally, other: Tally) {
    tally.written += other.written;
    tally.rejected += other.rejected;
    tally.rejected_by.iter_mut().zip(other.rejected_by).for_each(|(sum, samples)| *sum += samples);
    tally.failed += other.failed;
    tally.written_of_histograms += other.written_of_histograms;
    tally.histograms = other.histograms;
    tally.first_rejection = tally.first_rejection.take().or(other.first_rejection);
    tally.first_failure = tally.first_failure.take().or(other.first_failure);
}
