//! How rows of a scheduled query become records of its target: a TimestreamConfiguration, checked against the columns of
//! the query.

use std::collections::BTreeSet;

use crate::error::ApiError;
use crate::names;
use crate::records::Kind;
use crate::sql::{Column, ColumnType};
use crate::storage::{Attribute, MixedMapping, MultiMapping, Target};

/// Where the parts of records are in a row. Places are those of the query's columns.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(super) time: usize,
    /// By name.
    pub(super) dimensions: Vec<(String, usize)>,
    /// The column that has the name of the measure.
    pub(super) measure_column: Option<usize>,
    pub(super) measures: Vec<Measure>,
}

/// A record of a row.
#[derive(Debug)]
pub(super) struct Measure {
    /// What the column of the measure's name must have.
    pub(super) when: Option<String>,
    /// The name of the measure; without it, what the column has.
    pub(super) name: Option<String>,
    pub(super) source: Source,
}

/// What a record measures.
#[derive(Debug)]
pub(super) enum Source {
    Single(usize, Kind),
    /// By name.
    Multi(Vec<(String, usize, Kind)>),
}

impl Mapping {
    /// Checks a configuration against the columns of a query.
    ///
    /// # Errors
    /// A ValidationException that names the part that is wrong.
    pub(crate) fn new(target: &Target, columns: &[Column]) -> Result<Self, ApiError> {
        let columns = Columns(columns);
        let time = columns.of_type("TimeColumn", &target.time_column, Kind::Timestamp)?;
        let mut dimensions = Vec::new();
        for dimension in &target.dimension_mappings {
            names::check_dimension(&dimension.name)?;
            dimensions
                .push((dimension.name.clone(), columns.of_type("DimensionMappings", &dimension.name, Kind::Varchar)?));
        }
        if dimensions.is_empty() {
            return Err(invalid("DimensionMappings must have at least one dimension"));
        }
        unique("DimensionMappings", dimensions.iter().map(|(name, _)| name))?;
        let measure_column = target.measure_name_column.as_ref();
        let measure_column =
            measure_column.map(|name| columns.of_type("MeasureNameColumn", name, Kind::Varchar)).transpose()?;
        let measures = match (&target.multi_measure_mappings, &target.mixed_measure_mappings) {
            (Some(multi), None) => vec![of_multi(multi, measure_column.is_some(), columns)?],
            (None, Some(mixed)) => {
                let measure = |mapping| of_mixed(mapping, measure_column.is_some(), columns);
                let measures = mixed.iter().map(measure).collect::<Result<Vec<_>, _>>()?;
                if measures.is_empty() {
                    return Err(invalid("MixedMeasureMappings must have at least one mapping"));
                }
                unique("the target measure names", measures.iter().filter_map(|measure| measure.name.as_ref()))?;
                measures
            }
            _ => return Err(invalid("exactly one of MultiMeasureMappings and MixedMeasureMappings must be given")),
        };
        for measure in &measures {
            if let Source::Multi(values) = &measure.source
                && let Some((name, ..)) =
                    values.iter().find(|(name, ..)| dimensions.iter().any(|(other, _)| other == name))
            {
                return Err(invalid(format!("{name} is the name of a dimension and of a multi-measure attribute")));
            }
        }
        Ok(Mapping { time, dimensions, measure_column, measures })
    }
}

fn of_multi(mapping: &MultiMapping, has_column: bool, columns: Columns<'_>) -> Result<Measure, ApiError> {
    // The name in the row comes first, if there is one (service model, member TargetMultiMeasureName).
    let name = mapping.target_multi_measure_name.clone().filter(|_| !has_column);
    if name.is_none() && !has_column {
        return Err(invalid("TargetMultiMeasureName is needed without a MeasureNameColumn"));
    }
    name.as_deref().map(names::check_measure).transpose()?;
    let source = attributes(&mapping.multi_measure_attribute_mappings, columns)?;
    Ok(Measure { when: None, name, source })
}

