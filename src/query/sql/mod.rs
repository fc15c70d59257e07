//! The SELECT for a query. It may find more rows than the matchers ask for, but never fewer: the rows are checked again
//! with the matchers themselves.
//!
//! Values and names reach SQL only through [`quoted`] and [`identifier`].

mod column;
mod order;
mod quote;

use column::Column;
use quote::{identifier, quoted};

use super::columns::{BIN, SERIES};
use super::form::{Bin, RowForm};
use super::matcher::{Condition, METRIC_NAME, Matcher};
use super::regex::{Pattern, Values};
use super::schema::{BIGINT, DOUBLE, Schema};
use crate::error::{Error, Kind};

/// The longest query text that Timestream takes, in bytes.
const MAX_QUERY_BYTES: usize = 256 * 1024;

/// The longest text of one pattern that is worth sending, in bytes. Longer ones are only checked afterwards.
const MAX_PATTERN_BYTES: usize = 16 * 1024;

/// The last millisecond that Timestream's nanosecond timestamps reach, in 2262.
const LAST_MS: i64 = i64::MAX / 1_000_000;

/// The order of an answer's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As they come, which costs Timestream least.
    Any,
    /// Series by series as Prometheus sorts them, each by time.
    Series,
}

/// The query for the series that `matchers` ask for between `start_ms` and `end_ms`, both inclusive. `None` if no row
/// of a table with this schema can match.
///
/// # Errors
/// [`Kind::Invalid`] when the matchers do not fit a query text of 256 KiB.
pub(super) fn select(
    database: &str,
    table: &str,
    schema: &Schema,
    matchers: &[Matcher],
    bounds: (i64, i64),
    form: RowForm,
    order: Order,
) -> Result<Option<String>, Error> {
    let Some(mut conditions) = conditions(schema, matchers, bounds) else { return Ok(None) };
    if form != RowForm::Sample {
        match with_a_value(schema) {
            Some(condition) => conditions.push(condition),
            None => return Ok(None),
        }
    }
    let found = found(database, table, &conditions);
    let (start_ms, end_ms) = bounds;
    let bin = match form {
        RowForm::Series(bin) => Some(bin).filter(|bin| end_ms.saturating_sub(start_ms.max(0)) >= bin.ms),
        RowForm::Labels | RowForm::Sample => None,
    };
    let grouped = match form {
        RowForm::Sample => None,
        RowForm::Labels => Some(labels_of_series(&found, schema)),
        RowForm::Series(_) => Some(samples_of_series(&found, schema, bin)),
    };
    let sql = match order {
        Order::Any => grouped.unwrap_or_else(|| format!("SELECT * FROM {found}")),
        Order::Series => {
            let from = grouped.map_or(found, |grouped| format!("({grouped})"));
            order::ordered(&from, schema, matchers, order::within_series(form, bin))
        }
    };
    fitting(sql).map(Some)
}

/// The query for how many samples [`select`] finds.
///
/// # Errors
/// As [`select`].
pub(super) fn count(
    database: &str,
    table: &str,
    schema: &Schema,
    matchers: &[Matcher],
    bounds: (i64, i64),
) -> Result<Option<String>, Error> {
    let Some(conditions) = sample_conditions(schema, matchers, bounds) else { return Ok(None) };
    fitting(format!("SELECT count(*) FROM {}", found(database, table, &conditions))).map(Some)
}

/// The query for the series that [`select`] finds, their samples, and the letters of their labels, counted for each
/// sample: those of values, and of the names of labels with four more.
///
/// # Errors
/// As [`select`].
pub(super) fn sizes(
    database: &str,
    table: &str,
    schema: &Schema,
    matchers: &[Matcher],
    bounds: (i64, i64),
) -> Result<Option<String>, Error> {
    let Some(conditions) = sample_conditions(schema, matchers, bounds) else { return Ok(None) };
    let labels = label_columns(schema);
    let letters: String = schema
        .labels()
        .map(|(label, column)| {
            let (column, more) = (identifier(column), label.chars().count() + 4);
            format!(" + CASE WHEN {column} <> '' THEN length({column}) + {more} ELSE 0 END")
        })
        .collect();
    let found = found(database, table, &conditions);
    fitting(format!(
        "SELECT count(*), sum(ts_count), sum(ts_count * (length(measure_name){letters})) FROM \
         (SELECT {labels}, count(*) AS ts_count FROM {found} GROUP BY {labels})"
    ))
    .map(Some)
}

