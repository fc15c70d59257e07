//! Turns rows into series for a sink. The rows come series by series, in the order of Prometheus' label sets, and those of a
//! series by time or by stretches of time. So only the current series is in memory.

use std::cmp::Ordering;
use std::sync::Arc;

use aws_sdk_timestreamquery::types::{Datum, Row};

use super::columns::{Columns, Held, are_wanted, compare, too_many_samples};
use super::matcher::Matcher;
use super::points::{Point, Points, SampleValue};
use super::timestamp::MILLISECOND;
use super::unexpected::unexpected;
use crate::error::Error;
use crate::proto::Label;

/// Takes series one after the other, in the order of Prometheus' label sets.
pub trait SeriesSink {
    /// What the values of samples are given as.
    type Value: SampleValue;

    /// Begins a series, whose labels are sorted.
    ///
    /// # Errors
    /// A limit of the sink is passed.
    fn start_series(&mut self, labels: &[Label]) -> Result<(), Error>;

    /// Adds a sample to the series, later than the one before; its time in milliseconds.
    ///
    /// # Errors
    /// A limit of the sink is passed.
    fn push(&mut self, time: i64, value: Self::Value) -> Result<(), Error>;

    /// Adds samples to the series as [`Self::push`] does; their times are in milliseconds too.
    ///
    /// # Errors
    /// Those of [`Self::push`].
    fn push_all(&mut self, samples: &[Point<Self::Value>]) -> Result<(), Error> {
        samples.iter().try_for_each(|sample| self.push(sample.time, sample.value))
    }

    /// Ends the series. It is also called before the first.
    ///
    /// # Errors
    /// A limit of the sink is passed.
    fn end_series(&mut self) -> Result<(), Error>;

    /// The series counts even if no sample comes.
    fn keep(&mut self) {}
}

impl<S: SeriesSink> SeriesSink for &mut S {
    type Value = S::Value;

    fn start_series(&mut self, labels: &[Label]) -> Result<(), Error> {
        (**self).start_series(labels)
    }

    fn push(&mut self, time: i64, value: S::Value) -> Result<(), Error> {
        (**self).push(time, value)
    }

    fn push_all(&mut self, samples: &[Point<S::Value>]) -> Result<(), Error> {
        (**self).push_all(samples)
    }

    fn end_series(&mut self) -> Result<(), Error> {
        (**self).end_series()
    }

    fn keep(&mut self) {
        (**self).keep();
    }
}

/// Turns the ordered rows of one query into series.
pub struct SeriesRuns<S: SeriesSink> {
    columns: Columns,
    matchers: Arc<[Matcher]>,
    max_samples: usize,
    sink: S,
    /// The last row so far.
    last_row: Option<Row>,
    labels: Vec<Label>,
    is_wanted: bool,
    /// The stretch of time of the last row, and its samples. Several rows of a series may be of one stretch: its metric
    /// name may stand as it is and escaped. They are held back until all have come.
    bin: String,
    held_back: Vec<Point<S::Value>>,
    /// The last sample, held back since a later one of the same millisecond may replace it.
    last: Option<Point<S::Value>>,
    samples: usize,
    received: u64,
    other_rows: u64,
}

impl<S: SeriesSink> SeriesRuns<S> {
    /// Starts without rows, for an answer with these columns.
    pub fn new(columns: Columns, matchers: Arc<[Matcher]>, max_samples: usize, sink: S) -> Self {
        SeriesRuns {
            columns,
            matchers,
            max_samples,
            sink,
            last_row: None,
            labels: Vec::new(),
            is_wanted: false,
            bin: String::new(),
            held_back: Vec::new(),
            last: None,
            samples: 0,
            received: 0,
            other_rows: 0,
        }
    }

