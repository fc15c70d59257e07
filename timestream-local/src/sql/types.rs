//! The types of Timestream, and how their values are printed.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use serde_json::{Value as Json, json};

use super::text;
use crate::calendar;

/// The type of a column or expression, with the form that its values have in SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ColumnType {
    /// Text.
    Varchar,
    /// A 64-bit float: REAL.
    Double,
    /// A 64-bit integer: INTEGER.
    Bigint,
    /// A 32-bit integer: INTEGER. No table column has it; literals and some functions do.
    Integer,
    /// INTEGER 0 or 1.
    Boolean,
    /// Nanoseconds since 1970, UTC: INTEGER.
    Timestamp,
    /// Days since 1970: INTEGER.
    Date,
    /// A length of time in nanoseconds: INTEGER.
    IntervalDayToSecond,
    /// A length of time in months: INTEGER.
    IntervalYearToMonth,
    /// The type of a bare NULL.
    Unknown,
    /// Values of a type by their times: BLOB, see [`super::series`].
    TimeSeries(&'static ColumnType),
    /// Values of a type in a row: BLOB, see [`super::series`].
    Array(&'static ColumnType),
    /// `array(row(dimension_name varchar, data_type varchar))`, found only in the result of SHOW MEASURES.
    Dimensions,
}

impl ColumnType {
    /// The type's name in SQL and in error messages, in lower case.
    pub(crate) fn sql_name(self) -> &'static str {
        match self {
            Self::Varchar => "varchar",
            Self::Double => "double",
            Self::Bigint => "bigint",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::IntervalDayToSecond => "interval day to second",
            Self::IntervalYearToMonth => "interval year to month",
            Self::Unknown => "unknown",
            Self::TimeSeries(Self::Double) => "timeseries(double)",
            Self::TimeSeries(Self::Bigint) => "timeseries(bigint)",
            Self::TimeSeries(Self::Integer) => "timeseries(integer)",
            Self::TimeSeries(Self::Boolean) => "timeseries(boolean)",
            Self::TimeSeries(Self::Varchar) => "timeseries(varchar)",
            Self::TimeSeries(_) => "timeseries",
            Self::Array(Self::Timestamp) => "array(timestamp)",
            Self::Array(Self::Bigint) => "array(bigint)",
            Self::Array(_) => "array",
            Self::Dimensions => "array(row(dimension_name varchar, data_type varchar))",
        }
    }

    /// The type as the API's `Type`.
    pub(crate) fn api_type(self) -> Json {
        match self {
            Self::TimeSeries(value) => json!({"TimeSeriesMeasureValueColumnInfo": {"Type": value.api_type()}}),
            Self::Array(element) => json!({"ArrayColumnInfo": {"Type": element.api_type()}}),
            Self::Dimensions => {
                let varchar = |name: &str| json!({"Name": name, "Type": {"ScalarType": "VARCHAR"}});
                let row = json!({"RowColumnInfo": [varchar("dimension_name"), varchar("data_type")]});
                json!({"ArrayColumnInfo": {"Type": row}})
            }
            scalar => json!({"ScalarType": scalar.api_name()}),
        }
    }

    /// A scalar type's name in the API's `ScalarType`: `VARCHAR`, `INTERVAL_DAY_TO_SECOND`, …
    fn api_name(self) -> &'static str {
        match self {
            Self::Varchar | Self::Dimensions | Self::TimeSeries(_) | Self::Array(_) => "VARCHAR",
            Self::Double => "DOUBLE",
            Self::Bigint => "BIGINT",
            Self::Integer => "INTEGER",
            Self::Boolean => "BOOLEAN",
            Self::Timestamp => "TIMESTAMP",
            Self::Date => "DATE",
            Self::IntervalDayToSecond => "INTERVAL_DAY_TO_SECOND",
            Self::IntervalYearToMonth => "INTERVAL_YEAR_TO_MONTH",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Prints a value as the API's `ScalarValue` does; `None` is NULL.
    pub(crate) fn text(self, value: ValueRef<'_>) -> Option<String> {
        match (self, value) {
            (_, ValueRef::Null) => None,
            (Self::Double, ValueRef::Real(number)) => Some(text::double(number)),
            (Self::Double, ValueRef::Integer(number)) => Some(text::double(number as f64)),
            (Self::Boolean, ValueRef::Integer(number)) => Some((number != 0).to_string()),
            (Self::Timestamp, ValueRef::Integer(nanoseconds)) => Some(calendar::timestamp_text(nanoseconds)),
            (Self::Date, ValueRef::Integer(days)) => Some(calendar::date_text(days)),
            (Self::IntervalDayToSecond, ValueRef::Integer(nanoseconds)) => Some(calendar::interval_text(nanoseconds)),
            (Self::IntervalYearToMonth, ValueRef::Integer(months)) => {
                let sign = if months < 0 { "-" } else { "" };
                Some(format!("{sign}{}-{}", months.unsigned_abs() / 12, months.unsigned_abs() % 12))
            }
            (_, ValueRef::Integer(number)) => Some(number.to_string()),
            (_, ValueRef::Real(number)) => Some(text::double(number)),
            (_, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    /// The type of a time series of such values, if there is one.
    pub(crate) fn series(self) -> Option<Self> {
        Some(Self::TimeSeries(match self {
            Self::Double => &Self::Double,
            Self::Bigint => &Self::Bigint,
            Self::Integer => &Self::Integer,
            Self::Boolean => &Self::Boolean,
            Self::Varchar => &Self::Varchar,
            _ => return None,
        }))
    }

    /// Whether values can be compared, ordered and grouped.
    pub(crate) fn is_comparable(self) -> bool {
        !matches!(self, Self::TimeSeries(_) | Self::Array(_) | Self::Dimensions)
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Double | Self::Bigint | Self::Integer)
    }

    pub(crate) fn is_integral(self) -> bool {
        matches!(self, Self::Bigint | Self::Integer)
    }

    /// The type to which values of both types convert without loss of meaning, if there is one.
    pub(crate) fn common(self, other: Self) -> Option<Self> {
        match (self, other) {
            _ if self == other => Some(self),
            (Self::Unknown, known) | (known, Self::Unknown) => Some(known),
            (Self::Double, number) | (number, Self::Double) if number.is_number() => Some(Self::Double),
            (Self::Bigint, Self::Integer) | (Self::Integer, Self::Bigint) => Some(Self::Bigint),
            (Self::Timestamp, Self::Date) | (Self::Date, Self::Timestamp) => Some(Self::Timestamp),
            _ => None,
        }
    }
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name; `_col0`, `_col1`, … where the query gave none.
    pub name: String,
    /// Its type.
    pub column_type: ColumnType,
    /// Whether the query gave it its name.
    pub aliased: bool,
    /// The database and table that it is a column of, if it is one.
    pub origin: Option<Arc<(String, String)>>,
}

impl Column {
    /// A column that does not belong to a table.
    pub(crate) fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        Self { name: name.into(), column_type, aliased: false, origin: None }
    }
}
