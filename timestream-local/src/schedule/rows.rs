//! The records of a row.

use super::mapping::{Mapping, Measure, Source};
use crate::calendar::parse_timestamp;
use crate::error::ApiError;
use crate::query::ScheduledRow;
use crate::records::{Kind, Measured, Parts, Record, Value, assemble};

impl Mapping {
    /// The records of a row. A NULL leaves out a dimension, a value of a multi-measure record, or the record of a single
    /// measure; so does a multi-measure record without values.
    ///
    /// # Errors
    /// Why the row has none, or why one can't be a record.
    pub(super) fn records(&self, row: &ScheduledRow, version: i64) -> Result<Vec<Record>, ApiError> {
        let time = text(row, self.time).ok_or_else(|| ApiError::validation("The time is NULL."))?;
        let time = nanoseconds(time)?;
        let measure_name = match self.measure_column {
            None => None,
            Some(column) => Some(text(row, column).ok_or_else(|| ApiError::validation("The measure name is NULL."))?),
        };
        let fits = |measure: &&Measure| measure.when.is_none() || measure.when.as_deref() == measure_name;
        let mut fitting = self.measures.iter().filter(fits).peekable();
        if fitting.peek().is_none() {
            let name = measure_name.unwrap_or_default();
            return Err(ApiError::validation(format!("No mapping has the measure name {name}.")));
        }
        let dimensions = self.dimensions.iter();
        let dimensions = dimensions.filter_map(|(name, column)| Some((name.as_str(), text(row, *column)?)));
        let dimensions: Vec<(&str, &str)> = dimensions.collect();
        let mut records = Vec::new();
        for measure in fitting {
            let Some(measured) = measured(&measure.source, row)? else { continue };
            let measure_name = measure.name.as_deref().or(measure_name).unwrap_or_default();
            let parts = Parts { measure_name, dimensions: dimensions.clone(), time, version, measured };
            records.push(assemble(parts)?);
        }
        Ok(records)
    }
}

/// What a row has of a measure; nothing if that is NULL.
fn measured(source: &Source, row: &ScheduledRow) -> Result<Option<Measured>, ApiError> {
    match source {
        Source::Single(column, kind) => {
            let value = text(row, *column).map(|text| value(*kind, text)).transpose()?;
            Ok(value.map(Measured::Single))
        }
        Source::Multi(values) => {
            let present = values.iter().filter_map(|(name, column, kind)| {
                let text = text(row, *column)?;
                Some(value(*kind, text).map(|value| (name.clone(), value)))
            });
            let present = present.collect::<Result<Vec<_>, _>>()?;
            Ok((!present.is_empty()).then_some(Measured::Multi(present)))
        }
    }
}

fn value(kind: Kind, text: &str) -> Result<Value, ApiError> {
    match kind {
        Kind::Timestamp => nanoseconds(text).map(Value::Timestamp),
        kind => Value::parse(kind, text, 1),
    }
}

fn nanoseconds(text: &str) -> Result<i64, ApiError> {
    let time = parse_timestamp(text).filter(|time| *time >= 0);
    time.ok_or_else(|| ApiError::validation("The time is not valid."))
}

fn text(row: &ScheduledRow, column: usize) -> Option<&str> {
    row.get(column)?.as_deref()
}
