//! Timestream's TIMESTAMP text, `2021-05-06 06:35:38.123456789` in UTC, as nanoseconds since the epoch.

use super::eight_bytes;

/// Nanoseconds of a millisecond.
pub(super) const MILLISECOND: i64 = 1_000_000;

/// The nanoseconds of a timestamp. `None` if the text does not have that form, or is after 2262 or before 1677.
pub(super) fn to_nanoseconds(text: &str) -> Option<i64> {
    let (date_time, fraction) = text.split_once('.').unwrap_or((text, ""));
    let bytes = date_time.as_bytes();
    if bytes.len() != 19 {
        return None;
    }
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if separators.iter().any(|(index, separator)| bytes.get(*index) != Some(separator)) {
        return None;
    }
    let field = |from: usize, to: usize| number(bytes.get(from..to)?);
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    number(fraction.as_bytes())?;
    let digit = |index: usize| fraction.as_bytes().get(index).map_or(0, |digit| i64::from(digit - b'0'));
    let nanoseconds = (0..9).fold(0, |number, index| number * 10 + digit(index));
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    seconds.checked_mul(1000 * MILLISECOND)?.checked_add(nanoseconds)
}

/// Reads timestamps that are mostly of the same day as the one before.
#[derive(Debug, Default)]
pub(super) struct TimeReader {
    /// The date of the timestamp before, `2021-05-06 `, and its nanoseconds.
    day: Option<([u8; DATE], i64)>,
}

/// The length of a timestamp's text before its hour.
const DATE: usize = 11;

impl TimeReader {
    /// The same as [`to_nanoseconds`].
    pub(super) fn nanoseconds(&mut self, text: &[u8]) -> Option<i64> {
        let slowly = || to_nanoseconds(std::str::from_utf8(text).ok()?);
        let parts = text.split_first_chunk::<DATE>().and_then(|(date, rest)| Some((date, within_day(rest)?)));
        let Some((date, within)) = parts else { return slowly() };
        match &self.day {
            Some((before, start)) if before == date => start.checked_add(within),
            _ => {
                let nanoseconds = slowly()?;
                self.day = nanoseconds.checked_sub(within).map(|start| (*date, start));
                Some(nanoseconds)
            }
        }
    }
}

/// The nanoseconds of `06:35:38.123456789`. `None` for any other form.
fn within_day(text: &[u8]) -> Option<i64> {
    let (clock, rest) = text.split_first_chunk::<8>()?;
    let [b'.', first, rest @ ..] = rest else { return None };
    let [hour, minute, second] = eight_bytes::clock(clock)?.map(i64::from);
    let first = i64::from(first.wrapping_sub(b'0'));
    if hour > 23 || minute > 59 || second > 59 || first > 9 {
        return None;
    }
    let rest = eight_bytes::number(rest.try_into().ok()?)? as i64;
    Some((((hour * 60 + minute) * 60 + second) * 1000 + first * 100) * MILLISECOND + rest)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .take(18)
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
        .filter(|_| digits.len() <= 18)
}

/// Days since the epoch of a date in the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms"): the year starts in March, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        for (text, nanoseconds) in [
            ("1970-01-01 00:00:00.000000000", 0),
            ("1970-01-01 00:00:00", 0),
            ("2021-05-06 06:35:38.123999999", 1_620_282_938_123_999_999),
            ("2000-02-29 23:59:59.9", 951_868_799_900_000_000),
            ("2262-04-11 23:47:16.854775807", i64::MAX),
        ] {
            assert_eq!(to_nanoseconds(text), Some(nanoseconds), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "2021-05-06",
            "2021-05-06T06:35:38",
            "2021-13-06 06:35:38",
            "2021-05-06 06:35:38.x",
            "é021-05-06 06:35:3",
            "2262-04-11 23:47:16.854775808",
            "9999-12-31 23:59:59",
        ] {
            assert_eq!(to_nanoseconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_reader_reads_what_is_read_alone(
            texts in prop::collection::vec("2021-05-0[67] [012][0-9][:;][0-7][0-9]:[0-6][0-9/][.:][0-9x]{8,10}|2262-04-11 23:47:1[67].854775[0-9]{3}|1677-09-21 00:12:4[34].[0-9]{9}|[0-9 :.-]{15,30}", 1..9)
        ) {
            let mut reader = TimeReader::default();
            for text in &texts {
                prop_assert_eq!(reader.nanoseconds(text.as_bytes()), to_nanoseconds(text), "{}", text);
            }
        }

        #[test]
        fn a_day_is_a_day_after_the_one_before(days_since_epoch in 1_i64..106_000) {
            // Walks the calendar day by day, knowing only the lengths of months.
            let (mut year, mut rest) = (1970, days_since_epoch);
            let length = |year: i64| if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) { 366 } else { 365 };
            while rest >= length(year) {
                rest -= length(year);
                year += 1;
            }
            let february = length(year) - 337;
            let mut month = 0;
            for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                month += 1;
                if rest < days { break }
                rest -= days;
            }
            prop_assert_eq!(
                to_nanoseconds(&format!("{year:04}-{month:02}-{:02} 00:00:00.001000000", rest + 1)),
                Some((days_since_epoch * 86_400_000 + 1) * MILLISECOND)
            );
        }
    }
}
