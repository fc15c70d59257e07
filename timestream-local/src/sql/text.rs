//! Numbers as Timestream prints them.

use crate::calendar::eight_digits;

/// The shortest decimal that reads back as the same double, in the form of Java's `Double.toString`: plain from 0.001
/// up to ten million, otherwise `1.0E300`.
pub(crate) fn double(number: f64) -> String {
    let mut text = Vec::new();
    write_double(number, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Writes what [`double`] returns.
pub(crate) fn write_double(number: f64, text: &mut Vec<u8>) {
    if let Some(thousandths) = short_decimal(number) {
        return match number.abs() < PLAIN_END {
            true => write_thousandths(thousandths, text),
            false => write_short_scientific(thousandths, text),
        };
    }
    match number {
        _ if number.is_nan() => text.extend_from_slice(b"NaN"),
        f64::INFINITY => text.extend_from_slice(b"Infinity"),
        f64::NEG_INFINITY => text.extend_from_slice(b"-Infinity"),
        _ if number.is_subnormal() => write_subnormal(number, text),
        _ => {
            let mut buffer = zmij::Buffer::new();
            let shortest = buffer.format_finite(number);
            match (is_plain(number), may_lie_between(number, shortest)) {
                (_, true) => write_slowly(number, text),
                (true, false) => text.extend_from_slice(shortest.as_bytes()),
                (false, false) => write_scientific(shortest, text),
            }
        }
    }
}

/// Where Java's plain form ends.
const PLAIN_END: f64 = 1e7;

/// The thousandths that a number below a million million is, if it is just so many. So few digits, fifteen, are its
/// shortest decimal.
fn short_decimal(number: f64) -> Option<i64> {
    const END: f64 = 1e12;
    const SCALE: f64 = 1000.0;
    let scaled = number * SCALE;
    let thousandths = (scaled + 0.5_f64.copysign(scaled)) as i64;
    (number.abs() < END && (thousandths as f64 / SCALE).to_bits() == number.to_bits()).then_some(thousandths)
}

/// The bits of sixteen digits that differ.
const NIBBLES: u128 = u128::MAX / 0x11;

/// Writes a decimal of up to three digits behind the point, of ten million or more and fifteen digits at most:
/// `1.23456789E7`.
fn write_short_scientific(thousandths: i64, text: &mut Vec<u8>) {
    let magnitude = thousandths.unsigned_abs();
    let [high, low] = [magnitude / 100_000_000, magnitude % 100_000_000].map(|half| eight_digits(half as u32));
    // The first byte is the lowest.
    let digits = u128::from(u64::from_le_bytes(high)) | (u128::from(u64::from_le_bytes(low)) << 64);
    let zeros = (digits & NIBBLES).trailing_zeros() / 8;
    let digits = digits >> (8 * zeros);
    // Of the zeros at the end, at most the one behind the point is written.
    let count = 16 - ((digits & NIBBLES).leading_zeros() / 8).min(14);
    let all = (digits & 0xff) | (u128::from(b'.') << 8) | (digits >> 8 << 16);
    if thousandths < 0 {
        text.push(b'-');
    }
    let end = text.len() + 1 + count as usize;
    // A copy of a fixed length is a single instruction.
    text.extend_from_slice(&all.to_le_bytes());
    text.truncate(end);
    let exponent = 12 - zeros as u8;
    text.push(b'E');
    if exponent >= 10 {
        text.push(b'1');
    }
    text.push(b'0' + exponent % 10);
}

/// Writes a decimal of up to three digits behind the point, and at least one.
fn write_thousandths(thousandths: i64, text: &mut Vec<u8>) {
    let magnitude = thousandths.unsigned_abs();
    let whole = u64::from_le_bytes(eight_digits((magnitude / 1000) as u32));
    let zeros = ((whole & 0x0f0f_0f0f_0f0f_0f0f).trailing_zeros() / 8).min(7);
    let [_, _, _, _, _, a, b, c] = eight_digits((magnitude % 1000) as u32);
    // The first byte is the lowest.
    let behind = u128::from(u32::from_le_bytes([b'.', a, b, c]));
    let (mut all, mut length) = (u128::from(whole >> (8 * zeros)), 8 - zeros);
    all |= behind << (8 * length);
    length += 4 - if c != b'0' { 0 } else { 1 + u32::from(b == b'0') };
    if thousandths < 0 {
        (all, length) = ((all << 8) | u128::from(b'-'), length + 1);
    }
    let end = text.len() + length as usize;
    // A copy of a fixed length is a single instruction.
    text.extend_from_slice(&all.to_le_bytes());
    text.truncate(end);
}

/// Writes a number so small that it may have one digit only. Java writes two then, those nearest to the number: `4.9E-324`.
fn write_subnormal(number: f64, text: &mut Vec<u8>) {
    let two_digits = format!("{number:.1e}");
    match two_digits.parse() == Ok(number) {
        true => write_scientific(&two_digits, text),
        false => write_slowly(number, text),
    }
}

fn is_plain(number: f64) -> bool {
    number == 0.0 || (1e-3..PLAIN_END).contains(&number.abs())
}

/// Whether a number may lie midway between two shortest decimals. zmij takes the even one, and the standard library,
/// whose text has been answered always, the greater.
fn may_lie_between(number: f64, shortest: &str) -> bool {
    // Up to 15 digits are further from each other than doubles are.
    if shortest.len() <= 16 {
        return false;
    }
    let (mantissa, exponent) = match number.to_bits() >> 52 & 0x7ff {
        0 => (number.to_bits() & ((1 << 52) - 1), 1),
        exponent => (number.to_bits() & ((1 << 52) - 1) | 1 << 52, exponent as i32),
    };
    // A number with so many bits behind its point has as many decimals there, the last one 5.
    let decimals = 1075 - exponent - mantissa.trailing_zeros() as i32;
    let (digits, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let behind_point = digits.len() - digits.find('.').map_or(digits.len(), |point| point + 1);
    let written = behind_point as i32 - exponent.parse::<i32>().unwrap_or(0);
    number.abs() >= (1_u64 << 53) as f64 || decimals == written + 1
}

fn write_slowly(number: f64, text: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to a Vec does not fail.
    let _ = if is_plain(number) {
        write!(text, "{number:?}")
    } else {
        let scientific = format!("{number:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let point = if digits.contains('.') { "" } else { ".0" };
        write!(text, "{digits}{point}E{exponent}")
    };
}

/// Writes `12345678.9` or `1.5e300` as `1.23456789E7` or `1.5E300`.
fn write_scientific(plain: &str, text: &mut Vec<u8>) {
    let (mantissa, exponent) = plain.split_once('e').unwrap_or((plain, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.parse::<i32>().unwrap_or(0) + whole.len() as i32 - 1;
    text.extend_from_slice(sign.as_bytes());
    let start = text.len();
    text.extend_from_slice(whole.as_bytes());
    text.extend_from_slice(fraction.as_bytes());
    let zeros = text.iter().skip(start).take_while(|digit| **digit == b'0').count();
    text.drain(start..start + zeros);
    while text.len() > start + 1 && text.last() == Some(&b'0') {
        text.pop();
    }
    text.insert(start + 1, b'.');
    if text.len() == start + 2 {
        text.push(b'0');
    }
    text.push(b'E');
    let mut buffer = itoa::Buffer::new();
    text.extend_from_slice(buffer.format(exponent - zeros as i32).as_bytes());
}

/// Reads a double as Presto's CAST does: Java's decimal forms, `NaN` and `Infinity`.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    match text.trim() {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        digits if digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => digits.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_look_like_javas() {
        let cases = [
            (1e300, "1.0E300"),
            (-0.0, "-0.0"),
            (5e-324, "4.9E-324"),
            (-1e-323, "-9.9E-324"),
            (2e-323, "2.0E-323"),
            (1e-322, "9.9E-323"),
            (2.2e-310, "2.2E-310"),
            (1.234567890123e-310, "1.234567890123E-310"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (100.0, "100.0"),
            (0.0, "0.0"),
            (-0.25, "-0.25"),
            (9_999_999.999, "9999999.999"),
            (-9_999_999.0, "-9999999.0"),
            (10.01, "10.01"),
            (0.0015, "0.0015"),
            (1e7, "1.0E7"),
            (-20_000_000.0, "-2.0E7"),
            (10_000_000.001, "1.0000000001E7"),
            (999_999_999_999.999, "9.99999999999999E11"),
            (1e12, "1.0E12"),
            (68_719_476_736.0, "6.8719476736E10"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (1.25e-9, "1.25E-9"),
            (-12_345_678.25, "-1.234567825E7"),
            (-1e7, "-1.0E7"),
            (1.5e10, "1.5E10"),
            (-0.000_012, "-1.2E-5"),
            (9_999_999.5, "9999999.5"),
            (f64::MAX, "1.7976931348623157E308"),
        ];
        for (number, expected) in cases {
            assert_eq!(double(number), expected);
        }
    }

    fn is_as_before(number: f64) -> bool {
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        write_double(number, &mut fast);
        write_slowly(number, &mut slow);
        fast == slow
    }

    #[test]
    fn ties_are_broken_as_the_standard_library_does() {
        for power in 0..1074 {
            let numbers = (1..200).step_by(2).map(|odd| f64::from(odd) * 2_f64.powi(-power));
            for number in numbers.filter(|number| !number.is_subnormal()) {
                assert!(is_as_before(number), "{number:e}");
            }
        }
        assert_eq!(double(2_f64.powi(-25)), "2.9802322387695313E-8");
    }

    proptest! {
        #[test]
        fn doubles_are_written_as_before(bits in any::<u64>(), whole in 0..1_u64 << 53, power in 0..60) {
            let short = (whole % 20_000_000_000) as f64 / 10_f64.powi(power % 5);
            let numbers =
                [f64::from_bits(bits), whole as f64 / 2_f64.powi(power), whole as f64 / 1000.0, whole as f64, short, -short];
            for number in numbers.into_iter().filter(|number| number.is_finite() && !number.is_subnormal()) {
                prop_assert!(is_as_before(number), "{:e}", number);
            }
        }

        #[test]
        fn doubles_read_back_bit_for_bit(bits in any::<u64>(), subnormal in 0..1_u64 << 52) {
            for number in [bits, subnormal, subnormal % 1000].map(f64::from_bits).into_iter().filter(|number| number.is_finite()) {
                prop_assert_eq!(parse_double(&double(number)).map(f64::to_bits), Some(number.to_bits()));
            }
        }
    }
}