/// The conditions for rows of these series and times. `None` if no row can match.
fn conditions(schema: &Schema, matchers: &[Matcher], (start_ms, end_ms): (i64, i64)) -> Option<Vec<String>> {
    let start_ms = start_ms.max(0);
    if start_ms > end_ms || start_ms > LAST_MS {
        return None;
    }
    let mut conditions = vec![format!("time >= from_milliseconds({start_ms})")];
    if end_ms < LAST_MS {
        // Times within the last millisecond belong to it.
        conditions.push(format!("time < from_milliseconds({})", end_ms + 1));
    }
    for matcher in matchers {
        let condition = if matcher.label == METRIC_NAME {
            // Every row has a measure name, so it is never NULL.
            condition(&Column::MetricName, &matcher.condition)
        } else if let Some(column) = schema.column(&matcher.label) {
            or_null(column, matcher)
        } else if matcher.accepts("") {
            Said::Always
        } else {
            Said::Never
        };
        match condition {
            Said::Always => {}
            Said::Never => return None,
            Said::When(condition) => conditions.push(condition),
        }
    }
    Some(conditions)
}

/// The conditions for rows that are samples of these series and times. `None` if there is none.
fn sample_conditions(schema: &Schema, matchers: &[Matcher], bounds: (i64, i64)) -> Option<Vec<String>> {
    let mut conditions = conditions(schema, matchers, bounds)?;
    let condition = with_a_value(schema)?;
    // Where a table has no other measures each row has a value, and counting is faster without a look at it.
    if schema.has_other_measures() {
        conditions.push(condition);
    }
    Some(conditions)
}

/// A table's rows, as they stand behind `FROM`.
fn found(database: &str, table: &str, conditions: &[String]) -> String {
    format!("{} WHERE {}", self::table(database, table), conditions.join(" AND "))
}

fn fitting(sql: String) -> Result<String, Error> {
    if sql.len() > MAX_QUERY_BYTES {
        return Err(Error::new(
            Kind::Invalid,
            "QueryTooLargeError",
            format!("the matchers need a query of {} bytes; Timestream takes {MAX_QUERY_BYTES}", sql.len()),
        ));
    }
    Ok(sql)
}

/// The condition that a row is a sample. `None`: the table has none.
fn with_a_value(schema: &Schema) -> Option<String> {
    let conditions: Vec<String> = schema.values().map(|column| format!("{column} IS NOT NULL")).collect();
    (!conditions.is_empty()).then(|| format!("({})", conditions.join(" OR ")))
}

/// The columns that hold labels.
fn label_columns(schema: &Schema) -> String {
    let dimensions = schema.labels().map(|(_, column)| identifier(column));
    std::iter::once("measure_name".to_owned()).chain(dimensions).collect::<Vec<_>>().join(", ")
}

/// A row with the labels of each series among the rows found.
fn labels_of_series(found: &str, schema: &Schema) -> String {
    let columns = label_columns(schema);
    format!("SELECT {columns} FROM {found} GROUP BY {columns}")
}

/// A row with labels and samples of each series among the rows found, or of its part in each bin.
///
/// All dimensions are grouped, also those that hold no label, so that a group has no two samples of one time: it is not
/// documented what CREATE_TIME_SERIES does with them. Only a dimension that comes into the table between DESCRIBE and the
/// query is not grouped, once. Its values may not be NULL (developer guide, "Time-series views").
fn samples_of_series(found: &str, schema: &Schema, bin: Option<Bin>) -> String {
    let labels = label_columns(schema);
    let others: String = schema.other_dimensions().iter().map(|column| format!(", {}", identifier(column))).collect();
    let values: Vec<&str> = schema.values().collect();
    let value = match values.as_slice() {
        [DOUBLE] => DOUBLE.to_owned(),
        [BIGINT] => format!("CAST({BIGINT} AS double)"),
        _ => format!("COALESCE({DOUBLE}, CAST({BIGINT} AS double))"),
    };
    let (bin, grouped) = match bin {
        Some(bin) => (format!("bin(time, {}) AS {BIN}, ", bin.text), format!(", bin(time, {})", bin.text)),
        None => Default::default(),
    };
    format!(
        "SELECT {labels}, {bin}CREATE_TIME_SERIES(time, {value}) AS {SERIES} FROM {found} \
         GROUP BY {labels}{others}{grouped}"
    )
}

