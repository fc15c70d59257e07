//! Times by pattern: Joda's, of format_datetime and parse_datetime, and MySQL's, of date_format and date_parse.

mod read;

use time::OffsetDateTime;

use super::super::calendar::moment;
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
    scalar("parse_datetime", &[Varchar, Varchar], Timestamp, |a| instant(Some(read::read(a, joda)?))),
    scalar("date_parse", &[Varchar, Varchar], Timestamp, |a| instant(Some(read::read(a, mysql)?))),
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
