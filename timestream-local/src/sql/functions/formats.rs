//! Times by pattern: Joda's, of format_datetime and parse_datetime, and MySQL's, of date_format and date_parse.

use time::{Date, Month, OffsetDateTime, Time, Weekday};

use super::super::calendar::{self, SECOND, moment};
use super::super::types::ColumnType::{Timestamp, Varchar};
use super::instants::instant;
use super::{Arguments, Failure, Scalar, scalar, text};

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("format_datetime", &[Timestamp, Varchar], Varchar, |a| {
        text(written(&*compiled(a, joda)?, moment(a.integer(0)?)))
    }),
    scalar("date_format", &[Timestamp, Varchar], Varchar, |a| {
        text(written(&*compiled(a, mysql)?, moment(a.integer(0)?)))
    }),
    scalar("parse_datetime", &[Varchar, Varchar], Timestamp, |a| instant(Some(read(a, joda)?))),
    scalar("date_parse", &[Varchar, Varchar], Timestamp, |a| instant(Some(read(a, mysql)?))),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A piece of a pattern. Numbers are as wide as given, at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Literal(char),
    Year(usize),
    YearOfCentury,
    Month(usize),
    MonthName {
        short: bool,
    },
    Day(usize),
    DayOfYear(usize),
    WeekYear(usize),
    Week(usize),
    Weekday(usize),
    WeekdayName {
        short: bool,
    },
    Hour(usize),
    /// 1 to 12.
    HourOfHalf(usize),
    Half,
    Minute(usize),
    Second(usize),
    /// Digits of the second's fraction.
    Fraction(usize),
    Offset {
        colon: bool,
    },
}

type Pattern = Vec<Piece>;

fn compiled(
    a: &Arguments<'_, '_>,
    read: fn(&str) -> Result<Pattern, Failure>,
) -> Result<std::sync::Arc<Pattern>, Failure> {
    a.cached(1, read)
}

/// Joda's letters. The rest stands for itself, as does what is quoted.
fn joda(pattern: &str) -> Result<Pattern, Failure> {
    let mut pieces = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(letter) = characters.next() {
        if letter == '\'' {
            quoted(&mut characters, &mut pieces)?;
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            pieces.push(Piece::Literal(letter));
            continue;
        }
        let mut width = 1;
        while characters.next_if_eq(&letter).is_some() {
            width += 1;
        }
        pieces.push(match letter {
            'y' | 'Y' if width == 2 => Piece::YearOfCentury,
            'y' | 'Y' => Piece::Year(width),
            'M' if width <= 2 => Piece::Month(width),
            'M' => Piece::MonthName { short: width == 3 },
            'd' => Piece::Day(width),
            'D' => Piece::DayOfYear(width),
            'x' if width != 2 => Piece::WeekYear(width),
            'w' => Piece::Week(width),
            'e' => Piece::Weekday(width),
            'E' => Piece::WeekdayName { short: width <= 3 },
            'H' => Piece::Hour(width),
            'h' => Piece::HourOfHalf(width),
            'a' => Piece::Half,
            'm' => Piece::Minute(width),
            's' => Piece::Second(width),
            'S' if width <= 9 => Piece::Fraction(width),
            'Z' if width <= 2 => Piece::Offset { colon: width == 2 },
            _ => {
                return Err(Failure(format!(
                    "The pattern component {} is not supported",
                    letter.to_string().repeat(width)
                )));
            }
        });
    }
    Ok(pieces)
}

/// What stands in quotes; two of them are one.
fn quoted(characters: &mut std::iter::Peekable<std::str::Chars<'_>>, pieces: &mut Pattern) -> Result<(), Failure> {
    if characters.next_if_eq(&'\'').is_some() {
        pieces.push(Piece::Literal('\''));
        return Ok(());
    }
    loop {
        match characters.next() {
            Some('\'') if characters.next_if_eq(&'\'').is_none() => return Ok(()),
            Some(literal) => pieces.push(Piece::Literal(literal)),
            None => return Err("The pattern has an open quote".into()),
        }
    }
}

