//! `cron(…)` in AWS's form: minutes, hours, day of month, month, day of week and year, in UTC.
//!
//! croner reads and searches the fields. It takes more than AWS does, so the fields are checked here first.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDateTime, Cron, CronDateTime, Resolution, Weekday};
use time::{Date, Duration, Month, OffsetDateTime, Time};

use crate::calendar::{moment, nanoseconds};

/// A field: its name, its numbers, what else it may have, and the names of its numbers (developer guide, "Schedule
/// expressions for scheduled queries").
struct Field {
    name: &'static str,
    numbers: RangeInclusive<u32>,
    extras: &'static str,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const FIELDS: [Field; 6] = [
    Field { name: "minutes", numbers: 0..=59, extras: "", names: &[] },
    Field { name: "hours", numbers: 0..=23, extras: "", names: &[] },
    Field { name: "day of month", numbers: 1..=31, extras: "?LW", names: &[] },
    Field { name: "month", numbers: 1..=12, extras: "", names: &MONTHS },
    Field { name: "day of week", numbers: 1..=7, extras: "?L#", names: &DAYS },
    Field { name: "year", numbers: 1970..=2199, extras: "", names: &[] },
];

/// Reads the fields between the parentheses.
///
/// # Errors
/// What is wrong with them.
pub(super) fn parse(text: &str) -> Result<Cron, String> {
    let upper = text.to_ascii_uppercase();
    let parts: Vec<&str> = upper.split_ascii_whitespace().collect();
    let [_, _, day, _, weekday, _] = parts.as_slice() else {
        return Err(format!("it has {} fields and not 6", parts.len()));
    };
    for (field, part) in FIELDS.iter().zip(&parts) {
        field.check(part)?;
    }
    if (*day == "?") == (*weekday == "?") {
        return Err("one of the day of month and the day of week must be ?, and not both".to_owned());
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    parser.parse(&format!("0 {}", parts.join(" "))).map_err(|error| error.to_string())
}

impl Field {
    fn check(&self, part: &str) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what} in its {}", self.name));
        for item in part.split(',') {
            let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
            if step.is_some_and(|step| !step.parse().is_ok_and(|step: u32| step > 0)) {
                return wrong(&format!("{item:?} has no step"));
            }
            let is_right = match range {
                "*" => true,
                "?" => part == "?" && self.extras.contains('?'),
                "L" => step.is_none() && self.extras.contains('L'),
                _ => match range.split_once('-') {
                    Some((first, last)) => match (self.number(first), self.number(last)) {
                        (Some(first), Some(last)) => first <= last,
                        _ => false,
                    },
                    None => self.number(range).is_some() || (step.is_none() && self.is_special(range)),
                },
            };
            if !is_right {
                return wrong(&format!("{item:?} is not allowed"));
            }
        }
        Ok(())
    }

    /// A day that depends on the month: `3W`, `6L`, `TUE#3`.
    fn is_special(&self, text: &str) -> bool {
        let has = |extra: char| self.extras.contains(extra);
        if let Some((day, which)) = text.split_once('#') {
            return has('#') && self.number(day).is_some() && matches!(which, "1" | "2" | "3" | "4" | "5");
        }
        if let Some(day) = text.strip_suffix('W') {
            return has('W') && self.number(day).is_some();
        }
        text.strip_suffix('L').is_some_and(|day| has('#') && self.number(day).is_some())
    }

    fn number(&self, text: &str) -> Option<u32> {
        if let Some(place) = self.names.iter().position(|name| *name == text) {
            return Some(*self.numbers.start() + u32::try_from(place).ok()?);
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && self.numbers.contains(number))
    }
}

/// The first time after another, in nanoseconds since 1970. `None` when there is no more before 2262.
pub(super) fn after(cron: &Cron, time: i64) -> Option<i64> {
    let next = cron.find_next_occurrence(&Utc(moment(time)), false).ok()?;
    nanoseconds(next.0).filter(|next| *next > time)
}

/// The last time up to another, in nanoseconds since 1970.
pub(super) fn until(cron: &Cron, time: i64) -> Option<i64> {
    let last = cron.find_previous_occurrence(&Utc(moment(time)), true).ok()?;
    nanoseconds(last.0).filter(|last| *last <= time)
}

/// A moment as croner sees it. In UTC no time is twice or never.
#[derive(Debug, Clone, Copy)]
struct Utc(OffsetDateTime);

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        use croner::{CivilDate, CivilTime};
        let (date, time) = (self.0.date(), self.0.time());
        let date = CivilDate::from_parts_unchecked(date.year(), u8::from(date.month()).into(), date.day().into());
        let time = CivilTime::from_parts_unchecked(time.hour().into(), time.minute().into(), time.second().into());
        CivilDateTime::new(date, time)
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(self.0.weekday().number_days_from_sunday().into())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let small = |number: u32| u8::try_from(number).map_err(|_| CronError::InvalidDate);
        let month = Month::try_from(small(civil.month())?).map_err(|_| CronError::InvalidDate)?;
        let date = Date::from_calendar_date(civil.year(), month, small(civil.day())?);
        let date = date.map_err(|_| CronError::InvalidDate)?;
        let time = Time::from_hms(small(civil.hour())?, small(civil.minute())?, small(civil.second())?);
        let time = time.map_err(|_| CronError::InvalidTime)?;
        Ok(Resolution::Single(Utc(date.with_time(time).assume_utc())))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(Duration::seconds(seconds)).map(Utc)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
