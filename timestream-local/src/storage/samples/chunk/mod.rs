//! Chunks of time-series samples as bytes: small, and fast to read.
//!
//! A chunk is its format's version (byte), the number of samples (varint), their times as a series of integers, their
//! values, and the CRC-32 of all before it (4 bytes, little endian). An empty chunk has neither times nor values.
//! Chunks do not state their length.

mod bits;
mod checksum;
mod divisor;
mod failure;
mod integers;
mod series;
#[cfg(test)]
mod tests;
mod values;

pub(super) use bits::{put_varint, take_varint, unzigzag, zigzag};
pub(super) use checksum::crc32;
pub(crate) use failure::Damaged;

/// The version of the format that is written, and the one that is read.
const VERSION: u8 = 1;

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    /// The value. Chunks keep all its bits, also those of NaN.
    pub(crate) value: f64,
}

/// What a chunk has: its first and its last time, and how many samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: i64,
    pub(super) stop: i64,
    pub(super) count: usize,
}

/// A chunk of samples, whose times must ascend strictly.
pub(super) fn encode(samples: &[Sample]) -> Vec<u8> {
    debug_assert!(samples.is_sorted_by(|sample, next| sample.time < next.time), "times ascend strictly");
    let mut out = Vec::with_capacity(64 + samples.len() * 4);
    out.push(VERSION);
    bits::put_varint(samples.len() as u64, &mut out);
    if !samples.is_empty() {
        let times: Vec<i64> = samples.iter().map(|sample| sample.time).collect();
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        series::write(&times, &mut out);
        values::write(&values, &mut out);
    }
    out.extend_from_slice(&checksum::crc32(&out).to_le_bytes());
    out
}

/// Appends the samples of a chunk with `from` <= time <= `to` to `samples`. The chunk may have up to `most`, of any
/// time; `None` if it has none. If it is damaged, `samples` stay as they are.
pub(super) fn decode_range(
    bytes: &[u8],
    most: usize,
    from: i64,
    to: i64,
    samples: &mut Vec<Sample>,
) -> Result<Option<Extent>, Damaged> {
    let (mut bytes, checksum) = bytes.split_last_chunk().ok_or(Damaged::CutShort)?;
    if *bytes.first().ok_or(Damaged::CutShort)? != VERSION {
        return Err(Damaged::UnknownFormat);
    }
    if checksum::crc32(bytes) != u32::from_le_bytes(*checksum) {
        return Err(Damaged::WrongChecksum);
    }
    bits::take_byte(&mut bytes)?;
    let count = usize::try_from(bits::take_varint(&mut bytes)?).unwrap_or(usize::MAX);
    if count > most {
        return Err(Damaged::TooMany);
    }
    let mut extent = None;
    if count > 0 {
        let times = series::read(&mut bytes, count)?;
        if !times.is_sorted_by(|time, next| time < next) {
            return Err(Damaged::Invalid);
        }
        let start = times.partition_point(|time| *time < from);
        let end = times.partition_point(|time| *time <= to).max(start);
        let values = values::read(&mut bytes, count, start..end)?;
        let bounds = times.first().copied().zip(times.last().copied());
        extent = bounds.map(|(start, stop)| Extent { start, stop, count });
        let times = times.get(start..end).unwrap_or_default();
        if bytes.is_empty() {
            samples.extend(times.iter().zip(values).map(|(time, value)| Sample { time: *time, value }));
        }
    }
    if bytes.is_empty() { Ok(extent) } else { Err(Damaged::Invalid) }
}
