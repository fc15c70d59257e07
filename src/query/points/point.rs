//! Points of an answer, series by series.

use std::borrow::Cow;

use aws_sdk_timestreamquery::types::{Datum, TimeSeriesDataPoint};

use super::super::timestamp;
use crate::error::Error;
use crate::query::unexpected::unexpected;

/// A point of a time series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Nanoseconds since the epoch.
    pub time: i64,
    /// Its value.
    pub value: f64,
}

/// The points that were taken out of the body of an answer. A series is known by its number in the answer.
#[derive(Debug, Default)]
pub struct Points {
    points: Vec<Point>,
    /// Where each series ends.
    ends: Vec<usize>,
}

impl Points {
    /// Makes room for so many points, if there are none yet.
    pub(super) fn expect(&mut self, points: usize) {
        if self.points.is_empty() {
            self.points.reserve(points);
        }
    }

    /// Adds a point to the series under way.
    pub(super) fn push(&mut self, point: Point) {
        self.points.push(point);
    }

    /// Ends the series under way, and gives its number.
    pub(super) fn end_series(&mut self) -> usize {
        self.ends.push(self.points.len());
        self.ends.len() - 1
    }

    fn series(&self, number: usize) -> Option<&[Point]> {
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.points.get(start..end)
    }

    /// The points of a time series, whether they were taken or left to the SDK.
    ///
    /// # Errors
    /// It is no time series of numbers.
    pub(crate) fn of(&self, datum: &Datum) -> Result<Cow<'_, [Point]>, Error> {
        if let Some(points) = &datum.time_series_value {
            return points.iter().map(read).collect::<Result<Vec<Point>, Error>>().map(Cow::Owned);
        }
        if datum.null_value == Some(true) {
            return Ok(Cow::Borrowed(&[]));
        }
        let number = datum.scalar_value().and_then(|number| number.parse().ok());
        let series = number.and_then(|number| self.series(number));
        series.map(Cow::Borrowed).ok_or_else(|| unexpected("a series without points".to_owned()))
    }
}

fn read(point: &TimeSeriesDataPoint) -> Result<Point, Error> {
    let time = timestamp::to_nanoseconds(point.time());
    let value = point.value().and_then(Datum::scalar_value).and_then(|value| value.parse().ok());
    match (time, value) {
        (Some(time), Some(value)) => Ok(Point { time, value }),
        _ => Err(unexpected(format!("{point:?} is no point"))),
    }
}
