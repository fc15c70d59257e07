//! From the rows of a file to records.

use csv::StringRecord;

use super::plan::{Measure, Plan, Values};
use crate::records::{MAX_VALUE, Measured, Parts, Record, Value, assemble, parse_time};

/// Why a record of a row is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The row is not what the data model says.
    Parse(String),
    /// A rule of records, which WriteRecords has too.
    Rule(String),
}

/// What all rows of a file are read by.
pub(super) struct Rows<'t> {
    pub(super) plan: Plan<usize>,
    /// What stands for NULL beside nothing.
    pub(super) null: Option<&'t str>,
    /// The version of all records.
    pub(super) version: i64,
}

impl Rows<'_> {
    /// Appends the records of a row. A row of which nothing can be made is one refusal.
    pub(super) fn records(&self, row: &StringRecord, records: &mut Vec<Result<Record, Refusal>>) {
        let before = records.len();
        match self.common(row) {
            Ok((time, dimensions, named)) => {
                for measure in &self.plan.measures {
                    if measure.only_for.is_some() && measure.only_for.as_deref() != named {
                        continue;
                    }
                    if let Some(made) = self.record(row, measure, (time, &dimensions, named)).transpose() {
                        records.push(made);
                    }
                }
            }
            Err(refusal) => records.push(Err(refusal)),
        }
        if records.len() == before {
            let why = match self.plan.measures.iter().any(|measure| measure.only_for.is_some()) {
                true => "The row has no measure that is mapped.",
                false => "The row has no measure value.",
            };
            records.push(Err(Refusal::Parse(why.to_owned())));
        }
    }

    /// The time, the dimensions and the named measure of a row.
    fn common<'r>(&'r self, row: &'r StringRecord) -> Result<(i64, Dimensions<'r>, Option<&'r str>), Refusal> {
        let time = self.value(row, self.plan.time).ok_or_else(|| Refusal::Parse("The row has no time.".to_owned()))?;
        let time = parse_time(time, self.plan.unit_ns).ok_or_else(|| {
            let shown: String = time.chars().take(100).collect();
            Refusal::Parse(format!("The time is not a whole number from 1970 to 2262 in its unit: {shown}"))
        })?;
        let dimensions = self.plan.dimensions.iter();
        let dimensions = dimensions.filter_map(|(place, name)| Some((name.as_str(), self.value(row, *place)?)));
        let named = match self.plan.measure_name {
            None => None,
            Some(place) => {
                let named = self.value(row, place);
                Some(named.ok_or_else(|| Refusal::Parse("The row has no measure name.".to_owned()))?)
            }
        };
        Ok((time, dimensions.collect(), named))
    }

    /// The record of a measure; nothing when the row has no value of it.
    fn record(
        &self,
        row: &StringRecord,
        measure: &Measure<usize>,
        (time, dimensions, named): (i64, &Dimensions<'_>, Option<&str>),
    ) -> Result<Option<Record>, Refusal> {
        let parsed = |kind, text: &str| {
            // Before a copy is made of it.
            if text.len() > 4 * MAX_VALUE && text.chars().count() > MAX_VALUE {
                return Err(Refusal::Rule(format!("A value has more than {MAX_VALUE} letters.")));
            }
            Value::parse(kind, text, self.plan.unit_ns).map_err(|error| Refusal::Parse(error.message))
        };
        let measured = match &measure.values {
            Values::Single(place, kind) => match self.value(row, *place) {
                None => return Ok(None),
                Some(text) => Measured::Single(parsed(*kind, text)?),
            },
            Values::Multi(values) => {
                let present = values.iter().filter_map(|(place, name, kind)| {
                    let text = self.value(row, *place)?;
                    Some(parsed(*kind, text).map(|value| (name.clone(), value)))
                });
                let present: Vec<_> = present.collect::<Result<_, _>>()?;
                if present.is_empty() {
                    return Ok(None);
                }
                Measured::Multi(present)
            }
        };
        let measure_name = measure.name.as_deref().or(named).unwrap_or_default();
        let parts = Parts { measure_name, dimensions: dimensions.clone(), time, version: self.version, measured };
        assemble(parts).map(Some).map_err(|error| Refusal::Rule(error.message))
    }

    /// What a row has in a column, if it is not NULL.
    fn value<'r>(&self, row: &'r StringRecord, place: usize) -> Option<&'r str> {
        row.get(place).filter(|text| !text.is_empty() && Some(*text) != self.null)
    }
}

type Dimensions<'r> = Vec<(&'r str, &'r str)>;
