//! The series of one page of an answer, as they come.
//!
//! A line of text repeats all labels for each sample. So a page is kept as it is, and becomes text block by block.

use crate::decimal::Number;
use crate::error::Error;
use crate::proto::Label;
use crate::query::{Point, Selector, SeriesSink};

/// Samples of one series that came with one page.
#[derive(Debug, PartialEq)]
pub(super) struct Run {
    /// `None`: the series of the run before goes on.
    pub(super) labels: Option<Vec<Label>>,
    /// Their times are in milliseconds since the epoch.
    pub(super) samples: Vec<Point<Number>>,
}

/// Keeps the series of a page until they are taken.
#[derive(Debug, Default)]
pub(super) struct PageSink {
    /// Series that these select are left out.
    pub(super) earlier: Vec<Selector>,
    is_wanted: bool,
    /// Of a series that has no samples yet.
    labels: Option<Vec<Label>>,
    runs: Vec<Run>,
    /// Series that have samples, so far.
    pub(super) series: u64,
    /// Samples so far.
    pub(super) samples: u64,
}

impl PageSink {
    /// Takes the series so far.
    pub(super) fn take(&mut self) -> Vec<Run> {
        std::mem::take(&mut self.runs)
    }
}

impl SeriesSink for PageSink {
    type Value = Number;

    fn start_series(&mut self, labels: &[Label]) -> Result<(), Error> {
        self.is_wanted = !self.earlier.iter().any(|selector| selector.selects(labels));
        self.labels = self.is_wanted.then(|| labels.to_vec());
        Ok(())
    }

    fn push(&mut self, time: i64, value: Number) -> Result<(), Error> {
        self.push_all(&[Point { time, value }])
    }

    fn push_all(&mut self, samples: &[Point<Number>]) -> Result<(), Error> {
        if !self.is_wanted || samples.is_empty() {
            return Ok(());
        }
        self.samples += samples.len() as u64;
        self.series += u64::from(self.labels.is_some());
        match (self.labels.take(), self.runs.last_mut()) {
            (None, Some(run)) => run.samples.extend_from_slice(samples),
            (labels, _) => {
                // The last sample of a series comes by itself.
                let mut run = Run { labels, samples: Vec::with_capacity(samples.len() + 1) };
                run.samples.extend_from_slice(samples);
                self.runs.push(run);
            }
        }
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Vec<Label> {
        vec![Label { name: "__name__".to_owned(), value: name.to_owned() }]
    }

    fn run(name: Option<&str>, samples: &[(i64, f64)]) -> Run {
        let samples = samples.iter().map(|(time, value)| Point { time: *time, value: (*value).into() });
        Run { labels: name.map(labels), samples: samples.collect() }
    }

    #[test]
    fn a_series_goes_on_with_the_next_page_and_what_an_earlier_selector_selects_is_left_out() {
        let mut sink = PageSink { earlier: vec![Selector::parse("a").unwrap()], ..PageSink::default() };
        for name in ["a", "b", "empty", "c"] {
            sink.start_series(&labels(name)).unwrap();
            let samples = if name == "empty" { 0 } else { 2 };
            (0..samples).for_each(|time| sink.push(time, 2.0.into()).unwrap());
            sink.end_series().unwrap();
        }
        let two = [(0, 2.0), (1, 2.0)];
        assert_eq!(sink.take(), [run(Some("b"), &two), run(Some("c"), &two)]);
        sink.push(2, 3.0.into()).unwrap();
        sink.push(3, 3.0.into()).unwrap();
        assert_eq!(sink.take(), [run(None, &[(2, 3.0), (3, 3.0)])]);
        assert_eq!((sink.series, sink.samples), (2, 6));
    }
}
