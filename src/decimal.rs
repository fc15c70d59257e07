//! Short decimals as text: what most samples' values are.

/// Below this, in either direction, a decimal with up to three digits behind the point is short. Its text has at most
/// fifteen bytes then.
const END: f64 = 1e10;
/// Below this, in either direction, a whole number is short.
const WHOLE_END: f64 = 1e14;
const SCALE: f64 = 1000.0;

/// Appends a number as its shortest decimal, as [`short`] gives it. False, and nothing appended, if that is none.
pub(crate) fn write_short(value: f64, text: &mut Vec<u8>) -> bool {
    let Some((digits, length)) = short(value) else { return false };
    let end = text.len() + length;
    // A copy of a fixed length is a single instruction.
    text.extend_from_slice(&digits.to_le_bytes());
    text.truncate(end);
    true
}

/// A number's shortest decimal, without a point if it is whole, and its length, if that is a short one. `None` if not, or
/// for -0. Its first byte is the lowest, and behind its end are zeros.
///
/// So few digits, when divided by a power of ten, give the double that they stand for, and no two of them the same one.
#[inline]
pub(crate) fn short(value: f64) -> Option<(u128, usize)> {
    let scaled = value * SCALE;
    let thousandths = (scaled + 0.5_f64.copysign(scaled)) as i64;
    // NaN is not below.
    let is_short = value.abs() < END && (thousandths as f64 / SCALE).to_bits() == value.to_bits();
    let (whole, behind) = match thousandths.unsigned_abs() {
        magnitude if is_short => (magnitude / 1000, (magnitude % 1000) as u32),
        _ if (END..WHOLE_END).contains(&value.abs()) && value.fract() == 0.0 => (value.abs() as u64, 0),
        _ => return None,
    };
    let (mut all, mut length) = whole_digits(whole);
    if behind != 0 {
        let [tenths, hundredths, last] = three_digits(behind);
        let left_out = u32::from(last == b'0') + u32::from(last == b'0' && hundredths == b'0');
        let digits = u32::from_le_bytes([b'.', tenths, hundredths, last]) & (u32::MAX >> (8 * left_out));
        all |= u128::from(digits) << (8 * length);
        length += 4 - left_out;
    }
    if value < 0.0 {
        (all, length) = ((all << 8) | u128::from(b'-'), length + 1);
    }
    Some((all, length as usize))
}

/// The digits of a whole number below 10^16, and how many they are.
#[inline]
fn whole_digits(number: u64) -> (u128, u32) {
    const EIGHT_DIGITS: u64 = 100_000_000;
    let eight = |number: u64| u64::from_le_bytes(eight_digits(number as u32));
    if number < EIGHT_DIGITS {
        let digits = eight(number);
        let zeros = ((digits & 0x0f0f_0f0f_0f0f_0f0f).trailing_zeros() / 8).min(7);
        return (u128::from(digits >> (8 * zeros)), 8 - zeros);
    }
    // The first byte is the lowest.
    let digits = u128::from(eight(number / EIGHT_DIGITS)) | (u128::from(eight(number % EIGHT_DIGITS)) << 64);
    let zeros = (digits & (u128::MAX / 0x11)).trailing_zeros() / 8;
    (digits >> (8 * zeros), 16 - zeros)
}

/// The digits of a number below 100,000,000. Its halves, quarters and eighths are divided at once in one register.
#[inline]
pub(crate) fn eight_digits(number: u32) -> [u8; 8] {
    let number = u64::from(number);
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | ((twos - tens * 10) << 8);
    (ones | 0x3030_3030_3030_3030).to_le_bytes()
}

/// The digits of a number below 1000.
#[inline]
pub(crate) fn three_digits(number: u32) -> [u8; 3] {
    let hundreds = (number * 41) >> 12;
    let below = number - hundreds * 100;
    let tens = (below * 103) >> 10;
    [hundreds, tens, below - tens * 10].map(|digit| b'0' | digit as u8)
}

