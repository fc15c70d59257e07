//! The columns of an answer, and how its rows are read.

use std::borrow::Cow;

use aws_sdk_timestreamquery::types::{ColumnInfo, Datum};

use super::matcher::{METRIC_NAME, Matcher};
use super::points::{Point, Points, SampleValue};
use super::schema::Schema;
use super::timestamp;
use super::unexpected::unexpected;
use crate::error::{Error, Kind};
use crate::measure;
use crate::proto::Label;

/// The column of a series' samples. Timestream reserves names like this, so no other column has it.
pub(super) const SERIES: &str = "ts_samples";

/// The column of the start of the stretch of time that a row's samples are of.
pub(super) const BIN: &str = "ts_bin";

/// Which columns of an answer hold time, value, metric name and labels.
#[derive(Debug)]
pub struct Columns {
    name: usize,
    held: Held,
    bin: Option<usize>,
    /// Column and label, sorted by label.
    labels: Vec<(usize, String)>,
}

/// What a row holds beside labels, and in which column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held {
    /// Nothing more.
    Labels,
    /// A sample.
    Sample { time: usize, double: Option<usize>, bigint: Option<usize> },
    /// Samples of a series.
    Series(usize),
}

impl Columns {
    /// Finds the columns of an answer from a table with this schema.
    ///
    /// # Errors
    /// `SchemaChangedError` if the table has a new column since it was described: it is not known whether the column
    /// holds a label, and its place in the order of series. `UnexpectedAnswerError` for columns that no table has.
    pub fn new(columns: &[ColumnInfo], schema: &Schema) -> Result<Self, Error> {
        let found = Columns::of_labels(columns, schema)?;
        match found.held {
            Held::Labels => Err(unexpected("no column time".to_owned())),
            Held::Sample { .. } | Held::Series(_) => Ok(found),
        }
    }

    /// The same of an answer whose rows may hold labels alone.
    pub(super) fn of_labels(columns: &[ColumnInfo], schema: &Schema) -> Result<Self, Error> {
        let find = |name: &str| columns.iter().position(|column| column.name() == Some(name));
        let name = find("measure_name").ok_or_else(|| unexpected("no column measure_name".to_owned()))?;
        let mut labels = vec![(name, METRIC_NAME.to_owned())];
        for (index, column) in columns.iter().enumerate() {
            let column = column.name().unwrap_or_default();
            match schema.label(column) {
                Some(Some(label)) => labels.push((index, label.to_owned())),
                Some(None) => {}
                None => {
                    let message = format!("column {column:?} was added to the table while it was read");
                    return Err(Error::new(Kind::SchemaChanged, "SchemaChangedError", message));
                }
            }
        }
        labels.sort_by(|a, b| a.1.cmp(&b.1));
        let held = match (find(SERIES), find("time")) {
            (Some(series), _) => Held::Series(series),
            (None, Some(time)) => {
                Held::Sample { time, double: find("measure_value::double"), bigint: find("measure_value::bigint") }
            }
            (None, None) => Held::Labels,
        };
        Ok(Columns { name, held, bin: find(BIN), labels })
    }

    /// What rows hold beside labels.
    pub(super) fn held(&self) -> Held {
        self.held
    }

    /// Appends the samples of a row, in order of time, and gives their number. That is 0 for a row that holds none: its
    /// value is neither a double nor a bigint.
    ///
    /// # Errors
    /// A time or a value can't be read.
    pub(super) fn read_samples<V: SampleValue>(
        &self,
        row: &[Datum],
        points: &mut Points,
        into: &mut Vec<Point<V>>,
    ) -> Result<usize, Error> {
        match self.held {
            Held::Labels => Ok(0),
            Held::Series(index) => {
                let datum = row.get(index).ok_or_else(|| unexpected("a row without samples".to_owned()))?;
                points.read(datum, into)
            }
            Held::Sample { time, double, bigint } => {
                let Some(value) = value(row, double, bigint)? else { return Ok(0) };
                into.push(Point { time: self::time(row, time)?, value: value.into() });
                Ok(1)
            }
        }
    }

