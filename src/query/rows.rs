//! Rows of an answer as series: grouped by hash over their labels, checked against the matchers once per series, in
//! time order, one sample per millisecond.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_timestreamquery::types::{ColumnInfo, Datum, Row};

use super::matcher::{METRIC_NAME, Matcher};
use super::schema::label_of;
use super::timestamp;
use crate::error::{Error, Kind};
use crate::proto::{Label, Sample, TimeSeries};

/// What an answer may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerLimits {
    pub(super) samples: usize,
    pub(super) bytes: usize,
}

/// Which column of the answer holds what.
#[derive(Debug)]
struct Columns {
    name: usize,
    time: usize,
    double: Option<usize>,
    bigint: Option<usize>,
    /// Column and label, sorted by label.
    labels: Vec<(usize, String)>,
}

impl Columns {
    fn new(columns: &[ColumnInfo]) -> Result<Self, Error> {
        let find = |name: &str| columns.iter().position(|column| column.name() == Some(name));
        let required = |name: &str| find(name).ok_or_else(|| unexpected(format!("no column {name}")));
        let name = required("measure_name")?;
        let mut labels: Vec<(usize, String)> = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.name().is_some_and(is_dimension))
            .filter_map(|(index, column)| Some((index, label_of(column.name()?)?)))
            .collect();
        labels.push((name, METRIC_NAME.to_owned()));
        labels.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(Columns {
            name,
            time: required("time")?,
            double: find("measure_value::double"),
            bigint: find("measure_value::bigint"),
            labels,
        })
    }

    /// The value of a row: its double, or its bigint as one. `None` for a row of another type.
    fn value(&self, row: &[Datum]) -> Result<Option<f64>, Error> {
        if let Some(text) = self.double.and_then(|index| text(row, index)) {
            return text.parse().map(Some).map_err(|_| unexpected(format!("{text:?} is no double")));
        }
        if let Some(text) = self.bigint.and_then(|index| text(row, index)) {
            // The nearest double, as Prometheus' own values are.
            let value: i64 = text.parse().map_err(|_| unexpected(format!("{text:?} is no bigint")))?;
            return Ok(Some(value as f64));
        }
        Ok(None)
    }
}

/// Dimensions bear none of the names that Timestream keeps for itself.
fn is_dimension(column: &str) -> bool {
    column != "time" && !column.starts_with("measure_name") && !column.starts_with("measure_value")
}

fn text(row: &[Datum], index: usize) -> Option<&str> {
    row.get(index).and_then(Datum::scalar_value)
}

fn unexpected(what: String) -> Error {
    Error::new(Kind::Unavailable, "UnexpectedAnswerError", format!("Timestream's answer can't be read: {what}"))
}

struct Series {
    labels: Vec<Label>,
    samples: Vec<Sample>,
    in_order: bool,
}

/// Series under construction.
pub(super) struct SeriesSet {
    matchers: Arc<[Matcher]>,
    limits: AnswerLimits,
    columns: Option<Columns>,
    /// Where a series is by its key; `None` for a series that the matchers do not want.
    places: HashMap<Box<[u8]>, Option<usize>>,
    series: Vec<Series>,
    key: Vec<u8>,
    samples: usize,
    bytes: usize,
    /// Rows whose value is neither a double nor a bigint.
    other_rows: u64,
}

impl SeriesSet {
    pub(super) fn new(matchers: Arc<[Matcher]>, limits: AnswerLimits) -> Self {
        SeriesSet {
            matchers,
            limits,
            columns: None,
            places: HashMap::new(),
            series: Vec::new(),
            key: Vec::new(),
            samples: 0,
            bytes: 0,
            other_rows: 0,
        }
    }

    /// Adds a page. All pages of an answer have the same columns.
    ///
    /// # Errors
    /// When the answer passes a limit, or a row can't be read.
    pub(super) fn add_page(&mut self, columns: &[ColumnInfo], rows: &[Row]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = match self.columns.take() {
            Some(columns) => columns,
            None => Columns::new(columns)?,
        };
        for row in rows {
            self.add_row(&columns, row.data())?;
        }
        self.columns = Some(columns);
        Ok(())
    }

    fn add_row(&mut self, columns: &Columns, row: &[Datum]) -> Result<(), Error> {
        let Some(value) = columns.value(row)? else {
            self.other_rows += 1;
            return Ok(());
        };
        let Some(place) = self.place(columns, row)? else { return Ok(()) };
        let time = text(row, columns.time).ok_or_else(|| unexpected("a row without a time".to_owned()))?;
        let timestamp = timestamp::to_milliseconds(time).ok_or_else(|| unexpected(format!("{time:?} is no time")))?;
        let Some(series) = self.series.get_mut(place) else { return Ok(()) };
        match series.samples.last_mut() {
            // Other writers may store finer times: the last within a millisecond stands for it.
            Some(last) if last.timestamp == timestamp => {
                last.value = Some(value);
                return Ok(());
            }
            Some(last) => series.in_order &= last.timestamp < timestamp,
            None => {}
        }
        series.samples.push(Sample { value: Some(value), timestamp });
        self.samples += 1;
        self.bytes += size_of::<Sample>();
        self.check_limits()
    }

