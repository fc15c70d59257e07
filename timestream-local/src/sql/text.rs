//! Numbers as Timestream prints them.

/// The shortest decimal that reads back as the same double, in the form of Java's `Double.toString`: plain from 0.001
/// up to ten million, otherwise `1.0E300`.
pub(crate) fn double(number: f64) -> String {
    let mut text = Vec::new();
    write_double(number, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Writes what [`double`] returns.
pub(crate) fn write_double(number: f64, text: &mut Vec<u8>) {
    use std::io::Write;
    let magnitude = number.abs();
    // Writing to a Vec does not fail.
    let _ = match number {
        _ if number.is_nan() => text.write_all(b"NaN"),
        f64::INFINITY => text.write_all(b"Infinity"),
        f64::NEG_INFINITY => text.write_all(b"-Infinity"),
        _ if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) => write!(text, "{number:?}"),
        _ => {
            let scientific = format!("{number:e}");
            let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let point = if digits.contains('.') { "" } else { ".0" };
            write!(text, "{digits}{point}E{exponent}")
        }
    };
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
            (5e-324, "5.0E-324"),
            (100.0, "100.0"),
            (1e7, "1.0E7"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (1.25e-9, "1.25E-9"),
            (f64::MAX, "1.7976931348623157E308"),
        ];
        for (number, expected) in cases {
            assert_eq!(double(number), expected);
        }
    }

    proptest! {
        #[test]
        fn doubles_read_back_bit_for_bit(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            prop_assert_eq!(parse_double(&double(number)).map(f64::to_bits), Some(bits));
        }
    }
}
