//! The points of an answer, series by series.

use aws_sdk_timestreamquery::types::{Datum, TimeSeriesDataPoint};
use bytes::Bytes;

use super::point::Point;
use super::read;
use super::value::SampleValue;
use crate::error::Error;
use crate::query::timestamp::{self, TimeReader};
use crate::query::unexpected::unexpected;

/// Bytes of a series that are shown where it can't be read.
const SHOWN: usize = 200;

/// The points that were taken out of the body of an answer, as they stand there. A series is known by its number in the
/// answer.
#[derive(Debug, Default)]
pub struct Points {
    body: Bytes,
    /// Where the points of each series stand, with the brackets around them.
    series: Vec<(usize, usize)>,
    times: TimeReader,
}

impl Points {
    pub(super) fn new(body: Bytes, series: Vec<(usize, usize)>) -> Self {
        Points { body, series, times: TimeReader::default() }
    }

    /// Appends the points of a time series, whether they were taken or left to the SDK, and gives their number.
    ///
    /// # Errors
    /// It is no time series of numbers.
    pub(crate) fn read<V: SampleValue>(&mut self, datum: &Datum, into: &mut Vec<Point<V>>) -> Result<usize, Error> {
        let before = into.len();
        if let Some(points) = &datum.time_series_value {
            points.iter().try_for_each(|point| of_tree(point).map(|point| into.push(point)))?;
        } else if datum.null_value != Some(true) {
            let number = datum.scalar_value().and_then(|number| number.parse::<usize>().ok());
            let place = number.and_then(|number| self.series.get(number).copied());
            let array = place.and_then(|(start, end)| Some((self.body.get(start..)?, end - start)));
            let (array, length) = array.ok_or_else(|| unexpected("a series without points".to_owned()))?;
            read::read(array, length, &mut self.times, into).ok_or_else(|| {
                let shown = String::from_utf8_lossy(array.get(..length.min(SHOWN)).unwrap_or_default());
                unexpected(format!("a series with something that is no point: {shown}"))
            })?;
        }
        Ok(into.len() - before)
    }
}

fn of_tree<V: SampleValue>(point: &TimeSeriesDataPoint) -> Result<Point<V>, Error> {
    let time = timestamp::to_nanoseconds(point.time());
    let value = point.value().and_then(Datum::scalar_value).and_then(|value| value.parse::<f64>().ok());
    match (time, value) {
        (Some(time), Some(value)) => Ok(Point { time, value: value.into() }),
        _ => Err(unexpected(format!("{point:?} is no point"))),
    }
}
