//! Schedule expressions: when a scheduled query runs.

use croner::Cron;

use super::cron;
use crate::calendar::{DAY, HOUR, MINUTE, SECOND};
use crate::error::ApiError;

/// The longest interval: a hundred years.
const MAX_RATE: i64 = 36_500 * DAY;

/// When a scheduled query runs.
#[derive(Debug)]
pub(crate) enum Expression {
    /// Every so many nanoseconds, from the creation of the query on.
    Rate(i64),
    /// At times of the calendar, in UTC.
    Cron(Box<Cron>),
}

impl Expression {
    /// Reads `rate(…)` or `cron(…)`.
    ///
    /// # Errors
    /// A ValidationException that names what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let invalid =
            |why: &str| ApiError::validation(format!("Parameter ScheduleExpression is not valid: {text}: {why}."));
        let within = |kind: &str| text.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = within("rate") {
            return interval(rate).map(Expression::Rate).map_err(invalid);
        }
        let fields = within("cron").ok_or_else(|| invalid("it is neither rate(…) nor cron(…)"))?;
        cron::parse(fields).map(|cron| Expression::Cron(Box::new(cron))).map_err(|why| invalid(&why))
    }

    /// The first time after another, in nanoseconds since 1970, of a query made at `created`. `None` when there is no more.
    pub(crate) fn after(&self, time: i64, created: i64) -> Option<i64> {
        match self {
            Expression::Rate(interval) => {
                let start = start(created);
                let passed = time.saturating_sub(start).max(0) / interval;
                start.checked_add(interval.checked_mul(passed + 1)?)
            }
            Expression::Cron(cron) => cron::after(cron, time),
        }
    }

    /// The last time up to another, which is not before `due`, a time of the schedule.
    pub(crate) fn latest(&self, due: i64, time: i64, created: i64) -> i64 {
        let latest = match self {
            Expression::Rate(interval) => {
                let start = start(created);
                Some(start + time.saturating_sub(start).max(0) / interval * interval)
            }
            Expression::Cron(cron) => cron::until(cron, time),
        };
        latest.map_or(due, |latest| latest.max(due))
    }
}

/// Intervals are counted from the whole second.
fn start(created: i64) -> i64 {
    created / SECOND * SECOND
}

