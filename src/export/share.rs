//! The share of one piece in the progress of an export.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::transfer::Progress;

/// Moves the progress on as a piece's samples are read, and back if the piece fails.
pub(super) struct Share<'a> {
    progress: &'a Progress,
    /// Samples that the piece has; 0 as long as that is not known.
    expected: &'a AtomicU64,
    read: u64,
    done: u64,
    is_finished: bool,
}

impl<'a> Share<'a> {
    /// What a piece is of the progress' total.
    pub(super) const WHOLE: u64 = 10_000;

    /// The share of a piece that begins.
    pub(super) fn new(progress: &'a Progress, expected: &'a AtomicU64) -> Self {
        Share { progress, expected, read: 0, done: 0, is_finished: false }
    }

    /// So many samples of the piece have been read.
    pub(super) fn is_at(&mut self, read: u64) {
        let expected = self.expected.load(Ordering::Relaxed);
        let done = read.saturating_mul(Self::WHOLE).checked_div(expected).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_piece_that_fails_gives_its_share_back() {
        let progress = Progress::start("exported", 3 * Share::WHOLE, 0);
        let expected = AtomicU64::new(0);
        let mut failing = Share::new(&progress, &expected);
        failing.is_at(50);
        assert_eq!((failing.done, progress.samples()), (0, 50));
        expected.store(200, Ordering::Relaxed);
        failing.is_at(100);
        assert_eq!((failing.done, progress.samples()), (Share::WHOLE / 2, 100));
        failing.is_at(1000);
        assert_eq!(failing.done, Share::WHOLE - 1, "more than was counted");
        drop(failing);
        let good = Share::new(&progress, &expected);
        good.finish();
        assert_eq!(progress.done(), Share::WHOLE);
    }
}
