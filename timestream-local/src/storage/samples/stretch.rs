//! Samples of one series in memory, in the order in which they came.

use super::chunk::{self, Damaged, Sample};

/// Samples that are kept as they are, before they are packed.
const RECENT: usize = if cfg!(test) { 4 } else { 32 };
/// For so many more there is room each time that there is none.
const ROOM: usize = 8;
/// The most samples of a piece. It is packed anew with each [`RECENT`] more, until it has all of them.
const PIECE: usize = 4 * RECENT;

/// What an allocation takes beside its bytes, about.
const ALLOCATION: usize = 16;

/// Samples of a series, no two of the same time. The recent ones are kept as they are, in order of time; the others
/// are packed in pieces, which may overlap if samples came late.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    pieces: Vec<Piece>,
    /// Whether a piece begins before the one before it ends.
    overlaps: bool,
    /// Samples of the last piece.
    last_piece: u32,
    recent: Vec<Sample>,
    count: u32,
    /// What the pieces take on the heap, in bytes, about.
    packed: usize,
}

#[derive(Debug)]
struct Piece {
    start: i64,
    stop: i64,
    data: Box<[u8]>,
}

impl Piece {
    /// What it takes on the heap, in bytes, about.
    fn bytes(&self) -> usize {
        self.data.len() + size_of::<Piece>() + ALLOCATION
    }
}

/// Reports samples in memory that can't be read. This process packed them, so its memory is broken.
fn is_broken(damage: Damaged) {
    tracing::error!(error = %damage, "samples in memory can't be read");
}

impl Stretch {
    pub(super) fn push(&mut self, sample: Sample) {
        if self.recent.len() >= RECENT {
            self.pack();
        }
        let place = match self.recent.last() {
            Some(last) if last.time > sample.time => self.recent.partition_point(|other| other.time < sample.time),
            _ => self.recent.len(),
        };
        if self.recent.len() == self.recent.capacity() {
            self.recent.reserve_exact(ROOM);
        }
        self.recent.insert(place, sample);
        self.count += 1;
    }

    /// Appends all samples of another stretch.
    pub(super) fn append(&mut self, other: &Stretch) {
        let mut samples = Vec::with_capacity(other.len());
        other.read(i64::MIN, i64::MAX, &mut samples);
        samples.into_iter().for_each(|sample| self.push(sample));
    }

    fn pack(&mut self) {
        let recent = std::mem::take(&mut self.recent);
        let Some(first) = recent.first() else { return };
        let is_late = self.end_of_pieces().is_some_and(|end| end >= first.time);
        self.overlaps |= is_late;
        let mut samples = Vec::with_capacity(PIECE);
        if self.last_piece as usize + recent.len() <= PIECE
            && !is_late
            && let Some(last) = self.pieces.last()
        {
            match chunk::decode_range(&last.data, PIECE, i64::MIN, i64::MAX, &mut samples) {
                Ok(_) => {
                    self.packed -= last.bytes();
                    self.pieces.pop();
                }
                Err(damage) => is_broken(damage),
            }
        }
        samples.extend(recent);
        self.last_piece = samples.len() as u32;
        if let (Some(first), Some(last)) = (samples.first(), samples.last()) {
            let piece = Piece { start: first.time, stop: last.time, data: chunk::encode(&samples).into_boxed_slice() };
            self.packed += piece.bytes();
            if self.pieces.len() == self.pieces.capacity() {
                // Most series have few pieces before they are sealed.
                self.pieces.reserve_exact(1 + self.pieces.len() / 2);
            }
            self.pieces.push(piece);
        }
    }

    /// The time of the last sample in the pieces, as long as they don't overlap.
    fn end_of_pieces(&self) -> Option<i64> {
        self.pieces.last().map(|piece| piece.stop)
    }

    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    /// The time of the first sample.
    pub(super) fn start(&self) -> Option<i64> {
        let packed = self.pieces.iter().map(|piece| piece.start);
        packed.chain(self.recent.first().map(|sample| sample.time)).min()
    }

    /// The time of the last sample.
    pub(super) fn end(&self) -> Option<i64> {
        let packed = self.pieces.iter().map(|piece| piece.stop);
        packed.chain(self.recent.last().map(|sample| sample.time)).max()
    }

    /// What it takes on the heap, in bytes, about.
    pub(super) fn bytes(&self) -> usize {
        self.packed + self.recent.capacity() * size_of::<Sample>()
    }

    /// The pieces between two times, and others if they overlap.
    fn pieces_between(&self, from: i64, to: i64) -> &[Piece] {
        if self.overlaps {
            return &self.pieces;
        }
        let first = self.pieces.partition_point(|piece| piece.stop < from);
        let end = self.pieces.partition_point(|piece| piece.start <= to);
        self.pieces.get(first..end).unwrap_or_default()
    }

    /// A time, at most `to`, so that about `most` samples are between `from` and it, or more if they came late.
    pub(super) fn until(&self, from: i64, to: i64, most: usize) -> i64 {
        let last = self.pieces_between(from, to).get(most / PIECE).filter(|_| !self.overlaps);
        last.map_or(to, |piece| piece.stop.min(to))
    }

    /// Appends the samples from `from` to `to`: those of each piece, and the recent ones, in order of time.
    pub(super) fn read(&self, from: i64, to: i64, samples: &mut Vec<Sample>) {
        let pieces = self.pieces_between(from, to).iter();
        for piece in pieces.filter(|piece| piece.start <= to && piece.stop >= from) {
            if let Err(damage) = chunk::decode_range(&piece.data, PIECE, from, to, samples) {
                is_broken(damage);
            }
        }
        let first = self.recent.partition_point(|sample| sample.time < from);
        let end = self.recent.partition_point(|sample| sample.time <= to);
        samples.extend_from_slice(self.recent.get(first..end).unwrap_or_default());
    }

    /// How many samples there are between two times.
    pub(super) fn count_between(&self, (from, to): (i64, i64)) -> usize {
        match (self.start(), self.end()) {
            (Some(start), Some(end)) if start >= from && end <= to => self.len(),
            (Some(start), Some(end)) if start <= to && end >= from => {
                let mut found = Vec::new();
                self.read(from, to, &mut found);
                found.len()
            }
            _ => 0,
        }
    }

    /// The value at a time.
    pub(super) fn value_at(&self, time: i64) -> Option<f64> {
        let mut found = Vec::new();
        self.read(time, time, &mut found);
        found.first().map(|sample| sample.value)
    }
}
