//! Patterns of times, taken apart.

use super::super::super::failure::Failure;

pub(super) const MONTHS: [&str; 12] = [
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
pub(super) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A piece of a pattern. Numbers are as wide as given, at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
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
    /// Digits of the second's fraction: as many are written, and up to `most` are read.
    Fraction {
        width: usize,
        most: usize,
    },
    Offset {
        colon: bool,
    },
}

/// A pattern, taken apart.
pub(super) type Pattern = Vec<Piece>;

/// Reads a pattern of Joda's letters. Other characters and quoted text stand for themselves.
pub(super) fn joda(pattern: &str) -> Result<Pattern, Failure> {
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
            'S' if width <= 9 => Piece::Fraction { width, most: width },
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

/// Reads the text in quotes. Two quotes stand for one.
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

/// Reads a pattern of MySQL's, whose pieces are `%` and a letter.
pub(super) fn mysql(pattern: &str) -> Result<Pattern, Failure> {
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
            'f' => Piece::Fraction { width: 6, most: 9 },
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