/// A table's name in SQL.
pub(crate) fn table(database: &str, table: &str) -> String {
    format!("{}.{}", identifier(database), identifier(table))
}

/// A query for the columns of a table, without rows. No record is older than 1970, so nothing is scanned.
pub(crate) fn nothing_of(table: &str) -> String {
    format!("SELECT * FROM {table} WHERE time < from_milliseconds(0) LIMIT 1")
}

/// The SQL condition of a matcher, if there is one.
enum Said {
    Always,
    Never,
    When(String),
}

/// The condition for a dimension, whose column is NULL where a series lacks it.
fn or_null(column: &str, matcher: &Matcher) -> Said {
    let column = identifier(column);
    match (condition(&Column::Dimension(&column), &matcher.condition), matcher.accepts("")) {
        (Said::Always, true) => Said::Always,
        (Said::Always, false) => Said::When(format!("{column} IS NOT NULL")),
        (Said::Never, true) => Said::When(format!("{column} IS NULL")),
        (Said::Never, false) => Said::Never,
        (Said::When(condition), true) => Said::When(format!("({column} IS NULL OR {condition})")),
        // SQL's comparisons are not true for NULL.
        (Said::When(condition), false) => Said::When(condition),
    }
}

/// The condition for a column's value, if it is not NULL.
fn condition(column: &Column<'_>, condition: &Condition) -> Said {
    match condition {
        Condition::Equal(value) => is_one_of(column, std::slice::from_ref(value)),
        Condition::NotEqual(value) => is_none_of(column, std::slice::from_ref(value)),
        Condition::Matches(pattern) => matching(column, pattern),
        Condition::DoesNotMatch(pattern) => not_matching(column, pattern),
    }
}

fn matching(column: &Column<'_>, pattern: &Pattern) -> Said {
    match pattern.values() {
        Values::Any => Said::Always,
        Values::NotEmpty => Said::When(format!("{} <> ''", column.name())),
        Values::Exactly(values) => is_one_of(column, &values),
        Values::StartingWith(start) => {
            let mut conditions = Vec::new();
            if !start.is_empty() {
                conditions.push(column.starts_with(&start));
            }
            let java = pattern.java();
            if java.text.len() <= MAX_PATTERN_BYTES {
                conditions.push(format!("regexp_like({}, {})", column.value(), quoted(&java.text)));
            }
            if conditions.is_empty() { Said::Always } else { Said::When(format!("({})", conditions.join(" AND "))) }
        }
    }
}

fn not_matching(column: &Column<'_>, pattern: &Pattern) -> Said {
    match pattern.values() {
        Values::Any => Said::Never,
        Values::NotEmpty => Said::When(format!("{} = ''", column.name())),
        Values::Exactly(values) => is_none_of(column, &values),
        Values::StartingWith(_) => {
            let java = pattern.java();
            // If the pattern matches more, its negation would lose rows.
            if java.exact && java.text.len() <= MAX_PATTERN_BYTES {
                Said::When(format!("NOT regexp_like({}, {})", column.value(), quoted(&java.text)))
            } else {
                Said::Always
            }
        }
    }
}

fn is_one_of(column: &Column<'_>, values: &[String]) -> Said {
    match column.stored(values).as_slice() {
        [] => Said::Never,
        [value] => Said::When(format!("{} = {value}", column.name())),
        values => Said::When(format!("({} IN ({}))", column.name(), values.join(", "))),
    }
}

fn is_none_of(column: &Column<'_>, values: &[String]) -> Said {
    match column.stored(values).as_slice() {
        [] => Said::Always,
        [value] => Said::When(format!("{} <> {value}", column.name())),
        values => Said::When(format!("NOT ({} IN ({}))", column.name(), values.join(", "))),
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
