//! Frames of a STREAMED_XOR_CHUNKS answer.
//!
//! A frame is the length of its message as an unsigned varint, the message's CRC-32C in four bytes, big-endian, and the
//! message, a ChunkedReadResponse (prometheus/prometheus, storage/remote/chunked.go). Each holds one series, since
//! readers look at the first only. A series is never split over two frames: the protocol allows it, but Prometheus takes
//! every frame for a series of its own.

use crc::{CRC_32_ISCSI, Crc, Table};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, int64, message};

use super::runs::SeriesSink;
use super::xor::XorChunk;
use crate::error::{Error, Kind};
use crate::proto::Label;

/// Frames are handed on in pieces of about this many bytes.
pub(super) const PIECE_BYTES: usize = if cfg!(test) { 64 } else { 1 << 20 };

/// The largest frame. Prometheus takes no larger ones than its `chunked_read_limit`, by default 50 MB.
const MAX_FRAME_BYTES: usize = if cfg!(test) { 256 << 10 } else { 47 << 20 };
const _: () = assert!(MAX_FRAME_BYTES < 50_000_000);

/// What a message takes beside its series, at most.
const AROUND_SERIES: usize = 32;

/// The fields of a ChunkedReadResponse.
const SERIES: u32 = 1;
const QUERY_INDEX: u32 = 2;

/// The fields of a ChunkedSeries.
const LABELS: u32 = 1;
const CHUNKS: u32 = 2;

/// The checksum of frames, Castagnoli's.
static CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Writes the series of one query as frames.
#[derive(Debug, Default)]
pub struct FrameWriter {
    query_index: i64,
    /// Whole frames that nobody has taken yet, in pieces.
    ready: Vec<Vec<u8>>,
    /// The series under way as a ChunkedSeries, in pieces, and behind them the piece being filled.
    full: Vec<Vec<u8>>,
    piece: Vec<u8>,
    /// The size of the series under way.
    bytes: usize,
    /// Whether it gets a frame.
    is_kept: bool,
    chunk: XorChunk,
}

impl FrameWriter {
    /// A writer for the query with this number in its request.
    pub fn new(query_index: i64) -> Self {
        FrameWriter { query_index, ..FrameWriter::default() }
    }

    fn end_chunk(&mut self) -> Result<(), Error> {
        let chunk = std::mem::take(&mut self.chunk).finish();
        self.add(CHUNKS, &chunk)
    }

    /// Adds a label or a chunk to the series under way.
    fn add(&mut self, field: u32, part: &impl Message) -> Result<(), Error> {
        let bytes = message::encoded_len(field, part);
        if self.bytes + bytes + AROUND_SERIES > MAX_FRAME_BYTES {
            let message = format!(
                "a series takes more than {MAX_FRAME_BYTES} bytes in a streamed answer, and readers take no more; ask \
                 for less time"
            );
            return Err(Error::new(Kind::TooLarge, "SeriesSizeLimitError", message));
        }
        if self.piece.len() + bytes > PIECE_BYTES && !self.piece.is_empty() {
            self.full.push(std::mem::take(&mut self.piece));
        }
        message::encode(field, part, &mut self.piece);
        self.bytes += bytes;
        Ok(())
    }

    fn end_frame(&mut self) {
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        encode_key(SERIES, WireType::LengthDelimited, &mut before);
        encode_varint(self.bytes as u64, &mut before);
        if self.query_index != 0 {
            int64::encode(QUERY_INDEX, &self.query_index, &mut behind);
        }
        let mut checksum = CHECKSUM.digest();
        let message = [&before].into_iter().chain(&self.full).chain([&self.piece, &behind]);
        message.for_each(|part| checksum.update(part));

        let mut open = self.ready.pop().unwrap_or_default();
        encode_varint((before.len() + self.bytes + behind.len()) as u64, &mut open);
        open.extend_from_slice(&checksum.finalize().to_be_bytes());
        open.extend_from_slice(&before);
        if self.full.is_empty() {
            open.extend_from_slice(&self.piece);
        } else {
            // Large pieces are handed on as they are.
            self.ready.push(open);
            self.ready.append(&mut self.full);
            open = std::mem::take(&mut self.piece);
        }
        open.extend_from_slice(&behind);
        self.ready.push(open);
    }

    /// The size of the frames that are ready, in bytes.
    pub fn ready_bytes(&self) -> usize {
        self.ready.iter().map(Vec::len).sum()
    }

    /// The size of the frames that are ready and of the one under way, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.ready_bytes() + self.bytes
    }

    /// Takes the frames that are ready, in pieces.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.ready)
    }
}

/// A series without samples has no frame, unless it is kept. A series too large for a frame is a `SeriesSizeLimitError`.
impl SeriesSink for FrameWriter {
    type Value = f64;

    fn start_series(&mut self, labels: &[Label]) -> Result<(), Error> {
        self.end_series()?;
        labels.iter().try_for_each(|label| self.add(LABELS, label))
    }

    fn keep(&mut self) {
        self.is_kept = true;
    }

