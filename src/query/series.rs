//! Rows of an answer as series: grouped by a hash of their labels, checked against the matchers once per series, in
//! time order, one sample per millisecond.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_timestreamquery::types::{Datum, Row};

use super::columns::{Columns, Held, are_wanted, compare, too_many_samples};
use super::matcher::Matcher;
use super::points::{Point, Points};
use super::timestamp::MILLISECOND;
use crate::error::Error;
use crate::proto::{Label, Sample, TimeSeries};

/// The memory of a sample: twice its size while its series grows; later 20 bytes encoded and as many compressed.
const SAMPLE_BYTES: usize = 2 * size_of::<Sample>();

struct Series {
    labels: Vec<Label>,
    /// Whether its metric name is escaped. A table may hold the same series with its name as it is, too.
    is_escaped: bool,
    samples: Vec<Sample>,
    in_order: bool,
}

/// Series under construction.
pub struct SeriesSet {
    columns: Columns,
    matchers: Arc<[Matcher]>,
    max_samples: usize,
    /// Where a series is by its key; `None` for a series that the matchers do not want.
    places: HashMap<Box<[u8]>, Option<usize>>,
    series: Vec<Series>,
    key: Vec<u8>,
    /// The samples of a row.
    of_row: Vec<Point<f64>>,
    samples: usize,
    bytes: usize,
    /// Rows whose value is neither a double nor a bigint.
    other_rows: u64,
}

impl SeriesSet {
    /// Starts without series, for an answer with these columns.
    pub fn new(columns: Columns, matchers: Arc<[Matcher]>, max_samples: usize) -> Self {
        SeriesSet {
            columns,
            matchers,
            max_samples,
            places: HashMap::new(),
            series: Vec::new(),
            key: Vec::new(),
            of_row: Vec::new(),
            samples: 0,
            bytes: 0,
            other_rows: 0,
        }
    }

    /// Adds a page: its rows, and the points that were taken out of them.
    ///
    /// # Errors
    /// The answer has too many samples, or a row can't be read.
    pub fn add_page(&mut self, rows: Vec<Row>, mut points: Points) -> Result<(), Error> {
        rows.iter().try_for_each(|row| self.add_row(row.data(), &mut points))
    }

    fn add_row(&mut self, row: &[Datum], points: &mut Points) -> Result<(), Error> {
        self.of_row.clear();
        let samples = self.columns.read_samples(row, points, &mut self.of_row)?;
        match self.columns.held() {
            Held::Sample { .. } if samples == 0 => {
                self.other_rows += 1;
                return Ok(());
            }
            Held::Series(_) if samples == 0 => return Ok(()),
            Held::Labels | Held::Sample { .. } | Held::Series(_) => {}
        }
        let Some(place) = self.place(row)? else { return Ok(()) };
        let Some(series) = self.series.get_mut(place) else { return Ok(()) };
        for sample in &self.of_row {
            series.in_order &= series.samples.last().is_none_or(|last| last.timestamp <= sample.time);
            // In nanoseconds until the end, since other writers may store finer times than milliseconds.
            series.samples.push(Sample { value: Some(sample.value), timestamp: sample.time });
        }
        self.samples += samples;
        self.bytes += SAMPLE_BYTES * samples;
        if self.samples > self.max_samples {
            return Err(too_many_samples(self.max_samples));
        }
        Ok(())
    }

    /// The place of the row's series, which is made if it is new. `None` if the series is not wanted.
    fn place(&mut self, row: &[Datum]) -> Result<Option<usize>, Error> {
        self.key.clear();
        for value in self.columns.values(row) {
            self.key.extend_from_slice(&value.len().to_le_bytes());
            self.key.extend_from_slice(value.as_bytes());
        }
        if let Some(place) = self.places.get(self.key.as_slice()) {
            return Ok(*place);
        }
        let labels = self.columns.labels(row)?;
        let place = are_wanted(&labels, &self.matchers).then_some(self.series.len());
        self.bytes += self.key.len() + size_of::<Series>();
        if place.is_some() {
            self.bytes +=
                labels.iter().map(|label| label.name.len() + label.value.len() + size_of::<Label>()).sum::<usize>();
            let is_escaped = self.columns.is_escaped(row)?;
            self.series.push(Series { labels, is_escaped, samples: Vec::new(), in_order: true });
        }
        self.places.insert(self.key.as_slice().into(), place);
        Ok(place)
    }

    /// What the series take so far, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rows left out so far because their value is neither a double nor a bigint.
    pub(super) fn other_rows(&self) -> u64 {
        self.other_rows
    }

    /// The series in label order, each in time order.
    pub fn finish(self) -> Vec<TimeSeries> {
        let mut series = self.series;
        series.sort_by(|a, b| compare(&a.labels, &b.labels).then(a.is_escaped.cmp(&b.is_escaped)));
        // Of two samples of the same time the escaped one comes last, and is taken.
        series.dedup_by(|escaped, kept| {
            let same = escaped.labels == kept.labels;
            if same {
                kept.samples.append(&mut escaped.samples);
                kept.in_order = false;
            }
            same
        });
        series
            .into_iter()
            .map(|Series { labels, mut samples, in_order, .. }| {
                if !in_order {
                    samples.sort_by_key(|sample| sample.timestamp);
                }
                samples.iter_mut().for_each(|sample| sample.timestamp = sample.timestamp.div_euclid(MILLISECOND));
                // The last sample within a millisecond is taken.
                samples.dedup_by(|later, kept| {
                    let same = later.timestamp == kept.timestamp;
                    if same {
                        kept.value = later.value;
                    }
                    same
                });
                TimeSeries { labels, samples, exemplars: Vec::new(), histograms: Vec::new() }
            })
            .collect()
    }
}

