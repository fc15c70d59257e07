//! Numbers as Timestream prints them.

/// The shortest decimal that reads back as the same double, in the form of Java's `Double.toString`: plain from 0.001
/// up to ten million, otherwise `1.0E300`.
pub(crate) fn double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    let magnitude = number.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{number:?}");
    }
    let scientific = format!("{number:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => scientific,
    }
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
