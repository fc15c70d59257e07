//! Turns rows into frames. The rows come series by series, in the order of Prometheus' label sets, so only the current
//! series is in memory.

use std::cmp::Ordering;
use std::sync::Arc;

use aws_sdk_timestreamquery::types::{Datum, Row};

use super::columns::{Columns, are_wanted, compare, too_many_samples, unexpected};
use super::frames::FrameWriter;
use super::matcher::Matcher;
use super::timestamp::MILLISECOND;
use crate::error::Error;
use crate::proto::Label;

/// Turns the ordered rows of one query into frames.
#[derive(Debug)]
pub struct SeriesRuns {
    columns: Columns,
    matchers: Arc<[Matcher]>,
    max_samples: usize,
    frames: FrameWriter,
    /// The last row so far.
    last_row: Option<Row>,
    labels: Vec<Label>,
    is_wanted: bool,
    /// The last sample, held back since a later one of the same millisecond may replace it.
    sample: Option<(i64, f64)>,
    samples: usize,
    other_rows: u64,
}

impl SeriesRuns {
    /// Starts without rows, for an answer with these columns to the query with this number in its request.
    pub fn new(columns: Columns, matchers: Arc<[Matcher]>, max_samples: usize, query_index: i64) -> Self {
        SeriesRuns {
            columns,
            matchers,
            max_samples,
            frames: FrameWriter::new(query_index),
            last_row: None,
            labels: Vec::new(),
            is_wanted: false,
            sample: None,
            samples: 0,
            other_rows: 0,
        }
    }

    /// Adds a page.
    ///
    /// # Errors
    /// The answer is over a limit, or a row can't be read or is not in order.
    pub fn add_page(&mut self, rows: Vec<Row>) -> Result<(), Error> {
        for (index, row) in rows.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| rows.get(index));
            let before = before.or(self.last_row.as_ref()).map(Row::data);
            let is_next = before.is_none_or(|before| !self.columns.values(before).eq(self.columns.values(row.data())));
            if is_next {
                self.start_series(row.data())?;
            }
            self.add_row(row.data())?;
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
            self.frames.start_series(&labels)?;
            if !self.columns.hold_samples() {
                self.frames.keep();
            }
        }
        self.labels = labels;
        Ok(())
    }

    fn add_row(&mut self, row: &[Datum]) -> Result<(), Error> {
        if !self.columns.hold_samples() {
            return Ok(());
        }
        let Some(value) = self.columns.value(row)? else {
            self.other_rows += 1;
            return Ok(());
        };
        if !self.is_wanted {
            return Ok(());
        }
        let time = self.columns.time(row)?.div_euclid(MILLISECOND);
        match self.sample.replace((time, value)) {
            // Other writers may store finer times: the last sample within a millisecond is taken.
            Some((before, _)) if before == time => return Ok(()),
            Some((before, _)) if before > time => {
                return Err(unexpected("its rows are not in the order asked for".to_owned()));
            }
            Some((before, value)) => self.frames.push(before, value)?,
            None => {}
        }
        self.samples += 1;
        if self.samples > self.max_samples {
            return Err(too_many_samples(self.max_samples));
        }
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), Error> {
        if let Some((time, value)) = self.sample.take() {
            self.frames.push(time, value)?;
        }
        self.frames.end_series()
    }

    /// Ends the answer, whose frames are then all ready.
    ///
    /// # Errors
    /// When the last series passes a limit.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.end_series()
    }

    /// The size of the frames that are ready, in bytes.
    pub fn ready_bytes(&self) -> usize {
        self.frames.ready_bytes()
    }

    /// The size of the frames that are ready and of the one under way, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.frames.bytes()
    }

    /// Takes the frames that are ready, in pieces.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        self.frames.take()
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
