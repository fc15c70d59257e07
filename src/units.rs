//! Units as people write them: durations as Prometheus reads them, sizes in bytes, times, and parts of URLs.

use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

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

/// A time in milliseconds since the epoch, not before it: RFC 3339 (`2026-11-28T06:30:00+02:00`), a date, which begins in
/// UTC, or Unix seconds (`1700000000.5`). Fractions of a millisecond are left out.
pub(crate) fn time(text: &str) -> Option<i64> {
    let is_unix = |c: char| c.is_ascii_digit() || c == '.';
    if text.chars().all(is_unix) {
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let milliseconds: String = fraction.chars().chain("000".chars()).take(3).collect();
        let seconds: i64 = seconds.parse().ok()?;
        let milliseconds: i64 = milliseconds.parse().ok().filter(|_| !fraction.is_empty())?;
        return seconds.checked_mul(1000)?.checked_add(milliseconds);
    }
    let midnight = if text.len() == "2026-11-28".len() { "T00:00:00Z" } else { "" };
    let time = DateTime::from_str(&format!("{text}{midnight}"), Format::DateTimeWithOffset).ok()?;
    time.to_millis().ok().filter(|time| *time >= 0)
}

/// A time in milliseconds since the epoch as RFC 3339 writes it in UTC.
pub(crate) fn rfc3339(ms: i64) -> String {
    DateTime::from_millis(ms).fmt(Format::DateTime).unwrap_or_else(|_| ms.to_string())
}

/// The text that a part of a URL stands for. `None` for a percent sign without two hexadecimal digits, or bytes that are no
/// UTF-8.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_stand_for_bytes() {
        assert_eq!(percent_decoded("a%40%C3%a9%25b").as_deref(), Some("a@é%b"));
        for bad in ["%", "%4", "%zz", "%+1", "%ff", "%4é"] {
            assert_eq!(percent_decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_rfc_3339_dates_or_unix_seconds() {
        for (text, ms) in [
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-14T23:13:20.0015+01:00", 1_700_000_000_001),
            ("2023-11-14", 1_699_920_000_000),
            ("1700000000", 1_700_000_000_000),
            ("1700000000.0259", 1_700_000_000_025),
            ("1700000000.5", 1_700_000_000_500),
            ("0", 0),
        ] {
            assert_eq!(time(text), Some(ms), "{text}");
        }
        for bad in ["", ".", "1.", ".5", "1.2.3", "-1", "now", "2023-13-01", "2023-11-14T22:13:20", "1969-12-31", "1e9"]
        {
            assert_eq!(time(bad), None, "{bad}");
        }
        assert_eq!(rfc3339(1_700_000_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339(1_700_000_000_025), "2023-11-14T22:13:20.025Z");
    }

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
