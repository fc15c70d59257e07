//! Units as people write them: durations as Prometheus reads them, and sizes in bytes.

use std::time::Duration;

/// A duration such as `5ms`, `25s` or `1m30s`: numbers with units ms, s, m, h, d, larger units first. Not zero.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut rest = text;
    let mut millis = 0u64;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let unit = &unit[..unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len())];
        let (_, factor) = units.find(|(name, _)| *name == unit)?;
        millis = millis.checked_add(number.checked_mul(*factor)?)?;
        rest = &rest[digits + unit.len()..];
    }
    // Over a year is a mistake, and sums of such times must not overflow.
    (1..=366 * 86_400_000).contains(&millis).then(|| Duration::from_millis(millis))
}

/// A size in bytes, with a unit or without: KB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024. Not zero.
pub(crate) fn bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().ok()?;
    let factor = match &text[digits..] {
        "" | "B" => 1,
        "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_prometheus() {
        for (text, millis) in [("5ms", 5), ("25s", 25_000), ("2m", 120_000), ("1m30s", 90_000), ("1d", 86_400_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "5", "s", "0s", "-1s", "1s1m", "1.5s", "99999999999999999999s", "400d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_have_units_of_1000_and_1024() {
        for (text, size) in [("7", 7), ("1KB", 1000), ("16MiB", 16 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for bad in ["", "0", "MiB", "1mb", "1.5MB", "-1"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }
}
