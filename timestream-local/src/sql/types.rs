//! The types of Timestream, and how their values are printed.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use serde_json::{Value as Json, json};

use super::{nan, text};
use crate::calendar;

/// How deep arrays and rows may be nested in the type of a value.
const MAX_TYPE_DEPTH: usize = 16;
/// The types in the type of a value. Types of columns are copied, so that one of a few of them grows fast.
const MAX_TYPE_PARTS: usize = 1_000;

/// The type of a column or expression, with the form that its values have in SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The time of a day in nanoseconds, UTC: INTEGER.
    Time,
    /// A length of time in nanoseconds: INTEGER.
    IntervalDayToSecond,
    /// A length of time in months: INTEGER.
    IntervalYearToMonth,
    /// The type of a bare NULL.
    Unknown,
    /// Values of a type by their times: BLOB, see [`super::series`].
    TimeSeries(Element),
    /// Values of a type in an order: BLOB, see [`super::list`].
    Array(Element),
    /// A value for each field: BLOB, see [`super::list`].
    Row(Arc<[Field]>),
}

/// The type of the values of a time series or array.
#[derive(Debug, Clone)]
pub(crate) enum Element {
    /// A type in the tables of functions.
    Known(&'static ColumnType),
    /// A type that a query made.
    Made(Arc<ColumnType>),
}

impl Deref for Element {
    type Target = ColumnType;

    fn deref(&self) -> &ColumnType {
        match self {
            Self::Known(kind) => kind,
            Self::Made(kind) => kind,
        }
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Element {}

/// A field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// Its type.
    pub(crate) kind: ColumnType,
}

impl ColumnType {
    /// The type of arrays of values of this type.
    pub(crate) fn array(self) -> Self {
        Self::Array(Element::Made(Arc::new(self)))
    }

    /// The type's name in SQL and in error messages, in lower case.
    pub(crate) fn sql_name(&self) -> Cow<'static, str> {
        let name = match self {
            Self::Varchar => "varchar",
            Self::Double => "double",
            Self::Bigint => "bigint",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Time => "time",
            Self::IntervalDayToSecond => "interval day to second",
            Self::IntervalYearToMonth => "interval year to month",
            Self::Unknown => "unknown",
            Self::TimeSeries(value) => return format!("timeseries({})", value.sql_name()).into(),
            Self::Array(element) => return format!("array({})", element.sql_name()).into(),
            Self::Row(fields) => {
                let fields = fields.iter().map(|field| match &field.name {
                    Some(name) => format!("{name} {}", field.kind.sql_name()),
                    None => field.kind.sql_name().into_owned(),
                });
                return format!("row({})", fields.collect::<Vec<_>>().join(", ")).into();
            }
        };
        Cow::Borrowed(name)
    }

    /// The type as the API's `Type`.
    pub(crate) fn api_type(&self) -> Json {
        match self {
            Self::TimeSeries(value) => json!({"TimeSeriesMeasureValueColumnInfo": {"Type": value.api_type()}}),
            Self::Array(element) => json!({"ArrayColumnInfo": {"Type": element.api_type()}}),
            Self::Row(fields) => {
                let info = fields.iter().map(|field| match &field.name {
                    Some(name) => json!({"Name": name, "Type": field.kind.api_type()}),
                    None => json!({"Type": field.kind.api_type()}),
                });
                json!({"RowColumnInfo": info.collect::<Vec<_>>()})
            }
            scalar => json!({"ScalarType": scalar.api_name()}),
        }
    }

