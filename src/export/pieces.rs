//! The pieces that an export is made of: days of UTC for files, hours for a receiver.

use crate::units;

/// Milliseconds of an hour and of a day.
pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY: i64 = 24 * HOUR;

/// A stretch of time that is exported as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its day, `2026-11-28`; of an hour its start, `2026-11-28T06:00:00Z`.
    pub(super) name: String,
    /// First and last millisecond.
    pub(super) bounds: (i64, i64),
}

impl Piece {
    /// The day that it lies in.
    pub(super) fn day(&self) -> &str {
        self.name.get(.."2026-11-28".len()).unwrap_or(&self.name)
    }
}

/// The days from `start` until before `end`, both in milliseconds since the epoch. The first and the last may be parts.
pub(super) fn days(start: i64, end: i64) -> impl Iterator<Item = Piece> {
    pieces(start, end, DAY).map(|(start, bounds)| {
        let mut name = units::rfc3339(start);
        name.truncate("2026-11-28".len());
        Piece { name, bounds }
    })
}

/// The same in hours.
pub(super) fn hours(start: i64, end: i64) -> impl Iterator<Item = Piece> {
    pieces(start, end, HOUR).map(|(start, bounds)| Piece { name: units::rfc3339(start), bounds })
}

/// The start of each stretch of `length`, and its bounds within the range.
fn pieces(start: i64, end: i64, length: i64) -> impl Iterator<Item = (i64, (i64, i64))> {
    let first = start.div_euclid(length);
    let behind = end.div_euclid(length) + i64::from(end.rem_euclid(length) > 0);
    (first..behind).map(move |number| {
        let from = number * length;
        (from, (from.max(start), (from + length).min(end) - 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_the_calendar_and_share_nothing() {
        let shown = |pieces: Vec<Piece>| -> Vec<(String, i64, i64)> {
            pieces.into_iter().map(|piece| (piece.name, piece.bounds.0, piece.bounds.1)).collect()
        };
        let (start, end) = (1_699_999_199_500, 1_700_006_400_001);
        let day = |name: &str, first, last| (name.to_owned(), first, last);
        assert_eq!(
            shown(days(start, end).collect()),
            [day("2023-11-14", start, 1_700_006_399_999), day("2023-11-15", 1_700_006_400_000, 1_700_006_400_000),]
        );
        assert_eq!(
            shown(hours(start, end).collect()),
            [
                day("2023-11-14T21:00:00Z", start, 1_699_999_199_999),
                day("2023-11-14T22:00:00Z", 1_699_999_200_000, 1_700_002_799_999),
                day("2023-11-14T23:00:00Z", 1_700_002_800_000, 1_700_006_399_999),
                day("2023-11-15T00:00:00Z", 1_700_006_400_000, 1_700_006_400_000),
            ]
        );
        assert_eq!(hours(start, end).next().unwrap().day(), "2023-11-14");
        assert_eq!(days(0, DAY).collect::<Vec<_>>().len(), 1);
    }
}
