//! SEQUENCE: arrays of numbers, dates and times at equal distances.

use rusqlite::types::ValueRef;

use super::super::failure::Failure;
use super::super::list;
use super::super::types::ColumnType::{self, Array, Bigint, Date, IntervalDayToSecond, IntervalYearToMonth, Timestamp};
use super::super::types::Element;
use super::instants::{instant, whole_months};
use super::scalar::{Arguments, Outcome, Scalar, scalar};
use crate::calendar::{self, DAY};

/// Entries that SEQUENCE may make, as in Presto.
const MAX_SEQUENCE: i64 = 10_000;

const NUMBERS: ColumnType = Array(Element::Known(&Bigint));
const DATES: ColumnType = Array(Element::Known(&Date));
const TIMES: ColumnType = Array(Element::Known(&Timestamp));

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("sequence", &[Bigint, Bigint], NUMBERS, |a| steps(a.integer(0)?, a.integer(1)?, towards(a)?)),
    scalar("sequence", &[Bigint, Bigint, Bigint], NUMBERS, |a| steps(a.integer(0)?, a.integer(1)?, a.integer(2)?)),
    scalar("sequence", &[Timestamp, Timestamp, IntervalDayToSecond], TIMES, |a| {
        check_times(a)?;
        steps(a.integer(0)?, a.integer(1)?, a.integer(2)?)
    }),
    scalar("sequence", &[Timestamp, Timestamp, IntervalYearToMonth], TIMES, |a| {
        check_times(a)?;
        months(a, 1)
    }),
    scalar("sequence", &[Date, Date], DATES, |a| steps(a.integer(0)?, a.integer(1)?, towards(a)?)),
    scalar("sequence", &[Date, Date, IntervalDayToSecond], DATES, |a| {
        let step = a.integer(2)?;
        if step % DAY != 0 {
            return Err("sequence step must be a day interval if start and end values are dates".into());
        }
        steps(a.integer(0)?, a.integer(1)?, step / DAY)
    }),
    scalar("sequence", &[Date, Date, IntervalYearToMonth], DATES, |a| months(a, DAY)),
];

/// The step of a sequence for which none is given.
fn towards(a: &Arguments<'_, '_>) -> Result<i64, Failure> {
    Ok(if a.integer(1)? >= a.integer(0)? { 1 } else { -1 })
}

fn steps(start: i64, stop: i64, step: i64) -> Outcome {
    check(start, stop, step)?;
    let count = checked((i128::from(stop) - i128::from(start)) / i128::from(step))?;
    list::write((0..=count).map(|index| ValueRef::Integer(start.wrapping_add(index.wrapping_mul(step)))))
}

/// A sequence by months of dates or times, which count `unit` nanoseconds.
fn months(a: &Arguments<'_, '_>, unit: i64) -> Outcome {
    let (start, stop, step) = (a.integer(0)?, a.integer(1)?, a.integer(2)?);
    check(start, stop, step)?;
    let outside = || Failure::from("The timestamp is outside the years 1677 to 2262");
    let (first, last) = (start.checked_mul(unit).ok_or_else(outside)?, stop.checked_mul(unit).ok_or_else(outside)?);
    let count = checked(i128::from(whole_months(first, last) / step))?;
    let mut entries = list::Writer::default();
    for index in 0..=count {
        let time =
            index.checked_mul(step).and_then(|months| calendar::add_months(first, months)).ok_or_else(outside)?;
        entries.push(ValueRef::Integer(time.div_euclid(unit)))?;
    }
    Ok(entries.finish())
}

/// Checks that functions may yield the times from one to the other.
fn check_times(a: &Arguments<'_, '_>) -> Result<(), Failure> {
    instant(Some(a.integer(0)?))?;
    instant(Some(a.integer(1)?))?;
    Ok(())
}

fn check(start: i64, stop: i64, step: i64) -> Result<(), Failure> {
    if step == 0 {
        return Err("step must not be zero".into());
    }
    if (stop < start) != (step < 0) && start != stop {
        return Err("sequence stop value should be greater than or equal to start value if step is greater than zero \
                    otherwise stop should be less than or equal to start"
            .into());
    }
    Ok(())
}

fn checked(steps: i128) -> Result<i64, Failure> {
    if steps >= i128::from(MAX_SEQUENCE) {
        return Err(Failure(format!("result of sequence function must not have more than {MAX_SEQUENCE} entries")));
    }
    Ok(steps as i64)
}
