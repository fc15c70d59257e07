//! A reader of STREAMED_XOR_CHUNKS that looks at all samples, as Prometheus does: frames with their checksums, messages, and chunks.

use std::io::{BufRead, BufReader, Read};

use crc::{CRC_32_ISCSI, Crc, Table};
use prost::Message;
use timestream_prometheus_connector::proto::ChunkedReadResponse;

static CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Zeros behind a chunk, so that its last bits can be read like all others.
const PADDING: [u8; 16] = [0; 16];

/// Reads an answer to its end, and gives its bytes and its samples.
pub fn read(answer: impl Read) -> (u64, u64) {
    let mut answer = BufReader::with_capacity(256 << 10, answer);
    let (mut bytes, mut samples) = (0, 0);
    let mut message = Vec::new();
    // All samples go into it, so that none is left out as unused.
    let mut sum = 0_u64;
    while !answer.fill_buf().unwrap().is_empty() {
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = byte(&mut answer);
            (length, bytes) = (length | usize::from(byte & 0x7f) << shift, bytes + 1);
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let checksum = u32::from_be_bytes([(); 4].map(|()| byte(&mut answer)));
        message.resize(length, 0);
        answer.read_exact(&mut message).unwrap();
        assert_eq!(CHECKSUM.checksum(&message), checksum);
        bytes += 4 + length as u64;
        let frame = ChunkedReadResponse::decode(&message[..]).unwrap();
        for mut chunk in frame.chunked_series.into_iter().flat_map(|series| series.chunks) {
            chunk.data.extend_from_slice(&PADDING);
            samples += decode(&chunk.data, |time, value| sum ^= time as u64 ^ value);
        }
    }
    std::hint::black_box(sum);
    (bytes, samples)
}

fn byte(answer: &mut impl Read) -> u8 {
    let mut byte = [0];
    answer.read_exact(&mut byte).unwrap();
    byte[0]
}

/// Gives the samples of a chunk to `take`, and their number.
fn decode(data: &[u8], mut take: impl FnMut(i64, u64)) -> u64 {
    let count = u64::from(u16::from_be_bytes([data[0], data[1]]));
    let mut bits = Bits { data: &data[2..], at: 0 };
    let zigzag = bits.varint();
    let mut time = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
    let (mut value, mut step) = (bits.take(64), 0);
    let (mut leading, mut width) = (0, 0);
    take(time, value);
    for index in 1..count {
        if index == 1 {
            step = bits.varint() as i64;
        } else {
            step += match bits.next().leading_ones() {
                0 => bits.skip(1).signed(0),
                1 => bits.skip(2).signed(14),
                2 => bits.skip(3).signed(17),
                3 => bits.skip(4).signed(20),
                _ => bits.skip(4).take(64) as i64,
            };
        }
        time += step;
        if bits.take(1) == 1 {
            if bits.take(1) == 1 {
                (leading, width) = (bits.take(5) as u32, bits.take(6) as u32);
                width = if width == 0 { 64 } else { width };
            }
            value ^= bits.take(width) << (64 - leading - width);
        }
        take(time, value);
    }
    count
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits from the highest on; 57 of them at least.
    fn next(&self) -> u64 {
        let bytes = self.data[self.at / 8..].first_chunk().expect("padding behind a chunk");
        u64::from_be_bytes(*bytes) << (self.at % 8)
    }

    fn skip(&mut self, count: usize) -> &mut Self {
        self.at += count;
        self
    }

    fn take(&mut self, count: u32) -> u64 {
        if count > 32 {
            let high = self.take(count - 32);
            return high << 32 | self.take(32);
        }
        let bits = self.next().checked_shr(64 - count).unwrap_or(0);
        self.at += count as usize;
        bits
    }

    fn signed(&mut self, count: u32) -> i64 {
        let value = self.take(count) as i64;
        if count > 0 && value > 1 << (count - 1) { value - (1 << count) } else { value }
    }

    fn varint(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(8);
            value |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }
}