    /// Adds a page: its rows, and the points that were taken out of them.
    ///
    /// # Errors
    /// The answer is over a limit, or a row can't be read or is not in order.
    pub fn add_page(&mut self, rows: Vec<Row>, mut points: Points) -> Result<(), Error> {
        for (index, row) in rows.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| rows.get(index));
            let before = before.or(self.last_row.as_ref()).map(Row::data);
            let is_next = before.is_none_or(|before| !self.columns.values(before).eq(self.columns.values(row.data())));
            if is_next {
                self.start_series(row.data())?;
            }
            self.add_row(row.data(), &mut points)?;
        }
        if let Some(last) = rows.into_iter().next_back() {
            self.last_row = Some(last);
        }
        Ok(())
    }

    fn start_series(&mut self, row: &[Datum]) -> Result<(), Error> {
        let labels = self.columns.labels(row)?;
        match compare(&self.labels, &labels) {
            Ordering::Less => {}
            // Two series of Timestream may differ only in dimensions that are not labels.
            Ordering::Equal => return Ok(()),
            Ordering::Greater => return Err(unexpected("its series are not in the order asked for".to_owned())),
        }
        self.end_series()?;
        self.is_wanted = are_wanted(&labels, &self.matchers);
        if self.is_wanted {
            self.sink.start_series(&labels)?;
            if matches!(self.columns.held(), Held::Labels) {
                self.sink.keep();
            }
        }
        self.labels = labels;
        Ok(())
    }

    fn add_row(&mut self, row: &[Datum], points: &mut Points) -> Result<(), Error> {
        let bin = self.columns.bin(row);
        if self.bin != bin {
            self.release()?;
            bin.clone_into(&mut self.bin);
        }
        let samples = self.columns.read_samples(row, points, &mut self.held_back)?;
        self.received += samples as u64;
        if !self.is_wanted {
            self.held_back.clear();
        }
        match self.columns.held() {
            Held::Sample { .. } => {
                self.other_rows += u64::from(samples == 0);
                self.release()
            }
            Held::Labels | Held::Series(_) => Ok(()),
        }
    }

    /// Adds the samples held back, but for the last one.
    fn release(&mut self) -> Result<(), Error> {
        let mut samples = std::mem::take(&mut self.held_back);
        let added = self.add(&mut samples);
        // Its memory is used again.
        samples.clear();
        self.held_back = samples;
        added
    }

    fn add(&mut self, samples: &mut Vec<Point<S::Value>>) -> Result<(), Error> {
        // Of two at one time the one that came last is the later one.
        if !samples.is_sorted_by_key(|sample| sample.time) {
            samples.sort_by_key(|sample| sample.time);
        }
        samples.iter_mut().for_each(|sample| sample.time = sample.time.div_euclid(MILLISECOND));
        // Other writers may store finer times: the last sample within a millisecond is taken.
        samples.dedup_by(|later, kept| {
            let is_same = later.time == kept.time;
            if is_same {
                kept.value = later.value;
            }
            is_same
        });
        let (Some(first), Some(last)) = (samples.first().map(|sample| sample.time), samples.pop()) else {
            return Ok(());
        };
        match self.last.replace(last) {
            Some(before) if before.time == first => self.samples -= 1,
            Some(before) if before.time > first => {
                return Err(unexpected("its rows are not in the order asked for".to_owned()));
            }
            Some(before) => self.sink.push(before.time, before.value)?,
            None => {}
        }
        self.samples += samples.len() + 1;
        if self.samples > self.max_samples {
            return Err(too_many_samples(self.max_samples));
        }
        self.sink.push_all(samples)
    }

    fn end_series(&mut self) -> Result<(), Error> {
        self.release()?;
        self.bin.clear();
        if let Some(Point { time, value }) = self.last.take() {
            self.sink.push(time, value)?;
        }
        self.sink.end_series()
    }

    /// Ends the answer: the sink has all.
    ///
    /// # Errors
    /// When the last series passes a limit.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.end_series()
    }

    /// What takes the series.
    pub fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    /// The size of the samples held back for the series under way, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_back.len() * size_of::<Point<S::Value>>()
    }

    /// Samples received so far, also those of series that are not wanted, and those that others of the same millisecond
    /// replace.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Samples so far.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Rows left out so far because their value is neither a double nor a bigint.
    pub fn other_rows(&self) -> u64 {
        self.other_rows
    }
}

