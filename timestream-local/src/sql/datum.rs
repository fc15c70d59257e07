//! Values as the API's `Datum`, written straight into the JSON of a page.

use rusqlite::types::ValueRef;

use super::failure::Failure;
use super::list;
use super::series::Entries;
use super::text;
use super::types::ColumnType;
use crate::calendar;

/// What most points of a time series take at most.
const POINT_BYTES: usize = 88;

/// A point before its value.
const POINT: &[u8; 64] = b"{\"Time\":\"1970-01-01 00:00:00.000000000\",\"Value\":{\"ScalarValue\":\"";
/// Where its time begins.
const TIME: usize = 9;

impl ColumnType {
    /// Writes a value as a `Datum`.
    ///
    /// # Errors
    /// A time series, array or row that cannot be read.
    pub(crate) fn write_datum(&self, value: ValueRef<'_>, page: &mut Vec<u8>) -> Result<(), Failure> {
        match (self, value) {
            (_, ValueRef::Null) => page.extend_from_slice(b"{\"NullValue\":true}"),
            (Self::TimeSeries(kind), value) => {
                let entries = Entries::read(value)?;
                let mut times = calendar::TimestampWriter::default();
                page.reserve(entries.len() * POINT_BYTES);
                page.extend_from_slice(b"{\"TimeSeriesValue\":[");
                for (time, value) in entries.iter() {
                    let start = page.len() + TIME;
                    page.extend_from_slice(POINT);
                    if let Some(text) = page.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
                        times.write(time, text);
                    }
                    kind.write_scalar(value, page);
                    page.extend_from_slice(b"\"}},");
                }
                if entries.len() > 0 {
                    // The last comma.
                    page.pop();
                }
                page.extend_from_slice(b"]}");
            }
            (Self::Array(kind), value) => {
                page.extend_from_slice(b"{\"ArrayValue\":[");
                for (index, value) in list::read(value)?.into_iter().enumerate() {
                    if index > 0 {
                        page.push(b',');
                    }
                    kind.write_datum(value, page)?;
                }
                page.extend_from_slice(b"]}");
            }
            (Self::Row(fields), value) => {
                page.extend_from_slice(b"{\"RowValue\":{\"Data\":[");
                for (index, (field, value)) in fields.iter().zip(list::read(value)?).enumerate() {
                    if index > 0 {
                        page.push(b',');
                    }
                    field.kind.write_datum(value, page)?;
                }
                page.extend_from_slice(b"]}}");
            }
            (scalar, value) => {
                page.extend_from_slice(b"{\"ScalarValue\":\"");
                scalar.write_scalar(value, page);
                page.extend_from_slice(b"\"}");
            }
        }
        Ok(())
    }

    /// Writes the text within the quotes. The commonest types are written directly, the others through [`Self::text`].
    fn write_scalar(&self, value: ValueRef<'_>, page: &mut Vec<u8>) {
        match (self, value) {
            (Self::Varchar, ValueRef::Text(bytes)) => write_text(bytes, page),
            (Self::Timestamp, ValueRef::Integer(nanoseconds)) => calendar::write_timestamp(nanoseconds, page),
            (Self::Bigint | Self::Integer, ValueRef::Integer(number)) => {
                page.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            (Self::Double, ValueRef::Real(number)) => text::write_double(number, page),
            (scalar, value) => write_text(scalar.text(value).unwrap_or_default().as_bytes(), page),
        }
    }
}

/// Writes text with JSON's escapes, without its quotes.
fn write_text(bytes: &[u8], page: &mut Vec<u8>) {
    if !bytes.iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')) && std::str::from_utf8(bytes).is_ok() {
        page.extend_from_slice(bytes);
        return;
    }
    let quoted = serde_json::Value::from(String::from_utf8_lossy(bytes)).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    page.extend_from_slice(inner.unwrap_or_default().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::Field;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn datum(kind: &ColumnType, value: ValueRef<'_>) -> Json {
        let mut page = Vec::new();
        kind.write_datum(value, &mut page).unwrap();
        serde_json::from_slice(&page).unwrap()
    }

    #[test]
    fn nested_values_are_written() {
        let entries = [(1_000_000_000, 1.5.into()), (2_000_000_000, (-0.0).into())];
        let series = crate::sql::series::write(&entries).unwrap();
        let point = |time, value| json!({"Time": time, "Value": {"ScalarValue": value}});
        assert_eq!(
            datum(&ColumnType::Double.series().unwrap(), (&series).into()),
            json!({"TimeSeriesValue": [point("1970-01-01 00:00:01.000000000", "1.5"),
                point("1970-01-01 00:00:02.000000000", "-0.0")]})
        );
        let array = list::write([ValueRef::Integer(5), ValueRef::Null]).unwrap();
        let bigints = ColumnType::Bigint.array();
        assert_eq!(
            datum(&bigints, (&array).into()),
            json!({"ArrayValue": [{"ScalarValue": "5"}, {"NullValue": true}]})
        );
        assert!(bigints.write_datum(ValueRef::Integer(1), &mut Vec::new()).is_err());
        let field = |name: Option<&str>, kind| Field { name: name.map(str::to_owned), kind };
        let row = ColumnType::Row([field(Some("a"), bigints), field(None, ColumnType::Boolean)].into());
        assert_eq!(row.sql_name(), "row(a array(bigint), boolean)");
        let value = list::write([(&array).into(), ValueRef::Integer(1)]).unwrap();
        assert_eq!(
            datum(&row, (&value).into()),
            json!({"RowValue": {"Data": [{"ArrayValue": [{"ScalarValue": "5"}, {"NullValue": true}]},
                {"ScalarValue": "true"}]}})
        );
        assert_eq!(
            row.api_type(),
            json!({"RowColumnInfo": [{"Name": "a", "Type": {"ArrayColumnInfo": {"Type": {"ScalarType": "BIGINT"}}}},
                {"Type": {"ScalarType": "BOOLEAN"}}]})
        );
    }

    proptest! {
        #[test]
        fn the_short_ways_write_what_the_long_one_does(text in "\\PC{0,20}|[\\x00-\\x7f]{0,20}", number in any::<i64>(),
            bits in any::<u64>()) {
            let cases = [
                (ColumnType::Varchar, ValueRef::Text(text.as_bytes())),
                (ColumnType::Bigint, ValueRef::Integer(number)),
                (ColumnType::Timestamp, ValueRef::Integer(number)),
                (ColumnType::Double, ValueRef::Real(f64::from_bits(bits))),
            ];
            for (kind, value) in cases {
                prop_assert_eq!(datum(&kind, value), json!({"ScalarValue": kind.text(value)}));
            }
        }
    }
}
