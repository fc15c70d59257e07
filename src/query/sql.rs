//! The SELECT for a query. It may find more rows than the matchers ask for, never fewer: what comes back is checked
//! again with the matchers themselves.
//!
//! Values and names reach SQL only through [`quoted`] and [`identifier`].

use super::matcher::{Condition, METRIC_NAME, Matcher};
use super::regex::{Pattern, Values};
use super::schema::Schema;
use crate::error::{Error, Kind};

/// The longest query text that Timestream takes, in bytes.
const MAX_QUERY_BYTES: usize = 256 * 1024;

/// The longest text of one pattern that is worth sending, in bytes. Longer ones are left to the check afterwards.
const MAX_PATTERN_BYTES: usize = 16 * 1024;

/// The last millisecond that Timestream's nanosecond timestamps reach, in 2262.
const LAST_MS: i64 = i64::MAX / 1_000_000;

/// The SELECT for the series that `matchers` ask for between `start_ms` and `end_ms`, both inclusive. `None`: no row
/// of a table with this schema can answer.
///
/// # Errors
/// [`Kind::Invalid`] when the matchers do not fit a query text of 256 KiB.
pub(super) fn select(
    database: &str,
    table: &str,
    schema: &Schema,
    matchers: &[Matcher],
    (start_ms, end_ms): (i64, i64),
) -> Result<Option<String>, Error> {
    let (start_ms, end_ms) = (start_ms.max(0), end_ms.min(LAST_MS));
    if start_ms > end_ms {
        return Ok(None);
    }
    let mut conditions = vec![format!("time BETWEEN from_milliseconds({start_ms}) AND from_milliseconds({end_ms})")];
    for matcher in matchers {
        let condition = if matcher.label == METRIC_NAME {
            // Every row has a measure name, so nothing is said of NULL.
            condition("measure_name", &matcher.condition)
        } else if let Some(column) = schema.column(&matcher.label) {
            or_null(column, matcher)
        } else if matcher.accepts("") {
            Said::Always
        } else {
            Said::Never
        };
        match condition {
            Said::Always => {}
            Said::Never => return Ok(None),
            Said::When(condition) => conditions.push(condition),
        }
    }
    let sql = format!(
        "SELECT * FROM {}.{} WHERE {} ORDER BY time ASC",
        identifier(database),
        identifier(table),
        conditions.join(" AND ")
    );
    if sql.len() > MAX_QUERY_BYTES {
        return Err(Error::new(
            Kind::Invalid,
            "QueryTooLargeError",
            format!("the matchers need a query of {} bytes; Timestream takes {MAX_QUERY_BYTES}", sql.len()),
        ));
    }
    Ok(Some(sql))
}

/// A name as an SQL identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value as an SQL string.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// What SQL can say of a matcher.
enum Said {
    Always,
    Never,
    When(String),
}

/// The condition for a dimension, whose column is NULL where a series lacks it.
fn or_null(column: &str, matcher: &Matcher) -> Said {
    let column = identifier(column);
    match (condition(&column, &matcher.condition), matcher.accepts("")) {
        (Said::Always, true) => Said::Always,
        (Said::Always, false) => Said::When(format!("{column} IS NOT NULL")),
        (Said::Never, true) => Said::When(format!("{column} IS NULL")),
        (Said::Never, false) => Said::Never,
        (Said::When(condition), true) => Said::When(format!("({column} IS NULL OR {condition})")),
        // SQL's comparisons are not true of NULL.
        (Said::When(condition), false) => Said::When(condition),
    }
}

/// The condition for a column's value, if it is not NULL.
fn condition(column: &str, condition: &Condition) -> Said {
    match condition {
        Condition::Equal(value) => Said::When(format!("{column} = {}", quoted(value))),
        Condition::NotEqual(value) => Said::When(format!("{column} <> {}", quoted(value))),
        Condition::Matches(pattern) => matching(column, pattern),
        Condition::DoesNotMatch(pattern) => not_matching(column, pattern),
    }
}

fn matching(column: &str, pattern: &Pattern) -> Said {
    match pattern.values() {
        Values::Any => Said::Always,
        Values::NotEmpty => Said::When(format!("{column} <> ''")),
        Values::Exactly(values) => match values.as_slice() {
            [] => Said::Never,
            [value] => Said::When(format!("{column} = {}", quoted(value))),
            values => Said::When(is_in(column, values)),
        },
        Values::StartingWith(start) => {
            let mut conditions = Vec::new();
            if !start.is_empty() {
                conditions.push(starts_with(column, &start));
            }
            let java = pattern.java();
            if java.text.len() <= MAX_PATTERN_BYTES {
                conditions.push(format!("regexp_like({column}, {})", quoted(&java.text)));
            }
            if conditions.is_empty() { Said::Always } else { Said::When(format!("({})", conditions.join(" AND "))) }
        }
    }
}

fn not_matching(column: &str, pattern: &Pattern) -> Said {
    match pattern.values() {
        Values::Any => Said::Never,
        Values::NotEmpty => Said::When(format!("{column} = ''")),
        Values::Exactly(values) => match values.as_slice() {
            [] => Said::Always,
            [value] => Said::When(format!("{column} <> {}", quoted(value))),
            values => Said::When(format!("NOT {}", is_in(column, values))),
        },
        Values::StartingWith(_) => {
            let java = pattern.java();
            // The negation of a pattern that matches more would lose rows.
            if java.exact && java.text.len() <= MAX_PATTERN_BYTES {
                Said::When(format!("NOT regexp_like({column}, {})", quoted(&java.text)))
            } else {
                Said::Always
            }
        }
    }
}

fn is_in(column: &str, values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("({column} IN ({}))", values.join(", "))
}