impl std::fmt::Debug for SeriesSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeriesSet").field("series", &self.series.len()).field("samples", &self.samples).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::proto::LabelMatcher;
    use crate::query::schema::Schema;
    use aws_sdk_timestreamquery::types::{ColumnInfo, Type};

    fn columns(names: &[&str]) -> Result<Columns, Error> {
        let info = |name: &&str| ColumnInfo::builder().name(*name).r#type(Type::builder().build()).build();
        Columns::new(&names.iter().map(info).collect::<Vec<_>>(), &Schema::of_dimensions(NAMES))
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
        SeriesSet::new(columns(&NAMES).unwrap(), matchers.into(), samples)
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
        let t = |ms| format!("1970-01-01 00:00:00.00{ms}000000");
        set.add_page(Vec::new(), Points::default()).unwrap();
        set.add_page(
            vec![
                row(&[
                    Some("a"),
                    None,
                    None,
                    Some("up"),
                    Some("1970-01-01 00:00:00.003000001"),
                    Some("1.25"),
                    None,
                    Some("z"),
                ]),
                row(&[Some("b"), None, None, Some("up"), Some(&t(1)), Some("1.5"), None, None]),
                row(&[None, None, Some("-"), Some("up"), Some(&t(1)), Some("-0"), None, None]),
                row(&[Some("b"), None, None, Some("up"), Some("1970-01-01 00:00:00.001500000"), Some("2"), None, None]),
                row(&[Some("b"), Some("y"), None, Some("up"), Some(&t(1)), None, Some("9007199254740993"), None]),
                row(&[Some("b"), Some("y"), None, Some("up"), Some(&t(2)), None, None, None]),
            ],
            Points::default(),
        )
        .unwrap();
        set.add_page(
            vec![
                row(&[Some("b"), None, None, Some("up"), Some(&t(2)), Some("4E0"), None, Some("")]),
                row(&[Some("a"), None, None, Some("up"), Some(&t(3)), Some("1"), None, Some("z")]),
                row(&[Some("a"), None, None, Some("up"), Some(&t(2)), Some("2"), None, Some("z")]),
            ],
            Points::default(),
        )
        .unwrap();
        assert_eq!(set.other_rows(), 1);
        assert_eq!(
            shown(&set.finish()),
            [
                "Zone=z,__name__=up,job=a 2@2 1.25@3",
                "__name__=up -0@1",
                "__name__=up,_x=y,job=b 9007199254740992@1",
                "__name__=up,job=b 2@1 4@2",
            ]
        );
    }

    #[test]
    fn a_series_whose_name_stands_as_it_is_and_escaped_comes_once() {
        let t = |ms| format!("1970-01-01 00:00:00.00{ms}000000");
        let named = |name, ms, value| row(&[Some("a"), None, None, Some(name), Some(&t(ms)), Some(value), None, None]);
        for escaped_first in [false, true] {
            let mut set = set(&[(0, "__name__", "a:b")], 100);
            let mut rows = vec![named("a:b", 1, "1"), named("a:b", 4, "4"), named("a:b", 2, "8")];
            let escaped = [named("z_aZ3aZb_z", 2, "2"), named("z_aZ3aZb_z", 3, "3"), named("z_a_z", 3, "9")];
            rows.splice(if escaped_first { 0..0 } else { 3..3 }, escaped);
            set.add_page(rows.to_vec(), Points::default()).unwrap();
            assert_eq!(shown(&set.finish()), ["__name__=a:b,job=a 1@1 2@2 3@3 4@4"]);
        }
    }

    #[test]
    fn series_are_checked_again_with_the_matchers() {
        let mut set = set(&[(3, "job", "a.*"), (0, "nope", ""), (1, "__name__", "down")], 100);
        let t = "2021-05-06 06:35:38.000000000";
        let rows = [("abc", "up"), ("b", "up"), ("b", "down")]
            .map(|(job, name)| row(&[Some(job), None, None, Some(name), Some(t), Some("1"), None, None]));
        set.add_page(rows.to_vec(), Points::default()).unwrap();
        assert_eq!(shown(&set.finish()), ["__name__=up,job=b 1@1620282938000"]);
    }

    #[test]
    fn limits_and_unreadable_rows_are_errors() {
        let t = Some("2021-05-06 06:35:38.000000000");
        let add = |set: &mut SeriesSet, job: &str, time: Option<&str>, value: &str| {
            let row = row(&[Some(job), None, None, Some("up"), time, Some(value), None, None]);
            set.add_page(vec![row], Points::default())
        };
        let mut two = set(&[], 2);
        add(&mut two, "a", t, "1").unwrap();
        add(&mut two, "b", t, "1").unwrap();
        let error = add(&mut two, "c", t, "1").unwrap_err();
        assert_eq!((error.kind(), error.name()), (Kind::Invalid, "SampleLimitError"));
        for (time, value) in [(t, "x"), (Some("yesterday"), "1"), (None, "1")] {
            let error = add(&mut set(&[], 100), "a", time, value).unwrap_err();
            assert_eq!(error.name(), "UnexpectedAnswerError");
        }
        assert!(columns(&["time"]).unwrap_err().message().contains("measure_name"));
        assert_eq!(columns(&["time", "measure_name", "new"]).unwrap_err().name(), "SchemaChangedError");
    }
}
