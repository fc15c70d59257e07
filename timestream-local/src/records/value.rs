//! A measure's value, from its text and type.

use crate::error::ApiError;
use crate::names::constraint;
use serde::{Deserialize, Serialize};

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Kind {
    /// A 64-bit float, finite.
    Double,
    /// A 64-bit integer.
    Bigint,
    /// Text.
    Varchar,
    /// A truth value.
    Boolean,
    /// A moment. Only multi-measure records have it.
    Timestamp,
}

impl Kind {
    /// The type that a single-measure record names. Timestream takes TIMESTAMP in multi-measure records only.
    pub(crate) fn single(name: &str) -> Result<Kind, ApiError> {
        match Kind::read(name) {
            Some(Kind::Timestamp) => Err(ApiError::validation("TIMESTAMP is an invalid measure value type.")),
            Some(kind) => Ok(kind),
            None => Err(unknown("measureValueType", name)),
        }
    }

    /// The type that a value of a multi-measure record names.
    pub(crate) fn multi(name: &str) -> Result<Kind, ApiError> {
        match Kind::read(name) {
            Some(kind) => Ok(kind),
            None if name == "MULTI" => {
                Err(ApiError::validation("MULTI is an invalid measure value type inside MeasureValues."))
            }
            None => Err(unknown("type", name)),
        }
    }

    /// The type of a name in the API.
    pub(crate) fn read(name: &str) -> Option<Kind> {
        let kinds = [Kind::Double, Kind::Bigint, Kind::Varchar, Kind::Boolean, Kind::Timestamp];
        kinds.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Double => "DOUBLE",
            Kind::Bigint => "BIGINT",
            Kind::Varchar => "VARCHAR",
            Kind::Boolean => "BOOLEAN",
            Kind::Timestamp => "TIMESTAMP",
        }
    }
}

fn unknown(field: &str, name: &str) -> ApiError {
    let kinds = "Member must satisfy enum value set: [DOUBLE, BIGINT, VARCHAR, BOOLEAN, TIMESTAMP, MULTI]";
    constraint(field, name, kinds)
}

/// A value that was measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// DOUBLE, finite.
    Double(f64),
    /// BIGINT.
    Bigint(i64),
    /// VARCHAR.
    Varchar(String),
    /// BOOLEAN.
    Boolean(bool),
    /// TIMESTAMP, in nanoseconds since 1970.
    Timestamp(i64),
}

impl Value {
    /// Its type.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Value::Double(_) => Kind::Double,
            Value::Bigint(_) => Kind::Bigint,
            Value::Varchar(_) => Kind::Varchar,
            Value::Boolean(_) => Kind::Boolean,
            Value::Timestamp(_) => Kind::Timestamp,
        }
    }

    /// What it counts against the size of its record, in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::Varchar(text) => text.len(),
            Value::Boolean(_) => 1,
            _ => 8,
        }
    }

    /// Reads `text` as a value. A TIMESTAMP is a count of the record's time unit, `unit_ns` long.
    pub(crate) fn parse(kind: Kind, text: &str, unit_ns: i64) -> Result<Value, ApiError> {
        let value = match kind {
            Kind::Double => parse_double(text).map(Value::Double),
            Kind::Bigint => text.parse().ok().map(Value::Bigint),
            Kind::Varchar => (!text.contains('\0')).then(|| Value::Varchar(text.to_owned())),
            Kind::Boolean if text.eq_ignore_ascii_case("true") => Some(Value::Boolean(true)),
            Kind::Boolean if text.eq_ignore_ascii_case("false") => Some(Value::Boolean(false)),
            Kind::Boolean => None,
            Kind::Timestamp => parse_time(text, unit_ns).map(Value::Timestamp),
        };
        value.ok_or_else(|| {
            let shown: String = text.chars().take(100).collect();
            ApiError::validation(format!("The measure value is not a valid {}: {shown}", kind.name()))
        })
    }
}

/// A finite double in decimal or exponent form. `NaN`, `Infinity` and numbers that overflow are refused.
fn parse_double(text: &str) -> Option<f64> {
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !numeric {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A time from 1970 to 2262 in nanoseconds.
pub(crate) fn parse_time(text: &str, unit_ns: i64) -> Option<i64> {
    let count: i64 = text.parse().ok()?;
    count.checked_mul(unit_ns).filter(|ns| *ns >= 0)
}

/// The length of an API time unit in nanoseconds.
pub(crate) fn unit_ns(unit: &str) -> Result<i64, ApiError> {
    match unit {
        "SECONDS" => Ok(1_000_000_000),
        "MILLISECONDS" => Ok(1_000_000),
        "MICROSECONDS" => Ok(1_000),
        "NANOSECONDS" => Ok(1),
        _ => Err(constraint(
            "timeUnit",
            unit,
            "Member must satisfy enum value set: [MILLISECONDS, SECONDS, MICROSECONDS, NANOSECONDS]",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(value: &Value, wanted: f64) -> bool {
        matches!(value, Value::Double(value) if value.to_bits() == wanted.to_bits())
    }

    #[test]
    fn doubles_keep_every_bit() {
        for value in [0.1 + 0.2, 1e-9, 1e300, -0.0, 5e-324, 9007199254740993.0, f64::MAX, f64::MIN] {
            for text in [format!("{value}"), format!("{value:e}")] {
                assert!(same(&Value::parse(Kind::Double, &text, 1).unwrap(), value), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["NaN", "Infinity", "-inf", "1e999", "", "1 ", "0x1", "1_0"] {
            assert!(Value::parse(Kind::Double, text, 1).is_err(), "{text}");
        }
        assert!(Value::parse(Kind::Bigint, "9223372036854775808", 1).is_err());
        assert!(Value::parse(Kind::Boolean, "yes", 1).is_err());
        assert!(Value::parse(Kind::Timestamp, "-1", 1).is_err());
        assert!(Value::parse(Kind::Varchar, "a\0", 1).is_err());
        for name in ["double", "", "TIMESTAMP", "MULTI"] {
            assert!(Kind::single(name).is_err(), "{name}");
        }
        assert_eq!(Kind::multi("TIMESTAMP"), Ok(Kind::Timestamp));
        assert!(Kind::multi("MULTI").is_err());
    }

    #[test]
    fn times() {
        assert_eq!(parse_time("1", unit_ns("SECONDS").unwrap()), Some(1_000_000_000));
        assert_eq!(parse_time("9223372036854775807", 1), Some(i64::MAX));
        assert_eq!(parse_time("9223372036854775807", 1000), None);
        assert!(unit_ns("HOURS").is_err());
    }
}
