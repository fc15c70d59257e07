//! The records of a row.

use super::mapping::{Mapping, Measure, Source};
use crate::calendar::parse_timestamp;
use crate::error::ApiError;
use crate::query::ScheduledRow;
use crate::records::{self, RawDimension, RawMeasure, RawRecord, Record, Text};

impl Mapping {
    /// The records of a row. A NULL leaves out a dimension, a value of a multi-measure record, or the record of a single
    /// measure; so does a multi-measure record without values.
    ///
    /// # Errors
    /// Why the row has none, or why one can't be a record.
    pub(super) fn records(&self, row: &ScheduledRow, version: i64) -> Result<Vec<Record>, ApiError> {
        let time = text(row, self.time).ok_or_else(|| ApiError::validation("The time is NULL."))?;
        let time = parse_timestamp(time).ok_or_else(|| ApiError::validation("The time is not valid."))?;
        let time = time.to_string();
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
        let mut records = Vec::new();
        for measure in fitting {
            let name = measure.name.as_deref().or(measure_name).unwrap_or_default();
            let dimensions = self.dimensions.iter().filter_map(|(name, column)| {
                let value = Text::some(text(row, *column)?);
                Some(RawDimension { name: Text::some(name), value, dimension_value_type: None })
            });
            let mut record = RawRecord {
                dimensions: Some(dimensions.collect()),
                measure_name: Text::some(name),
                time: Text::some(&time),
                time_unit: Text::some("NANOSECONDS"),
                version: Some(version),
                ..RawRecord::default()
            };
            // Times within values are counts of the record's unit.
            let mut times: Vec<(usize, String)> = Vec::new();
            if let Source::Multi(values) = &measure.source {
                let is_time = |kind| matches!(kind, records::Kind::Timestamp);
                for (_, column, _) in values.iter().filter(|(.., kind)| is_time(*kind)) {
                    times.extend(text(row, *column).and_then(parse_timestamp).map(|time| (*column, time.to_string())));
                }
            }
            match &measure.source {
                Source::Single(column, kind) => {
                    let Some(value) = text(row, *column) else { continue };
                    record.measure_value = Text::some(value);
                    record.measure_value_type = Text::some(kind.name());
                }
                Source::Multi(values) => {
                    let values = values.iter().filter_map(|(name, column, kind)| {
                        let count = times.iter().find(|(other, _)| other == column).map(|(_, count)| count.as_str());
                        let value = Text::some(count.or_else(|| text(row, *column))?);
                        Some(RawMeasure { name: Text::some(name), value, r#type: Text::some(kind.name()) })
                    });
                    let values: Vec<_> = values.collect();
                    if values.is_empty() {
                        continue;
                    }
                    record.measure_values = Some(values);
                    record.measure_value_type = Text::some("MULTI");
                }
            }
            records.push(records::check(&record)?);
        }
        Ok(records)
    }
}

fn text(row: &ScheduledRow, column: usize) -> Option<&str> {
    row.get(column)?.as_deref()
}
