//! Values and timestamps of OpenMetrics text, as Prometheus' parser takes them.

/// Why a text is no timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTime {
    /// It is not a finite decimal number.
    Malformed,
    /// Its milliseconds do not fit 64 bits.
    TooLarge,
}

/// A value in one of the forms of Go's strconv.ParseFloat. Prometheus takes neither hexadecimal numbers nor underscores
/// (prometheus/prometheus, model/textparse, parseFloat), and Go refuses a finite number that is too large.
pub(super) fn value(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let names = |initial: u8| text.bytes().find(|byte| !b"+-".contains(byte)).is_some_and(|b| b | 0x20 == initial);
    let is_meant = if value.is_nan() {
        // Go knows no NaN with a sign.
        !text.starts_with(['+', '-'])
    } else {
        value.is_finite() || names(b'i')
    };
    is_meant.then_some(value)
}

/// Milliseconds since 1970 of a timestamp in seconds, such as `1700000000.123` or `1.7e9`. The decimal digits are moved,
/// so nothing is rounded; digits behind the milliseconds are left out.
pub(super) fn milliseconds(text: &str) -> Result<i64, NoTime> {
    let (is_negative, text) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix(b".").map_or((&b""[..], rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(NoTime::Malformed);
    }
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', exponent @ ..] => signed(exponent).ok_or(NoTime::Malformed)?,
        _ => return Err(NoTime::Malformed),
    };
    // So many digits stand before the point once seconds have become milliseconds.
    let kept = (whole.len() as i64).saturating_add(exponent).saturating_add(3);
    let mut left = usize::try_from(kept).unwrap_or(0);
    let mut milliseconds = 0i64;
    for digit in whole.iter().chain(fraction).take(left) {
        let shifted = milliseconds.checked_mul(10).and_then(|ms| ms.checked_add(i64::from(digit - b'0')));
        milliseconds = shifted.ok_or(NoTime::TooLarge)?;
    }
    left = left.saturating_sub(whole.len() + fraction.len());
    while left > 0 && milliseconds != 0 {
        milliseconds = milliseconds.checked_mul(10).ok_or(NoTime::TooLarge)?;
        left -= 1;
    }
    Ok(if is_negative { -milliseconds } else { milliseconds })
}

/// The decimal digits that a text begins with, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// A whole number with or without a sign. Where it does not fit, it is the largest there is.
fn signed(text: &[u8]) -> Option<i64> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        all => (1, all),
    };
    let (number, rest) = digits(text);
    if number.is_empty() || !rest.is_empty() {
        return None;
    }
    let shift = |sum: i64, digit: &u8| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    Some(sign * number.iter().fold(0, shift))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_taken_and_refused_as_prometheus_does() {
        for (text, bits) in [
            ("0", 0f64.to_bits()),
            ("-0", (-0f64).to_bits()),
            ("+1", 1f64.to_bits()),
            ("1e3", 1000f64.to_bits()),
            ("1E+3", 1000f64.to_bits()),
            (".5", 0.5f64.to_bits()),
            ("5.", 5f64.to_bits()),
            ("5e-324", 1),
            ("1e-400", 0),
            ("+Inf", f64::INFINITY.to_bits()),
            ("-inf", f64::NEG_INFINITY.to_bits()),
            ("Infinity", f64::INFINITY.to_bits()),
        ] {
            assert_eq!(value(text).map(f64::to_bits), Some(bits), "{text}");
        }
        assert!(value("NaN").unwrap().is_nan() && value("nan").unwrap().is_nan());
        for text in
            ["", "+", ".", "e5", "1e", "0x10", "0x1p4", "1_000", "+NaN", "-nan", "1e400", "-1e400", "infinit", " 1"]
        {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn timestamps_are_exact() {
        for (text, milliseconds_of) in [
            ("0", 0),
            ("1700000000", 1_700_000_000_000),
            ("1700000000.123", 1_700_000_000_123),
            // As a binary fraction this is less, and so are its thousandfold and Prometheus' result for others like it.
            ("1700000000.001", 1_700_000_000_001),
            ("1700000000.9999", 1_700_000_000_999),
            ("-1.5", -1500),
            ("-0.0001", 0),
            ("+2.", 2000),
            (".25", 250),
            ("1.7e9", 1_700_000_000_000),
            ("17E+8", 1_700_000_000_000),
            ("1700000000123e-3", 1_700_000_000_123),
            ("9223372036854775.807", i64::MAX),
            ("1e-99999999999999999999", 0),
            ("0e99999999999999999999", 0),
            ("0000000000000000000000000000001.5", 1500),
        ] {
            assert_eq!(milliseconds(text), Ok(milliseconds_of), "{text}");
        }
        for text in ["", ".", "-", "1-", "NaN", "Inf", "1e", "1e+", "1 ", "0x1", "1_0", "1.2.3", "--1"] {
            assert_eq!(milliseconds(text), Err(NoTime::Malformed), "{text}");
        }
        for text in ["9223372036854775.808", "1e99999999999999999999", "1e17", "99999999999999999999"] {
            assert_eq!(milliseconds(text), Err(NoTime::TooLarge), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_timestamp_that_is_written_is_read_back(ms in any::<i64>().prop_filter("has an opposite", |ms| *ms != i64::MIN)) {
            let sign = if ms < 0 { "-" } else { "" };
            let (seconds, rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
            let text = format!("{sign}{seconds}.{rest:03}");
            prop_assert_eq!(milliseconds(&text), Ok(ms));
            let text = format!("{ms}e-3");
            prop_assert_eq!(milliseconds(&text), Ok(ms));
        }

        #[test]
        fn a_value_that_is_written_is_read_back(bits in any::<u64>()) {
            let written = f64::from_bits(bits);
            prop_assume!(!written.is_nan());
            for text in [format!("{written}"), format!("{written:e}")] {
                prop_assert_eq!(value(&text).map(f64::to_bits), Some(bits), "{}", text);
            }
        }

        #[test]
        fn numbers_never_panic(text in "[-+.eE0-9a-z_]{0,30}") {
            let _ = (value(&text), milliseconds(&text));
        }
    }
}
