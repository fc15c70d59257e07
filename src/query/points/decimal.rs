//! Reads the numbers of time series, nearly all of which are short decimals.

use crate::decimal::Number;
use crate::query::eight_bytes;

/// The most bytes of a plain decimal that is read here: so many digits fit in a `u64`.
const MAX_LENGTH: usize = 18;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; MAX_LENGTH] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17];

/// The decimal before the first quote of a text, and where that quote is. `None` if it is none, or too long for this way.
///
/// A whole number that a double holds, multiplied with such a power of ten or divided by it, is the double nearest to the decimal (Clinger,
/// "How to read floating point numbers accurately", 1990).
pub(super) fn before_quote(text: &[u8]) -> Option<(f64, usize)> {
    short_before_quote(text).or_else(|| long_before_quote(text)).or_else(|| scientific_before_quote(text))
}

/// The same for a decimal of less than eight digits before its point, and as few behind it.
fn short_before_quote(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = eight_bytes::digits(text.get(sign..)?)?;
    let point = sign + whole.count;
    let (number, end) = match text.get(point)? {
        b'"' => (whole.number() as f64, point),
        b'.' => {
            let behind = eight_bytes::digits(text.get(point + 1..)?)?;
            let end = point + 1 + behind.count;
            let power = POWERS.get(behind.count)?;
            if text.get(end) != Some(&b'"') {
                return None;
            }
            let (whole, behind) = (whole.number() as f64, behind.number());
            // Both are below 10^7, so the sum is exact.
            (if behind == 0 { whole } else { (whole * power + behind as f64) / power }, end)
        }
        _ => return None,
    };
    Some((if sign == 1 { -number } else { number }, end))
}

fn long_before_quote(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text.get(sign..)?;
    let (mut number, mut point) = (0_u64, None);
    for (index, byte) in digits.iter().enumerate().take(MAX_LENGTH) {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && index > 0 => point = Some(index),
            b'"' => {
                let decimals = point.map_or(0, |point| index - point - 1);
                if index == 0 || point == Some(index - 1) || number > 1 << f64::MANTISSA_DIGITS {
                    return None;
                }
                let value = number as f64 / POWERS.get(decimals)?;
                return Some((if sign == 1 { -value } else { value }, sign + index));
            }
            _ => return None,
        }
    }
    None
}

/// The same for such as `1.2345E7`, which is how Timestream writes ten million and more.
fn scientific_before_quote(text: &[u8]) -> Option<(f64, usize)> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let sign = usize::from(text.first() == Some(&b'-'));
    let [first, b'.', behind @ ..] = text.get(sign..)? else { return None };
    let mut number = digit(*first)?;
    let mut decimals = 0;
    while let Some(next) = behind.get(decimals).copied().and_then(digit) {
        (number, decimals) = (number * 10 + next, decimals + 1);
        if number > 1 << f64::MANTISSA_DIGITS {
            return None;
        }
    }
    let (exponent, length) = match behind.get(decimals..)? {
        [b'E', one, b'"', ..] => (digit(*one)?, 1),
        [b'E', ten, one, b'"', ..] => (digit(*ten)? * 10 + digit(*one)?, 2),
        _ => return None,
    };
    let exponent = exponent as usize;
    let value = match exponent.checked_sub(decimals) {
        Some(power) => number as f64 * POWERS.get(power)?,
        None => number as f64 / POWERS.get(decimals - exponent)?,
    };
    let end = sign + 2 + decimals + 1 + length;
    (decimals > 0).then_some((if sign == 1 { -value } else { value }, end))
}

/// Most digits behind the point of a [`Number`]'s text.
const MOST_BEHIND: usize = 3;

/// The same as a [`Number`], for plain decimals that stand here as their shortest text does, and for scientific ones.
pub(super) fn number_before_quote(text: &[u8]) -> Option<(Number, usize)> {
    plain_before_quote(text).or_else(|| {
        let (value, end) = scientific_before_quote(text)?;
        Some((value.into(), end))
    })
}

