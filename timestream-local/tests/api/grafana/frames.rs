//! What Grafana's data source makes of an answer. A value that its parsers could not read fails the test.

use aws_sdk_timestreamquery::operation::query::QueryOutput;
use aws_sdk_timestreamquery::types::{ColumnInfo, Datum, Row, ScalarType, Type};
use serde_json::{Value, json};

/// The rows of a table.
#[derive(Debug, PartialEq)]
pub struct Table {
    /// The columns, each with the type of its field.
    pub fields: Vec<(String, &'static str)>,
    pub rows: Vec<Vec<Value>>,
}

/// One time series of an answer that has a column of them.
#[derive(Debug, PartialEq)]
pub struct Series {
    pub labels: Vec<(String, String)>,
    pub points: Vec<(String, Value)>,
}

/// A table. There may be no column of time series.
pub fn table(columns: &[ColumnInfo], rows: &[Row]) -> Table {
    let kinds: Vec<&Type> = columns.iter().map(|column| column.r#type().unwrap()).collect();
    let fields = columns.iter().zip(&kinds).map(|(column, kind)| (column.name().unwrap().to_owned(), field(kind)));
    let fields = fields.collect();
    let row = |row: &Row| kinds.iter().zip(row.data()).map(|(kind, datum)| parsed(kind, datum)).collect();
    Table { fields, rows: rows.iter().map(row).collect() }
}

/// The rows of an answer.
pub fn rows(answer: &QueryOutput) -> Vec<Vec<Value>> {
    table(answer.column_info(), answer.rows()).rows
}

/// A frame for each row of an answer with one column of time series. The scalars beside it are the labels.
pub fn series(answer: &QueryOutput) -> Vec<Series> {
    let columns = answer.column_info();
    let of_column = |column: &ColumnInfo| column.r#type().unwrap().time_series_measure_value_column_info().cloned();
    let place = columns.iter().position(|column| of_column(column).is_some()).unwrap();
    let value = of_column(&columns[place]).unwrap();
    let frame = |row: &Row| {
        let datum = &row.data()[place];
        assert!(datum.time_series_value.is_some() || datum.null_value == Some(true), "{datum:?}");
        let points = datum.time_series_value().iter().map(|point| {
            timestamp(point.time());
            (point.time().to_owned(), parsed(value.r#type().unwrap(), point.value().unwrap()))
        });
        let labels = columns.iter().zip(row.data()).filter_map(|(column, datum)| {
            datum.scalar_value().map(|text| (column.name().unwrap().to_owned(), text.to_owned()))
        });
        Series { labels: labels.collect(), points: points.collect() }
    };
    answer.rows().iter().map(frame).collect()
}

fn field(kind: &Type) -> &'static str {
    match kind.scalar_type() {
        Some(ScalarType::Timestamp | ScalarType::Date | ScalarType::Time) => "time",
        Some(ScalarType::Boolean) => "boolean",
        Some(ScalarType::Double) => "float64",
        Some(ScalarType::Bigint) => "int64",
        Some(ScalarType::Integer) => "int32",
        Some(ScalarType::Varchar | ScalarType::IntervalDayToSecond | ScalarType::IntervalYearToMonth) => "string",
        Some(other) => panic!("the data source leaves out a column of the type {other}"),
        None if kind.array_column_info().is_some() || !kind.row_column_info().is_empty() => "json",
        None => panic!("{kind:?}"),
    }
}

fn parsed(kind: &Type, datum: &Datum) -> Value {
    if let Some(element) = kind.array_column_info() {
        return datum.array_value().iter().map(|datum| parsed(element.r#type().unwrap(), datum)).collect();
    }
    if !kind.row_column_info().is_empty() {
        let row = datum.row_value().unwrap();
        let fields = kind.row_column_info().iter().zip(row.data());
        let fields = fields.map(|(field, datum)| {
            (field.name().unwrap_or_default().to_owned(), parsed(field.r#type().unwrap(), datum))
        });
        return Value::Object(fields.collect());
    }
    let Some(text) = datum.scalar_value() else {
        assert_eq!(datum.null_value, Some(true), "{datum:?}");
        return Value::Null;
    };
    match kind.scalar_type().unwrap() {
        ScalarType::Timestamp => timestamp(text),
        ScalarType::Date => assert!(is_date(text), "{text}"),
        ScalarType::Time => assert!(is_clock(text), "{text}"),
        ScalarType::Boolean => return json!(text.parse::<bool>().unwrap()),
        ScalarType::Double => return json!(text.parse::<f64>().unwrap()),
        ScalarType::Bigint => return json!(text.parse::<i64>().unwrap()),
        ScalarType::Integer => return json!(text.parse::<i32>().unwrap()),
        _ => {}
    }
    json!(text)
}

/// `2006-01-02 15:04:05.999999999`.
fn timestamp(text: &str) {
    let (date, clock) = text.split_once(' ').unwrap();
    assert!(is_date(date) && is_clock(clock), "{text}");
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([4, 2, 2]) && parts.iter().all(|part| part.parse::<u16>().is_ok())
}

fn is_clock(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<&str> = whole.split(':').collect();
    parts.iter().map(|part| part.len()).eq([2, 2, 2]) && fraction.len() <= 9 && fraction.parse::<u32>().is_ok()
}
