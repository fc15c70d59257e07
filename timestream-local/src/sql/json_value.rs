//! Values of arrays, rows and time series as JSON, in which UNLOAD writes them into CSV.

use rusqlite::types::ValueRef;
use serde_json::Value as Json;

use super::failure::Failure;
use super::list;
use super::series::Entries;
use super::types::ColumnType;

/// The longest JSON, in bytes, to which another value is appended.
const MAX_JSON: usize = 64 << 20;

impl ColumnType {
    /// Appends a value as JSON: numbers and truth values as such, all other scalars as text. A time has a Z behind it, as
    /// in the examples of the developer guide. A field of a row that has no name has that of its place, from 0: `field0`.
    ///
    /// # Errors
    /// A time series, array or row that cannot be read, or is too large.
    pub(crate) fn write_json(&self, value: ValueRef<'_>, json: &mut String) -> Result<(), Failure> {
        if json.len() > MAX_JSON {
            return Err("A value takes more than 64 MiB as JSON".into());
        }
        match (self, value) {
            (_, ValueRef::Null) => json.push_str("null"),
            (Self::TimeSeries(kind), value) => {
                json.push('[');
                for (index, (time, value)) in Entries::read(value)?.iter().enumerate() {
                    json.push_str(if index == 0 { "{\"time\":" } else { ",{\"time\":" });
                    Self::Timestamp.write_json(ValueRef::Integer(time), json)?;
                    json.push_str(",\"value\":");
                    kind.write_json(value, json)?;
                    json.push('}');
                }
                json.push(']');
            }
            (Self::Array(kind), value) => {
                json.push('[');
                for (index, value) in list::read(value)?.into_iter().enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    kind.write_json(value, json)?;
                }
                json.push(']');
            }
            (Self::Row(fields), value) => {
                json.push('{');
                for (index, (field, value)) in fields.iter().zip(list::read(value)?).enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    let name = field.name.clone().unwrap_or_else(|| format!("field{index}"));
                    json.push_str(&Json::from(name).to_string());
                    json.push(':');
                    field.kind.write_json(value, json)?;
                }
                json.push('}');
            }
            (Self::Boolean, ValueRef::Integer(number)) => json.push_str(&(number != 0).to_string()),
            (Self::Bigint | Self::Integer, ValueRef::Integer(number)) => json.push_str(&number.to_string()),
            (Self::Double, ValueRef::Real(number)) if number.is_finite() => {
                json.push_str(&Json::from(number).to_string());
            }
            (scalar, value) => {
                let zone = if *scalar == Self::Timestamp { "Z" } else { "" };
                let text = scalar.text(value).unwrap_or_default();
                json.push_str(&Json::from(format!("{text}{zone}")).to_string());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::Field;

    fn json(kind: &ColumnType, value: ValueRef<'_>) -> String {
        let mut json = String::new();
        kind.write_json(value, &mut json).unwrap();
        json
    }

    #[test]
    fn nested_values() {
        let entries = [(10, 100.0.into()), (12, 120.0.into())];
        let series = crate::sql::series::write(&entries).unwrap();
        assert_eq!(
            json(&ColumnType::Double.series().unwrap(), (&series).into()),
            "[{\"time\":\"1970-01-01 00:00:00.000000010Z\",\"value\":100.0},\
             {\"time\":\"1970-01-01 00:00:00.000000012Z\",\"value\":120.0}]"
        );
        let array = list::write([ValueRef::Integer(23), ValueRef::Null]).unwrap();
        let bigints = ColumnType::Bigint.array();
        assert_eq!(json(&bigints, (&array).into()), "[23,null]");
        let field = |name: Option<&str>, kind| Field { name: name.map(str::to_owned), kind };
        let fields =
            [field(Some("x"), ColumnType::Double), field(None, ColumnType::Boolean), field(Some("a"), bigints)];
        let row = ColumnType::Row(fields.into());
        let value = list::write([ValueRef::Real(f64::INFINITY), ValueRef::Integer(1), (&array).into()]).unwrap();
        assert_eq!(json(&row, (&value).into()), r#"{"x":"Infinity","field1":true,"a":[23,null]}"#);
    }
}