/// A text as it stands here, but for `.0`. Less than eight digits before the point and at most three behind it are the
/// shortest text of their double, if none of them can be left out.
fn plain_before_quote(text: &[u8]) -> Option<(Number, usize)> {
    let sixteen = u128::from_le_bytes(*text.first_chunk()?);
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = eight_bytes::digits(text.get(sign..)?)?;
    let point = sign + whole.count;
    let (length, end) = match text.get(point)? {
        b'"' => (point, point),
        b'.' => {
            let behind = eight_bytes::digits(text.get(point + 1..)?)?;
            let end = point + 1 + behind.count;
            let is_whole = behind.are_zeros();
            let is_shortest = is_whole || text.get(end - 1) != Some(&b'0');
            if behind.count > MOST_BEHIND || !is_shortest || text.get(end) != Some(&b'"') {
                return None;
            }
            (if is_whole { point } else { end }, end)
        }
        _ => return None,
    };
    let has_zeros = whole.count > 1 && text.get(sign) == Some(&b'0');
    // -0 is no short decimal.
    if has_zeros || (sign == 1 && whole.are_zeros() && length == point) {
        return None;
    }
    Some((Number::of_text(sixteen & !(u128::MAX << (8 * length)), length), end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_is_as_parsed(text: &str) {
        if let Some((value, end)) = before_quote(format!("{text}\"}}").as_bytes()) {
            assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
            assert_eq!(end, text.len());
        }
    }

    /// A number's text is what its double is written as.
    fn assert_is_as_written(text: &str) {
        let text = format!("{text}\"}},{{\"Time\":\"2026");
        if let Some((number, end)) = number_before_quote(text.as_bytes()) {
            let value: f64 = text[..end].parse().unwrap();
            assert_eq!((number, text.as_bytes()[end]), (value.into(), b'"'), "{text}");
        }
    }

    #[test]
    fn numbers_are_their_text_if_that_is_the_shortest() {
        let read = |text: &str| number_before_quote(format!("{text}\"}},{{\"Time\":\"2026").as_bytes()).is_some();
        for text in ["0", "0.0", "1.0", "-12.5", "1234567.125", "-0.5", "0.001", "100.0", "7.00"] {
            assert!(read(text), "{text}");
            assert_is_as_written(text);
        }
        for text in [
            "1.0E7",
            "-1.25E10",
            "6.8719476736E10",
            "1.23456789012E8",
            "9.9999999999999E13",
            "9.007199254740991E32",
            "1.5E300",
        ] {
            assert_is_as_written(text);
            assert_is_as_parsed(text);
            assert_eq!(read(text), text != "1.5E300", "{text}");
        }
        for text in ["-0.0", "-0", "00.5", "01", "1.50", "12345678.0", "0.0001", "NaN", "", "-", "1.", ".5"] {
            assert!(!read(text), "{text}");
        }
        assert!(number_before_quote(b"1.5\"}}]").is_none(), "too little behind it");
    }

    #[test]
    fn short_decimals_are_read_and_others_left() {
        for text in [
            "0",
            "-0.0",
            "1.5",
            "-12345.678",
            "9007199254740992",
            "0.000000000000001",
            "12345678901234.25",
            "1.0E10",
            "-0.5E3",
        ] {
            assert!(before_quote(format!("{text}\"").as_bytes()).is_some(), "{text}");
            assert_is_as_parsed(text);
        }
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "1.2.3",
            "1.0E-4",
            "1.0E",
            "1.E5",
            "E5",
            "1.0E+5",
            "1.0E100",
            "9.007199254740993E15",
            "NaN",
            "+1",
            "9007199254740993",
            "1234567890123456789",
        ] {
            assert_eq!(before_quote(format!("{text}\"").as_bytes()), None, "{text}");
        }
        assert_eq!(before_quote(b"15"), None, "no quote");
        for text in ["1234567.1234567", "12345678.5", "5.12345678", "-7.5", "0.10"] {
            assert!(before_quote(format!("{text}\"").as_bytes()).is_some(), "{text}");
            assert_is_as_parsed(text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn decimals_are_those_of_the_standard_library(
            text in "-?[0-9]{1,10}(\\.[0-9]{1,10})?",
            scientific in "-?[0-9]\\.[0-9]{1,16}E[0-9]{1,2}",
            value: f64,
        ) {
            assert_is_as_parsed(&text);
            assert_is_as_parsed(&value.to_string());
            // Only a text with enough bytes behind it is read the short way.
            let quoted = format!("{text}\"");
            prop_assert_eq!(before_quote(quoted.as_bytes()), before_quote(format!("{quoted}}},{{\"Time").as_bytes()));
            assert_is_as_written(&text);
            assert_is_as_written(&format!("{value:?}"));
            for scientific in [scientific, format!("{value:E}")] {
                assert_is_as_parsed(&scientific);
                assert_is_as_written(&scientific);
            }
            assert_is_as_written(&format!("{:?}", (value % 1e6 * 100.0).round() / 100.0));
            let near = (value % 1e13 * 100.0).round() / 100.0;
            assert_is_as_parsed(&format!("{near:E}"));
            assert_is_as_written(&format!("{near:E}"));
            assert_is_as_parsed(&format!("{:?}", (value % 1e6 * 100.0).round() / 100.0));
        }
    }
}
