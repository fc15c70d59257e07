//! Puts the lines of a text into write requests, in the flat form that the write path takes.

use crate::openmetrics::parse::{self, LineError, Measured, Part, SeriesParts};
use crate::write_request::{Fault, Label, Sample, Series, Span, WriteRequest};

/// Samples of a request: fifty calls of a hundred.
pub(super) const MAX_SAMPLES: usize = 5000;
/// Bytes of names and values of a request's labels. A line may have a fourth of it.
const MAX_TEXT_BYTES: usize = 4 << 20;
/// How many labels of the series before are compared with a label: some may be missing, and others new.
const TRIED_LABELS: usize = 3;

const METRIC_NAME_LABEL: &[u8] = b"__name__";

/// The lines that are gathered for the next request. Lines of one series that follow each other become one series, and
/// labels that the line before has too are kept once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    request: WriteRequest,
    /// The text of the current series in its last line; empty before the first.
    last_text: Vec<u8>,
    parts: SeriesParts,
    previous: Previous,
    /// About what the records of the samples take once written as JSON.
    record_bytes: usize,
    /// The same of a sample of the current series.
    of_series: usize,
}

/// The labels of the series before, in the order of its line.
#[derive(Debug, Default)]
struct Previous {
    name: Span,
    labels: Vec<Label>,
    current: Vec<Label>,
}

impl Batch {
    /// Takes a line with a sample, unless `refuse` says of its time that it can't be stored.
    ///
    /// # Errors
    /// The line is no sample with a time. Nothing of it is taken.
    pub(super) fn add<R>(
        &mut self,
        line: &str,
        refuse: impl FnOnce(i64) -> Option<R>,
    ) -> Result<(Measured, Option<R>), LineError> {
        let goes_on = self.goes_on(line);
        let measured = if goes_on {
            parse::measured(line, self.last_text.len())?
        } else {
            parse::series(line, &mut self.parts)?;
            parse::measured(line, self.parts.end)?
        };
        if let Some(refused) = refuse(measured.timestamp) {
            return Ok((measured, Some(refused)));
        }
        if !goes_on {
            self.start_series(line.as_bytes());
        }
        let WriteRequest { series, samples, .. } = &mut self.request;
        samples.push(Sample { value: measured.value, timestamp: measured.timestamp });
        if let Some(current) = series.last_mut() {
            current.samples.1 += 1;
        }
        self.record_bytes += self.of_series;
        self.request.exemplars += u64::from(measured.has_exemplar);
        Ok((measured, None))
    }

    /// Whether a line is of the current series: it begins with the same text, and where that ends, a series ends.
    fn goes_on(&self, line: &str) -> bool {
        let rest = line.as_bytes().strip_prefix(&self.last_text[..]);
        !self.last_text.is_empty() && rest.is_some_and(|rest| rest.first() == Some(&b' '))
    }

    fn start_series(&mut self, line: &[u8]) {
        let Batch { request, parts, previous, last_text, .. } = self;
        last_text.clear();
        last_text.extend_from_slice(&line[..parts.end]);
        let WriteRequest { buffer, labels, series, samples, .. } = request;
        let name = kept_or_new(buffer, line, parts.name, Some(previous.name));
        let first = labels.len();
        let (mut fault, mut is_sorted, mut next) = (None, true, 0);
        previous.current.clear();
        for (name, value) in &parts.labels {
            // A name that the series before has too mostly stands at the same place there.
            let tried = previous.labels.iter().enumerate().skip(next).take(TRIED_LABELS);
            let seen =
                tried.map(|(at, label)| (at, *label)).find(|(_, label)| is_same(buffer, line, *name, label.name));
            next = seen.map_or(next, |(at, _)| at + 1);
            let label = Label {
                name: seen.map_or_else(|| appended(buffer, line, *name), |(_, label)| label.name),
                value: kept_or_new(buffer, line, *value, seen.map(|(_, label)| label.value)),
            };
            previous.current.push(label);
            let text = &buffer[label.name.range()];
            if text.is_empty() || text == METRIC_NAME_LABEL {
                fault = Some(Fault::Label);
            } else if !label.value.is_empty() {
                let last = labels[first..].last().map(|last: &Label| &buffer[last.name.range()]);
                is_sorted &= last.is_none_or(|last| last < text);
                labels.push(label);
            }
        }
        std::mem::swap(&mut previous.labels, &mut previous.current);
        previous.name = name;
        if !is_sorted {
            let own = &mut labels[first..];
            own.sort_by(|a, b| buffer[a.name.range()].cmp(&buffer[b.name.range()]));
            if own.windows(2).any(|pair| buffer[pair[0].name.range()] == buffer[pair[1].name.range()]) {
                fault = Some(Fault::Label);
            }
        }
        let started = Series {
            name,
            fault,
            labels: (first as u32, labels.len() as u32),
            samples: (samples.len() as u32, samples.len() as u32),
        };
        series.push(started);
        self.of_series = self.request.record_bytes(&started);
    }

    /// Whether it holds as much as a request may, where its records may take `max_record_bytes`.
    pub(super) fn is_full(&self, max_record_bytes: usize) -> bool {
        self.request.sample_count() >= MAX_SAMPLES
            || self.request.buffer.len() >= MAX_TEXT_BYTES
            || self.record_bytes >= max_record_bytes
    }

    /// Gives the request, and is empty.
    pub(super) fn take(&mut self) -> WriteRequest {
        self.last_text.clear();
        self.previous = Previous::default();
        (self.record_bytes, self.of_series) = (0, 0);
        std::mem::take(&mut self.request)
    }
}