/// `5 minutes`: a unit of its own for 1, as AWS has it.
fn interval(text: &str) -> Result<i64, &'static str> {
    let [count, unit] = text.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
        return Err("a rate is a number and a unit");
    };
    let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 =
        count.parse().ok().filter(|number| is_number && *number > 0).ok_or("a rate is a number from 1")?;
    let length = match (unit, number) {
        ("minute", 1) | ("minutes", 2..) => MINUTE,
        ("hour", 1) | ("hours", 2..) => HOUR,
        ("day", 1) | ("days", 2..) => DAY,
        ("minute" | "hour" | "day", _) => return Err("the unit of more than one has an s"),
        ("minutes" | "hours" | "days", _) => return Err("the unit of one has no s"),
        _ => return Err("the unit of a rate is minutes, hours or days"),
    };
    number.checked_mul(length).filter(|interval| *interval <= MAX_RATE).ok_or("the rate is too long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{parse_timestamp, timestamp_text};
    use proptest::prelude::*;

    /// The next times of an expression after one, without seconds where they are 0.
    fn times(expression: &str, after: &str, count: usize) -> Vec<String> {
        let created = parse_timestamp(after).unwrap();
        let expression = Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let next = |time: &i64| expression.after(*time, created);
        let times = std::iter::successors(Some(created), next).skip(1).take(count);
        times.map(|time| timestamp_text(time).trim_end_matches(":00.000000000").to_owned()).collect()
    }

    #[test]
    fn rates_count_from_the_creation() {
        assert_eq!(
            times("rate(1 minute)", "2026-01-31 23:58:30.75", 2),
            ["2026-01-31 23:59:30.000000000", "2026-02-01 00:00:30.000000000"]
        );
        assert_eq!(times("rate(5 minutes)", "2026-01-31 23:58", 1), ["2026-02-01 00:03"]);
        assert_eq!(times("rate(2 hours)", "2026-01-31 23:58", 1), ["2026-02-01 01:58"]);
        assert_eq!(times("rate(3 days)", "2026-01-31 23:58", 1), ["2026-02-03 23:58"]);
        let rate = Expression::parse("rate(10 minutes)").unwrap();
        assert_eq!(rate.latest(600 * SECOND, 3599 * SECOND, 0), 3000 * SECOND);
        assert_eq!(rate.latest(3600 * SECOND, 3599 * SECOND, 0), 3600 * SECOND);
    }

    /// By the calendar: 2026-01-01 is a Thursday, 2026-02-01 a Sunday.
    #[test]
    fn cron_expressions_run_when_the_calendar_says() {
        let start = "2026-01-30 10:20";
        let cases: &[(&str, &[&str])] = &[
            // The examples of the developer guide.
            ("cron(0 10 * * ? *)", &["2026-01-31 10:00", "2026-02-01 10:00"]),
            ("cron(15 12 * * ? *)", &["2026-01-30 12:15"]),
            ("cron(0 18 ? * MON-FRI *)", &["2026-01-30 18:00", "2026-02-02 18:00"]),
            ("cron(0 8 1 * ? *)", &["2026-02-01 08:00", "2026-03-01 08:00"]),
            ("cron(0/15 * * * ? *)", &["2026-01-30 10:30", "2026-01-30 10:45", "2026-01-30 11:00"]),
            ("cron(0/10 * ? * MON-FRI *)", &["2026-01-30 10:30"]),
            ("cron(0/5 8-17 ? * MON-FRI *)", &["2026-01-30 10:25"]),
            ("cron(0/1 * * * ? *)", &["2026-01-30 10:21"]),
            ("cron(1/10 * * * ? *)", &["2026-01-30 10:21", "2026-01-30 10:31"]),
            // The last day of a month, and the last Friday.
            ("cron(0 0 L * ? *)", &["2026-01-31 00:00", "2026-02-28 00:00", "2026-03-31 00:00"]),
            ("cron(0 0 ? * 6L *)", &["2026-02-27 00:00"]),
            // The weekday nearest to the 1st, a Sunday in February and March, and to the 15th, a Sunday too.
            ("cron(0 0 1W * ? *)", &["2026-02-02 00:00", "2026-03-02 00:00", "2026-04-01 00:00"]),
            ("cron(0 0 15W * ? *)", &["2026-02-16 00:00"]),
            // The second Tuesday of a month, by number and by name.
            ("cron(0 0 ? * 3#2 *)", &["2026-02-10 00:00", "2026-03-10 00:00"]),
            ("cron(0 0 ? * TUE#2 *)", &["2026-02-10 00:00"]),
            ("cron(30 6 ? * 1 *)", &["2026-02-01 06:30"]),
            ("cron(30 6 ? * SUN,SAT *)", &["2026-01-31 06:30", "2026-02-01 06:30"]),
            ("cron(0 0 29 2 ? *)", &["2028-02-29 00:00", "2032-02-29 00:00"]),
            (
                "cron(0 0 1 JAN-MAR ? 2027/2)",
                &["2027-01-01 00:00", "2027-02-01 00:00", "2027-03-01 00:00", "2029-01-01 00:00"],
            ),
            ("cron(0 0 1 1 ? 2026)", &[]),
            ("cron(0 0 31 2 ? *)", &[]),
        ];
        for (expression, expected) in cases {
            let found = times(expression, start, expected.len().max(1));
            assert_eq!(found, *expected, "{expression}");
        }
        let daily = Expression::parse("cron(0 10 * * ? *)").unwrap();
        let time = |text| parse_timestamp(text).unwrap();
        let due = time("2026-01-01 10:00");
        assert_eq!(daily.latest(due, time("2026-01-03 10:00"), 0), time("2026-01-03 10:00"));
        assert_eq!(daily.latest(due, time("2026-01-03 09:59"), 0), time("2026-01-02 10:00"));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "rate",
            "rate()",
            "rate(5)",
            "rate(0 minutes)",
            "rate(-1 minutes)",
            "rate(+1 minute)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(5 seconds)",
            "rate(1.5 hours)",
            "rate(99999999999 days)",
            "rate(5 minutes",
            "every day",
            "cron()",
            "cron(0 10 * * ?)",
            "cron(0 10 * * * *)",
            "cron(0 10 ? * ? *)",
            "cron(60 10 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 10 0 * ? *)",
            "cron(0 10 32 * ? *)",
            "cron(0 10 * 13 ? *)",
            "cron(0 10 ? * 0 *)",
            "cron(0 10 ? * 8 *)",
            "cron(0 10 * * ? 1969)",
            "cron(0 10 * * ? 2200)",
            "cron(? 10 * * ? *)",
            "cron(L 10 * * ? *)",
            "cron(0 10 ? * TUE#6 *)",
            "cron(0 10 #1 * ? *)",
            "cron(0 10 ? * 3W *)",
            "cron(0 10 +1 * ? *)",
            "cron(0 10 ? * +MON *)",
            "cron(@daily)",
            "cron(0/0 10 * * ? *)",
            "cron(/5 10 * * ? *)",
            "cron(5-1 10 * * ? *)",
            "cron(MON 10 * * ? *)",
            "cron(0 10 * MON ? *)",
            "cron(0,,5 10 * * ? *)",
            "cron(0 0 10 * * ? *)",
            "CRON(0 10 * * ? *)",
            "cron(0 10 5L * ? *)",
            "cron(0 10 * * ? *) ",
        ] {
            let error = Expression::parse(text).map(|_| ()).expect_err(text);
            assert!(error.message.contains("ScheduleExpression"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(rate|cron)\\([-0-9A-Z?*/#,+@ ]{0,24}\\)") {
            let _ = Expression::parse(&text).map(|expression| expression.after(0, 0));
        }
    }
}
