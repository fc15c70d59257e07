//! Prometheus' XOR chunks: the samples of a series in Gorilla encoding.
//!
//! The layout is that of prometheus/prometheus, tsdb/chunkenc/xor.go and docs/format/chunks.md: the number of samples in
//! 16 bits; the first time as a zigzag varint and its value in 64 bits; the second time as an unsigned varint difference;
//! all others as the difference of differences in 1, 16, 20, 24 or 68 bits. A value is the XOR with the one before: one
//! bit when it is the same, else its meaningful bits, in the window of the one before where they fit.

use crate::proto::Chunk;
use crate::proto::chunk::Encoding;

/// The most samples of a chunk.
pub(super) const MAX_SAMPLES: u16 = 120;

/// Room for a chunk of ordinary samples.
const USUAL_BYTES: usize = 512;

/// A chunk being written.
#[derive(Debug)]
pub(super) struct XorChunk {
    bits: Bits,
    samples: u16,
    first_time: i64,
    time: i64,
    difference: i64,
    value: u64,
    /// Zeros before and behind the meaningful bits written last.
    window: Option<(u32, u32)>,
}

impl Default for XorChunk {
    fn default() -> Self {
        XorChunk {
            bits: Bits { bytes: Vec::with_capacity(USUAL_BYTES), pending: 0, free: 64 },
            samples: 0,
            first_time: 0,
            time: 0,
            difference: 0,
            value: 0,
            window: None,
        }
    }
}

impl XorChunk {
    /// Adds a sample, later than the one before; its time in milliseconds.
    pub(super) fn push(&mut self, time: i64, value: f64) {
        let value = value.to_bits();
        match self.samples {
            0 => {
                // Zigzag: small numbers of either sign are short.
                self.bits.varint(((time << 1) ^ (time >> 63)) as u64);
                self.bits.write(value, 64);
                self.first_time = time;
            }
            1 => {
                self.difference = time.wrapping_sub(self.time);
                self.bits.varint(self.difference as u64);
                self.push_value(value);
            }
            _ => {
                let difference = time.wrapping_sub(self.time);
                self.push_second_difference(difference.wrapping_sub(self.difference));
                self.difference = difference;
                self.push_value(value);
            }
        }
        (self.time, self.value) = (time, value);
        self.samples += 1;
    }

    fn push_second_difference(&mut self, difference: i64) {
        if difference == 0 {
            return self.bits.write(0, 1);
        }
        for (bits, mark, mark_bits) in [(14, 0b10, 2), (17, 0b110, 3), (20, 0b1110, 4)] {
            let half = 1_i64 << (bits - 1);
            if (1 - half..=half).contains(&difference) {
                self.bits.write(mark, mark_bits);
                return self.bits.write(difference as u64, bits);
            }
        }
        self.bits.write(0b1111, 4);
        self.bits.write(difference as u64, 64);
    }

    fn push_value(&mut self, value: u64) {
        let changed = value ^ self.value;
        if changed == 0 {
            return self.bits.write(0, 1);
        }
        // The count of leading zeros is written in 5 bits.
        let (leading, trailing) = (changed.leading_zeros().min(31), changed.trailing_zeros());
        if let Some((before, behind)) = self.window
            && leading >= before
            && trailing >= behind
        {
            self.bits.write(0b10, 2);
            return self.bits.write(changed >> behind, 64 - before - behind);
        }
        self.window = Some((leading, trailing));
        let meaningful = 64 - leading - trailing;
        self.bits.write(0b11, 2);
        self.bits.write(u64::from(leading), 5);
        // 64 does not fit in 6 bits and is written as 0, which does not occur otherwise.
        self.bits.write(u64::from(meaningful), 6);
        self.bits.write(changed >> trailing, meaningful);
    }

    /// Whether the next sample needs another chunk.
    pub(super) fn is_full(&self) -> bool {
        self.samples >= MAX_SAMPLES
    }

    /// Whether it holds no sample.
    pub(super) fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// The chunk as it is sent.
    pub(super) fn finish(self) -> Chunk {
        let mut data = Vec::with_capacity(self.bits.bytes.len() + 10);
        data.extend_from_slice(&self.samples.to_be_bytes());
        data.extend_from_slice(&self.bits.finish());
        Chunk { min_time_ms: self.first_time, max_time_ms: self.time, r#type: Encoding::Xor.into(), data }
    }
}

/// Bits, the most significant first.
#[derive(Debug)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits that are not yet in `bytes`, at the upper end of the number.
    pending: u64,
    /// The unused bits of `pending`, at least one.
    free: u32,
}

impl Bits {
    /// Writes the lower `count` bits of `value`; 1 to 64 of them.
    fn write(&mut self, value: u64, count: u32) {
        let value = value << (64 - count);
        self.pending |= value >> (64 - self.free);
        if count < self.free {
            self.free -= count;
            return;
        }
        self.bytes.extend_from_slice(&self.pending.to_be_bytes());
        self.pending = value.checked_shl(self.free).unwrap_or(0);
        self.free += 64 - count;
    }

    /// Writes seven bits a byte, the lowest first, the top bit saying that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.write(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.write(value, 8);
    }

    fn finish(mut self) -> Vec<u8> {
        let used = (64 - self.free).div_ceil(8) as usize;
        self.bytes.extend(self.pending.to_be_bytes().into_iter().take(used));
        self.bytes
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the tests of the daemon use it too")]
mod decode;
#[cfg(test)]
mod tests;
