//! Points and lengths of time.

use rusqlite::types::Value;
use time::{Duration, Month, OffsetDateTime};

use super::super::failure::Failure;
use super::super::types::ColumnType::{
    self, Bigint, Date, Double, IntervalDayToSecond, IntervalYearToMonth, Timestamp, Varchar,
};
use super::scalar::{Arguments, Outcome, Scalar, real, scalar, text};
use crate::calendar::{self, DAY, SECOND, moment};

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("$add", &[Timestamp, IntervalDayToSecond], Timestamp, |a| instant(a.integer(0)?.checked_add(a.integer(1)?))),
    scalar("$add", &[IntervalDayToSecond, Timestamp], Timestamp, |a| instant(a.integer(0)?.checked_add(a.integer(1)?))),
    scalar("$add", &[Timestamp, IntervalYearToMonth], Timestamp, |a| {
        instant(calendar::add_months(a.integer(0)?, a.integer(1)?))
    }),
    scalar("$add", &[IntervalYearToMonth, Timestamp], Timestamp, |a| {
        instant(calendar::add_months(a.integer(1)?, a.integer(0)?))
    }),
    scalar("$add", &[Date, IntervalDayToSecond], Date, |a| shifted(a, 1)),
    scalar("$add", &[Date, IntervalYearToMonth], Date, |a| shifted_months(a, 1)),
    scalar("$subtract", &[Timestamp, IntervalDayToSecond], Timestamp, |a| {
        instant(a.integer(0)?.checked_sub(a.integer(1)?))
    }),
    scalar("$subtract", &[Timestamp, IntervalYearToMonth], Timestamp, |a| {
        instant(a.integer(1)?.checked_neg().and_then(|months| calendar::add_months(a.integer(0).ok()?, months)))
    }),
    scalar("$subtract", &[Date, IntervalDayToSecond], Date, |a| shifted(a, -1)),
    scalar("$subtract", &[Date, IntervalYearToMonth], Date, |a| shifted_months(a, -1)),
    scalar("from_milliseconds", &[Bigint], Timestamp, |a| instant(a.integer(0)?.checked_mul(1_000_000))),
    scalar("from_nanoseconds", &[Bigint], Timestamp, |a| instant(Some(a.integer(0)?))),
    scalar("from_unixtime", &[Bigint], Timestamp, |a| instant(a.integer(0)?.checked_mul(SECOND))),
    scalar("from_unixtime", &[Double], Timestamp, |a| {
        // Presto keeps whole milliseconds.
        let milliseconds = (a.double(0)? * 1000.0).round();
        instant((milliseconds.abs() < 9e15).then_some(milliseconds as i64).and_then(|ms| ms.checked_mul(1_000_000)))
    }),
    scalar("from_iso8601_timestamp", &[Varchar], Timestamp, |a| match calendar::parse_iso_timestamp(a.text(0)?) {
        Some(time) => instant(Some(time)),
        None => Err(Failure(format!("Invalid format: \"{}\"", a.text(0)?))),
    }),
    scalar("from_iso8601_date", &[Varchar], Date, |a| match calendar::parse_iso_days(a.text(0)?) {
        Some(date) => days(date.checked_mul(DAY)),
        None => Err(Failure(format!("Invalid format: \"{}\"", a.text(0)?))),
    }),
    scalar("to_milliseconds", &[Timestamp], Bigint, |a| Ok(Value::Integer(a.integer(0)?.div_euclid(1_000_000)))),
    scalar("to_milliseconds", &[IntervalDayToSecond], Bigint, |a| Ok(Value::Integer(a.integer(0)? / 1_000_000))),
    scalar("to_nanoseconds", &[Timestamp], Bigint, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("to_nanoseconds", &[IntervalDayToSecond], Bigint, |a| Ok(Value::Integer(a.integer(0)?))),
    scalar("to_unixtime", &[Timestamp], Double, |a| {
        let time = a.integer(0)?;
        real((time / SECOND) as f64 + (time % SECOND) as f64 / SECOND as f64)
    }),
    scalar("to_iso8601", &[Timestamp], Varchar, |a| {
        text(calendar::timestamp_text(a.integer(0)?).replacen(' ', "T", 1) + "Z")
    }),
    scalar("to_iso8601", &[Date], Varchar, |a| text(calendar::date_text(a.integer(0)?))),
    scalar("bin", &[Timestamp, IntervalDayToSecond], Timestamp, |a| {
        let (time, width) = (a.integer(0)?, a.integer(1)?);
        if width <= 0 {
            return Err("The bin's width must be positive".into());
        }
        instant(time.checked_sub(time.rem_euclid(width)))
    }),
    scalar("date_trunc", &[Varchar, Timestamp], Timestamp, |a| instant(truncated(a.text(0)?, a.integer(1)?)?)),
    scalar("date_trunc", &[Varchar, Date], Date, |a| {
        days(truncated(date_unit(a.text(0)?)?, midnight(a.integer(1)?)?)?)
    }),
    scalar("date_add", &[Varchar, Bigint, Timestamp], Timestamp, |a| {
        instant(added(a.text(0)?, a.integer(1)?, a.integer(2)?)?)
    }),
    scalar("date_add", &[Varchar, Bigint, Date], Date, |a| {
        days(added(date_unit(a.text(0)?)?, a.integer(1)?, midnight(a.integer(2)?)?)?)
    }),
    scalar("date", &[Timestamp], Date, |a| days(Some(a.integer(0)?))),
    scalar("date", &[Varchar], Date, |a| match calendar::parse_days(a.text(0)?) {
        Some(day) => days(day.checked_mul(DAY)),
        None => Err(Failure(format!("Value cannot be cast to date: {}", a.text(0)?))),
    }),
    scalar("last_day_of_month", &[Timestamp], Date, |a| last_day(a.integer(0)?)),
    scalar("last_day_of_month", &[Date], Date, |a| last_day(midnight(a.integer(0)?)?)),
    scalar("current_timezone", &[], Varchar, |_| text("UTC")),
    scalar("date_diff", &[Varchar, Timestamp, Timestamp], Bigint, |a| {
        difference(a.text(0)?, a.integer(1)?, a.integer(2)?)
    }),
    scalar("date_diff", &[Varchar, Date, Date], Bigint, |a| {
        difference(date_unit(a.text(0)?)?, midnight(a.integer(1)?)?, midnight(a.integer(2)?)?)
    }),
    scalar("year", &[Timestamp], Bigint, |a| part(a, |m| m.year().into())),
    scalar("quarter", &[Timestamp], Bigint, |a| part(a, |m| (i64::from(u8::from(m.month())) - 1) / 3 + 1)),
    scalar("month", &[Timestamp], Bigint, |a| part(a, |m| u8::from(m.month()).into())),
    scalar("week", &[Timestamp], Bigint, |a| part(a, |m| m.iso_week().into())),
    scalar("day", &[Timestamp], Bigint, |a| part(a, |m| m.day().into())),
    scalar("day_of_week", &[Timestamp], Bigint, |a| part(a, |m| m.weekday().number_from_monday().into())),
    scalar("day_of_year", &[Timestamp], Bigint, |a| part(a, |m| m.ordinal().into())),
    scalar("hour", &[Timestamp], Bigint, |a| part(a, |m| m.hour().into())),
    scalar("minute", &[Timestamp], Bigint, |a| part(a, |m| m.minute().into())),
    scalar("second", &[Timestamp], Bigint, |a| part(a, |m| m.second().into())),
    scalar("millisecond", &[Timestamp], Bigint, |a| part(a, |m| m.millisecond().into())),
    scalar("year_of_week", &[Timestamp], Bigint, |a| part(a, |m| m.to_iso_week_date().0.into())),
];

