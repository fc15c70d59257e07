//! Turns rows into series for a sink. The rows come series by series, in the order of Prometheus' label sets, and those of a
//! series by time or by stretches of time. So only the current series is in memory.

use std::cmp::Ordering;
use std::sync::Arc;

use aws_sdk_timestreamquery::types::{Datum, Row};

use super::columns::{Columns, Held, are_wanted, compare, too_many_samples};
use super::matcher::Matcher;
use super::points::{Point, Points};
use super::timestamp::MILLISECOND;
use super::unexpected::unexpected;
use crate::error::Error;
use crate::proto::Label;

/// Takes series one after the other, in the order of Prometheus' label sets.
pub trait SeriesSink {
    /// Begins a series, whose labels are sorted.
    ///
    /// # Errors
    /// A limit of the sink is passed.
    fn start_series(&mut self, labels: &[Label]) -> Result<(), Error>;

    /// Adds a sample to the series, later than the one before; its time in milliseconds.
    ///
    /// # Errors
    /// A limit of the sink is passed.
    fn push(&mut self, time: i64, value: f64) -> Result<(), Error>;

    /// Ends the series. It is also called before the first.
    ///
    /// # Errors
    /// A limit of the sink is passed.
    fn end_series(&mut self) -> Result<(), Error>;

    /// The series counts even if no sample comes.
    fn keep(&mut self) {}
}

impl<S: SeriesSink> SeriesSink for &mut S {
    fn start_series(&mut self, labels: &[Label]) -> Result<(), Error> {
        (**self).start_series(labels)
    }

    fn push(&mut self, time: i64, value: f64) -> Result<(), Error> {
        (**self).push(time, value)
    }

    fn end_series(&mut self) -> Result<(), Error> {
        (**self).end_series()
    }

    fn keep(&mut self) {
        (**self).keep();
    }
}

/// Turns the ordered rows of one query into series.
#[derive(Debug)]
pub struct SeriesRuns<S> {
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
    held_back: Vec<Point>,
    /// The last sample, held back since a later one of the same millisecond may replace it.
    sample: Option<(i64, f64)>,
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
            sample: None,
            samples: 0,
            received: 0,
            other_rows: 0,
        }
    }

    /// Adds a page: its rows, and the points that were taken out of them.
    ///
    /// # Errors
    /// The answer is over a limit, or a row can't be read or is not in order.
    pub fn add_page(&mut self, rows: Vec<Row>, points: &Points) -> Result<(), Error> {
        for (index, row) in rows.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| rows.get(index));
            let before = before.or(self.last_row.as_ref()).map(Row::data);
            let is_next = before.is_none_or(|before| !self.columns.values(before).eq(self.columns.values(row.data())));
            if is_next {
                self.start_series(row.data())?;
            }
            self.add_row(row.data(), points)?;
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

    fn add_row(&mut self, row: &[Datum], points: &Points) -> Result<(), Error> {
        let samples = self.columns.samples(row, points)?;
        self.received += samples.len() as u64;
        match self.columns.held() {
            Held::Sample { .. } if samples.is_empty() => self.other_rows += 1,
            Held::Sample { .. } if self.is_wanted => {
                return samples.iter().try_for_each(|sample| self.add_sample(*sample));
            }
            Held::Series(_) if self.is_wanted => {
                let bin = self.columns.bin(row);
                if self.bin != bin {
                    self.release()?;
                    bin.clone_into(&mut self.bin);
                }
                self.held_back.extend_from_slice(&samples);
            }
            Held::Labels | Held::Sample { .. } | Held::Series(_) => {}
        }
        Ok(())
    }

    /// Adds the samples held back. Of two at one time the one that came last is the later one.
    fn release(&mut self) -> Result<(), Error> {
        let mut samples = std::mem::take(&mut self.held_back);
        if !samples.is_sorted_by_key(|sample| sample.time) {
            samples.sort_by_key(|sample| sample.time);
        }
        samples.drain(..).try_for_each(|sample| self.add_sample(sample))?;
        // Its memory is used again.
        self.held_back = samples;
        Ok(())
    }

    /// Adds a sample, not before the one before.
    fn add_sample(&mut self, Point { time, value }: Point) -> Result<(), Error> {
        let time = time.div_euclid(MILLISECOND);
        match self.sample.replace((time, value)) {
            // Other writers may store finer times: the last sample within a millisecond is taken.
            Some((before, _)) if before == time => return Ok(()),
            Some((before, _)) if before > time => {
                return Err(unexpected("its rows are not in the order asked for".to_owned()));
            }
            Some((before, value)) => self.sink.push(before, value)?,
            None => {}
        }
        self.samples += 1;
        if self.samples > self.max_samples {
            return Err(too_many_samples(self.max_samples));
        }
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), Error> {
        self.release()?;
        self.bin.clear();
        if let Some((time, value)) = self.sample.take() {
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
        self.held_back.len() * size_of::<Point>()
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
