//! Takes time series out of the JSON of an answer, without a tree of it.

use bytes::Bytes;
use memchr::{memchr, memchr2};

use super::taken::Points;

/// The member of a Datum that holds a time series (API reference, Datum).
const SERIES: &[u8] = b"TimeSeriesValue";

/// The body with the number of each time series, as a `ScalarValue`, in the place of its points; and the points. `None` if
/// there is no time series, or one with an escape, which numbers never need.
pub(super) fn take(body: &Bytes) -> Option<(Vec<u8>, Points)> {
    let mut cursor = Cursor { body, at: 0 };
    let mut rest = Vec::new();
    let mut series = Vec::new();
    let mut copied = 0;
    // Outside of strings a quote begins one.
    while let Some(quote) = memchr(b'"', body.get(cursor.at..)?) {
        let start = cursor.at + quote;
        cursor.at = start + 1;
        if cursor.rest_of_string()? == SERIES && cursor.next_is(b':') && cursor.next_is(b'[') {
            let points = cursor.at - 1;
            cursor.rest_of_points()?;
            rest.extend_from_slice(body.get(copied..start)?);
            rest.extend_from_slice(format!("\"ScalarValue\":\"{}\"", series.len()).as_bytes());
            series.push((points, cursor.at));
            copied = cursor.at;
        }
    }
    if copied == 0 {
        return None;
    }
    rest.extend_from_slice(body.get(copied..)?);
    Some((rest, Points::new(body.clone(), series)))
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

    /// Passes the points of an array whose first bracket was passed, and its last bracket.
    fn rest_of_points(&mut self) -> Option<()> {
        self.at += memchr2(b']', b'\\', self.body.get(self.at..)?)? + 1;
        (self.body.get(self.at - 1) == Some(&b']')).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_timestreamquery::types::{Datum, TimeSeriesDataPoint};
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::super::point::Point;
    use super::*;
    use crate::decimal::Number;

    fn point(time: &str, value: &str) -> Json {
        json!({"Time": time, "Value": {"ScalarValue": value}})
    }

    const TIME: &str = "2022-09-20 12:37:53.000000001";
    const NANOSECONDS: i64 = 1_663_677_473_000_000_001;

    #[test]
    fn points_are_taken_and_the_rest_stays_as_it_is() {
        let series = |points: Json| json!({"TimeSeriesValue": points});
        let points = json!([point(TIME, "34.84"), point("2022-09-20 12:38:00.000000000", "-0.0")]);
        let labels = json!([{"ScalarValue": "TimeSeriesValue"}, {"ScalarValue": "a\\\"TimeSeriesValue\":[é"}, {"NullValue": true}]);
        let row = |of: Json| json!({"Data": [labels[0], labels[1], labels[2], of]});
        let whole = json!({"Rows": [row(series(points)), row(series(json!([]))), row(json!({"NullValue": true})), row(series(Json::Null))]});
        for text in [whole.to_string(), serde_json::to_string_pretty(&whole).unwrap()] {
            let (rest, mut points) = take(&Bytes::from(text)).unwrap();
            let rest: Json = serde_json::from_slice(&rest).unwrap();
            let number = |number: &str| json!({"ScalarValue": number});
            let expected = json!({"Rows": [row(number("0")), row(number("1")), row(json!({"NullValue": true})), row(series(Json::Null))]});
            assert_eq!(rest, expected);
            let mut of = |number: &str| {
                let mut read = Vec::new();
                points.read::<f64>(&Datum::builder().scalar_value(number).build(), &mut read).map(|_| read)
            };
            let second = Point { time: NANOSECONDS + 6_999_999_999, value: -0.0 };
            assert_eq!(of("0").unwrap(), [Point { time: NANOSECONDS, value: 34.84 }, second]);
            assert!(of("0").unwrap()[1].value.is_sign_negative());
            assert!(of("1").unwrap().is_empty() && of("2").is_err() && of("x").is_err());
        }
    }

    /// The points of the first series of an answer.
    fn read_first(body: &str) -> Option<Vec<Point<f64>>> {
        let (_, mut points) = take(&Bytes::from(body.to_owned()))?;
        let mut read = Vec::new();
        points.read(&Datum::builder().scalar_value("0").build(), &mut read).ok()?;
        Some(read)
    }

    #[test]
    fn what_is_no_point_is_refused_and_unusual_json_is_read() {
        let good = format!("{{\"TimeSeriesValue\":[{}]}}", point(TIME, "1"));
        let read = read_first(&good).unwrap();
        assert_eq!(read, [Point { time: NANOSECONDS, value: 1.0 }]);
        for (from, to) in [
            ("\"Time\"", "\"Quality\":{},\"Time\""),
            ("{\"ScalarValue\":\"1\"}", "{ \"ScalarValue\" : \"1\",\"NullValue\":null }"),
            ("{\"ScalarValue\":\"1\"}", "{\"ScalarValue\":\"1.0E0\"}"),
        ] {
            let unusual = good.replacen(from, to, 1);
            assert_eq!(read_first(&unusual).as_ref(), Some(&read), "{unusual}");
        }
        for (from, to) in [
            ("{\"ScalarValue\":\"1\"}", "{\"NullValue\":true}"),
            ("{\"ScalarValue\":\"1\"}", "{\"ScalarValue\":1}"),
            ("{\"ScalarValue\":\"1\"}", "{\"ScalarValue\":\"one\"}"),
            ("{\"ScalarValue\":\"1\"}", "{\"ScalarValue\":\"1\u{1}\"}"),
            ("{\"ScalarValue\":\"1\"}", "{\"ArrayValue\":[]}"),
            ("\"Time\"", "\"Date\""),
            ("2022-09-20 ", "2022-09-20T"),
            (":53.", ":5x."),
            ("}}]", "}},]"),
            ("}}]", "}}{]"),
            ("}}]", "]"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert!(bad != good && read_first(&bad).is_none(), "{bad}");
        }
        // With an escape, or without an end, it is left to the SDK.
        for text in [
            "",
            "{}",
            "\"",
            "\"TimeSeriesValue\":[",
            "\"\\",
            "{\"TimeSeriesValue\":null}",
            &good.replace('1', "\\u0031"),
        ] {
            assert!(take(&Bytes::from(text.to_owned())).is_none(), "{text}");
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
            let array: Vec<Json> = texts.iter().map(|(time, value)| point(time, value)).collect();
            let body = json!({"Rows": [{"Data": [{"TimeSeriesValue": array}]}]}).to_string();
            let (_, mut taken) = take(&Bytes::from(body.clone())).unwrap();
            let tree = texts.iter().map(|(time, value)| {
                TimeSeriesDataPoint::builder().time(time).value(Datum::builder().scalar_value(value).build()).build().unwrap()
            });
            let tree = Datum::builder().set_time_series_value(Some(tree.collect())).build();
            let number = Datum::builder().scalar_value("0").build();
            let mut bits = |of: &Datum| {
                let (mut doubles, mut numbers) = (Vec::new(), Vec::new());
                taken.read::<f64>(of, &mut doubles).unwrap();
                taken.read::<Number>(of, &mut numbers).unwrap();
                let doubles: Vec<_> = doubles.iter().map(|point| (point.time, point.value.to_bits())).collect();
                let numbers: Vec<_> = numbers.iter().map(|point| (point.time, point.value.value().to_bits())).collect();
                assert_eq!(doubles, numbers);
                doubles
            };
            prop_assert!(bits(&number) == bits(&tree) || points.iter().any(|(_, value)| value.is_nan()));
            let mut damaged = body.into_bytes();
            damaged.truncate(cut.max(1));
            let last = damaged.len() - 1;
            damaged[last] = byte;
            let damaged = Bytes::from(damaged);
            if let Some((_, mut points)) = take(&damaged) {
                let _ = points.read::<f64>(&number, &mut Vec::new());
            }
        }
    }
}