/// Other names of functions, with the names that they have here.
pub(crate) const PART_ALIASES: &[(&str, &str)] = &[
    ("dow", "day_of_week"),
    ("doy", "day_of_year"),
    ("yow", "year_of_week"),
    ("day_of_month", "day"),
    ("week_of_year", "week"),
];

enum Unit {
    Length(i64),
    Months(i64),
}

/// The length in nanoseconds of a day-time unit, or the months of a longer one.
fn unit(name: &str) -> Result<Unit, Failure> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "nanosecond" => Unit::Length(1),
        "microsecond" => Unit::Length(1_000),
        "millisecond" => Unit::Length(1_000_000),
        "second" => Unit::Length(SECOND),
        "minute" => Unit::Length(60 * SECOND),
        "hour" => Unit::Length(3600 * SECOND),
        "day" => Unit::Length(DAY),
        "week" => Unit::Length(7 * DAY),
        "month" => Unit::Months(1),
        "quarter" => Unit::Months(3),
        "year" => Unit::Months(12),
        _ => return Err(Failure(format!("'{name}' is not a valid Timestamp field"))),
    })
}

/// The name of a unit that dates have: a day or longer.
fn date_unit(name: &str) -> Result<&str, Failure> {
    match unit(name)? {
        Unit::Length(length) if length < DAY => Err(Failure(format!("'{name}' is not a valid DATE field"))),
        _ => Ok(name),
    }
}

fn difference(name: &str, from: i64, to: i64) -> Outcome {
    match unit(name)? {
        Unit::Length(length) => {
            let units = i64::try_from((i128::from(to) - i128::from(from)) / i128::from(length));
            units.map(Value::Integer).map_err(|_| {
                let [from, to] = [from, to].map(calendar::timestamp_text);
                Failure(format!("bigint overflow: date_diff('{name}', {from}, {to})"))
            })
        }
        Unit::Months(months) => Ok(Value::Integer(whole_months(from, to) / months)),
    }
}