    fn push(&mut self, time: i64, value: f64) -> Result<(), Error> {
        if self.chunk.is_full() {
            self.end_chunk()?;
        }
        self.chunk.push(time, value);
        self.is_kept = true;
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), Error> {
        if !self.chunk.is_empty() {
            self.end_chunk()?;
        }
        if std::mem::take(&mut self.is_kept) {
            self.end_frame();
        }
        self.full.clear();
        self.piece.clear();
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Chunk, ChunkedReadResponse};

    /// Length, checksum and message of each frame. The checksum is computed bit by bit.
    fn frames(mut bytes: &[u8]) -> Vec<(usize, ChunkedReadResponse)> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let length = usize::try_from(prost::encoding::decode_varint(&mut bytes).unwrap()).unwrap();
            let (checksum, rest) = bytes.split_at(4);
            let (message, rest) = rest.split_at(length);
            assert_eq!(checksum, castagnoli(message).to_be_bytes());
            frames.push((length, ChunkedReadResponse::decode(message).unwrap()));
            bytes = rest;
        }
        frames
    }

    fn castagnoli(bytes: &[u8]) -> u32 {
        let mut remainder = !0_u32;
        for byte in bytes {
            remainder ^= u32::from(*byte);
            for _ in 0..8 {
                remainder = (remainder >> 1) ^ if remainder & 1 == 1 { 0x82f6_3b78 } else { 0 };
            }
        }
        !remainder
    }

    fn labels(name: &str) -> Vec<Label> {
        vec![Label { name: "__name__".to_owned(), value: name.to_owned() }]
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(castagnoli(b"123456789"), 0xe306_9283);
        assert_eq!(CHECKSUM.checksum(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_frame_holds_one_series_in_chunks_of_120() {
        let mut writer = FrameWriter::new(7);
        for (name, samples) in [("a", 241), ("empty", 0), ("b", 1), ("c", 120)] {
            writer.start_series(&labels(name)).unwrap();
            (0..samples).for_each(|index| writer.push(index * 1000, index as f64).unwrap());
        }
        writer.end_series().unwrap();
        let frames = frames(&writer.take().concat());
        let shown: Vec<String> = frames
            .into_iter()
            .map(|(_, frame)| {
                let [series] = frame.chunked_series.as_slice() else { panic!("one series") };
                let show = |chunk: &Chunk| format!("{}-{}:{}", chunk.min_time_ms, chunk.max_time_ms, chunk.data[1]);
                let chunks: Vec<String> = series.chunks.iter().map(show).collect();
                format!("{} {} {}", frame.query_index, series.labels[0].value, chunks.join(" "))
            })
            .collect();
        assert_eq!(shown, ["7 a 0-119000:120 120000-239000:120 240000-240000:1", "7 b 0-0:1", "7 c 0-119000:120"]);
    }

    /// Writes samples that do not compress.
    fn write(writer: &mut FrameWriter, samples: i64) -> Result<(), Error> {
        let mut random = 1_u64;
        (0..samples).try_for_each(|time| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            writer.push(time, f64::from_bits(random))
        })
    }

    #[test]
    fn a_long_series_takes_one_frame_in_pieces() {
        let mut writer = FrameWriter::new(3);
        for (name, samples) in [("short", 1), ("long", 25_000), ("next", 1)] {
            writer.start_series(&labels(name)).unwrap();
            write(&mut writer, samples).unwrap();
        }
        writer.end_series().unwrap();
        let pieces = writer.take();
        assert!(pieces.len() > 200 && pieces.iter().all(|piece| piece.len() < 1400));
        let frames = frames(&pieces.concat());
        let shown: Vec<_> = frames
            .iter()
            .map(|(_, frame)| (&frame.chunked_series[0].labels, frame.chunked_series[0].chunks.len()))
            .collect();
        assert_eq!(shown, [(&labels("short"), 1), (&labels("long"), 209), (&labels("next"), 1)]);
        for (length, frame) in &frames {
            assert_eq!((*length, frame.query_index), (frame.encoded_len(), 3));
        }
        let times =
            frames[1].1.chunked_series[0].chunks.iter().flat_map(|chunk| [chunk.min_time_ms, chunk.max_time_ms]);
        assert!(times.is_sorted() && frames[1].0 > 200 << 10);
    }

    #[test]
    fn a_series_too_large_for_a_frame_is_an_error() {
        let mut writer = FrameWriter::new(i64::MAX);
        for samples in [30_000, 32_000] {
            writer.start_series(&labels("long")).unwrap();
            let written = write(&mut writer, samples).and_then(|()| writer.end_series());
            assert!(writer.bytes() <= 2 * MAX_FRAME_BYTES);
            match written {
                Ok(()) => assert!(writer.ready_bytes() > MAX_FRAME_BYTES * 9 / 10),
                Err(error) => {
                    assert_eq!((samples, error.kind(), error.name()), (32_000, Kind::TooLarge, "SeriesSizeLimitError"));
                    return;
                }
            }
        }
        panic!("a frame of {} bytes", writer.ready_bytes());
    }
}