    /// Where the row's series is, made if it is new. `None`: not wanted.
    fn place(&mut self, columns: &Columns, row: &[Datum]) -> Result<Option<usize>, Error> {
        self.key.clear();
        for (index, _) in &columns.labels {
            let value = text(row, *index).unwrap_or_default();
            self.key.extend_from_slice(&value.len().to_le_bytes());
            self.key.extend_from_slice(value.as_bytes());
        }
        if let Some(place) = self.places.get(self.key.as_slice()) {
            return Ok(*place);
        }
        if text(row, columns.name).is_none() {
            return Err(unexpected("a row without a measure name".to_owned()));
        }
        let labels: Vec<Label> = columns
            .labels
            .iter()
            .filter_map(|(index, name)| {
                let value = text(row, *index).filter(|value| !value.is_empty())?;
                Some(Label { name: name.clone(), value: value.to_owned() })
            })
            .collect();
        let place = self.is_wanted(&labels).then_some(self.series.len());
        self.bytes += self.key.len() + size_of::<Series>();
        if place.is_some() {
            self.bytes +=
                labels.iter().map(|label| label.name.len() + label.value.len() + size_of::<Label>()).sum::<usize>();
            self.series.push(Series { labels, samples: Vec::new(), in_order: true });
        }
        self.places.insert(self.key.as_slice().into(), place);
        self.check_limits()?;
        Ok(place)
    }

    fn is_wanted(&self, labels: &[Label]) -> bool {
        self.matchers.iter().all(|matcher| {
            let label = labels.iter().find(|label| label.name == matcher.label);
            matcher.accepts(label.map_or("", |label| label.value.as_str()))
        })
    }

    fn check_limits(&self) -> Result<(), Error> {
        let AnswerLimits { samples, bytes } = self.limits;
        if self.samples > samples {
            return Err(Error::invalid(
                "SampleLimitError",
                format!("the query would return more than {samples} samples; narrow its matchers or its range"),
            ));
        }
        if self.bytes > bytes {
            return Err(Error::invalid(
                "AnswerSizeLimitError",
                format!("the query would take more than {bytes} bytes of memory; narrow its matchers or its range"),
            ));
        }
        Ok(())
    }

    /// Samples so far.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// Rows left out so far because their value is neither a double nor a bigint.
    pub(super) fn other_rows(&self) -> u64 {
        self.other_rows
    }

    /// The series in label order, each in time order.
    pub(super) fn finish(self) -> Vec<TimeSeries> {
        let mut series = self.series;
        series.sort_by(|a, b| compare(&a.labels, &b.labels));
        series
            .into_iter()
            .map(|Series { labels, mut samples, in_order }| {
                if !in_order {
                    samples.sort_by_key(|sample| sample.timestamp);
                    samples.dedup_by(|later, kept| {
                        let same = later.timestamp == kept.timestamp;
                        if same {
                            kept.value = later.value;
                        }
                        same
                    });
                }
                TimeSeries { labels, samples, exemplars: Vec::new(), histograms: Vec::new() }
            })
            .collect()
    }
}

