//! Frames of a STREAMED_XOR_CHUNKS answer.
//!
//! A frame is the length of its message as an unsigned varint, the message's CRC-32C in four bytes, big-endian, and the
//! message, a ChunkedReadResponse (prometheus/prometheus, storage/remote/chunked.go). Each frame holds one series,
//! since readers read only the first. A series that is larger than a frame goes on in the next, with the same labels.

use crc::{CRC_32_ISCSI, Crc, Table};
use prost::Message;

use super::xor::XorChunk;
use crate::proto::{Chunk, ChunkedReadResponse, ChunkedSeries, Label};

/// The size from which a frame is not filled further, in bytes: that of Prometheus' own server.
const FRAME_BYTES: usize = 1 << 20;

/// The most bytes that a chunk takes besides its data.
const CHUNK_OVERHEAD: usize = 32;

/// The checksum of frames, Castagnoli's.
const CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Writes the series of one query as frames.
#[derive(Debug, Default)]
pub struct FrameWriter {
    query_index: i64,
    /// Whole frames that nobody has taken yet.
    ready: Vec<u8>,
    labels: Vec<Label>,
    chunks: Vec<Chunk>,
    /// The size of the frame being filled.
    bytes: usize,
    chunk: XorChunk,
}

impl FrameWriter {
    /// A writer for the query with this number in its request.
    pub fn new(query_index: i64) -> Self {
        FrameWriter { query_index, ..FrameWriter::default() }
    }

    /// Begins the next series.
    pub fn start_series(&mut self, labels: Vec<Label>) {
        self.end_series();
        self.labels = labels;
    }

    /// Adds a sample to the series, later than the one before; its time in milliseconds.
    pub fn push(&mut self, time: i64, value: f64) {
        if self.chunk.is_full() {
            self.end_chunk();
        }
        self.chunk.push(time, value);
    }

    fn end_chunk(&mut self) {
        let chunk = std::mem::take(&mut self.chunk).finish();
        let bytes = chunk.data.len() + CHUNK_OVERHEAD;
        if self.chunks.is_empty() {
            self.bytes = self.labels.iter().map(|label| label.encoded_len() + 4).sum();
        } else if self.bytes + bytes > FRAME_BYTES {
            self.end_frame();
        }
        self.bytes += bytes;
        self.chunks.push(chunk);
    }

    fn end_frame(&mut self) {
        let chunks = std::mem::take(&mut self.chunks);
        let series = ChunkedSeries { labels: std::mem::take(&mut self.labels), chunks };
        let mut message = ChunkedReadResponse { chunked_series: vec![series], query_index: self.query_index };
        let encoded = message.encode_to_vec();
        prost::encoding::encode_varint(encoded.len() as u64, &mut self.ready);
        self.ready.extend_from_slice(&CHECKSUM.checksum(&encoded).to_be_bytes());
        self.ready.extend_from_slice(&encoded);
        self.labels = message.chunked_series.pop().map(|series| series.labels).unwrap_or_default();
        self.bytes = self.labels.iter().map(|label| label.encoded_len() + 4).sum();
    }

    /// Ends the series, whose frames are then all ready. A series without samples has none.
    pub fn end_series(&mut self) {
        if !self.chunk.is_empty() {
            self.end_chunk();
        }
        if !self.chunks.is_empty() {
            self.end_frame();
        }
    }

    /// The size of the frames that are ready, in bytes.
    pub fn ready_bytes(&self) -> usize {
        self.ready.len()
    }

    /// Takes the frames that are ready.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            writer.start_series(labels(name));
            (0..samples).for_each(|index| writer.push(index * 1000, index as f64));
        }
        writer.end_series();
        let frames = frames(&writer.take());
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

    #[test]
    fn a_long_series_takes_frames_of_nearly_a_mebibyte() {
        let mut writer = FrameWriter::new(0);
        writer.start_series(labels("long"));
        let mut random = 1_u64;
        for time in 0..400_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            writer.push(time, f64::from_bits(random));
        }
        assert!(writer.ready_bytes() > 2 * FRAME_BYTES, "frames are ready while the series goes on");
        writer.end_series();
        let frames = frames(&writer.take());
        assert!(frames.len() >= 3);
        for (index, (length, frame)) in frames.iter().enumerate() {
            assert!(*length <= FRAME_BYTES, "{length}");
            assert!(*length > FRAME_BYTES * 9 / 10 || index + 1 == frames.len(), "{length}");
            assert_eq!(frame.chunked_series[0].labels, labels("long"));
        }
        let times: Vec<i64> = frames
            .iter()
            .flat_map(|(_, frame)| &frame.chunked_series[0].chunks)
            .flat_map(|chunk| [chunk.min_time_ms, chunk.max_time_ms])
            .collect();
        assert!(times.is_sorted());
    }
}