fn truncated(name: &str, time: i64) -> Result<Option<i64>, Failure> {
    let start = moment(time);
    Ok(match unit(name)? {
        // Weeks begin on Monday.
        Unit::Length(length) if length == 7 * DAY => {
            let day = start.replace_time(time::Time::MIDNIGHT);
            day.checked_sub(Duration::days(start.weekday().number_days_from_monday().into()))
                .and_then(calendar::nanoseconds)
        }
        Unit::Length(length) => time.checked_sub(time.rem_euclid(length)),
        Unit::Months(months) => {
            let index = (i64::from(u8::from(start.month())) - 1) / months * months + 1;
            let first = u8::try_from(index).ok().and_then(|month| Month::try_from(month).ok());
            first
                .and_then(|month| time::Date::from_calendar_date(start.year(), month, 1).ok())
                .and_then(|date| calendar::nanoseconds(date.midnight().assume_utc()))
        }
    })
}

fn added(name: &str, amount: i64, time: i64) -> Result<Option<i64>, Failure> {
    Ok(match unit(name)? {
        Unit::Length(length) => amount.checked_mul(length).and_then(|shift| time.checked_add(shift)),
        Unit::Months(months) => amount.checked_mul(months).and_then(|shift| calendar::add_months(time, shift)),
    })
}

fn midnight(days: i64) -> Result<i64, Failure> {
    days.checked_mul(DAY).ok_or_else(|| "The date is outside the years 1677 to 2262".into())
}

/// A date that a function yields. Timestream has no dates before 1970.
pub(super) fn days(time: Option<i64>) -> Outcome {
    match time.map(|time| time.div_euclid(DAY)) {
        Some(days) if days < 0 => {
            Err(Failure(format!("Dates before 1970 are not supported: {}", calendar::date_text(days))))
        }
        days => in_range(days),
    }
}

fn shifted(a: &Arguments<'_, '_>, sign: i64) -> Outcome {
    let (date, shift) = (midnight(a.integer(0)?)?, a.integer(1)?);
    if shift % DAY != 0 {
        return Err("Cannot add hour, minutes or seconds to a date".into());
    }
    days(shift.checked_mul(sign).and_then(|shift| date.checked_add(shift)))
}

fn shifted_months(a: &Arguments<'_, '_>, sign: i64) -> Outcome {
    let (date, shift) = (midnight(a.integer(0)?)?, a.integer(1)?);
    days(shift.checked_mul(sign).and_then(|months| calendar::add_months(date, months)))
}

fn last_day(time: i64) -> Outcome {
    let m = moment(time);
    days(m.replace_day(m.month().length(m.year())).ok().and_then(calendar::nanoseconds))
}

pub(super) fn whole_months(from: i64, to: i64) -> i64 {
    let (start, end) = (moment(from), moment(to));
    let index = |m: OffsetDateTime| i64::from(m.year()) * 12 + i64::from(u8::from(m.month()));
    let months = index(end) - index(start);
    match calendar::add_months(from, months) {
        Some(reached) if months > 0 && reached > to => months - 1,
        Some(reached) if months < 0 && reached < to => months + 1,
        // The month of the first timestamp began before it.
        None => months - months.signum(),
        Some(_) => months,
    }
}

fn part(a: &Arguments<'_, '_>, of: fn(OffsetDateTime) -> i64) -> Outcome {
    Ok(Value::Integer(of(moment(a.integer(0)?))))
}

fn in_range(time: Option<i64>) -> Outcome {
    time.map(Value::Integer).ok_or_else(|| "The timestamp is outside the years 1677 to 2262".into())
}

/// A timestamp that stands in a query as it is: from 1677 on (developer guide, "Supported data types").
pub(super) fn given(time: i64) -> Outcome {
    in_range((time >= calendar::EARLIEST).then_some(time))
}

/// A timestamp that a function yields. None yields one before 1970: the guide has "Any operation resulting in negative
/// time results in error" (Date / time functions).
pub(super) fn instant(time: Option<i64>) -> Outcome {
    match time {
        Some(time) if time < 0 => {
            Err(Failure(format!("Timestamps before 1970 are not supported: {}", calendar::timestamp_text(time))))
        }
        time => in_range(time),
    }
}

/// The field that EXTRACT or a function of its name yields.
pub(crate) fn part_name(field: &str) -> String {
    let field = field.to_ascii_lowercase();
    let known = PART_ALIASES.iter().find(|(alias, _)| *alias == field);
    known.map_or(field.clone(), |(_, name)| (*name).to_owned())
}

/// The value and type of the interval of `amount` units.
pub(crate) fn interval(amount: i64, unit_name: &str) -> Result<(i64, ColumnType), String> {
    let (factor, kind) = match unit(unit_name).map_err(|failure| failure.0)? {
        Unit::Length(length) => (length, IntervalDayToSecond),
        Unit::Months(months) => (months, IntervalYearToMonth),
    };
    let length = amount.checked_mul(factor).ok_or_else(|| format!("The interval {amount} {unit_name} is too long"))?;
    Ok((length, kind))
}