fn starts_with(column: &str, start: &str) -> String {
    let mut like = String::with_capacity(start.len() + 1);
    for c in start.chars() {
        if matches!(c, '%' | '_' | '\\') {
            like.push('\\');
        }
        like.push(c);
    }
    like.push('%');
    format!("{column} LIKE {} ESCAPE '\\'", quoted(&like))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::LabelMatcher;
    use crate::proto::label_matcher::Type;

    fn matcher(r#type: Type, name: &str, value: &str) -> Matcher {
        Matcher::new(LabelMatcher { r#type: r#type as i32, name: name.to_owned(), value: value.to_owned() }).unwrap()
    }

    fn conditions(matchers: &[Matcher]) -> Option<String> {
        let schema = Schema::of_dimensions(["job", "z__x_z"]);
        let sql = select("db", "t\"x", &schema, matchers, (5, 10)).unwrap()?;
        let rest = sql
            .strip_prefix(
                "SELECT * FROM \"db\".\"t\"\"x\" WHERE time BETWEEN from_milliseconds(5) AND from_milliseconds(10)",
            )
            .unwrap();
        Some(rest.strip_suffix(" ORDER BY time ASC").unwrap().trim_start_matches(" AND ").to_owned())
    }

    fn one(r#type: Type, name: &str, value: &str) -> Option<String> {
        conditions(&[matcher(r#type, name, value)])
    }

    #[test]
    fn each_matcher_says_what_it_means_of_a_missing_label() {
        let job = |r#type, value| one(r#type, "job", value).unwrap();
        assert_eq!(job(Type::Eq, "a'b"), "\"job\" = 'a''b'");
        assert_eq!(job(Type::Eq, ""), "(\"job\" IS NULL OR \"job\" = '')");
        assert_eq!(job(Type::Neq, "a"), "(\"job\" IS NULL OR \"job\" <> 'a')");
        assert_eq!(job(Type::Neq, ""), "\"job\" <> ''");
        assert_eq!(job(Type::Re, "a|b"), "(\"job\" IN ('a', 'b'))");
        assert_eq!(job(Type::Re, "|b"), "(\"job\" IS NULL OR (\"job\" IN ('', 'b')))");
        assert_eq!(
            job(Type::Re, "a_.*"),
            "(\"job\" LIKE 'a\\_%' ESCAPE '\\' AND regexp_like(\"job\", '\\A(?:a_(?s:.)*)\\z'))"
        );
        assert_eq!(job(Type::Re, ".*"), "");
        assert_eq!(job(Type::Re, ".+"), "\"job\" <> ''");
        assert_eq!(job(Type::Nre, ".+"), "(\"job\" IS NULL OR \"job\" = '')");
        assert_eq!(job(Type::Nre, "a"), "(\"job\" IS NULL OR \"job\" <> 'a')");
        assert_eq!(job(Type::Nre, "a|"), "NOT (\"job\" IN ('', 'a'))");
        assert_eq!(job(Type::Nre, "a*"), "NOT regexp_like(\"job\", '\\A(?:(?:a)*)\\z')");
        assert_eq!(job(Type::Nre, "a+"), "(\"job\" IS NULL OR NOT regexp_like(\"job\", '\\A(?:(?:a)+)\\z'))");
        assert_eq!(job(Type::Nre, "a*\\b"), "");
        assert_eq!(job(Type::Nre, "(a*)?\\B"), "\"job\" IS NOT NULL");
        assert_eq!(one(Type::Nre, "job", ".*"), None);
    }

    #[test]
    fn the_metric_name_is_the_measure_name() {
        assert_eq!(one(Type::Eq, "__name__", "up").unwrap(), "measure_name = 'up'");
        assert_eq!(one(Type::Neq, "__name__", "up").unwrap(), "measure_name <> 'up'");
        assert_eq!(one(Type::Re, "__name__", ".+").unwrap(), "measure_name <> ''");
    }

    #[test]
    fn escaped_labels_find_their_column_and_unknown_ones_are_decided_here() {
        assert_eq!(one(Type::Eq, "_x", "a").unwrap(), "\"z__x_z\" = 'a'");
        assert_eq!(one(Type::Eq, "nope", "a"), None);
        assert_eq!(one(Type::Neq, "nope", ""), None);
        assert_eq!(one(Type::Eq, "nope", "").unwrap(), "");
        assert_eq!(one(Type::Nre, "nope", "a.*").unwrap(), "");
        assert_eq!(one(Type::Eq, "job\" OR 1=1 --", "").unwrap(), "");
        let both = conditions(&[matcher(Type::Neq, "job", ""), matcher(Type::Neq, "job", "a")]);
        assert_eq!(both.unwrap(), "\"job\" <> '' AND (\"job\" IS NULL OR \"job\" <> 'a')");
    }

    #[test]
    fn bounds_are_clamped_to_what_timestream_stores() {
        let schema = Schema::of_dimensions([]);
        let bounds = |start, end| select("d", "t", &schema, &[], (start, end)).unwrap();
        assert!(
            bounds(i64::MIN, i64::MAX).unwrap().contains("from_milliseconds(0) AND from_milliseconds(9223372036854)")
        );
        assert_eq!(bounds(10, 9), None);
        assert_eq!(bounds(i64::MIN, -1), None);
        assert_eq!(bounds(i64::MAX, i64::MAX), None);
        assert!(bounds(7, 7).is_some());
    }

    #[test]
    fn matchers_that_do_not_fit_a_query_text_are_refused() {
        let long = matcher(Type::Eq, "job", &"'".repeat(200_000));
        let error = select("d", "t", &Schema::of_dimensions(["job"]), &[long], (0, 1)).unwrap_err();
        assert_eq!((error.kind(), error.name()), (Kind::Invalid, "QueryTooLargeError"));
    }
}