/// Whether a part of the line has the text of a span.
fn is_same(buffer: &[u8], line: &[u8], part: Part, known: Span) -> bool {
    !part.is_escaped && buffer[known.range()] == line[part.start..part.end]
}

/// A span with the text of a part: the known one if it has that, else a new one.
fn kept_or_new(buffer: &mut Vec<u8>, line: &[u8], part: Part, known: Option<Span>) -> Span {
    known.filter(|known| is_same(buffer, line, part, *known)).unwrap_or_else(|| appended(buffer, line, part))
}

fn appended(buffer: &mut Vec<u8>, line: &[u8], part: Part) -> Span {
    let start = buffer.len();
    parse::append(line, part, buffer);
    // A request is given away long before 4 GiB.
    Span::new(start..buffer.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Seen = (String, Vec<(String, String)>, Vec<(f64, i64)>, bool);

    fn series_of(request: &WriteRequest) -> Vec<Seen> {
        let text = |span| request.text(span).into_owned();
        let series = request.series().iter();
        series
            .map(|series| {
                let labels = request.labels(series).iter().map(|label| (text(label.name), text(label.value))).collect();
                let samples = series.sample_indexes().map(|index| request.sample_at(index));
                let samples = samples.map(|sample| (sample.value, sample.timestamp)).collect();
                (text(series.name), labels, samples, series.fault.is_some())
            })
            .collect()
    }

    fn keep_all(_: i64) -> Option<()> {
        None
    }

    fn batch(lines: &[&str]) -> Vec<Seen> {
        let mut batch = Batch::default();
        for line in lines {
            batch.add(line, keep_all).unwrap();
        }
        series_of(&batch.take())
    }

    fn seen(name: &str, labels: &[(&str, &str)], samples: &[(f64, i64)]) -> Seen {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        (name.to_owned(), labels, samples.to_vec(), false)
    }

    #[test]
    fn lines_of_a_series_that_follow_each_other_become_one_series() {
        let lines =
            ["a 1 1", "a 2 2", "ab 3 3", "a{} 4 4", "a 5 5", "a{b=\"c\"} 6 6", "a{b=\"c\"} 7 7", "a{b=\"cd\"} 8 8"];
        assert_eq!(
            batch(&lines),
            [
                seen("a", &[], &[(1.0, 1000), (2.0, 2000)]),
                seen("ab", &[], &[(3.0, 3000)]),
                seen("a", &[], &[(4.0, 4000)]),
                seen("a", &[], &[(5.0, 5000)]),
                seen("a", &[("b", "c")], &[(6.0, 6000), (7.0, 7000)]),
                seen("a", &[("b", "cd")], &[(8.0, 8000)]),
            ]
        );
    }

    #[test]
    fn labels_are_sorted_and_those_without_a_value_left_out() {
        let lines = ["m{c=\"3\",a=\"\",b=\"2\"} 1 1", "m{b=\"2\",c=\"3\"} 1 2", "{\"b.b\"=\"1\",\"m\"} 1 3"];
        assert_eq!(
            batch(&lines),
            [
                seen("m", &[("b", "2"), ("c", "3")], &[(1.0, 1000)]),
                seen("m", &[("b", "2"), ("c", "3")], &[(1.0, 2000)]),
                seen("m", &[("b.b", "1")], &[(1.0, 3000)]),
            ]
        );
    }

    #[test]
    fn a_label_that_stands_twice_is_a_fault_of_its_series() {
        for line in
            ["m{a=\"1\",a=\"2\"} 1 1", "m{a=\"1\",b=\"2\",a=\"1\"} 1 1", "m{__name__=\"m\"} 1 1", "m{\"\"=\"v\"} 1 1"]
        {
            assert!(batch(&[line])[0].3, "{line}");
        }
    }

    #[test]
    fn what_is_refused_or_wrong_leaves_nothing_behind() {
        let mut batch = Batch::default();
        let refuse = |timestamp: i64| (timestamp > 5000).then_some("late");
        batch.add("a{b=\"c\"} 1 1", refuse).unwrap();
        assert_eq!(batch.add("b{b=\"d\"} 1 9", refuse).unwrap().1, Some("late"));
        assert!(batch.add("b{b=\"d\"} 1 now", refuse).is_err());
        assert!(batch.add("a{b=\"c\"} x 1", refuse).is_err());
        batch.add("a{b=\"c\"} 2 2", refuse).unwrap();
        assert_eq!(series_of(&batch.take()), [seen("a", &[("b", "c")], &[(1.0, 1000), (2.0, 2000)])]);
        assert!(series_of(&batch.take()).is_empty());
    }

    #[test]
    fn equal_labels_of_neighbours_are_kept_once() {
        let mut batch = Batch::default();
        for line in ["m{a=\"long value\",b=\"1\"} 1 1", "m{a=\"long value\",b=\"2\"} 1 1", "m{b=\"3\"} 1 1"] {
            batch.add(line, keep_all).unwrap();
        }
        assert_eq!(batch.request.buffer, b"malong valueb123");
    }

    proptest! {
        /// Whatever stands before a line, it means the same as alone.
        #[test]
        fn a_line_means_the_same_behind_any_others(
            lines in prop::collection::vec("[ab]\\{([abc]=\"[xy]?\",){0,3}\\} [12] [12]", 1..12),
        ) {
            let mut together = Batch::default();
            let mut alone = Vec::new();
            for line in &lines {
                together.add(line, keep_all).unwrap();
                alone.extend(batch(&[line]));
            }
            let mut apart = Vec::new();
            for (name, labels, samples, fault) in series_of(&together.take()) {
                apart.extend(samples.into_iter().map(|sample| (name.clone(), labels.clone(), vec![sample], fault)));
            }
            prop_assert_eq!(apart, alone);
        }
    }
}
