//! A data model that was checked: where each part of a record comes from.
//!
//! The guide's rules are those for the mappings of scheduled queries, which batch load shares ("Data model mappings"). What
//! they leave open is refused.

use std::collections::BTreeSet;

use super::model::{AttributeMapping, DataModel, DimensionMapping, MixedMeasureMapping, MultiMeasureMappings};
use crate::error::ApiError;
use crate::names::{check_dimension, check_measure, check_measure_column, constraint, not_null};
use crate::records::{Kind, MAX_DIMENSIONS, MAX_VALUES, unit_ns};

/// Most mappings of a model.
const MAX_MEASURES: usize = 1024;

/// How rows become records. A source is the name of a column, or its place once a header is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan<S> {
    pub(super) time: S,
    /// The length of a count in the time column, in nanoseconds.
    pub(super) unit_ns: i64,
    /// Source and name.
    pub(super) dimensions: Vec<(S, String)>,
    /// The column with the names of measures.
    pub(super) measure_name: Option<S>,
    pub(super) measures: Vec<Measure<S>>,
}

/// A record of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measure<S> {
    /// What the column with the names of measures has in the rows of this record; all rows have it if there is none.
    pub(super) only_for: Option<String>,
    /// The record's measure; the one that the row names if there is none.
    pub(super) name: Option<String>,
    pub(super) values: Values<S>,
}

/// What a record measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Values<S> {
    Single(S, Kind),
    Multi(Vec<(S, String, Kind)>),
}

impl Plan<String> {
    /// Checks a model.
    pub(super) fn new(model: &DataModel) -> Result<Self, ApiError> {
        let time = required(&model.time_column, "dataModel.timeColumn")?;
        check_text("dataModel.timeColumn", &time)?;
        let unit_ns = unit_ns(model.time_unit.as_deref().unwrap_or("MILLISECONDS"))?;
        let dimensions = dimensions(model.dimension_mappings.as_deref())?;
        let measure_name = model.measure_name_column.clone();
        if let Some(name) = &measure_name {
            check_text("dataModel.measureNameColumn", name)?;
        }
        let measures = match (&model.multi_measure_mappings, &model.mixed_measure_mappings) {
            (Some(multi), None) => vec![multi_measure(multi, measure_name.is_some())?],
            (None, Some(mixed)) if (1..=MAX_MEASURES).contains(&mixed.len()) => {
                mixed.iter().map(|mapping| mixed_measure(mapping, measure_name.is_some())).collect::<Result<_, _>>()?
            }
            (None, Some(_)) => {
                let message = format!("A data model has 1 to {MAX_MEASURES} MixedMeasureMappings.");
                return Err(ApiError::validation(message));
            }
            _ => {
                return Err(ApiError::validation(
                    "A data model needs either MultiMeasureMappings or MixedMeasureMappings, and not both.",
                ));
            }
        };
        Ok(Plan { time, unit_ns, dimensions, measure_name, measures })
    }

    /// The plan for files with a header: `place` tells where a column is.
    ///
    /// # Errors
    /// The first column that the header lacks.
    pub(super) fn bind(&self, place: impl Fn(&str) -> Option<usize>) -> Result<Plan<usize>, String> {
        let place = |name: &String| place(name).ok_or_else(|| name.clone());
        let measure = |measure: &Measure<String>| {
            let values = match &measure.values {
                Values::Single(source, kind) => Values::Single(place(source)?, *kind),
                Values::Multi(values) => {
                    let values = values.iter().map(|(source, name, kind)| Ok((place(source)?, name.clone(), *kind)));
                    Values::Multi(values.collect::<Result<_, String>>()?)
                }
            };
            Ok(Measure { only_for: measure.only_for.clone(), name: measure.name.clone(), values })
        };
        let dimensions = self.dimensions.iter().map(|(source, name)| Ok((place(source)?, name.clone())));
        Ok(Plan {
            time: place(&self.time)?,
            unit_ns: self.unit_ns,
            dimensions: dimensions.collect::<Result<_, String>>()?,
            measure_name: self.measure_name.as_ref().map(place).transpose()?,
            measures: self.measures.iter().map(measure).collect::<Result<_, String>>()?,
        })
    }
}

/// A StringValue256 that may not be missing.
fn required(text: &Option<String>, field: &str) -> Result<String, ApiError> {
    let text = text.clone().ok_or_else(|| not_null(field))?;
    check_text(field, &text)?;
    Ok(text)
}

/// StringValue256 of the service model.
fn check_text(field: &str, text: &str) -> Result<(), ApiError> {
    match text.chars().count() {
        1..=256 => Ok(()),
        _ => Err(constraint(field, text, "Member must have length between 1 and 256")),
    }
}

