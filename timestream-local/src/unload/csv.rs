//! Rows as CSV, as the developer guide describes it: values stand in double quotes, and the escape stands before a quote
//! and before itself. NULL is nothing, without quotes. Arrays, rows and time series are JSON.
//!
//! The crate csv, which reads files for batch load, does not escape the escape, and has one way of quoting for all values.

use rusqlite::types::ValueRef;

use crate::sql::{Column, ColumnType, CsvForm, Failure};

/// Appends the line of the columns' names.
pub(super) fn header(columns: &[Column], form: CsvForm, line: &mut Vec<u8>) {
    for (index, column) in columns.iter().enumerate() {
        separate(index, form, line);
        quoted(column.name.as_bytes(), form, line);
    }
    line.push(b'\n');
}

/// Appends the line of a row.
pub(super) fn row(
    columns: &[Column],
    values: &[ValueRef<'_>],
    form: CsvForm,
    line: &mut Vec<u8>,
) -> Result<(), Failure> {
    for (index, (column, value)) in columns.iter().zip(values).enumerate() {
        separate(index, form, line);
        match (&column.column_type, *value) {
            (_, ValueRef::Null) => {}
            (ColumnType::Varchar, ValueRef::Text(text)) => quoted(text, form, line),
            (kind @ (ColumnType::Array(_) | ColumnType::Row(_) | ColumnType::TimeSeries(_)), value) => {
                let mut json = String::new();
                kind.write_json(value, &mut json)?;
                quoted(json.as_bytes(), form, line);
            }
            (kind, value) => quoted(kind.text(value).unwrap_or_default().as_bytes(), form, line),
        }
    }
    line.push(b'\n');
    Ok(())
}

fn separate(index: usize, form: CsvForm, line: &mut Vec<u8>) {
    if index > 0 {
        line.push(form.delimiter);
    }
}

fn quoted(text: &[u8], form: CsvForm, line: &mut Vec<u8>) {
    line.reserve(text.len() + 2);
    line.push(b'"');
    for byte in text {
        if *byte == b'"' || *byte == form.escape {
            line.push(form.escape);
        }
        line.push(*byte);
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORM: CsvForm = CsvForm { delimiter: b',', escape: b'\\', has_header: false };

    #[test]
    fn values_stand_in_quotes_and_null_is_nothing() {
        let kinds = [ColumnType::Varchar, ColumnType::Varchar, ColumnType::Timestamp, ColumnType::Double];
        let columns = kinds.map(|kind| Column::new("a\"b", kind));
        let values = [ValueRef::Text(b"q\"e\\,\n"), ValueRef::Null, ValueRef::Integer(0), ValueRef::Real(1e9)];
        let mut line = Vec::new();
        header(&columns[..1], FORM, &mut line);
        row(&columns, &values, FORM, &mut line).unwrap();
        let wanted = "\"a\\\"b\"\n\"q\\\"e\\\\,\n\",,\"1970-01-01 00:00:00.000000000\",\"1.0E9\"\n";
        assert_eq!(String::from_utf8(line).unwrap(), wanted);
    }

    proptest! {
        #[test]
        fn a_reader_of_csv_reads_the_values_back(texts in prop::collection::vec(".{0,8}", 2..4)) {
            let columns: Vec<_> = texts.iter().map(|_| Column::new("x", ColumnType::Varchar)).collect();
            let values: Vec<_> = texts.iter().map(|text| ValueRef::Text(text.as_bytes())).collect();
            let mut line = Vec::new();
            row(&columns, &values, FORM, &mut line).unwrap();
            let mut reader = csv::ReaderBuilder::new();
            let reader = reader.has_headers(false).escape(Some(b'\\')).double_quote(false).from_reader(line.as_slice());
            let read: Vec<csv::StringRecord> = reader.into_records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(read[0].iter().collect::<Vec<_>>(), texts);
        }
    }
}