    /// The start of the stretch of time that a row's samples are of, as Timestream writes it. Empty where a row holds all
    /// samples of its series.
    pub(super) fn bin<'a>(&self, row: &'a [Datum]) -> &'a str {
        self.bin.and_then(|index| text(row, index)).unwrap_or_default()
    }

    /// The values of a row's labels, sorted by label; the empty string for a missing label. The metric name may be
    /// escaped, so two rows of a series may differ in it.
    pub(super) fn values<'a>(&'a self, row: &'a [Datum]) -> impl Iterator<Item = &'a str> {
        self.labels.iter().map(|(index, _)| text(row, *index).unwrap_or_default())
    }

    /// The labels of a row, sorted.
    pub(super) fn labels(&self, row: &[Datum]) -> Result<Vec<Label>, Error> {
        let metric = self.metric(row)?;
        let labels = self.labels.iter().filter_map(|(index, name)| {
            let value = if *index == self.name { &metric } else { text(row, *index)? };
            (!value.is_empty()).then(|| Label { name: name.clone(), value: value.to_owned() })
        });
        Ok(labels.collect())
    }

    /// Whether a row's metric name is escaped.
    pub(super) fn is_escaped(&self, row: &[Datum]) -> Result<bool, Error> {
        Ok(matches!(self.metric(row)?, Cow::Owned(_)))
    }

    /// The metric name of a row.
    fn metric<'a>(&self, row: &'a [Datum]) -> Result<Cow<'a, str>, Error> {
        let measure = text(row, self.name).ok_or_else(|| unexpected("a row without a measure name".to_owned()))?;
        Ok(measure::restore(measure))
    }
}

/// The value of a row: its double, or its bigint as one. `None` for a row of another type.
fn value(row: &[Datum], double: Option<usize>, bigint: Option<usize>) -> Result<Option<f64>, Error> {
    if let Some(text) = double.and_then(|index| text(row, index)) {
        return text.parse().map(Some).map_err(|_| unexpected(format!("{text:?} is no double")));
    }
    if let Some(text) = bigint.and_then(|index| text(row, index)) {
        // The nearest double, as Prometheus' own values are.
        let value: i64 = text.parse().map_err(|_| unexpected(format!("{text:?} is no bigint")))?;
        return Ok(Some(value as f64));
    }
    Ok(None)
}

/// The time of a row in nanoseconds.
fn time(row: &[Datum], index: usize) -> Result<i64, Error> {
    let time = text(row, index).ok_or_else(|| unexpected("a row without a time".to_owned()))?;
    timestamp::to_nanoseconds(time).ok_or_else(|| unexpected(format!("{time:?} is no time")))
}

fn text(row: &[Datum], index: usize) -> Option<&str> {
    row.get(index).and_then(Datum::scalar_value)
}

/// Whether the matchers want a series with these labels.
pub(super) fn are_wanted(labels: &[Label], matchers: &[Matcher]) -> bool {
    matchers.iter().all(|matcher| {
        let label = labels.iter().find(|label| label.name == matcher.label);
        matcher.accepts(label.map_or("", |label| label.value.as_str()))
    })
}

/// Prometheus' order of label sets: label by label, name before value, the shorter set first.
pub(super) fn compare(a: &[Label], b: &[Label]) -> std::cmp::Ordering {
    fn pairs(labels: &[Label]) -> impl Iterator<Item = (&str, &str)> {
        labels.iter().map(|label| (label.name.as_str(), label.value.as_str()))
    }
    pairs(a).cmp(pairs(b))
}

/// The error for a query that would return more samples than a limit.
pub(super) fn too_many_samples(limit: usize) -> Error {
    let message = format!("the query would return more than {limit} samples; narrow its matchers or its range");
    Error::invalid("SampleLimitError", message)
}
