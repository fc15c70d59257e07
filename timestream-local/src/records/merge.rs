//! From a call's JSON to its records.

use super::key::encode_key;
use super::raw::{RawDimension, RawMeasure, RawRecord, Request, Text, text};
use super::record::{MAX_DIMENSIONS, MAX_RECORDS, MAX_VALUES, Measured, Record, WriteCall};
use super::value::{Kind, Value, parse_time, unit_ns};
use crate::error::{ApiError, ErrorKind};
use crate::names::{check_dimension, check_measure, check_measure_column, constraint, not_null};

/// Most bytes of a measure's value.
pub(crate) const MAX_VALUE: usize = 2048;
/// Most bytes of a record: dimension names and values, measure name and values.
const MAX_RECORD: usize = 2048;

/// What a record is made of when it does not come from a call.
pub(crate) struct Parts<'a> {
    /// The name of its measure.
    pub(crate) measure_name: &'a str,
    /// Its dimensions in any order.
    pub(crate) dimensions: Vec<(&'a str, &'a str)>,
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    /// At least 1.
    pub(crate) version: i64,
    /// What was measured.
    pub(crate) measured: Measured,
}

/// Makes a record by the rules for those of WriteRecords.
pub(crate) fn assemble(parts: Parts<'_>) -> Result<Record, ApiError> {
    let Parts { measure_name, mut dimensions, time, version, mut measured } = parts;
    for (name, value) in &dimensions {
        check_dimension(name)?;
        check_dimension_value(name, value)?;
    }
    order(&mut dimensions)?;
    check_measure(measure_name)?;
    match &mut measured {
        Measured::Single(value) => check_varchar("measureValue", value)?,
        Measured::Multi(values) => {
            for (name, value) in values.iter() {
                check_measure_column(name)?;
                check_varchar("value", value)?;
            }
            order_values(values)?;
        }
    }
    check_together(measure_name, &dimensions, &measured)?;
    if version < 1 {
        return Err(ApiError::validation("The version of a record must be at least 1."));
    }
    Ok(Record { key: encode_key(measure_name, &dimensions), time, version, measured })
}

fn check_varchar(field: &str, value: &Value) -> Result<(), ApiError> {
    if let Value::Varchar(text) = value { check_value(field, text) } else { Ok(()) }
}

/// Reads and checks the body of a WriteRecords call.
///
/// # Errors
/// The error that refuses the whole call: a SerializationException for a body of another shape, otherwise a
/// ValidationException.
pub(crate) fn parse(body: &[u8]) -> Result<WriteCall, ApiError> {
    let request: Request<'_> =
        serde_json::from_slice(body).map_err(|e| ApiError::new(ErrorKind::Serialization, e.to_string()))?;
    let database = request.database_name.ok_or_else(|| not_null("databaseName"))?;
    let table = request.table_name.ok_or_else(|| not_null("tableName"))?;
    let records = request.records.ok_or_else(|| not_null("records"))?;
    let count = records.len();
    if count == 0 || count > MAX_RECORDS {
        let rule = if count == 0 { "greater than or equal to 1" } else { "less than or equal to 100" };
        return Err(constraint("records", &format!("[{count} records]"), &format!("Member must have length {rule}")));
    }
    let common = request.common_attributes.unwrap_or_default();
    let common_dimensions = common.dimensions.as_deref().unwrap_or_default();
    check_dimensions(common_dimensions)?;
    let records = records.iter().map(|record| merge(record, &common, common_dimensions)).collect::<Result<_, _>>()?;
    Ok(WriteCall { database: database.0.into_owned(), table: table.0.into_owned(), records })
}

