//! What Trino answered to thousands of statements. `tests/trino/run` makes them, and the table of its answers.

use rusqlite::Connection;
use serde_json::Value as Json;

use super::{NOW, OneTable, check, connection};
use crate::sql::{ColumnType, Statement, compile};

/// A statement and its answer a line, parted by tabs: `error`; or whether its rows have no order (`u`) and its doubles are
/// not exact (`~`), the types of its columns, and its rows as JSON.
const RECORDED: &str = include_str!("../../../tests/trino/recorded.tsv");

/// How many doubles may lie between two that are alike: libraries of mathematics and sums differ in their last bits.
const MAX_STEPS: u64 = 64;

#[test]
fn statements_are_answered_as_trino_did() {
    let connection = connection();
    let wrong: Vec<String> = RECORDED.lines().filter_map(|line| difference(&connection, line)).collect();
    assert!(RECORDED.lines().count() >= 3_000);
    assert!(wrong.is_empty(), "{} statements, such as:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

#[test]
fn each_kind_of_fault_that_trino_showed_is_mended() {
    check(&[
        (
            "SELECT round(-0.0), round(-0.4), round(1e300, 5), round(123456789012.345678, 5)",
            &["0.0|-0.0|1.0E300|1.2345678901234567E11"],
        ),
        (
            "SELECT human_readable_seconds(-3.75), human_readable_seconds(9e15)",
            &["4 seconds|14880952380 weeks, 6 days, 16 hours"],
        ),
        ("SELECT date_trunc('hour', DATE '2021-01-01')", &["error: 'hour' is not a valid DATE field"]),
        ("SELECT date_add('minute', 1, DATE '2021-01-01')", &["error: 'minute' is not a valid DATE field"]),
        (
            "SELECT date_diff('second', DATE '2021-01-01', DATE '2021-01-02')",
            &["error: 'second' is not a valid DATE field"],
        ),
        ("SELECT date_diff('hour', DATE '2021-01-01', TIMESTAMP '2021-01-01 05:00:00')", &["5"]),
        ("SELECT date('2021-05-06T07:08')", &["error: Value cannot be cast to date: 2021-05-06T07:08"]),
        ("SELECT from_iso8601_timestamp('2021-05-06T07:08.5')", &["error: Invalid format: \"2021-05-06T07:08.5\""]),
        ("SELECT from_iso8601_timestamp('2021-05-06 07:08')", &["error: Invalid format: \"2021-05-06 07:08\""]),
        ("SELECT from_iso8601_timestamp('2021-W18-4')", &["2021-05-06 00:00:00.000000000"]),
        ("SELECT day(2d), hour(INTERVAL '-90' minute), minute(90m), second(5s), millisecond(10ms)", &["2|-1|30|5|10"]),
        ("SELECT year(INTERVAL '-13' month), month(INTERVAL '-13' month), extract(hour FROM 25h)", &["-1|-1|1"]),
        ("SELECT parse_duration('.5s')", &["error: duration is not a valid data duration string: .5s"]),
        ("SELECT date_format(now(), '')", &["error: A pattern of a time may not be empty"]),
        ("SELECT parse_datetime('09.55', 'ss.S')", &["error: Invalid format: \"09.55\" is malformed at \"5\""]),
        ("SELECT regexp_replace('abc', 'x', '$1')", &["abc"]),
        ("SELECT typeof(random(5)), typeof(random(1, 2147483648))", &["integer|bigint"]),
        ("SELECT nullif(1, 1.0), nullif(2, 1.0), typeof(nullif(2, 1.0)), nullif(NULL, 1)", &["NULL|2|integer|NULL"]),
        (
            "SELECT x || y FROM (VALUES (ARRAY[1], 2), (ARRAY[3], NULL)) AS t (x, y)",
            &[r#"{"ArrayValue":[{"ScalarValue":"1"},{"ScalarValue":"2"}]}"#, r#"{"NullValue":true}"#],
        ),
        ("SELECT reduce(sequence(1, 5), 0, (s, x) -> s + x, s -> s)", &["15"]),
        ("SELECT reduce(ARRAY[2.5], NULL, (s, x) -> coalesce(s, 0) + x, s -> s)", &["2.5"]),
        ("SELECT approx_percentile(x, 2.0) FROM (VALUES NULL, CAST(NULL AS double)) AS t (x)", &["NULL"]),
    ]);
}

/// What is wrong with the answer to a recorded statement.
fn difference(connection: &Connection, line: &str) -> Option<String> {
    let (statement, recorded) = line.split_once('\t').unwrap();
    let given = answer(connection, statement);
    let is_alike = match (recorded.split('\t').collect::<Vec<_>>().as_slice(), &given) {
        (["error"], given) => given.is_err(),
        ([flags, types, rows], Ok((own_types, own_rows))) => {
            let (mut rows, mut own_rows) = (serde_json::from_str::<Vec<Json>>(rows).unwrap(), own_rows.clone());
            if flags.contains('u') {
                rows.sort_by_cached_key(Json::to_string);
                own_rows.sort_by_cached_key(Json::to_string);
            }
            let are_close =
                || flags.contains('~') && are_close(&Json::Array(rows.clone()), &Json::Array(own_rows.clone()));
            types == own_types && (rows == own_rows || are_close())
        }
        _ => false,
    };
    (!is_alike).then(|| format!("{statement}\n  Trino: {recorded}\n  here:  {given:?}"))
}

/// The types of the columns, and the rows.
fn answer(connection: &Connection, text: &str) -> Result<(String, Vec<Json>), String> {
    let query = match compile(text, &OneTable, NOW).map_err(|error| error.message)? {
        Statement::Select(query) => query,
        Statement::Listing(_) | Statement::Unload(_) => return Err(format!("{text} is no SELECT")),
    };
    let types: Vec<String> = query.columns.iter().map(|column| type_name(&column.column_type)).collect();
    let mut statement = connection.prepare(&query.sql).map_err(|error| error.to_string())?;
    let count = statement.parameter_count();
    let rows = statement
        .query_map(rusqlite::params_from_iter(query.parameters.iter().take(count)), |row| {
            let cells = query.columns.iter().enumerate().map(|(index, column)| {
                let mut datum = Vec::new();
                column.column_type.write_datum(row.get_ref(index)?, &mut datum).unwrap();
                Ok(plain(&serde_json::from_slice(&datum).unwrap()))
            });
            cells.collect::<rusqlite::Result<Vec<Json>>>().map(Json::Array)
        })
        .map_err(|error| error.to_string())?;
    let rows = rows.collect::<rusqlite::Result<Vec<Json>>>().map_err(|error| error.to_string())?;
    Ok((types.join(", "), rows))
}

/// A type's name, without the names of fields.
fn type_name(kind: &ColumnType) -> String {
    match kind {
        ColumnType::Array(element) => format!("array({})", type_name(element)),
        ColumnType::Row(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| type_name(&field.kind)).collect();
            format!("row({})", fields.join(", "))
        }
        other => other.sql_name().into_owned(),
    }
}

/// The values of a Datum of the API.
fn plain(datum: &Json) -> Json {
    let all = |values: &Json| Json::Array(values.as_array().unwrap().iter().map(plain).collect());
    match datum.as_object().unwrap().iter().next().unwrap() {
        (key, values) if key == "ArrayValue" => all(values),
        (key, row) if key == "RowValue" => all(&row["Data"]),
        (key, text) if key == "ScalarValue" => text.clone(),
        _ => Json::Null,
    }
}

fn are_close(one: &Json, two: &Json) -> bool {
    match (one, two) {
        (Json::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| are_close(one, two))
        }
        (Json::String(one), Json::String(two)) if one.contains('.') && two.contains('.') => {
            match (one.parse::<f64>(), two.parse::<f64>()) {
                (Ok(one), Ok(two)) => place(one).abs_diff(place(two)) <= MAX_STEPS,
                _ => one == two,
            }
        }
        _ => one == two,
    }
}

/// A number's place among all doubles.
fn place(number: f64) -> i64 {
    let bits = number.to_bits() as i64;
    if bits < 0 { -(bits & i64::MAX) } else { bits }
}
