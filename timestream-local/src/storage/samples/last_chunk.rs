//! The chunk that a query reads again and again: one for each of its bins, say.

use super::chunk::Sample;
use super::chunks::{self, ChunkHead};
use super::floors::Floors;
use rusqlite::Connection;

/// The last chunk of which a part was read. All of it is kept if the part ends before it does, as that of a bin, or once a
/// second part is read.
#[derive(Debug, Default)]
pub(super) struct LastChunk {
    /// The number of the table, and the chunk's own.
    place: Option<(i64, i64)>,
    /// All that have not expired, if they are kept.
    samples: Option<Vec<Sample>>,
}

impl LastChunk {
    /// Appends the samples of a chunk between two times that have not expired.
    ///
    /// # Errors
    /// A damaged chunk is named, with the time that it covers.
    pub(super) fn read(
        &mut self,
        connection: &Connection,
        number: i64,
        head: ChunkHead,
        (from, to): (i64, i64),
        floors: &Floors,
        samples: &mut Vec<Sample>,
    ) -> rusqlite::Result<()> {
        let all = (head.start, head.stop);
        if from <= all.0 && to >= all.1 {
            return chunks::read(connection, number, head, all, floors, samples);
        }
        let place = Some((number, head.number));
        if self.place != place {
            (self.place, self.samples) = (place, None);
            if to >= all.1 {
                return chunks::read(connection, number, head, (from, to), floors, samples);
            }
        }
        if self.samples.is_none() {
            let mut kept = Vec::new();
            chunks::read(connection, number, head, all, floors, &mut kept)?;
            self.samples = Some(kept);
        }
        let kept = self.samples.as_deref().unwrap_or_default();
        let start = kept.partition_point(|sample| sample.time < from);
        let end = kept.partition_point(|sample| sample.time <= to);
        samples.extend_from_slice(kept.get(start..end).unwrap_or_default());
        Ok(())
    }
}