fn of_mixed(mapping: &MixedMapping, has_column: bool, columns: Columns<'_>) -> Result<Measure, ApiError> {
    let when = match (&mapping.measure_name, has_column) {
        (None, true) => return Err(invalid("each MixedMeasureMapping needs a MeasureName with a MeasureNameColumn")),
        (name, true) => name.clone(),
        (_, false) => None,
    };
    let names = [&mapping.target_measure_name, &mapping.measure_name, &mapping.source_column];
    let name = names.into_iter().flatten().next().cloned();
    let name = name.ok_or_else(|| invalid("a MixedMeasureMapping of the type MULTI needs a TargetMeasureName"))?;
    names::check_measure(&name)?;
    let source = match (mapping.measure_value_type.as_str(), &mapping.source_column) {
        ("MULTI", None) => {
            let mappings = mapping.multi_measure_attribute_mappings.as_ref();
            let needed = || invalid("MultiMeasureAttributeMappings is needed for the type MULTI");
            attributes(mappings.ok_or_else(needed)?, columns)?
        }
        ("MULTI", Some(_)) => return Err(invalid("a mapping of the type MULTI takes no SourceColumn")),
        (_, None) => return Err(invalid("a MixedMeasureMapping needs a SourceColumn unless it is of the type MULTI")),
        (kind, Some(column)) => {
            if mapping.multi_measure_attribute_mappings.is_some() {
                return Err(invalid("only a mapping of the type MULTI takes MultiMeasureAttributeMappings"));
            }
            let kind = kind_of(kind)?;
            if kind == Kind::Timestamp {
                return Err(invalid("TIMESTAMP is a type of multi-measure attributes only"));
            }
            Source::Single(columns.of_type("SourceColumn", column, kind)?, kind)
        }
    };
    Ok(Measure { when, name: Some(name), source })
}

fn attributes(mappings: &[Attribute], columns: Columns<'_>) -> Result<Source, ApiError> {
    let mut values = Vec::new();
    for mapping in mappings {
        let name = mapping.target_multi_measure_attribute_name.as_ref().unwrap_or(&mapping.source_column);
        names::check_measure_column(name)?;
        let kind = kind_of(&mapping.measure_value_type)?;
        values.push((name.clone(), columns.of_type("SourceColumn", &mapping.source_column, kind)?, kind));
    }
    if values.is_empty() {
        return Err(invalid("MultiMeasureAttributeMappings must have at least one mapping"));
    }
    unique("the names of multi-measure attributes", values.iter().map(|(name, ..)| name))?;
    Ok(Source::Multi(values))
}

fn kind_of(name: &str) -> Result<Kind, ApiError> {
    Kind::read(name).ok_or_else(|| invalid(format!("{name} is not a type of a measure's value")))
}

fn unique<'n>(what: &str, names: impl Iterator<Item = &'n String>) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(invalid(format!("{what} have {name} twice")));
        }
    }
    Ok(())
}

/// The columns of a query.
#[derive(Clone, Copy)]
struct Columns<'c>(&'c [Column]);

impl Columns<'_> {
    /// The place of a column, whose type must be that of a value.
    fn of_type(self, role: &str, name: &str, kind: Kind) -> Result<usize, ApiError> {
        let mut found = self.0.iter().enumerate().filter(|(_, column)| column.name == name);
        let (place, column) = match (found.next(), found.next()) {
            (Some(only), None) => only,
            (None, _) => return Err(invalid(format!("{role} {name} is not a column of the query"))),
            _ => return Err(invalid(format!("{role} {name} is the name of several columns of the query"))),
        };
        let fits = match kind {
            Kind::Double => column.column_type == ColumnType::Double,
            Kind::Bigint => column.column_type.is_integral(),
            Kind::Varchar => column.column_type == ColumnType::Varchar,
            Kind::Boolean => column.column_type == ColumnType::Boolean,
            Kind::Timestamp => column.column_type == ColumnType::Timestamp,
        };
        match fits {
            true => Ok(place),
            false => {
                let actual = column.column_type.sql_name();
                Err(invalid(format!("{role} {name} must be of the type {}, and is of {actual}", kind.name())))
            }
        }
    }
}

fn invalid(why: impl std::fmt::Display) -> ApiError {
    ApiError::validation(format!("TargetConfiguration is not valid: {why}."))
}
