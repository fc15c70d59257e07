//! Takes time series out of the JSON of an answer, without a tree of it.

use memchr::{memchr, memchr2};

use super::decimal::before_quote;
use super::point::{Point, Points};
use crate::query::timestamp::TimeReader;

/// The member of a Datum that holds a time series (API reference, Datum).
const SERIES: &[u8] = b"TimeSeriesValue";

/// The length of a time, which always has nine digits behind the point.
const TIME_BYTES: usize = "1970-01-01 00:00:00.000000000".len();

/// What a point takes in a body, about.
const POINT_BYTES: usize = 76;

/// The body with the number of each time series, as a `ScalarValue`, in the place of its points; and the points. `None` if there is no time
/// series, or anything in one that is not as expected.
pub(super) fn take(body: &[u8]) -> Option<(Vec<u8>, Points)> {
    let mut cursor = Cursor { body, at: 0 };
    let mut rest = Vec::new();
    let mut points = Points::default();
    let mut times = TimeReader::default();
    let mut copied = 0;
    // Outside of strings a quote begins one.
    while let Some(quote) = memchr(b'"', body.get(cursor.at..)?) {
        let start = cursor.at + quote;
        cursor.at = start + 1;
        if cursor.rest_of_string()? == SERIES && cursor.next_is(b':') && cursor.next_is(b'[') {
            points.expect(body.len().saturating_sub(cursor.at) / POINT_BYTES);
            cursor.points(&mut times, &mut points)?;
            rest.extend_from_slice(body.get(copied..start)?);
            rest.extend_from_slice(format!("\"ScalarValue\":\"{}\"", points.end_series()).as_bytes());
            copied = cursor.at;
        }
    }
    if copied == 0 {
        return None;
    }
    rest.extend_from_slice(body.get(copied..)?);
    Some((rest, points))
}

struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The content of the string whose first quote was passed, as it stands there; passes its last quote.
    fn rest_of_string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        loop {
            self.at += memchr2(b'"', b'\\', self.body.get(self.at..)?)?;
            if self.body.get(self.at) == Some(&b'"') {
                self.at += 1;
                return self.body.get(start..self.at - 1);
            }
            // What follows a backslash ends no string.
            self.at += 2;
        }
    }

    /// Passes white space, then the byte if it comes next.
    fn next_is(&mut self, byte: u8) -> bool {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.body.get(self.at) {
            self.at += 1;
        }
        let is_next = self.body.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.next_is(byte).then_some(())
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let string = self.rest_of_string()?;
        memchr(b'\\', string).is_none().then_some(string)
    }

    /// The points of an array whose bracket was passed; passes its last bracket.
    fn points(&mut self, times: &mut TimeReader, points: &mut Points) -> Option<()> {
        if self.next_is(b']') {
            return Some(());
        }
        loop {
            points.push(match self.usual_point(times) {
                Some(point) => point,
                None => self.point(times)?,
            });
            if self.next_is(b']') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// A point as Timestream writes it, without spaces. Nothing is passed if it is not written so.
    fn usual_point(&mut self, times: &mut TimeReader) -> Option<Point> {
        let point = self.body.get(self.at..)?.strip_prefix(b"{\"Time\":\"")?;
        let (time, rest) = point.split_first_chunk::<TIME_BYTES>()?;
        let text = rest.strip_prefix(b"\",\"Value\":{\"ScalarValue\":\"")?;
        let (value, end) = match before_quote(text) {
            Some(found) => found,
            None => {
                let end = memchr(b'"', text)?;
                (std::str::from_utf8(text.get(..end)?).ok()?.parse().ok()?, end)
            }
        };
        let rest = text.get(end..)?.strip_prefix(b"\"}}")?;
        let point = Point { time: times.nanoseconds(time)?, value };
        self.at = self.body.len() - rest.len();
        Some(point)
    }

    /// `{"Time": "…", "Value": {"ScalarValue": "…"}}`, its members in any order.
    fn point(&mut self, times: &mut TimeReader) -> Option<Point> {
        let (mut time, mut value) = (None, None);
        self.expect(b'{')?;
        for member in 0..2 {
            if member > 0 {
                self.expect(b',')?;
            }
            let name = self.string()?;
            self.expect(b':')?;
            match name {
                b"Time" => time = Some(times.nanoseconds(self.string()?)?),
                b"Value" => value = Some(self.scalar()?.parse().ok()?),
                _ => return None,
            }
        }
        self.expect(b'}')?;
        Some(Point { time: time?, value: value? })
    }

    fn scalar(&mut self) -> Option<&'a str> {
        self.expect(b'{')?;
        if self.string()? != b"ScalarValue" {
            return None;
        }
        self.expect(b':')?;
        let scalar = self.string()?;
        self.expect(b'}')?;
        std::str::from_utf8(scalar).ok()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_timestreamquery::types::{Datum, TimeSeriesDataPoint};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn point(time: &str, value: &str) -> Value {
        json!({"Time": time, "Value": {"ScalarValue": value}})
    }

    const TIME: &str = "2022-09-20 12:37:53.000000001";
    const NANOSECONDS: i64 = 1_663_677_473_000_000_001;

    #[test]
    fn points_are_taken_and_the_rest_stays_as_it_is() {
        let series = |points: Value| json!({"TimeSeriesValue": points});
        let points = json!([point(TIME, "34.84"), point("2022-09-20 12:38:00.000000000", "-0.0")]);
        let labels = json!([{"ScalarValue": "TimeSeriesValue"}, {"ScalarValue": "a\\\"TimeSeriesValue\":[é"}, {"NullValue": true}]);
        let row = |of: Value| json!({"Data": [labels[0], labels[1], labels[2], of]});
        let whole = json!({"Rows": [row(series(points)), row(series(json!([]))), row(json!({"NullValue": true})), row(series(Value::Null))]});
        for text in [whole.to_string(), serde_json::to_string_pretty(&whole).unwrap()] {
            let (rest, points) = take(text.as_bytes()).unwrap();
            let rest: Value = serde_json::from_slice(&rest).unwrap();
            let number = |number: &str| json!({"ScalarValue": number});
            let expected = json!({"Rows": [row(number("0")), row(number("1")), row(json!({"NullValue": true})), row(series(Value::Null))]});
            assert_eq!(rest, expected);
            let of = |number: &str| {
                points.of(&Datum::builder().scalar_value(number).build()).map(|points| points.into_owned())
            };
            let second = Point { time: NANOSECONDS + 6_999_999_999, value: -0.0 };
            assert_eq!(of("0").unwrap(), [Point { time: NANOSECONDS, value: 34.84 }, second]);
            assert!(of("0").unwrap()[1].value.is_sign_negative());
            assert!(of("1").unwrap().is_empty() && of("2").is_err() && of("x").is_err());
        }
    }

    #[test]
    fn what_is_not_expected_is_left_to_the_sdk() {
        let good = format!("{{\"TimeSeriesValue\":[{}]}}", point(TIME, "1"));
        assert!(take(good.as_bytes()).is_some());
        for (from, to) in [
            ("34", "34,"),
            ("{\"ScalarValue\":\"1\"}", "{\"NullValue\":true}"),
            ("{\"ScalarValue\":\"1\"}", "{\"ScalarValue\":1}"),
            ("{\"ScalarValue\":\"1\"}", "{\"ScalarValue\":\"one\"}"),
            ("{\"ScalarValue\":\"1\"}", "{\"ScalarValue\":\"\\u0031\"}"),
            ("{\"ScalarValue\":\"1\"}", "{\"ArrayValue\":[]}"),
            ("\"Time\"", "\"Date\""),
            ("2022-09-20 ", "2022-09-20T"),
            (":53.", ":5x."),
            ("]", ""),
            ("]}", ",]}"),
            ("}]", "]"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert!(bad == good || take(bad.as_bytes()).is_none(), "{bad}");
        }
        for text in ["", "{}", "\"", "\"TimeSeriesValue\":[", "\"\\", "{\"TimeSeriesValue\":null}"] {
            assert!(take(text.as_bytes()).is_none(), "{text}");
        }
    }

    proptest! {
        /// Taken points are those that the SDK's tree holds, and no text makes it panic.
        #[test]
        fn taken_points_are_those_of_the_tree(points in prop::collection::vec((0..4_000_000_000_000_000_000_i64, any::<f64>()), 0..20), cut in 0..2000_usize, byte: u8) {
            let text = |time: i64| {
                let (seconds, rest) = (time / 1_000_000_000, time % 1_000_000_000);
                let (days, second) = (seconds / 86_400, seconds % 86_400);
                // The days of a month that has as many.
                format!("20{:02}-01-{:02} {:02}:{:02}:{:02}.{rest:09}", days % 90, days % 31 + 1, second / 3600, second / 60 % 60, second % 60)
            };
            let texts: Vec<(String, String)> = points.iter().map(|(time, value)| (text(*time), format!("{value:?}"))).collect();
            let array: Vec<Value> = texts.iter().map(|(time, value)| point(time, value)).collect();
            let body = json!({"Rows": [{"Data": [{"TimeSeriesValue": array}]}]}).to_string();
            let (_, taken) = take(body.as_bytes()).unwrap();
            let tree = texts.iter().map(|(time, value)| {
                TimeSeriesDataPoint::builder().time(time).value(Datum::builder().scalar_value(value).build()).build().unwrap()
            });
            let tree = Datum::builder().set_time_series_value(Some(tree.collect())).build();
            let bits = |points: &[Point]| points.iter().map(|point| (point.time, point.value.to_bits())).collect::<Vec<_>>();
            let number = Datum::builder().scalar_value("0").build();
            let (ours, theirs) = (taken.of(&number).unwrap(), taken.of(&tree).unwrap());
            prop_assert!(bits(&ours) == bits(&theirs) || points.iter().any(|(_, value)| value.is_nan()));
            let mut damaged = body.into_bytes();
            damaged.truncate(cut.max(1));
            let last = damaged.len() - 1;
            damaged[last] = byte;
            take(&damaged);
        }
    }
}