    /// A scalar type's name in the API's `ScalarType`: `VARCHAR`, `INTERVAL_DAY_TO_SECOND`, …
    fn api_name(&self) -> &'static str {
        match self {
            Self::Varchar | Self::TimeSeries(_) | Self::Array(_) | Self::Row(_) => "VARCHAR",
            Self::Double => "DOUBLE",
            Self::Bigint => "BIGINT",
            Self::Integer => "INTEGER",
            Self::Boolean => "BOOLEAN",
            Self::Timestamp => "TIMESTAMP",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::IntervalDayToSecond => "INTERVAL_DAY_TO_SECOND",
            Self::IntervalYearToMonth => "INTERVAL_YEAR_TO_MONTH",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Prints a value as the API's `ScalarValue` does; `None` is NULL.
    pub(crate) fn text(&self, value: ValueRef<'_>) -> Option<String> {
        match (self, value) {
            (_, ValueRef::Null) => None,
            (Self::Double, ValueRef::Real(number)) => Some(text::double(number)),
            (Self::Double, ValueRef::Integer(number)) => Some(text::double(number as f64)),
            (Self::Double, value) if nan::is_nan(value) => Some(text::double(f64::NAN)),
            (Self::Boolean, ValueRef::Integer(number)) => Some((number != 0).to_string()),
            (Self::Timestamp, ValueRef::Integer(nanoseconds)) => Some(calendar::timestamp_text(nanoseconds)),
            (Self::Date, ValueRef::Integer(days)) => Some(calendar::date_text(days)),
            (Self::Time, ValueRef::Integer(nanoseconds)) => Some(calendar::clock_text(nanoseconds)),
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
    pub(crate) fn series(&self) -> Option<Self> {
        Some(Self::TimeSeries(Element::Known(match self {
            Self::Double => &Self::Double,
            Self::Bigint => &Self::Bigint,
            Self::Integer => &Self::Integer,
            Self::Boolean => &Self::Boolean,
            Self::Varchar => &Self::Varchar,
            _ => return None,
        })))
    }

    /// Whether values can be compared and ordered.
    pub(crate) fn is_comparable(&self) -> bool {
        !matches!(self, Self::TimeSeries(_) | Self::Array(_) | Self::Row(_))
    }

    /// Whether values can be tested for equality.
    pub(crate) fn has_equality(&self) -> bool {
        match self {
            Self::TimeSeries(_) => false,
            Self::Array(element) => element.has_equality(),
            Self::Row(fields) => fields.iter().all(|field| field.kind.has_equality()),
            _ => true,
        }
    }

    /// Whether equal values are equal to SQLite, so that it can group them. Two arrays with 0.0 and −0.0 are equal, but not
    /// their BLOBs.
    pub(crate) fn can_be_grouped(&self) -> bool {
        let is_exact = |kind: &Self| kind.can_be_grouped() && *kind != Self::Double;
        match self {
            Self::TimeSeries(_) => false,
            Self::Array(element) => is_exact(element),
            Self::Row(fields) => fields.iter().all(|field| is_exact(&field.kind)),
            _ => true,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Double | Self::Bigint | Self::Integer)
    }

    pub(crate) fn is_integral(&self) -> bool {
        matches!(self, Self::Bigint | Self::Integer)
    }

    /// Whether the type has more parts, or nests deeper, than types of values may.
    pub(crate) fn is_too_complex(&self) -> bool {
        self.depth() > MAX_TYPE_DEPTH || self.parts() > MAX_TYPE_PARTS
    }

    /// The types in the type.
    fn parts(&self) -> usize {
        match self {
            Self::Array(element) | Self::TimeSeries(element) => 1 + element.parts(),
            Self::Row(fields) => 1 + fields.iter().map(|field| field.kind.parts()).sum::<usize>(),
            _ => 1,
        }
    }

    /// How deep arrays and rows are nested in the type.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Array(element) | Self::TimeSeries(element) => 1 + element.depth(),
            Self::Row(fields) => 1 + fields.iter().map(|field| field.kind.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The type to which values of both types convert without loss of meaning, if there is one.
    pub(crate) fn common(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            _ if self == other => Some(self.clone()),
            (Self::Unknown, known) | (known, Self::Unknown) => Some(known.clone()),
            (Self::Double, number) | (number, Self::Double) if number.is_number() => Some(Self::Double),
            (Self::Bigint, Self::Integer) | (Self::Integer, Self::Bigint) => Some(Self::Bigint),
            (Self::Timestamp, Self::Date) | (Self::Date, Self::Timestamp) => Some(Self::Timestamp),
            (Self::Array(one), Self::Array(two)) => Some(one.common(two)?.array()),
            (Self::Row(one), Self::Row(two)) if one.len() == two.len() => {
                let fields = one.iter().zip(two.iter()).map(|(one, two)| {
                    let name = one.name.clone().filter(|_| one.name == two.name);
                    Some(Field { name, kind: one.kind.common(&two.kind)? })
                });
                Some(Self::Row(fields.collect::<Option<_>>()?))
            }
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
    /// Whether no value of it is NaN or infinite.
    pub is_finite: bool,
}

impl Column {
    /// A column that does not belong to a table. A double of it may be NaN or infinite.
    pub(crate) fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        let is_finite = column_type != ColumnType::Double;
        Self { name: name.into(), column_type, aliased: false, origin: None, is_finite }
    }
}
