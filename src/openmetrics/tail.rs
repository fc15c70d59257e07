//! What stands behind the series in a line: value, time and the line's end.

use crate::decimal::{self, eight_digits, three_digits};

/// Times in milliseconds from 2004 to 2038: their seconds have ten digits, and as doubles give the time back ([`write_time`]).
const USUAL: std::ops::Range<i64> = (1 << 40)..(1000 << 31);

/// The end of a line as it usually is, in registers, the first byte the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The value, and zeros behind it.
    pub(crate) value: u128,
    /// The length of the value, 1 to 15.
    pub(crate) length: usize,
    /// A blank, the time, and the end of the line: sixteen bytes.
    pub(crate) time: u128,
}

impl Tail {
    /// The length of the time with what stands around it.
    pub(crate) const TIME: usize = 16;

    /// That of a sample, whose time is in milliseconds since the epoch. `None` if the value is long, or the time unusual.
    #[inline]
    pub(crate) fn usual(time: i64, value: f64) -> Option<Self> {
        let time = usual_time(time)?;
        let (value, length) = decimal::short(value)?;
        Some(Tail { value, length, time })
    }

    /// Appends its text.
    pub(crate) fn write(self, text: &mut Vec<u8>) {
        let end = text.len() + self.length;
        // A copy of a fixed length is a single instruction.
        text.extend_from_slice(&self.value.to_le_bytes());
        text.truncate(end);
        text.extend_from_slice(&self.time.to_le_bytes());
    }
}

/// Appends the end of the line of any sample. The value is as long as is given.
pub(crate) fn write_tail(time: i64, value: f64, text: &mut Vec<u8>) -> usize {
    if let Some(tail) = Tail::usual(time, value) {
        tail.write(text);
        return tail.length;
    }
    let start = text.len();
    write_value(value, text);
    let length = text.len() - start;
    text.push(b' ');
    write_time(time, text);
    text.push(b'\n');
    length
}

/// A usual time with what stands around it.
fn usual_time(time: i64) -> Option<u128> {
    if !USUAL.contains(&time) {
        return None;
    }
    let (seconds, thousandths) = ((time / 1000) as u64, (time % 1000) as u32);
    let [_, tens, ones] = three_digits((seconds / 100_000_000) as u32);
    let rest = u64::from_le_bytes(eight_digits((seconds % 100_000_000) as u32));
    let [tenths, hundredths, last] = three_digits(thousandths);
    let first = u32::from_le_bytes([b' ', tens, ones, 0]);
    let end = u64::from_le_bytes([0, 0, 0, b'.', tenths, hundredths, last, b'\n']);
    Some(u128::from(first) | (u128::from(rest) << 24) | (u128::from(end) << 64))
}

/// The shortest text that stands for the same bits; of a NaN any of its bits.
fn write_value(value: f64, text: &mut Vec<u8>) {
    if decimal::write_short(value, text) {
        return;
    }
    if value.is_finite() {
        let mut buffer = zmij::Buffer::new();
        let number = buffer.format_finite(value).as_bytes();
        text.extend_from_slice(number.strip_suffix(b".0").unwrap_or(number));
    } else if value.is_nan() {
        text.extend_from_slice(b"NaN");
    } else {
        text.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
}

/// Seconds with three decimals.
///
/// Prometheus reads the text as a double, multiplies it by 1000 and leaves the fraction out
/// (model/textparse/openmetricsparse.go). Where that gives the millisecond before, which happens in 1987, 2004 and 2038 and
/// some years before, the next double's text is written, which is less than a microsecond later.
fn write_time(time: i64, text: &mut Vec<u8>) {
    let seconds = time as f64 / 1000.0;
    if (seconds * 1000.0) as i64 != time {
        let later = if time < 0 { seconds.next_down() } else { seconds.next_up() };
        return write_value(later, text);
    }
    if time < 0 {
        text.push(b'-');
    }
    let magnitude = time.unsigned_abs();
    text.extend_from_slice(itoa::Buffer::new().format(magnitude / 1000).as_bytes());
    let [tenths, hundredths, last] = three_digits((magnitude % 1000) as u32);
    text.extend_from_slice(&[b'.', tenths, hundredths, last]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn usual_tails_are_those_that_are_written_part_by_part(
            bits in any::<u64>(),
            thousandths in -200_000_000_000..200_000_000_000_i64,
            time in prop_oneof![any::<i64>(), USUAL, USUAL.start - 9..USUAL.start, USUAL.end..USUAL.end + 9],
        ) {
            for value in [f64::from_bits(bits), thousandths as f64 / 1000.0, (thousandths / 1000) as f64] {
                let mut expected = Vec::new();
                write_value(value, &mut expected);
                let length = expected.len();
                expected.push(b' ');
                write_time(time, &mut expected);
                expected.push(b'\n');
                let mut text = b"up ".to_vec();
                prop_assert_eq!(write_tail(time, value, &mut text), length);
                prop_assert_eq!(&text, &[b"up ", &expected[..]].concat());
                if let Some(tail) = Tail::usual(time, value) {
                    prop_assert!(USUAL.contains(&time) && (1..=15).contains(&length));
                    prop_assert!(tail.value >> (8 * length) == 0 && expected.len() == length + Tail::TIME);
                }
            }
        }
    }
}
