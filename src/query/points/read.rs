//! Reads the points of a time series from JSON.

use memchr::memchr;
use serde_json::Value as Json;

use super::point::Point;
use super::value::SampleValue;
use crate::query::timestamp::{TimeReader, to_nanoseconds};

/// The length of a time, which always has nine digits behind the point.
const TIME_BYTES: usize = "1970-01-01 00:00:00.000000000".len();

/// What a point takes in a body, about.
const POINT_BYTES: usize = 76;

/// Appends the points of an array that has `length` bytes. `None` if anything in it is not as expected; then some of them
/// may have been. What stands behind it is there so that its last point can be read like the others.
pub(super) fn read<V: SampleValue>(
    array: &[u8],
    length: usize,
    times: &mut TimeReader,
    points: &mut Vec<Point<V>>,
) -> Option<()> {
    let before = points.len();
    points.reserve(length / POINT_BYTES);
    read_usual(array, times, points).or_else(|| {
        points.truncate(before);
        serde_json::from_slice::<Vec<Json>>(array.get(..length)?).ok()?.iter().try_for_each(|point| {
            points.push(any_point(point)?);
            Some(())
        })
    })
}

/// The same of points as Timestream writes them, without spaces.
fn read_usual<V: SampleValue>(array: &[u8], times: &mut TimeReader, points: &mut Vec<Point<V>>) -> Option<()> {
    let mut rest = array.strip_prefix(b"[")?;
    if rest.first() == Some(&b']') {
        return Some(());
    }
    loop {
        let (point, behind) = usual_point(rest, times)?;
        points.push(point);
        match behind {
            // There is no other bracket within the array.
            [b']', ..] => return Some(()),
            [b',', behind @ ..] => rest = behind,
            _ => return None,
        }
    }
}

/// A point, and what is behind it.
#[inline(always)]
fn usual_point<'a, V: SampleValue>(text: &'a [u8], times: &mut TimeReader) -> Option<(Point<V>, &'a [u8])> {
    let point = text.strip_prefix(b"{\"Time\":\"")?;
    let (time, rest) = point.split_first_chunk::<TIME_BYTES>()?;
    let text = rest.strip_prefix(b"\",\"Value\":{\"ScalarValue\":\"")?;
    let (value, end) = match V::before_quote(text) {
        Some(found) => found,
        None => {
            let end = memchr(b'"', text)?;
            (std::str::from_utf8(text.get(..end)?).ok()?.parse::<f64>().ok()?.into(), end)
        }
    };
    let behind = text.get(end..)?.strip_prefix(b"\"}}")?;
    Some((Point { time: times.nanoseconds(time)?, value }, behind))
}

fn any_point<V: SampleValue>(point: &Json) -> Option<Point<V>> {
    let time = to_nanoseconds(point.get("Time")?.as_str()?)?;
    let value: f64 = point.get("Value")?.get("ScalarValue")?.as_str()?.parse().ok()?;
    Some(Point { time, value: value.into() })
}
