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
mod tests;
