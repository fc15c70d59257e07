//! Reading a time by a pattern.

use time::{Date, Month, Time, Weekday};

use super::super::super::failure::Failure;
use super::pattern::{MONTHS, Piece, WEEKDAYS};
use crate::calendar::{self, SECOND};

/// Reads a text as a time by a pattern, in nanoseconds since 1970.
pub(super) fn read(pattern: &[Piece], subject: &str) -> Result<i64, Failure> {
    let mut reader = Reader { rest: subject, read: Read::default() };
    for (index, piece) in pattern.iter().enumerate() {
        // A number that touches the next one has exactly its width.
        let fixed = pattern.get(index + 1).is_some_and(|next| !matches!(next, Piece::Literal(_) | Piece::Half));
        reader.piece(*piece, fixed)?.ok_or_else(|| malformed(subject, reader.rest))?;
    }
    if !reader.rest.is_empty() {
        return Err(malformed(subject, reader.rest));
    }
    reader.read.time().ok_or_else(|| Failure(format!("Invalid format: \"{subject}\" is no time")))
}

fn malformed(subject: &str, rest: &str) -> Failure {
    Failure(format!("Invalid format: \"{subject}\" is malformed at \"{rest}\""))
}

struct Reader<'t> {
    rest: &'t str,
    read: Read,
}

/// The parts that were read. The others have Joda's defaults.
struct Read {
    year: u32,
    month: u32,
    day: u32,
    weekday: Option<u8>,
    hour: u32,
    half: Option<bool>,
    by_half: bool,
    minute: u32,
    second: u32,
    nanosecond: u32,
    offset: i64,
}

impl Default for Read {
    fn default() -> Self {
        Read {
            year: 1970,
            month: 1,
            day: 1,
            weekday: None,
            hour: 0,
            half: None,
            by_half: false,
            minute: 0,
            second: 0,
            nanosecond: 0,
            offset: 0,
        }
    }
}

impl<'t> Reader<'t> {
    /// Reads a piece. `None` if the text does not go on with one.
    fn piece(&mut self, piece: Piece, fixed: bool) -> Result<Option<()>, Failure> {
        if matches!(
            piece,
            Piece::YearOfCentury | Piece::WeekYear(_) | Piece::Week(_) | Piece::Weekday(_) | Piece::DayOfYear(_)
        ) {
            return Err(Failure(format!("Reading a time by {piece:?} is not supported")));
        }
        Ok(self.field(piece, fixed))
    }

    fn field(&mut self, piece: Piece, fixed: bool) -> Option<()> {
        let number = |this: &mut Self, width: usize, most: usize| this.number(if fixed { width } else { most });
        match piece {
            Piece::Literal(literal) => self.rest = self.rest.strip_prefix(literal)?,
            Piece::Year(width) => self.read.year = number(self, width, 9)?,
            Piece::Month(width) => self.read.month = number(self, width, 2)?,
            Piece::Day(width) => self.read.day = number(self, width, 2)?,
            Piece::Hour(width) => self.read.hour = number(self, width, 2)?,
            Piece::HourOfHalf(width) => {
                let hour = number(self, width, 2)?;
                (1..=12).contains(&hour).then_some(())?;
                (self.read.hour, self.read.by_half) = (hour % 12, true);
            }
            Piece::Minute(width) => self.read.minute = number(self, width, 2)?,
            Piece::Second(width) => self.read.second = number(self, width, 2)?,
            Piece::Fraction { width, most } => {
                let before = self.rest.len();
                let fraction = number(self, width, most)?;
                let places = u32::try_from(before - self.rest.len()).ok()?;
                self.read.nanosecond = fraction.checked_mul(10u32.checked_pow(9u32.checked_sub(places)?)?)?;
            }
            Piece::Half => {
                let half = self.take(2)?;
                let afternoon = half.eq_ignore_ascii_case("PM");
                (afternoon || half.eq_ignore_ascii_case("AM")).then_some(())?;
                self.read.half = Some(afternoon);
            }
            Piece::MonthName { .. } => self.read.month = self.name(&MONTHS)? + 1,
            Piece::WeekdayName { .. } => self.read.weekday = u8::try_from(self.name(&WEEKDAYS)?).ok(),
            Piece::Offset { .. } => {
                let end = self.rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | ':' | 'Z'));
                let offset = self.take(end.unwrap_or(self.rest.len()))?;
                self.read.offset = calendar::parse_offset(offset)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self, most: usize) -> Option<u32> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        self.take(length)?.parse().ok()
    }

    fn take(&mut self, length: usize) -> Option<&'t str> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// The place of the name, whole or its first three letters, that comes next.
    fn name(&mut self, names: &[&str]) -> Option<u32> {
        let starts = |part: &str| self.rest.get(..part.len()).is_some_and(|own| own.eq_ignore_ascii_case(part));
        let whole = names.iter().position(|name| starts(name)).map(|place| (place, names.get(place).map(|n| n.len())));
        let short = || names.iter().position(|name| name.get(..3).is_some_and(starts)).map(|place| (place, Some(3)));
        let (place, length) = whole.or_else(short)?;
        self.take(length?)?;
        u32::try_from(place).ok()
    }
}

impl Read {
    fn time(&self) -> Option<i64> {
        let month = Month::try_from(u8::try_from(self.month).ok()?).ok()?;
        let date =
            Date::from_calendar_date(i32::try_from(self.year).ok()?, month, u8::try_from(self.day).ok()?).ok()?;
        if self.weekday.is_some_and(|day| date.weekday() != Weekday::Monday.nth_next(day)) {
            return None;
        }
        let hour = match (self.half, self.by_half) {
            (Some(true), true) => self.hour + 12,
            (None, false) | (Some(false), true) | (None, true) => self.hour,
            (Some(_), false) => return None,
        };
        let byte = |number: u32| u8::try_from(number).ok();
        let clock = Time::from_hms_nano(byte(hour)?, byte(self.minute)?, byte(self.second)?, self.nanosecond).ok()?;
        let utc = calendar::nanoseconds(date.with_time(clock).assume_utc())?;
        utc.checked_sub(self.offset.checked_mul(SECOND)?)
    }
}