impl<S: SeriesSink> std::fmt::Debug for SeriesRuns<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeriesRuns").field("samples", &self.samples).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_timestreamquery::types::{ColumnInfo, TimeSeriesDataPoint, Type};

    use super::super::columns::{BIN, SERIES};
    use super::super::schema::Schema;
    use super::*;

    /// The samples that it is given, a series behind the other.
    #[derive(Default)]
    struct Recording(Vec<Vec<(i64, f64)>>);

    impl SeriesSink for Recording {
        type Value = f64;

        fn start_series(&mut self, _: &[Label]) -> Result<(), Error> {
            self.0.push(Vec::new());
            Ok(())
        }

        fn push(&mut self, time: i64, value: f64) -> Result<(), Error> {
            self.0.last_mut().unwrap().push((time, value));
            Ok(())
        }

        fn end_series(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }

    /// A job, a metric, the start of a bin, and points: their nanoseconds and values.
    type Part<'a> = (&'a str, &'a str, &'a str, &'a [(i64, f64)]);

    fn row((job, metric, bin, points): Part<'_>) -> Row {
        let point = |(time, value): &(i64, f64)| {
            let second = 1_000_000_000;
            let (seconds, rest) = (time.div_euclid(second), time.rem_euclid(second));
            let text = format!("{}.{rest:09}", if seconds < 0 { "1969-12-31 23:59:59" } else { "1970-01-01 00:00:00" });
            let value = Datum::builder().scalar_value(value.to_string()).build();
            TimeSeriesDataPoint::builder().time(text).value(value).build().unwrap()
        };
        let text = |text: &str| Datum::builder().scalar_value(text).build();
        let series = Datum::builder().set_time_series_value(Some(points.iter().map(point).collect())).build();
        Row::builder().set_data(Some(vec![text(job), text(metric), text(bin), series])).build().unwrap()
    }

    /// What is made of pages; and the samples so far, and those received.
    fn runs(pages: &[&[Part<'_>]], most: usize) -> Result<(Vec<Vec<(i64, f64)>>, usize, u64), Error> {
        let info = |name| ColumnInfo::builder().name(name).r#type(Type::builder().build()).build();
        let columns = ["job", "measure_name", BIN, SERIES].map(info);
        let columns = Columns::new(&columns, &Schema::of_dimensions(["job"]))?;
        let mut runs = SeriesRuns::new(columns, Arc::new([]), most, Recording::default());
        for page in pages {
            runs.add_page(page.iter().map(|part| row(*part)).collect(), Points::default())?;
        }
        runs.finish()?;
        let (samples, received) = (runs.samples(), runs.received());
        Ok((std::mem::take(&mut runs.sink().0), samples, received))
    }

    #[test]
    fn of_samples_within_a_millisecond_the_last_is_taken_wherever_they_stand() {
        let whole: &[(i64, f64)] = &[(1_000_000, 1.0), (1_000_001, 2.0), (2_000_000, 3.0), (2_999_999, 4.0)];
        let expected = || vec![vec![(1, 2.0), (2, 4.0)]];
        assert_eq!(runs(&[&[("a", "up", "", whole)]], 2).unwrap(), (expected(), 2, 4));
        for cut in 0..=whole.len() {
            let (one, other) = whole.split_at(cut);
            // In two bins on a page, and on two pages.
            let parts = [("a", "up", "0", one), ("a", "up", "1", other)];
            assert_eq!(runs(&[&parts], 2).unwrap(), (expected(), 2, 4), "{cut}");
            assert_eq!(runs(&[&parts[..1], &[], &parts[1..]], 2).unwrap(), (expected(), 2, 4), "{cut}");
            // In one bin under both names, in either order.
            let both = [("a", "a:b", "0", other), ("a", "z_aZ3aZb_z", "0", one)];
            assert_eq!(runs(&[&both], 2).unwrap(), (expected(), 2, 4), "{cut}");
        }
        assert_eq!(runs(&[&[("a", "up", "", whole)]], 1).unwrap_err().name(), "SampleLimitError");
        let later: &[(i64, f64)] = &[(2_000_000, 5.0)];
        let parts = [("a", "up", "0", whole), ("a", "up", "1", later)];
        assert_eq!(runs(&[&parts], 2).unwrap(), (vec![vec![(1, 2.0), (2, 5.0)]], 2, 5));
    }

    #[test]
    fn series_follow_each_other_and_times_are_in_order() {
        let early: &[(i64, f64)] = &[(-1, 1.0), (0, -0.0), (1_500_000, 2.0)];
        let parts =
            [("a", "up", "0", early), ("a", "up", "1", &[]), ("b", "up", "0", &[]), ("c", "up", "0", &early[..1])];
        let (found, samples, received) = runs(&[&parts[..2], &parts[2..]], 4).unwrap();
        assert_eq!(found, [vec![(-1, 1.0), (0, 0.0), (1, 2.0)], vec![], vec![(-1, 1.0)]]);
        assert!(found[0][1].1.is_sign_negative());
        assert_eq!((samples, received), (4, 4));
        for parts in
            [[("a", "up", "1", early), ("a", "up", "0", early)], [("b", "up", "0", early), ("a", "up", "0", early)]]
        {
            assert_eq!(runs(&[&parts], 10).unwrap_err().name(), "UnexpectedAnswerError");
        }
    }
}