/// Prometheus' order of label sets: label by label, name before value, the shorter first.
fn compare(a: &[Label], b: &[Label]) -> std::cmp::Ordering {
    fn pairs(labels: &[Label]) -> impl Iterator<Item = (&str, &str)> {
        labels.iter().map(|label| (label.name.as_str(), label.value.as_str()))
    }
    pairs(a).cmp(pairs(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::LabelMatcher;
    use aws_sdk_timestreamquery::types::Type;

    fn columns(names: &[&str]) -> Vec<ColumnInfo> {
        names.iter().map(|name| ColumnInfo::builder().name(*name).r#type(Type::builder().build()).build()).collect()
    }

    fn row(values: &[Option<&str>]) -> Row {
        let datum = |value: &Option<&str>| match value {
            Some(text) => Datum::builder().scalar_value(*text).build(),
            None => Datum::builder().null_value(true).build(),
        };
        Row::builder().set_data(Some(values.iter().map(datum).collect())).build().unwrap()
    }

    fn set(matchers: &[(i32, &str, &str)], samples: usize) -> SeriesSet {
        let matchers: Vec<Matcher> = matchers
            .iter()
            .map(|(r#type, name, value)| {
                Matcher::new(LabelMatcher { r#type: *r#type, name: (*name).to_owned(), value: (*value).to_owned() })
                    .unwrap()
            })
            .collect();
        SeriesSet::new(matchers.into(), AnswerLimits { samples, bytes: 1 << 20 })
    }

    fn shown(series: &[TimeSeries]) -> Vec<String> {
        let show = |series: &TimeSeries| {
            let labels: Vec<String> =
                series.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
            let samples: Vec<String> =
                series.samples.iter().map(|sample| format!("{}@{}", sample.value(), sample.timestamp)).collect();
            format!("{} {}", labels.join(","), samples.join(" "))
        };
        series.iter().map(show).collect()
    }

    const NAMES: [&str; 8] =
        ["job", "z__x_z", "z__z", "measure_name", "time", "measure_value::double", "measure_value::bigint", "Zone"];

    #[test]
    fn rows_of_all_pages_become_series_in_label_and_time_order() {
        let mut set = set(&[], 100);
        let (columns, t) = (columns(&NAMES), |ms| format!("1970-01-01 00:00:00.00{ms}000000"));
        set.add_page(&columns, &[]).unwrap();
        set.add_page(
            &columns,
            &[
                row(&[Some("b"), None, None, Some("up"), Some(&t(1)), Some("1.5"), None, None]),
                row(&[None, None, Some("-"), Some("up"), Some(&t(1)), Some("-0"), None, None]),
                row(&[Some("b"), None, None, Some("up"), Some("1970-01-01 00:00:00.001500000"), Some("2"), None, None]),
                row(&[Some("b"), Some("y"), None, Some("up"), Some(&t(1)), None, Some("9007199254740993"), None]),
                row(&[Some("b"), Some("y"), None, Some("up"), Some(&t(2)), None, None, None]),
            ],
        )
        .unwrap();
        set.add_page(
            &columns,
            &[
                row(&[Some("b"), None, None, Some("up"), Some(&t(2)), Some("4E0"), None, Some("")]),
                row(&[Some("a"), None, None, Some("up"), Some(&t(3)), Some("1"), None, Some("z")]),
                row(&[Some("a"), None, None, Some("up"), Some(&t(2)), Some("2"), None, Some("z")]),
            ],
        )
        .unwrap();
        assert_eq!((set.samples(), set.other_rows()), (6, 1));
        assert_eq!(
            shown(&set.finish()),
            [
                "Zone=z,__name__=up,job=a 2@2 1@3",
                "__name__=up -0@1",
                "__name__=up,_x=y,job=b 9007199254740992@1",
                "__name__=up,job=b 2@1 4@2",
            ]
        );
    }

    #[test]
    fn series_are_checked_again_with_the_matchers() {
        let mut set = set(&[(3, "job", "a.*"), (0, "nope", ""), (1, "__name__", "down")], 100);
        let t = "2021-05-06 06:35:38.000000000";
        let rows = [("abc", "up"), ("b", "up"), ("b", "down")]
            .map(|(job, name)| row(&[Some(job), None, None, Some(name), Some(t), Some("1"), None, None]));
        set.add_page(&columns(&NAMES), &rows).unwrap();
        assert_eq!(shown(&set.finish()), ["__name__=up,job=b 1@1620282938000"]);
    }

    #[test]
    fn limits_and_unreadable_rows_are_errors() {
        let t = Some("2021-05-06 06:35:38.000000000");
        let add = |set: &mut SeriesSet, job: &str, time: Option<&str>, value: &str| {
            let row = row(&[Some(job), None, None, Some("up"), time, Some(value), None, None]);
            set.add_page(&columns(&NAMES), &[row])
        };
        let mut two = set(&[], 2);
        add(&mut two, "a", t, "1").unwrap();
        add(&mut two, "b", t, "1").unwrap();
        let error = add(&mut two, "c", t, "1").unwrap_err();
        assert_eq!((error.kind(), error.name()), (Kind::Invalid, "SampleLimitError"));
        let mut set = set(&[], 100);
        assert_eq!(add(&mut set, &"x".repeat(1 << 20), t, "1").unwrap_err().name(), "AnswerSizeLimitError");
        for (time, value) in [(t, "x"), (Some("yesterday"), "1"), (None, "1")] {
            let error = add(&mut self::set(&[], 100), "a", time, value).unwrap_err();
            assert_eq!(error.name(), "UnexpectedAnswerError");
        }
        let missing = self::set(&[], 1).add_page(&columns(&["time"]), &[row(&[t])]).unwrap_err();
        assert!(missing.message().contains("measure_name"));
    }
}