/// MySQL's `%` and a letter.
fn mysql(pattern: &str) -> Result<Pattern, Failure> {
    let mut pieces = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            pieces.push(Piece::Literal(character));
            continue;
        }
        let Some(letter) = characters.next() else { return Err("The pattern ends in %".into()) };
        let single = match letter {
            'Y' => Piece::Year(4),
            'y' => Piece::YearOfCentury,
            'm' => Piece::Month(2),
            'c' => Piece::Month(1),
            'M' => Piece::MonthName { short: false },
            'b' => Piece::MonthName { short: true },
            'd' => Piece::Day(2),
            'e' => Piece::Day(1),
            'j' => Piece::DayOfYear(3),
            'x' => Piece::WeekYear(4),
            'v' => Piece::Week(2),
            'W' => Piece::WeekdayName { short: false },
            'a' => Piece::WeekdayName { short: true },
            'H' => Piece::Hour(2),
            'k' => Piece::Hour(1),
            'h' | 'I' => Piece::HourOfHalf(2),
            'l' => Piece::HourOfHalf(1),
            'p' => Piece::Half,
            'i' => Piece::Minute(2),
            's' | 'S' => Piece::Second(2),
            'f' => Piece::Fraction(6),
            'T' => {
                pieces.extend(mysql("%H:%i:%s")?);
                continue;
            }
            'r' => {
                pieces.extend(mysql("%h:%i:%s %p")?);
                continue;
            }
            'D' | 'U' | 'u' | 'V' | 'w' | 'X' => {
                return Err(Failure(format!("%{letter} not currently supported in date format string")));
            }
            literal => Piece::Literal(literal),
        };
        pieces.push(single);
    }
    Ok(pieces)
}

fn written(pattern: &Pattern, m: OffsetDateTime) -> String {
    let mut text = String::new();
    for piece in pattern {
        let (number, width) = match *piece {
            Piece::Literal(literal) => {
                text.push(literal);
                continue;
            }
            Piece::MonthName { short } => {
                text.push_str(named(&MONTHS, u8::from(m.month()), short));
                continue;
            }
            Piece::WeekdayName { short } => {
                text.push_str(named(&WEEKDAYS, m.weekday().number_from_monday(), short));
                continue;
            }
            Piece::Half => {
                text.push_str(if m.hour() < 12 { "AM" } else { "PM" });
                continue;
            }
            Piece::Offset { colon } => {
                text.push_str(if colon { "+00:00" } else { "+0000" });
                continue;
            }
            Piece::Fraction(width) => (m.nanosecond() / 10u32.pow(9 - width as u32), width),
            Piece::Year(width) => (m.year().unsigned_abs(), width),
            Piece::YearOfCentury => (m.year().unsigned_abs() % 100, 2),
            Piece::WeekYear(width) => (m.to_iso_week_date().0.unsigned_abs(), width),
            Piece::Month(width) => (u8::from(m.month()).into(), width),
            Piece::Day(width) => (m.day().into(), width),
            Piece::DayOfYear(width) => (m.ordinal().into(), width),
            Piece::Week(width) => (m.iso_week().into(), width),
            Piece::Weekday(width) => (m.weekday().number_from_monday().into(), width),
            Piece::Hour(width) => (m.hour().into(), width),
            Piece::HourOfHalf(width) => (u32::from(m.hour() + 11) % 12 + 1, width),
            Piece::Minute(width) => (m.minute().into(), width),
            Piece::Second(width) => (m.second().into(), width),
        };
        text.push_str(&format!("{number:0width$}"));
    }
    text
}

fn named<'n>(names: &[&'n str], number: u8, short: bool) -> &'n str {
    let name = names.get(usize::from(number) - 1).copied().unwrap_or_default();
    if short { name.get(..3).unwrap_or(name) } else { name }
}

fn read(a: &Arguments<'_, '_>, pattern: fn(&str) -> Result<Pattern, Failure>) -> Result<i64, Failure> {
    let pattern = compiled(a, pattern)?;
    let subject = a.text(0)?;
    let mut reader = Reader { rest: subject, read: Read::default() };
    for (index, piece) in pattern.iter().enumerate() {
        // A number that touches the next one ends where its width does.
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

/// What was read; what was not stands as Joda has it.
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
    /// Nothing, if the text does not go on with such a piece.
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
            Piece::Fraction(width) => {
                let before = self.rest.len();
                let fraction = number(self, width, 9)?;
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