/// A number as its shortest decimal where that is a short one, and as a double otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The text's first eight bytes, the first one the lowest; or the bits of the double.
    low: u64,
    /// The next seven, with zeros behind the end, and above them the length; 0 is that of no text.
    high: u64,
}

/// Where the length of a text is.
const LENGTH_AT: u32 = 56;

impl Number {
    /// Room for a text, in bytes.
    pub(crate) const MOST: usize = 15;

    /// The number of a text, which must be what [`short`] gives for it.
    pub(crate) fn of_text(text: u128, length: usize) -> Self {
        debug_assert!((1..=Self::MOST).contains(&length) && text >> (8 * length) == 0);
        Number { low: text as u64, high: (text >> 64) as u64 | ((length as u64) << LENGTH_AT) }
    }

    /// Its text and the length of that, as [`short`] gives them.
    #[inline]
    pub(crate) fn text(self) -> Option<(u128, usize)> {
        let text = u128::from(self.low) | (u128::from(self.high & ((1 << LENGTH_AT) - 1)) << 64);
        match self.high >> LENGTH_AT {
            0 => None,
            length => Some((text, length as usize)),
        }
    }

    /// The double.
    pub(crate) fn value(self) -> f64 {
        let Some((text, length)) = self.text() else { return f64::from_bits(self.low) };
        let bytes = text.to_le_bytes();
        let text = bytes.get(..length).and_then(|text| std::str::from_utf8(text).ok());
        // A text is that of a number.
        text.and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        match short(value) {
            Some((text, length)) => Number::of_text(text, length),
            None => Number { low: value.to_bits(), high: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: f64) -> Option<String> {
        let mut text = b"x".to_vec();
        let is_short = write_short(value, &mut text);
        let text = String::from_utf8(text.split_off(1)).unwrap();
        assert_eq!(is_short, !text.is_empty());
        is_short.then_some(text)
    }

    #[test]
    fn short_decimals_are_written_and_others_are_not() {
        for text in [
            "0",
            "1",
            "-1",
            "0.001",
            "-0.5",
            "0.25",
            "99999999.999",
            "-10.01",
            "100",
            "12345678",
            "100000000",
            "-9999999999.999",
            "68719476736",
            "-99999999999999",
        ] {
            assert_eq!(written(text.parse().unwrap()).as_deref(), Some(text));
        }
        for value in [
            -0.0,
            1e14,
            -1e14,
            10_000_000_000.5,
            0.0001,
            0.1234,
            f64::NAN,
            f64::INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            0.1 + 0.2,
        ] {
            assert_eq!(written(value), None, "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn they_are_those_of_the_standard_library(bits in any::<u64>(), whole in -200_000_000_000_000_i64..200_000_000_000_000, power in 0..5) {
            for value in [f64::from_bits(bits), whole as f64 / 10_f64.powi(power)] {
                if let Some(text) = written(value) {
                    prop_assert_eq!(text, value.to_string());
                } else {
                    let digits_behind_point = value.to_string().split_once('.').map_or(0, |(_, digits)| digits.len());
                    let most = if value.abs() < END { 3 } else { 0 };
                    prop_assert!(!value.is_finite() || value.abs() >= WHOLE_END || digits_behind_point > most || value == 0.0);
                }
            }
        }

        #[test]
        fn a_number_gives_its_double_and_its_text_back(bits in any::<u64>(), whole in -200_000_000_000_000_i64..200_000_000_000_000, power in 0..5) {
            for value in [f64::from_bits(bits), whole as f64 / 10_f64.powi(power)] {
                prop_assert_eq!(Number::from(value).value().to_bits(), value.to_bits());
                prop_assert_eq!(Number::from(value).text(), short(value));
            }
        }

        #[test]
        fn three_digits_are_those_of_the_standard_library(number in 0..1000_u32) {
            prop_assert_eq!(three_digits(number).to_vec(), format!("{number:03}").into_bytes());
        }

        #[test]
        fn eight_digits_are_those_of_the_standard_library(number in 0..100_000_000_u32) {
            prop_assert_eq!(eight_digits(number).to_vec(), format!("{number:08}").into_bytes());
        }
    }
}
