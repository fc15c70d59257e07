//! A measure's value, from its text and type.

use crate::error::ApiError;
use crate::names::constraint;

/// What a record measured.
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
    /// Whether both are the same value: doubles bit for bit, so that -0.0 is not 0.0.
    pub(crate) fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        }
    }

    /// Reads `text` as the API type `kind`. A TIMESTAMP is a count of the record's time unit, `unit_ns` long.
    pub(crate) fn parse(kind: &str, text: &str, unit_ns: i64) -> Result<Value, ApiError> {
        let wrong = || {
            let shown: String = text.chars().take(100).collect();
            ApiError::validation(format!("The measure value is not a valid {kind}: {shown}"))
        };
        match kind {
            "DOUBLE" => parse_double(text).map(Value::Double).ok_or_else(wrong),
            "BIGINT" => text.parse().map(Value::Bigint).map_err(|_| wrong()),
            "VARCHAR" => Ok(Value::Varchar(text.to_owned())),
            "BOOLEAN" if text.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
            "BOOLEAN" if text.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
            "BOOLEAN" => Err(wrong()),
            "TIMESTAMP" => parse_time(text, unit_ns).map(Value::Timestamp).ok_or_else(wrong),
            "MULTI" => Err(ApiError::validation("Measure value type MULTI is not supported by this server.")),
            _ => Err(constraint(
                "measureValueType",
                kind,
                "Member must satisfy enum value set: [DOUBLE, BIGINT, VARCHAR, BOOLEAN, TIMESTAMP, MULTI]",
            )),
        }
    }
}

/// A finite double in decimal or exponent form. `NaN`, `Infinity` and what overflows to it are none.
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

    #[test]
    fn doubles_keep_every_bit() {
        for value in [0.1 + 0.2, 1e-9, 1e300, -0.0, 5e-324, 9007199254740993.0, f64::MAX, f64::MIN] {
            for text in [format!("{value}"), format!("{value:e}")] {
                assert!(Value::parse("DOUBLE", &text, 1).unwrap().same(&Value::Double(value)), "{text}");
            }
        }
        assert!(!Value::Double(0.0).same(&Value::Double(-0.0)));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["NaN", "Infinity", "-inf", "1e999", "", "1 ", "0x1", "1_0"] {
            assert!(Value::parse("DOUBLE", text, 1).is_err(), "{text}");
        }
        assert!(Value::parse("BIGINT", "9223372036854775808", 1).is_err());
        assert!(Value::parse("BOOLEAN", "yes", 1).is_err());
        assert!(Value::parse("TIMESTAMP", "-1", 1).is_err());
        assert!(Value::parse("double", "1", 1).is_err());
    }

    #[test]
    fn times() {
        assert_eq!(parse_time("1", unit_ns("SECONDS").unwrap()), Some(1_000_000_000));
        assert_eq!(parse_time("9223372036854775807", 1), Some(i64::MAX));
        assert_eq!(parse_time("9223372036854775807", 1000), None);
        assert!(unit_ns("HOURS").is_err());
    }
}
