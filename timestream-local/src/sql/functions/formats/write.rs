//! Writing a time by a pattern.

use time::OffsetDateTime;

use super::pattern::{MONTHS, Piece, WEEKDAYS};

/// The time in the form of a pattern.
pub(super) fn write(pattern: &[Piece], m: OffsetDateTime) -> String {
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
            Piece::Fraction { width, .. } => (m.nanosecond() / 10u32.pow(9 - width as u32), width),
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