fn dimensions(mappings: Option<&[DimensionMapping]>) -> Result<Vec<(String, String)>, ApiError> {
    let mappings = mappings.ok_or_else(|| not_null("dataModel.dimensionMappings"))?;
    if !(1..=MAX_DIMENSIONS).contains(&mappings.len()) {
        let message = format!("A data model has 1 to {MAX_DIMENSIONS} DimensionMappings.");
        return Err(ApiError::validation(message));
    }
    let mut names = BTreeSet::new();
    let mapping = |mapping: &DimensionMapping| {
        let source = required(&mapping.source_column, "dimensionMappings.sourceColumn")?;
        let name = mapping.destination_column.clone().unwrap_or_else(|| source.clone());
        check_dimension(&name)?;
        if !names.insert(name.clone()) {
            return Err(ApiError::validation(format!("Two dimensions have the DestinationColumn {name}.")));
        }
        Ok((source, name))
    };
    mappings.iter().map(mapping).collect()
}

fn multi_measure(mappings: &MultiMeasureMappings, is_named_by_rows: bool) -> Result<Measure<String>, ApiError> {
    let name = mappings.target_multi_measure_name.clone();
    if name.is_some() == is_named_by_rows {
        return Err(ApiError::validation(
            "MultiMeasureMappings need either a TargetMultiMeasureName or a MeasureNameColumn, and not both.",
        ));
    }
    name.as_deref().map(check_measure).transpose()?;
    Ok(Measure { only_for: None, name, values: attributes(mappings.multi_measure_attribute_mappings.as_deref())? })
}

fn mixed_measure(mapping: &MixedMeasureMapping, is_named_by_rows: bool) -> Result<Measure<String>, ApiError> {
    let only_for = match (&mapping.measure_name, is_named_by_rows) {
        (Some(name), true) => Some(name.clone()),
        (None, true) => {
            return Err(ApiError::validation(
                "With a MeasureNameColumn, each MixedMeasureMapping needs a MeasureName.",
            ));
        }
        (_, false) => None,
    };
    let kind = required(&mapping.measure_value_type, "mixedMeasureMappings.measureValueType")?;
    let (values, other) = match (kind.as_str(), &mapping.multi_measure_attribute_mappings, &mapping.source_column) {
        ("MULTI", attribute_mappings, None) => (attributes(attribute_mappings.as_deref())?, None),
        ("MULTI", ..) => {
            return Err(ApiError::validation(
                "A MixedMeasureMapping of the type MULTI has MultiMeasureAttributeMappings, and no SourceColumn.",
            ));
        }
        (kind, None, source) => {
            let source = required(source, "mixedMeasureMappings.sourceColumn")?;
            (Values::Single(source.clone(), Kind::single(kind)?), Some(source))
        }
        _ => {
            return Err(ApiError::validation(
                "Only a MixedMeasureMapping of the type MULTI has \
                                             MultiMeasureAttributeMappings.",
            ));
        }
    };
    let name = mapping.target_measure_name.clone().or(mapping.measure_name.clone()).or(other);
    let name = name.ok_or_else(|| {
        ApiError::validation("A MixedMeasureMapping of the type MULTI needs a TargetMeasureName or a MeasureName.")
    })?;
    check_measure(&name)?;
    Ok(Measure { only_for, name: Some(name), values })
}

fn attributes(mappings: Option<&[AttributeMapping]>) -> Result<Values<String>, ApiError> {
    let mappings = mappings.ok_or_else(|| not_null("multiMeasureAttributeMappings"))?;
    if !(1..=MAX_VALUES).contains(&mappings.len()) {
        let message = format!("A multi-measure record has 1 to {MAX_VALUES} MultiMeasureAttributeMappings.");
        return Err(ApiError::validation(message));
    }
    let mut names = BTreeSet::new();
    let attribute = |mapping: &AttributeMapping| {
        let source = required(&mapping.source_column, "multiMeasureAttributeMappings.sourceColumn")?;
        let name = mapping.target_multi_measure_attribute_name.clone().unwrap_or_else(|| source.clone());
        check_measure_column(&name)?;
        if !names.insert(name.clone()) {
            let message = format!("Two MultiMeasureAttributeMappings have the name {name}.");
            return Err(ApiError::validation(message));
        }
        let kind = required(&mapping.measure_value_type, "multiMeasureAttributeMappings.measureValueType")?;
        Ok((source, name, Kind::multi(&kind)?))
    };
    Ok(Values::Multi(mappings.iter().map(attribute).collect::<Result<_, ApiError>>()?))
}
