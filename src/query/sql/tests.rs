use aws_sdk_timestreamquery::types::{Datum, Row};

use super::*;
use crate::dimension;
use crate::proto::LabelMatcher;
use crate::proto::label_matcher::Type;
use crate::query::form::FIRST;

fn matcher(r#type: Type, name: &str, value: &str) -> Matcher {
    Matcher::new(LabelMatcher { r#type: r#type as i32, name: name.to_owned(), value: value.to_owned() }).unwrap()
}

fn conditions(matchers: &[Matcher]) -> Option<String> {
    let schema = Schema::of_dimensions(["job", "z__x_z"]);
    let sql = select("db", "t\"x", &schema, matchers, (5, 10), RowForm::Sample, Order::Any).unwrap()?;
    let rest = sql
        .strip_prefix(
            "SELECT * FROM \"db\".\"t\"\"x\" WHERE time >= from_milliseconds(5) AND time < from_milliseconds(11)",
        )
        .unwrap();
    Some(rest.trim_start_matches(" AND ").to_owned())
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
    assert_eq!(one(Type::Re, "__name__", "up|down").unwrap(), "(measure_name IN ('down', 'up'))");
}

#[test]
fn a_metric_is_asked_for_as_it_is_and_escaped() {
    let name = |r#type, value| one(r#type, "__name__", value).unwrap();
    assert_eq!(name(Type::Eq, "a:b"), "(measure_name IN ('a:b', 'z_aZ3aZb_z'))");
    assert_eq!(name(Type::Neq, "time"), "NOT (measure_name IN ('time', 'z_time_z'))");
    assert_eq!(name(Type::Eq, "z_time_z"), "measure_name = 'z_z_time_z_z'");
    assert_eq!(name(Type::Re, "a:b|c"), "(measure_name IN ('a:b', 'z_aZ3aZb_z', 'c'))");
    assert_eq!(name(Type::Nre, "a:b|c"), "NOT (measure_name IN ('a:b', 'z_aZ3aZb_z', 'c'))");
    let restored = column::metric_name();
    assert_eq!(
        name(Type::Re, "job:Z.*"),
        format!(
            "((measure_name LIKE 'job:Z%' ESCAPE '\\' OR measure_name LIKE 'z\\_jobZ3aZZ5aZ%\\_z' ESCAPE '\\') \
             AND regexp_like({restored}, '\\A(?:job:Z(?s:.)*)\\z'))"
        )
    );
    assert_eq!(name(Type::Nre, "job:.+"), format!("NOT regexp_like({restored}, '\\A(?:job:(?s:.)+)\\z')"));
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
    let bounds = |start, end| select("d", "t", &schema, &[], (start, end), RowForm::Sample, Order::Any).unwrap();
    assert!(bounds(i64::MIN, i64::MAX).unwrap().ends_with("WHERE time >= from_milliseconds(0)"));
    assert_eq!(bounds(10, 9), None);
    assert_eq!(bounds(i64::MIN, -1), None);
    assert_eq!(bounds(i64::MAX, i64::MAX), None);
    assert!(bounds(7, 7).is_some());
}

#[test]
fn matchers_that_do_not_fit_a_query_text_are_refused() {
    let long = matcher(Type::Eq, "job", &"'".repeat(200_000));
    let error =
        select("d", "t", &Schema::of_dimensions(["job"]), &[long], (0, 1), RowForm::Sample, Order::Any).unwrap_err();
    assert_eq!((error.kind(), error.name()), (Kind::Invalid, "QueryTooLargeError"));
}

#[test]
fn streamed_rows_come_in_the_order_of_prometheus() {
    let schema = Schema::of_dimensions(["job", "Job", "z__x_z"]);
    let ordered = |matchers: &[Matcher]| {
        select("d", "t", &schema, matchers, (0, i64::MAX), RowForm::Sample, Order::Series).unwrap().unwrap()
    };
    let name = column::metric_name();
    assert_eq!(
        ordered(&[]),
        format!(
            "SELECT * FROM (SELECT *, CASE WHEN \"job\" <> '' THEN 1 WHEN \"z__x_z\" <> '' THEN 0 ELSE -1 END AS \
         ts_last_label FROM \"d\".\"t\" WHERE time >= from_milliseconds(0)) ORDER BY \
         CASE WHEN \"Job\" <> '' THEN \"Job\" END NULLS LAST, {name}, \
         CASE WHEN \"z__x_z\" <> '' THEN \"z__x_z\" WHEN ts_last_label < 0 THEN '' END NULLS LAST, \
         CASE WHEN \"job\" <> '' THEN \"job\" WHEN ts_last_label < 1 THEN '' END NULLS LAST, time, length(measure_name)"
        )
    );
    let fixed =
        ordered(&[matcher(Type::Eq, "job", "a"), matcher(Type::Eq, "__name__", "up"), matcher(Type::Eq, "Job", "")]);
    assert!(
        fixed.ends_with(
            "ORDER BY CASE WHEN \"z__x_z\" <> '' THEN \"z__x_z\" WHEN ts_last_label < 0 THEN '' END NULLS LAST, time"
        ),
        "{fixed}"
    );
    let both = ordered(&[matcher(Type::Eq, "__name__", "a:b")]);
    assert!(!both.contains("regexp_like") && both.ends_with("NULLS LAST, time, length(measure_name)"), "{both}");
    let none =
        select("d", "t", &Schema::default(), &[], (0, i64::MAX), RowForm::Sample, Order::Series).unwrap().unwrap();
    let rows = "SELECT * FROM \"d\".\"t\" WHERE time >= from_milliseconds(0)";
    assert_eq!(none, format!("{rows} ORDER BY {name}, time, length(measure_name)"));
}

#[test]
fn labels_alone_come_as_a_row_for_each_series() {
    let labels = |schema: &Schema, matchers: &[Matcher], order| {
        select("d", "t", schema, matchers, (i64::MIN, i64::MAX), RowForm::Labels, order).unwrap()
    };
    let schema = Schema::of_dimensions(["job", "z__x_z", dimension::PLACEHOLDER]);
    let rows = "SELECT measure_name, \"z__x_z\", \"job\" FROM \"d\".\"t\" WHERE time >= from_milliseconds(0) AND \
                measure_name = 'up' AND (measure_value::double IS NOT NULL OR measure_value::bigint IS NOT NULL) \
                GROUP BY measure_name, \"z__x_z\", \"job\"";
    let up = [matcher(Type::Eq, "__name__", "up")];
    assert_eq!(labels(&schema, &up, Order::Any).unwrap(), rows);
    let ordered = labels(&schema, &up, Order::Series).unwrap();
    assert!(
        ordered.starts_with("SELECT * FROM (SELECT *, CASE") && ordered.contains(&format!("FROM ({rows})) ORDER BY")),
        "{ordered}"
    );
    assert!(ordered.ends_with("WHEN ts_last_label < 1 THEN '' END NULLS LAST"), "{ordered}");
    let none = labels(&Schema::of_dimensions([]), &up, Order::Series).unwrap();
    assert!(none.ends_with("GROUP BY measure_name)"), "{none}");
    assert_eq!(labels(&Schema::default(), &up, Order::Any), None, "a table without a sample");
}

#[test]
fn samples_come_as_a_row_for_each_series_and_bin() {
    let series = |schema: &Schema, end, order| {
        let up = [matcher(Type::Eq, "__name__", "up")];
        select("d", "t", schema, &up, (0, end), FIRST, order).unwrap().unwrap()
    };
    let schema = Schema::of_dimensions(["job", "z__x_z", dimension::PLACEHOLDER, "z___name___z"]);
    let rows = |bin: &str, end, grouped: &str| {
        format!(
            "SELECT measure_name, \"z__x_z\", \"job\", {bin}CREATE_TIME_SERIES(time, COALESCE(measure_value::double, \
             CAST(measure_value::bigint AS double))) AS ts_samples FROM \"d\".\"t\" WHERE time >= from_milliseconds(0) \
             AND time < from_milliseconds({end}) AND measure_name = 'up' AND (measure_value::double IS NOT NULL OR \
             measure_value::bigint IS NOT NULL) GROUP BY measure_name, \"z__x_z\", \"job\", \"z___name___z\", \
             \"{}\"{grouped}",
            dimension::PLACEHOLDER
        )
    };
    let short = rows("", 7_200_000, "");
    assert_eq!(series(&schema, 7_199_999, Order::Any), short);
    let long = rows("bin(time, 2h) AS ts_bin, ", 7_200_001, ", bin(time, 2h)");
    assert_eq!(series(&schema, 7_200_000, Order::Any), long);
    let ordered = |end| series(&schema, end, Order::Series);
    for (sql, rows, key) in [(ordered(7_199_999), short, ""), (ordered(7_200_000), long, ", ts_bin")] {
        assert!(sql.starts_with("SELECT * FROM (SELECT *, CASE WHEN"), "{sql}");
        assert!(sql.contains(&format!(" AS ts_last_label FROM ({rows})) ORDER BY ")), "{sql}");
        assert!(sql.ends_with(&format!("WHEN ts_last_label < 1 THEN '' END NULLS LAST{key}")), "{sql}");
    }
    let any = select("d", "t", &schema, &[], (0, i64::MAX), FIRST, Order::Series).unwrap().unwrap();
    assert!(any.ends_with("NULLS LAST, ts_bin, length(measure_name)"), "{any}");
    assert_eq!(select("d", "t", &Schema::default(), &[], (0, 1), FIRST, Order::Any).unwrap(), None, "no measure");
}

/// The schema of a DESCRIBE with these columns and what they are.
fn described(columns: &[(&str, &str)]) -> Schema {
    let datum = |text: &str| Datum::builder().scalar_value(text).build();
    let row =
        |(name, kind): &(&str, &str)| Row::builder().data(datum(name)).data(datum("any")).data(datum(kind)).build();
    Schema::of_describe(&columns.iter().map(|column| row(column).unwrap()).collect::<Vec<_>>())
}

#[test]
fn samples_are_counted_by_the_conditions_of_their_select() {
    let doubles = described(&[("job", "DIMENSION"), ("measure_value::double", "MEASURE_VALUE")]);
    let selected = matcher(Type::Eq, "job", "a");
    let of = |schema: &Schema| {
        let count = count("db", "t", schema, std::slice::from_ref(&selected), (5, 10)).unwrap().unwrap();
        let sizes = sizes("db", "t", schema, &[], (5, 10)).unwrap().unwrap();
        (count, sizes)
    };
    let times = "time >= from_milliseconds(5) AND time < from_milliseconds(11)";
    let (count, sizes) = of(&doubles);
    assert_eq!(count, format!("SELECT count(*) FROM \"db\".\"t\" WHERE {times} AND \"job\" = 'a'"));
    assert_eq!(
        sizes,
        format!(
            "SELECT count(*), sum(ts_count), sum(ts_count * (length(measure_name) + CASE WHEN \"job\" <> '' THEN \
             length(\"job\") + 7 ELSE 0 END)) FROM (SELECT measure_name, \"job\", count(*) AS ts_count FROM \
             \"db\".\"t\" WHERE {times} GROUP BY measure_name, \"job\")"
        )
    );
    let more = described(&[
        ("job", "DIMENSION"),
        ("measure_value::double", "MEASURE_VALUE"),
        ("measure_value::varchar", "MEASURE_VALUE"),
    ]);
    assert!(of(&more).0.ends_with("AND \"job\" = 'a' AND (measure_value::double IS NOT NULL)"));
    let empty = described(&[("job", "DIMENSION")]);
    assert_eq!(super::count("db", "t", &empty, &[], (5, 10)), Ok(None));
    assert_eq!(super::count("db", "t", &doubles, &[], (10, 5)), Ok(None));
}
