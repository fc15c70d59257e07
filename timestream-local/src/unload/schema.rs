//! The types of a result in Parquet. All are optional. Timestamps are nanoseconds in UTC, intervals are text, and a time
//! series is a list of groups of `time` and `value`.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

use crate::sql::{Column, ColumnType};

type Result<T> = std::result::Result<T, ParquetError>;

/// The schema of a file with some columns.
pub(super) fn schema(columns: &[Column]) -> Result<TypePtr> {
    let fields = columns.iter().map(|column| node(&column.name, &column.column_type)).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?))
}

fn node(name: &str, kind: &ColumnType) -> Result<TypePtr> {
    let (physical, logical) = match kind {
        ColumnType::Array(element) => return list(name, node("element", element)?),
        ColumnType::TimeSeries(value) => {
            let point = [node("time", &ColumnType::Timestamp)?, node("value", value)?];
            return list(name, group("element", point.into())?);
        }
        ColumnType::Row(fields) => {
            let named = fields.iter().enumerate().map(|(index, field)| match &field.name {
                Some(name) => node(name, &field.kind),
                None => node(&format!("field{index}"), &field.kind),
            });
            return group(name, named.collect::<Result<_>>()?);
        }
        ColumnType::Boolean => (PhysicalType::BOOLEAN, None),
        ColumnType::Integer => (PhysicalType::INT32, None),
        ColumnType::Bigint => (PhysicalType::INT64, None),
        ColumnType::Double => (PhysicalType::DOUBLE, None),
        ColumnType::Date => (PhysicalType::INT32, Some(LogicalType::Date)),
        ColumnType::Timestamp => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
        ColumnType::Varchar
        | ColumnType::Time
        | ColumnType::IntervalDayToSecond
        | ColumnType::IntervalYearToMonth
        | ColumnType::Unknown => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let leaf = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    Ok(Arc::new(leaf.with_logical_type(logical).build()?))
}

fn group(name: &str, fields: Vec<TypePtr>) -> Result<TypePtr> {
    let group = Type::group_type_builder(name).with_repetition(Repetition::OPTIONAL);
    Ok(Arc::new(group.with_fields(fields).build()?))
}

fn list(name: &str, element: TypePtr) -> Result<TypePtr> {
    let repeated = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
    let repeated = Arc::new(repeated.with_fields(vec![element]).build()?);
    let list = Type::group_type_builder(name).with_repetition(Repetition::OPTIONAL);
    Ok(Arc::new(list.with_logical_type(Some(LogicalType::List)).with_fields(vec![repeated]).build()?))
}
