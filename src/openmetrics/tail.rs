//! What stands behind the series in a line: value, time and the line's end.

use crate::decimal::{self, Number, eight_digits, three_digits};

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
    pub(crate) fn usual(time: i64, value: Number, times: &mut TimeText) -> Option<Self> {
        let time = times.of(time)?;
        let (value, length) = value.text()?;
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
pub(crate) fn write_tail(time: i64, value: Number, text: &mut Vec<u8>) -> usize {
    if let Some(tail) = Tail::usual(time, value, &mut TimeText::default()) {
        tail.write(text);
        return tail.length;
    }
    let start = text.len();
    write_value(value.value(), text);
    let length = text.len() - start;
    text.push(b' ');
    write_time(time, text);
    text.push(b'\n');
    length
}

/// Milliseconds of the digits of a time that change often.
const OFTEN: i64 = 10_000_000;

/// Makes texts of times that are mostly near the one before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TimeText {
    /// The digits before the last seven of the time before, as a number and as a text with the blank.
    high: i64,
    text: u64,
}

impl TimeText {
    /// A usual time with what stands around it.
    #[inline]
    fn of(&mut self, time: i64) -> Option<u128> {
        if !USUAL.contains(&time) {
            return None;
        }
        let high = time / OFTEN;
        if high != self.high {
            let [.., a, b, c, d, e, f] = eight_digits(high as u32);
            *self = TimeText { high, text: u64::from_le_bytes([b' ', a, b, c, d, e, f, 0]) };
        }
        // Seven digits behind a zero: four of the seconds, and the thousandths.
        let low = u64::from_le_bytes(eight_digits((time - high * OFTEN) as u32));
        let seconds = u128::from((low >> 8) as u32) << 56;
        let rest = (u64::from(b'.') << 24) | ((low >> 40) << 32) | (u64::from(b'\n') << 56);
        Some(u128::from(self.text) | seconds | (u128::from(rest) << 64))
    }
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
            thousandths in -200_000_000_000_000..200_000_000_000_000_i64,
            time in prop_oneof![any::<i64>(), USUAL, USUAL.start - 9..USUAL.start, USUAL.end..USUAL.end + 9],
        ) {
            let mut times = TimeText::default();
            for (value, later) in [f64::from_bits(bits), thousandths as f64 / 1000.0, (thousandths / 2) as f64].into_iter().zip([0, 15_000, OFTEN]) {
                let time = time.saturating_add(later);
                let mut expected = Vec::new();
                write_value(value, &mut expected);
                let length = expected.len();
                expected.push(b' ');
                write_time(time, &mut expected);
                expected.push(b'\n');
                let mut text = b"up ".to_vec();
                prop_assert_eq!(write_tail(time, value.into(), &mut text), length);
                prop_assert_eq!(&text, &[b"up ", &expected[..]].concat());
                if let Some(tail) = Tail::usual(time, value.into(), &mut times) {
                    let mut usual = b"up ".to_vec();
                    tail.write(&mut usual);
                    prop_assert_eq!((&usual, tail.length), (&text, length));
                    prop_assert!(USUAL.contains(&time) && tail.value >> (8 * length) == 0);
                }
            }
        }
    }
}
