//! The clock, and dates and times of the proleptic Gregorian calendar, UTC, over nanoseconds since 1970.

mod clock;

use time::{Date, Month, OffsetDateTime, Time, Weekday};

pub use clock::Clock;
pub(crate) use clock::now_ns;

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Nanoseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Nanoseconds in a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// The first timestamp of a query, `1677-09-21 00:12:44` (developer guide, "Supported data types").
pub(crate) const EARLIEST: i64 = -9_223_372_036 * SECOND;

/// The moment `nanoseconds` after 1970 began.
pub(crate) fn moment(nanoseconds: i64) -> OffsetDateTime {
    // An i64 of nanoseconds reaches from 1677 to 2262, well inside what the type holds.
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanoseconds)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Nanoseconds since 1970 of a moment; `None` outside 1677 to 2262.
pub(crate) fn nanoseconds(moment: OffsetDateTime) -> Option<i64> {
    i64::try_from(moment.unix_timestamp_nanos()).ok()
}

/// `2021-05-06 06:35:38.000000000`
pub(crate) fn timestamp_text(nanoseconds: i64) -> String {
    let mut text = Vec::with_capacity(29);
    write_timestamp(nanoseconds, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Writes what [`timestamp_text`] returns.
pub(crate) fn write_timestamp(nanoseconds: i64, text: &mut Vec<u8>) {
    let mut timestamp = [0; 29];
    TimestampWriter::default().write(nanoseconds, &mut timestamp);
    text.extend_from_slice(&timestamp);
}

/// `2021-05-06 06:35:38.123456789`.
pub(crate) type TimestampText = [u8; 29];

/// Makes the texts of timestamps that are often of the same day as the one before, and as long after a second.
#[derive(Debug)]
pub(crate) struct TimestampWriter {
    /// The day of the timestamp before, since 1970, and its text, `2021-05-06 `.
    day: i64,
    date: [u8; 11],
    /// Its nanoseconds after a second, and their text, `.123456789`.
    nanosecond: u32,
    fraction: [u8; 10],
}

impl Default for TimestampWriter {
    fn default() -> Self {
        TimestampWriter { day: 0, date: *b"1970-01-01 ", nanosecond: 0, fraction: *b".000000000" }
    }
}

impl TimestampWriter {
    /// Writes what [`timestamp_text`] returns over another text. In a few wide stores, since whoever reads the text soon would
    /// wait for many narrow ones.
    #[inline]
    pub(crate) fn write(&mut self, nanoseconds: i64, text: &mut TimestampText) {
        let day = nanoseconds.div_euclid(DAY);
        if day != self.day {
            (self.day, self.date) = (day, date_and_blank(day));
        }
        let within = nanoseconds.rem_euclid(DAY);
        let (second, nanosecond) = ((within / SECOND) as u32, (within % SECOND) as u32);
        if nanosecond != self.nanosecond {
            (self.nanosecond, self.fraction) = (nanosecond, fraction(nanosecond));
        }
        let (minute, hour) = (second / 60 % 60, second / 3600);
        // A colon is a zero with two more bits.
        let clock = u64::from_le_bytes(eight_digits(hour * 1_000_000 + minute * 1000 + second % 60)) | 0x0a00_000a_0000;
        let (date, rest) = text.split_at_mut(self.date.len());
        date.copy_from_slice(&self.date);
        let (within_day, fraction) = rest.split_at_mut(8);
        within_day.copy_from_slice(&clock.to_le_bytes());
        fraction.copy_from_slice(&self.fraction);
    }
}

/// `.123456789`
fn fraction(nanosecond: u32) -> [u8; 10] {
    let [n1, n2, n3, n4, n5, n6, n7, n8] = eight_digits(nanosecond / 10);
    [b'.', n1, n2, n3, n4, n5, n6, n7, n8, b'0' + (nanosecond % 10) as u8]
}

/// `2021-05-06 `, from days since 1970.
fn date_and_blank(day: i64) -> [u8; 11] {
    let (year, month, day) = date(day);
    let ([y1, y2], [y3, y4]) = (two_digits(year / 100), two_digits(year));
    let ([m1, m2], [d1, d2]) = (two_digits(month), two_digits(day));
    [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b' ']
}

/// The digits of a number below 100,000,000. Halves, quarters and eighths of them are divided at once in one register.
pub(crate) fn eight_digits(number: u32) -> [u8; 8] {
    let number = u64::from(number);
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | ((twos - tens * 10) << 8);
    (ones | 0x3030_3030_3030_3030).to_le_bytes()
}

/// The last two digits of a number.
fn two_digits(number: u32) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

/// Year, month and day of a day since 1970, for the days of a timestamp. The year is counted from March, so that a leap
/// day is its last, in eras of 400 years (Hinnant, "chrono-compatible low-level date algorithms").
fn date(day: i64) -> (u32, u32, u32) {
    let since_0000 = (day + 719_468).unsigned_abs() as u32;
    let (era, day) = (since_0000 / 146_097, since_0000 % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (next, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    (era * 400 + year + next, month, day)
}

/// `2021-05-06`, from days since 1970.
pub(crate) fn date_text(days: i64) -> String {
    match days.checked_mul(DAY) {
        Some(nanoseconds) => timestamp_text(nanoseconds).chars().take(10).collect(),
        None => days.to_string(),
    }
}

/// `06:35:38.000000000`, from nanoseconds since midnight.
pub(crate) fn clock_text(nanoseconds: i64) -> String {
    timestamp_text(nanoseconds).chars().skip(11).collect()
}

/// Nanoseconds since midnight of `06:35[:38[.123456789]]`.
pub(crate) fn parse_clock_text(text: &str) -> Option<i64> {
    let (hour, minute, second, nanosecond) = parse_clock(text.trim())?.as_hms_nano();
    Some(i64::from(hour) * HOUR + i64::from(minute) * MINUTE + i64::from(second) * SECOND + i64::from(nanosecond))
}

/// `2 03:04:05.000000000`: days, then the time of day.
pub(crate) fn interval_text(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let length = nanoseconds.unsigned_abs();
    let seconds = length / SECOND.unsigned_abs();
    format!(
        "{sign}{} {:02}:{:02}:{:02}.{:09}",
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        length % SECOND.unsigned_abs()
    )
}

/// Adds calendar months; the day is cut to the length of the month it lands in.
pub(crate) fn add_months(time: i64, months: i64) -> Option<i64> {
    let start = moment(time);
    let index = i64::from(start.year()).checked_mul(12)?.checked_add(i64::from(u8::from(start.month())) - 1)?;
    let index = index.checked_add(months)?;
    let year = i32::try_from(index.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(index.rem_euclid(12) + 1).ok()?).ok()?;
    let day = start.day().min(month.length(year));
    nanoseconds(start.replace_date(Date::from_calendar_date(year, month, day).ok()?))
}

/// Reads `2021-05-06[ |T]06:35[:38[.123456789]][Z|±hh:mm]` or a bare date. UTC unless an offset stands there.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    parse_separated(text, ['T', ' '])
}

/// Reads what ISO 8601 writes: the same with `T` alone, or a date as [`parse_iso_days`] reads it.
pub(crate) fn parse_iso_timestamp(text: &str) -> Option<i64> {
    if text.contains('T') { parse_separated(text, ['T', 'T']) } else { parse_iso_days(text)?.checked_mul(DAY) }
}

/// Reads the same without the `T`, which literals and casts do not take (Trino's rule).
pub(crate) fn parse_spaced_timestamp(text: &str) -> Option<i64> {
    parse_separated(text, [' ', ' '])
}

fn parse_separated(text: &str, separators: [char; 2]) -> Option<i64> {
    let text = text.trim();
    let Some((date, rest)) = text.split_once(separators) else {
        return nanoseconds(parse_date(text)?.midnight().assume_utc());
    };
    let date = parse_date(date)?;
    let (clock, offset) = match rest.find(['Z', '+', '-']) {
        Some(position) => rest.split_at_checked(position)?,
        None => (rest.strip_suffix(" UTC").unwrap_or(rest), "Z"),
    };
    let utc = nanoseconds(date.with_time(parse_clock(clock.trim())?).assume_utc())?;
    utc.checked_sub(parse_offset(offset)?.checked_mul(SECOND)?)
}

/// Days since 1970 of `2021-05-06` or `2021-5-6`.
pub(crate) fn parse_days(text: &str) -> Option<i64> {
    Some(nanoseconds(parse_date(text.trim())?.midnight().assume_utc())? / DAY)
}

/// Days since 1970 of a date as ISO 8601 writes it: by the day of a month, of a week or of a year, or without a day for the
/// first one: `2020-05-11`, `2020-05`, `2020`, `2020-W10-1`, `2020-W10`, `2020-123`.
pub(crate) fn parse_iso_days(text: &str) -> Option<i64> {
    let year = |text: &str| (text.len() == 4).then(|| number(text)).flatten().and_then(|year| i32::try_from(year).ok());
    let week = |text: &str| text.strip_prefix('W').filter(|week| week.len() == 2).and_then(number);
    let parts: Vec<&str> = text.split('-').collect();
    let date = match *parts.as_slice() {
        [only] => Date::from_ordinal_date(year(only)?, 1).ok()?,
        [first, second] if second.starts_with('W') => {
            Date::from_iso_week_date(year(first)?, week(second)? as u8, Weekday::Monday).ok()?
        }
        [first, second, day] if second.starts_with('W') => {
            let day = match (day.len(), number(day)?) {
                (1, day @ 1..=7) => Weekday::Monday.nth_next(day as u8 - 1),
                _ => return None,
            };
            Date::from_iso_week_date(year(first)?, week(second)? as u8, day).ok()?
        }
        [first, day] if day.len() == 3 => Date::from_ordinal_date(year(first)?, number(day)? as u16).ok()?,
        [first, month] => {
            let month = Month::try_from(number(month).filter(|_| month.len() == 2)? as u8).ok()?;
            Date::from_calendar_date(year(first)?, month, 1).ok()?
        }
        _ => parse_date(text)?,
    };
    Some(nanoseconds(date.midnight().assume_utc())? / DAY)
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || [month, day].iter().any(|part| !matches!(part.len(), 1 | 2)) {
        return None;
    }
    let month = Month::try_from(number(month)? as u8).ok()?;
    Date::from_calendar_date(number(year)? as i32, month, number(day)? as u8).ok()
}

fn parse_clock(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    // A fraction is one of a second.
    let second = parts.next().or(fraction.is_empty().then_some("00"))?;
    if parts.next().is_some() || [hour, minute, second].iter().any(|part| part.len() != 2) || fraction.len() > 9 {
        return None;
    }
    let nanosecond = if fraction.is_empty() { 0 } else { number(&format!("{fraction:0<9}"))? };
    Time::from_hms_nano(number(hour)? as u8, number(minute)? as u8, number(second)? as u8, nanosecond).ok()
}

pub(crate) fn parse_offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, digits) = text.split_at_checked(1)?;
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(digits.get(..2)?)?, number(digits.get(2..)?)?),
        _ => return None,
    };
    let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
    (hours <= 14 && minutes < 60).then_some(if sign == "-" { -seconds } else { seconds })
}

fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The nanoseconds from one time to another, which may be more than an integer of 64 bits holds. As floating-point
/// numbers, the times themselves would be rounded to 256 ns.
pub(crate) fn between(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn moments_are_read_and_printed() {
        let time = parse_timestamp("2021-05-06T06:35:38.5Z").unwrap();
        assert_eq!(timestamp_text(time), "2021-05-06 06:35:38.500000000");
        assert_eq!(parse_timestamp("2021-05-06T08:35:38.5+02:00"), Some(time));
        assert_eq!(parse_timestamp("2021-05-06 06:35:38.500 UTC"), Some(time));
        assert_eq!(parse_timestamp("2021-05-06"), Some(time / DAY * DAY));
        for bad in ["", "2021-13-01", "2021-05-06 25:00", "2021-05-06 06", "now", "2021-05-06é", "+021-05-06"] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
        assert_eq!(date_text(parse_days("1969-12-31").unwrap()), "1969-12-31");
        assert_eq!(interval_text(DAY + 3_661 * SECOND), "1 01:01:01.000000000");
    }

    #[test]
    fn months_end_where_the_month_does() {
        let january = parse_timestamp("2020-01-31").unwrap();
        assert_eq!(add_months(january, 1), parse_timestamp("2020-02-29"));
        assert_eq!(add_months(january, -2), parse_timestamp("2019-11-30"));
        assert_eq!(add_months(january, i64::MAX), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(time in any::<i64>()) {
            prop_assert_eq!(parse_timestamp(&timestamp_text(time)), Some(time));
        }

        #[test]
        fn a_writer_writes_what_is_written_alone(times in prop::collection::vec(prop_oneof![-2 * MINUTE..2 * MINUTE, any::<i64>()], 1..9)) {
            let (mut writer, mut text) = (TimestampWriter::default(), Vec::new());
            let mut one = [b'x'; 29];
            for time in &times {
                writer.write(*time, &mut one);
                text.extend_from_slice(&one);
            }
            prop_assert_eq!(String::from_utf8(text).unwrap(), times.into_iter().map(timestamp_text).collect::<String>());
        }

        #[test]
        fn dates_are_those_of_the_time_crate(time in any::<i64>()) {
            let m = moment(time);
            let expected = (m.year().unsigned_abs(), u8::from(m.month()).into(), m.day().into());
            prop_assert_eq!(date(time.div_euclid(DAY)), expected);
        }

        #[test]
        fn eight_digits_are_those_of_the_standard_library(number in 0..100_000_000_u32) {
            prop_assert_eq!(eight_digits(number).to_vec(), format!("{number:08}").into_bytes());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = parse_timestamp(&text);
        }
    }
}
