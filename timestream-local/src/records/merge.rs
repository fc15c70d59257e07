//! From a call's JSON to its records.

use super::value::{parse_time, unit_ns};
use super::{MAX_DIMENSIONS, MAX_RECORDS, Record, Value, WriteCall, encode_key};
use crate::error::{ApiError, ErrorKind};
use crate::names::{check_dimension, check_measure, constraint};
use serde::Deserialize;
use std::borrow::Cow;

/// Most bytes of a measure's value.
const MAX_VALUE: usize = 2048;
/// Most bytes of a record: dimension names and values, measure name and value.
const MAX_RECORD: usize = 2048;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    database_name: Cow<'a, str>,
    #[serde(borrow)]
    table_name: Cow<'a, str>,
    #[serde(borrow, default)]
    common_attributes: Option<RawRecord<'a>>,
    #[serde(borrow)]
    records: Vec<RawRecord<'a>>,
}

/// Text borrowed from the body where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawRecord<'a> {
    #[serde(borrow)]
    dimensions: Option<Vec<RawDimension<'a>>>,
    #[serde(borrow)]
    measure_name: Option<Text<'a>>,
    #[serde(borrow)]
    measure_value: Option<Text<'a>>,
    #[serde(borrow)]
    measure_value_type: Option<Text<'a>>,
    measure_values: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(borrow)]
    time: Option<Text<'a>>,
    #[serde(borrow)]
    time_unit: Option<Text<'a>>,
    version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawDimension<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
    #[serde(borrow, default)]
    dimension_value_type: Option<Text<'a>>,
}

/// Reads and checks the body of a WriteRecords call.
///
/// # Errors
/// What refuses the whole call: a ValidationException, or a SerializationException for what is no such JSON.
pub(crate) fn parse(body: &[u8]) -> Result<WriteCall, ApiError> {
    let request: Request<'_> =
        serde_json::from_slice(body).map_err(|e| ApiError::new(ErrorKind::Serialization, e.to_string()))?;
    let count = request.records.len();
    if count == 0 || count > MAX_RECORDS {
        let rule = if count == 0 { "greater than or equal to 1" } else { "less than or equal to 100" };
        return Err(constraint("records", &format!("[{count} records]"), &format!("Member must have length {rule}")));
    }
    let common = request.common_attributes.unwrap_or_default();
    let common_dimensions = common.dimensions.as_deref().unwrap_or_default();
    check_dimensions(common_dimensions)?;
    let records =
        request.records.iter().map(|record| merge(record, &common, common_dimensions)).collect::<Result<_, _>>()?;
    Ok(WriteCall { database: request.database_name.into_owned(), table: request.table_name.into_owned(), records })
}

fn check_dimensions(dimensions: &[RawDimension<'_>]) -> Result<(), ApiError> {
    for dimension in dimensions {
        check_dimension(&dimension.name)?;
        if dimension.value.is_empty() {
            return Err(ApiError::validation(format!("The value of dimension {} is empty.", dimension.name)));
        }
        if dimension.value.contains('\0') {
            return Err(ApiError::validation(format!("The value of dimension {} has a NUL.", dimension.name)));
        }
        if let Some(Text(kind)) = &dimension.dimension_value_type
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
    let mut dimensions: Vec<(&str, &str)> =
        common_dimensions.iter().chain(own).map(|d| (d.name.as_ref(), d.value.as_ref())).collect();
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

    let measure_name = either(&record.measure_name, &common.measure_name, "A measure name is required for a record.")?;
    check_measure(measure_name)?;
    let kind = text(&record.measure_value_type).or(text(&common.measure_value_type)).unwrap_or("DOUBLE");
    if record.measure_values.is_some() || common.measure_values.is_some() {
        return Err(ApiError::validation("MeasureValues (measure value type MULTI) is not supported by this server."));
    }
    let value = either(&record.measure_value, &common.measure_value, "A measure value is required for a record.")?;
    if value.is_empty() || value.len() > MAX_VALUE {
        return Err(constraint("measureValue", value, "Member must have length between 1 and 2048"));
    }
    let size = dimensions.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() + measure_name.len();
    if size + if kind == "VARCHAR" { value.len() } else { 8 } > MAX_RECORD {
        return Err(ApiError::validation(format!("The record exceeds the limit of {MAX_RECORD} bytes.")));
    }

    let unit = unit_ns(text(&record.time_unit).or(text(&common.time_unit)).unwrap_or("MILLISECONDS"))?;
    let time = either(&record.time, &common.time, "A time is required for a record.")?;
    let time = parse_time(time, unit).ok_or_else(|| {
        ApiError::validation("The time is not valid: it must be a whole number, from 1970 to 2262 in its unit.")
    })?;
    let version = record.version.or(common.version).unwrap_or(1);
    if version < 1 {
        return Err(ApiError::validation("The version of a record must be at least 1."));
    }
    let value = Value::parse(kind, value, unit)?;
    Ok(Record { key: encode_key(measure_name, &dimensions), time, version, value })
}

fn text<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
    text.as_ref().map(|Text(text)| text.as_ref())
}

fn either<'a>(own: &'a Option<Text<'_>>, common: &'a Option<Text<'_>>, absent: &str) -> Result<&'a str, ApiError> {
    text(own).or(text(common)).ok_or_else(|| ApiError::validation(absent))
}