fn check_dimensions(dimensions: &[RawDimension<'_>]) -> Result<(), ApiError> {
    for dimension in dimensions {
        let name = text(&dimension.name).ok_or_else(|| not_null("name"))?;
        check_dimension(name)?;
        check_dimension_value(name, text(&dimension.value).ok_or_else(|| not_null("value"))?)?;
        if let Some(kind) = text(&dimension.dimension_value_type)
            && kind != "VARCHAR"
        {
            return Err(constraint("dimensionValueType", kind, "Member must satisfy enum value set: [VARCHAR]"));
        }
    }
    Ok(())
}

fn merge(
    record: &RawRecord<'_>,
    common: &RawRecord<'_>,
    common_dimensions: &[RawDimension<'_>],
) -> Result<Record, ApiError> {
    let own = record.dimensions.as_deref().unwrap_or_default();
    check_dimensions(own)?;
    let pairs = common_dimensions.iter().chain(own).filter_map(|d| Some((text(&d.name)?, text(&d.value)?)));
    let mut dimensions: Vec<(&str, &str)> = pairs.collect();
    order(&mut dimensions)?;

    let measure_name = either(&record.measure_name, &common.measure_name, "A measure name is required for a record.")?;
    check_measure(measure_name)?;
    let unit = unit_ns(text(&record.time_unit).or(text(&common.time_unit)).unwrap_or("MILLISECONDS"))?;
    let measured = measured(record, common, unit)?;
    check_together(measure_name, &dimensions, &measured)?;

    let time = either(&record.time, &common.time, "A time is required for a record.")?;
    let time = parse_time(time, unit).ok_or_else(|| {
        ApiError::validation("The time is not valid: it must be a whole number, from 1970 to 2262 in its unit.")
    })?;
    let version = record.version.or(common.version).unwrap_or(1);
    if version < 1 {
        return Err(ApiError::validation("The version of a record must be at least 1."));
    }
    Ok(Record { key: encode_key(measure_name, &dimensions), time, version, measured })
}

/// Checks the value of a dimension.
fn check_dimension_value(name: &str, value: &str) -> Result<(), ApiError> {
    if value.is_empty() {
        return Err(ApiError::validation(format!("The value of dimension {name} is empty.")));
    }
    if value.contains('\0') {
        return Err(ApiError::validation(format!("The value of dimension {name} has a NUL.")));
    }
    Ok(())
}

/// Puts the dimensions of a record in order, and checks how many there are.
fn order(dimensions: &mut [(&str, &str)]) -> Result<(), ApiError> {
    if dimensions.is_empty() {
        return Err(ApiError::validation("At least one dimension is required for a record."));
    }
    if dimensions.len() > MAX_DIMENSIONS {
        return Err(ApiError::validation(format!("A record can have at most {MAX_DIMENSIONS} dimensions.")));
    }
    dimensions.sort_unstable();
    if let Some([(name, _), _]) = dimensions.array_windows().find(|[a, b]| a.0 == b.0) {
        return Err(ApiError::validation(format!("Duplicate dimensions are not allowed: {name}")));
    }
    Ok(())
}

/// Checks a record as a whole.
fn check_together(measure_name: &str, dimensions: &[(&str, &str)], measured: &Measured) -> Result<(), ApiError> {
    if let Measured::Multi(values) = measured
        && let Some((name, _)) = values.iter().find(|(name, _)| dimensions.iter().any(|(other, _)| other == name))
    {
        return Err(ApiError::validation(format!("A dimension and a measure of a record have the same name: {name}")));
    }
    let size = dimensions.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() + measure_name.len();
    if size + measured.size() > MAX_RECORD {
        return Err(ApiError::validation(format!("The record exceeds the limit of {MAX_RECORD} bytes.")));
    }
    Ok(())
}

/// What the record measured: one value or, with the type MULTI, the values of the common attributes and its own.
fn measured(record: &RawRecord<'_>, common: &RawRecord<'_>, unit: i64) -> Result<Measured, ApiError> {
    let kind = text(&record.measure_value_type).or(text(&common.measure_value_type)).unwrap_or("DOUBLE");
    let value = text(&record.measure_value).or(text(&common.measure_value));
    let values = || common.measure_values.iter().chain(&record.measure_values).flatten();
    if kind != "MULTI" {
        let kind = Kind::single(kind)?;
        if values().next().is_some() {
            return Err(ApiError::validation("MeasureValues can only be given with the measure value type MULTI."));
        }
        let value = value.ok_or_else(|| ApiError::validation("A measure value is required for a record."))?;
        check_value("measureValue", value)?;
        return Value::parse(kind, value, unit).map(Measured::Single);
    }
    if value.is_some() {
        return Err(ApiError::validation(
            "A record of the measure value type MULTI takes MeasureValues, not MeasureValue.",
        ));
    }
    let mut values = values().map(|value| multi(value, unit)).collect::<Result<Vec<_>, _>>()?;
    order_values(&mut values)?;
    Ok(Measured::Multi(values))
}

/// Puts the values of a multi-measure record in order, and checks how many there are.
fn order_values(values: &mut [(String, Value)]) -> Result<(), ApiError> {
    if values.is_empty() || values.len() > MAX_VALUES {
        let message = format!("A record of the measure value type MULTI needs 1 to {MAX_VALUES} MeasureValues.");
        return Err(ApiError::validation(message));
    }
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    if let Some([(name, _), _]) = values.array_windows().find(|[a, b]| a.0 == b.0) {
        return Err(ApiError::validation(format!("Duplicate measures are not allowed: {name}")));
    }
    Ok(())
}

fn multi(raw: &RawMeasure<'_>, unit: i64) -> Result<(String, Value), ApiError> {
    let name = text(&raw.name).ok_or_else(|| not_null("name"))?;
    check_measure_column(name)?;
    let value = text(&raw.value).ok_or_else(|| not_null("value"))?;
    check_value("value", value)?;
    let kind = Kind::multi(text(&raw.r#type).ok_or_else(|| not_null("type"))?)?;
    Ok((name.to_owned(), Value::parse(kind, value, unit)?))
}

fn check_value(field: &str, value: &str) -> Result<(), ApiError> {
    if value.is_empty() || value.chars().count() > MAX_VALUE {
        return Err(constraint(field, value, "Member must have length between 1 and 2048"));
    }
    Ok(())
}

fn either<'a>(own: &'a Option<Text<'_>>, common: &'a Option<Text<'_>>, absent: &str) -> Result<&'a str, ApiError> {
    text(own).or(text(common)).ok_or_else(|| ApiError::validation(absent))
}
