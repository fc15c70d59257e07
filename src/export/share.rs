//! The share of one piece in the progress of an export.

use crate::transfer::Progress;

/// Moves the progress on as a piece's samples are read, and back if the piece fails.
pub(super) struct Share<'a> {
    progress: &'a Progress,
    /// Samples that the piece has, as far as is known.
    expected: u64,
    read: u64,
    done: u64,
    is_finished: bool,
}

impl<'a> Share<'a> {
    /// What a piece is of the progress' total.
    pub(super) const WHOLE: u64 = 10_000;

    /// The share of a piece that begins.
    pub(super) fn new(progress: &'a Progress, expected: u64) -> Self {
        Share { progress, expected, read: 0, done: 0, is_finished: false }
    }

    /// So many samples of the piece have been read.
    pub(super) fn is_at(&mut self, read: u64) {
        let done = read.saturating_mul(Self::WHOLE) / self.expected.max(1);
        // The rest is left for the end.
        let done = done.clamp(self.done, Self::WHOLE - 1);
        self.progress.advance(done - self.done);
        self.progress.add_samples(read.saturating_sub(self.read));
        (self.done, self.read) = (done, read.max(self.read));
    }

    /// The piece is done.
    pub(super) fn finish(mut self) {
        self.progress.advance(Self::WHOLE - self.done);
        self.is_finished = true;
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.progress.retreat(self.done);
        }
    }
}
