//! Arrays and rows. Most cases are those of Presto's documentation and of Trino's own tests.

use serde_json::Value as Json;

use super::{NOW, OneTable, check_refusals, compiled, prepare, run};

/// A Datum in few characters: `[1, NULL]` for an array, `(1, a)` for a row.
fn short(datum: &Json) -> String {
    let list = |items: &Json| items.as_array().unwrap().iter().map(short).collect::<Vec<_>>().join(", ");
    if let Some(text) = datum["ScalarValue"].as_str() {
        return text.to_owned();
    }
    if !datum["ArrayValue"].is_null() {
        return format!("[{}]", list(&datum["ArrayValue"]));
    }
    if !datum["RowValue"].is_null() {
        return format!("({})", list(&datum["RowValue"]["Data"]));
    }
    if let Some(points) = datum["TimeSeriesValue"].as_array() {
        let point = |point: &Json| format!("{} {}", point["Time"].as_str().unwrap(), short(&point["Value"]));
        return format!("{{{}}}", points.iter().map(point).collect::<Vec<_>>().join(", "));
    }
    "NULL".to_owned()
}

/// The rows of a query, arrays and rows in few characters.
pub(super) fn shortly(text: &str) -> Vec<String> {
    let cell = |cell: &str| match cell.starts_with('{') {
        true => short(&serde_json::from_str(cell).unwrap()),
        false => cell.to_owned(),
    };
    run(text).iter().map(|row| row.split('|').map(cell).collect::<Vec<_>>().join("|")).collect()
}

/// The value of each expression, alone in a query.
pub(super) fn values(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(shortly(&format!("SELECT {expression}")), [*expected], "{expression}");
    }
}

fn kind(expression: &str) -> String {
    let query = compiled(&format!("SELECT {expression}"));
    query.columns.first().unwrap().column_type.sql_name().into_owned()
}

#[test]
fn arrays_are_made_and_taken_apart() {
    values(&[
        ("ARRAY[1, 2, NULL]", "[1, 2, NULL]"),
        ("ARRAY[]", "[]"),
        ("ARRAY[1, 2.5]", "[1.0, 2.5]"),
        ("ARRAY['a', 'it''s']", "[a, it's]"),
        ("ARRAY[ARRAY[1], ARRAY[2.5], NULL]", "[[1.0], [2.5], NULL]"),
        (
            "ARRAY[TIMESTAMP '2021-01-01 00:00:00', DATE '2021-01-02']",
            "[2021-01-01 00:00:00.000000000, 2021-01-02 00:00:00.000000000]",
        ),
        ("ARRAY[true, NULL, 1 = 2]", "[true, NULL, false]"),
        ("ARRAY[1, 2, 3][2]", "2"),
        ("ARRAY[ARRAY[1, 2], ARRAY[3]][1][2]", "2"),
        ("(ARRAY[1.5])[1] + 1", "2.5"),
        ("ARRAY[1][2]", "error: Array subscript must be less than or equal to array length: 2 > 1"),
        ("ARRAY[1][0]", "error: SQL array indices start at 1"),
        ("ARRAY[1][-1]", "error: Array subscript is negative: -1"),
        ("element_at(ARRAY[1, 2, 3], -1)", "3"),
        ("element_at(ARRAY[1, 2, 3], 4)", "NULL"),
        ("element_at(ARRAY[1, 2, 3], -4)", "NULL"),
        ("element_at(ARRAY[1], 0)", "error: SQL array indices start at 1"),
        ("cardinality(ARRAY[1, NULL])", "2"),
        ("cardinality(NULL)", "NULL"),
    ]);
    assert_eq!(kind("ARRAY[1, 2.5]"), "array(double)");
    assert_eq!(kind("ARRAY[]"), "array(unknown)");
    assert_eq!(kind("ARRAY[ARRAY[1], ARRAY[length('a')]]"), "array(array(bigint))");
    // An array of more elements than SQLite's functions take arguments.
    let many = vec!["1"; 2000].join(", ");
    values(&[(&format!("cardinality(ARRAY[{many}])"), "2000")]);
}

#[test]
fn functions_of_arrays_are_prestos() {
    values(&[
        ("array_distinct(ARRAY[3, 1, NULL, 3, NULL, 1])", "[3, 1, NULL]"),
        ("array_distinct(ARRAY[0.0, -0.0])", "[0.0]"),
        ("array_except(ARRAY[1, 2, 2, NULL], ARRAY[1])", "[2, NULL]"),
        ("array_intersect(ARRAY[5, 3, 5, 2], ARRAY[2, 5.0])", "[5.0, 2.0]"),
        ("array_union(ARRAY[10, NULL], ARRAY[20, 10])", "[10, NULL, 20]"),
        ("arrays_overlap(ARRAY[1, 2], ARRAY[2])", "true"),
        ("arrays_overlap(ARRAY[1, 2], ARRAY[3])", "false"),
        ("arrays_overlap(ARRAY[1, NULL], ARRAY[3])", "NULL"),
        ("array_join(ARRAY['a', NULL, 'b'], '-')", "a-b"),
        ("array_join(ARRAY[1, NULL, 2], ', ', 'none')", "1, none, 2"),
        ("array_join(ARRAY[1.5, 2.0], '')", "1.52.0"),
        ("array_join(ARRAY[TIMESTAMP '2021-01-01 00:00:00'], '')", "2021-01-01 00:00:00.000000000"),
        ("array_max(ARRAY[1, 3, 2])", "3"),
        ("array_max(ARRAY[1, NULL])", "NULL"),
        ("array_max(ARRAY[])", "NULL"),
        ("array_min(ARRAY['b', 'a'])", "a"),
        ("array_position(ARRAY[1, NULL, 2], 2)", "3"),
        ("array_position(ARRAY[1, 2], 3)", "0"),
        ("array_position(ARRAY[1, 2], 2.0)", "2"),
        ("array_remove(ARRAY['a', 'b', 'a', NULL], 'a')", "[b, NULL]"),
        ("array_sort(ARRAY[3, NULL, 1])", "[1, 3, NULL]"),
        ("array_sort(ARRAY['b', 'B', 'a'])", "[B, a, b]"),
        ("concat(ARRAY[1], ARRAY[2], ARRAY[3.5])", "[1.0, 2.0, 3.5]"),
        ("ARRAY[1] || ARRAY[2, 3]", "[1, 2, 3]"),
        ("ARRAY[1] || 2", "[1, 2]"),
        ("0 || ARRAY[1]", "[0, 1]"),
        ("ARRAY[ARRAY[1]] || ARRAY[2]", "[[1], [2]]"),
        ("ARRAY[] || ARRAY['x']", "[x]"),
        ("contains(ARRAY[1, 2], 2)", "true"),
        ("contains(ARRAY[1, 2], 3)", "false"),
        ("contains(ARRAY[1, NULL], 3)", "NULL"),
        ("contains(ARRAY['a'], NULL)", "NULL"),
        ("flatten(ARRAY[ARRAY[1], NULL, ARRAY[], ARRAY[2, NULL]])", "[1, 2, NULL]"),
        ("repeat('x', 3)", "[x, x, x]"),
        ("repeat(NULL, 2)", "[NULL, NULL]"),
        ("repeat(1, 0)", "[]"),
        ("repeat(1, -1)", "error: count argument of repeat function must be from 0 to 10000"),
        ("repeat(1, 10001)", "error: count argument of repeat function must be from 0 to 10000"),
        ("reverse(ARRAY[1, 2])", "[2, 1]"),
        ("reverse('ab')", "ba"),
        ("slice(ARRAY[1, 2, 3, 4], 2, 2)", "[2, 3]"),
        ("slice(ARRAY[1, 2, 3, 4], -3, 2)", "[2, 3]"),
        ("slice(ARRAY[1, 2], 5, 1)", "[]"),
        ("slice(ARRAY[1, 2], -5, 1)", "[]"),
        ("slice(ARRAY[1], 0, 1)", "error: SQL array indices start at 1"),
        ("slice(ARRAY[1], 1, -1)", "error: length must be greater than or equal to 0"),
        ("zip(ARRAY[1, 2], ARRAY['a', NULL, 'c'])", "[(1, a), (2, NULL), (NULL, c)]"),
        ("zip(ARRAY[1], ARRAY[2], ARRAY[3])", "[(1, 2, 3)]"),
        ("split('a,b,,c', ',')", "[a, b, , c]"),
        ("split('a,b,c', ',', 2)", "[a, b,c]"),
        ("split('abc', '')", "error: The delimiter may not be the empty string"),
        ("regexp_extract_all('1a 2b 14m', '\\d+')", "[1, 2, 14]"),
        ("regexp_extract_all('1a 2b 14m', '(\\d+)([a-z]+)', 2)", "[a, b, m]"),
        ("regexp_extract_all('a1 b', '([a-z])(\\d)?', 2)", "[1, NULL]"),
        ("regexp_split('1a 2b 14m', '\\s*[a-z]+\\s*')", "[1, 2, 14, ]"),
        ("sequence(1, 3)", "[1, 2, 3]"),
        ("sequence(3, 1)", "[3, 2, 1]"),
        ("sequence(DATE '2021-01-30', DATE '2021-02-01')", "[2021-01-30, 2021-01-31, 2021-02-01]"),
        ("sequence(DATE '2021-01-01', DATE '2021-01-08', 7d)", "[2021-01-01, 2021-01-08]"),
        (
            "sequence(DATE '2021-01-31', DATE '2021-04-30', INTERVAL '1' month)",
            "[2021-01-31, 2021-02-28, 2021-03-31, 2021-04-30]",
        ),
        (
            "sequence(TIMESTAMP '2021-01-01 10:00:00', TIMESTAMP '2020-07-01 00:00:00', INTERVAL '-3' month)",
            "[2021-01-01 10:00:00.000000000, 2020-10-01 10:00:00.000000000, 2020-07-01 10:00:00.000000000]",
        ),
        (
            "sequence(DATE '2021-01-01', DATE '2021-01-02', 1h)",
            "error: sequence step must be a day interval if start and end values are dates",
        ),
    ]);
    check_refusals(
        &[
            (
                "SELECT array_max(ARRAY[ARRAY[1]])",
                "line 1:8: Unexpected parameters (array(array(integer))) for function array_max",
            ),
            (
                "SELECT contains(ARRAY[1], 'a')",
                "line 1:8: Unexpected parameters (array(integer), varchar) for function contains",
            ),
            ("SELECT ARRAY[1, 'a']", "line 1:14: All ARRAY elements must be the same type: integer, varchar"),
            ("SELECT ARRAY[1] || 'a'", "line 1:14: '||' cannot be applied to array(integer), varchar"),
            ("SELECT 1[1]", "line 1:10: Cannot subscript a integer"),
            ("SELECT slice(1, 2, 3)", "line 1:8: Unexpected parameters (integer, integer, integer) for function slice"),
            ("SELECT ARRAY[1][1, 2]", ""),
        ]
        .map(|(text, message)| (text, message))
        .into_iter()
        .filter(|(_, message)| !message.is_empty())
        .collect::<Vec<_>>(),
    );
}

#[test]
fn bases_and_chance() {
    values(&[
        ("from_base('ff', 16)", "255"),
        ("from_base('-1010', 2)", "-10"),
        ("from_base('12', 2)", "error: Not a valid base-2 number: 12"),
        ("from_base('1', 37)", "error: Radix must be between 2 and 36"),
        ("to_base(255, 16)", "ff"),
        ("to_base(0, 2)", "0"),
        ("from_base(to_base(-9223372036854775807 - 1, 36), 36)", "-9223372036854775808"),
        ("random() >= 0.0 AND rand() < 1.0", "true"),
        ("random(1)", "0"),
        ("random(5, 6)", "5"),
        ("random(0)", "error: bound must be positive"),
        ("random(6, 6)", "error: start value must be less than stop value"),
        ("array_sort(shuffle(ARRAY[3, 1, 2]))", "[1, 2, 3]"),
    ]);
    // One number for all rows, or one order for all arrays, would be no chance.
    assert_eq!(run("SELECT count(DISTINCT random(1000000000)) > 90 FROM UNNEST(sequence(1, 100)) AS t (n)"), ["true"]);
    assert_eq!(
        run("SELECT count(DISTINCT array_join(shuffle(ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9]), '')) > 90 \
             FROM UNNEST(sequence(1, 100)) AS t (n)"),
        ["true"]
    );
}

#[test]
fn rows_are_made_and_taken_apart() {
    values(&[
        ("ROW(1, 'a', NULL)", "(1, a, NULL)"),
        ("CAST(ROW(1, '2') AS ROW(a double, b bigint))", "(1.0, 2)"),
        ("CAST(ROW(1, 2.6) AS ROW(a double, b bigint)).b", "3"),
        ("CAST(ARRAY[1, NULL] AS array(varchar))", "[1, NULL]"),
        ("CAST(ARRAY[ROW(1, ARRAY['2'])] AS array(row(x varchar, y array(double))))[1].y[1] + 1", "3.0"),
        ("CAST(NULL AS ROW(a bigint))", "NULL"),
        ("TRY_CAST(ARRAY['1', 'x'] AS array(bigint))", "NULL"),
        ("TRY_CAST(ARRAY['1'] AS array(bigint))", "[1]"),
        ("CAST(ARRAY['x'] AS array(bigint))", "error: Cannot cast 'x' to BIGINT"),
        ("CASE WHEN true THEN ROW(1) ELSE ROW(2.5) END", "(1.0)"),
        ("typeof(CAST(ROW(1, ARRAY[]) AS ROW(\"A b\" double, c array(date))))", "row(A b double, c array(date))"),
    ]);
    assert_eq!(
        shortly("SELECT r.a, t.r.b.c FROM (SELECT CAST(ROW(1, ROW('x')) AS ROW(a bigint, b ROW(c varchar))) AS r) t"),
        ["1|x"]
    );
    check_refusals(&[
        ("SELECT ROW(1).a", "line 1:15: Column 'a' does not exist"),
        (
            "SELECT CAST(ROW(1) AS ROW(a bigint, b bigint))",
            "line 1:13: Cannot cast row(integer) to row(a bigint, b bigint)",
        ),
        ("SELECT CAST(1 AS ROW(a nonsense))", "line 1:13: CAST to \"ROW(a nonsense)\" is not supported"),
        ("SELECT row()", "line 1:8: Unexpected parameters () for function row"),
        ("SELECT max(ROW(1))", "line 1:8: Unexpected parameters (row(integer)) for function max"),
    ]);
}

#[test]
fn groups_are_gathered_into_arrays() {
    let from = "FROM (VALUES (1, 'b'), (NULL, 'a'), (3, 'c')) AS t (n, s)";
    let rows = |fields: &str| shortly(&format!("SELECT {fields} {from}"));
    assert_eq!(rows("array_agg(n), array_agg(s) FILTER (WHERE n > 1)"), ["[1, NULL, 3]|[c]"]);
    assert_eq!(rows("array_sort(array_agg(s))"), ["[a, b, c]"]);
    assert_eq!(rows("transform(array_agg(n), x -> x + 1)"), ["[2, NULL, 4]"]);
    assert_eq!(rows("max(n, 2), min(s, 2), max(n, 5)"), ["[3, 1]|[a, b]|[3, 1]"]);
    assert_eq!(rows("max_by(s, n, 2), min_by(n, s, 2)"), ["[c, b]|[NULL, 1]"]);
    assert_eq!(
        rows("max(n, 0)"),
        ["error: The number of values of max, min, max_by and min_by must be from 1 to 10000"]
    );
    let numbers = "FROM (VALUES (1, 1), (2, 1), (3, 7), (4, 1), (NULL, 5)) AS t (n, w)";
    assert_eq!(
        shortly(&format!(
            "SELECT approx_percentile(n, ARRAY[0.0, 0.5, 1.0]), approx_percentile(n, w, 0.5), \
             approx_percentile(n * 1.5, w, ARRAY[0.1, 0.9]) {numbers}"
        )),
        ["[1, 3, 4]|3|[3.0, 6.0]"]
    );
    assert_eq!(
        shortly(&format!("SELECT approx_percentile(n, 0, 0.5) {numbers}")),
        ["error: Percentile weight must be > 0"]
    );
    assert_eq!(shortly("SELECT array_agg(job), max(job, 1) FROM db.t WHERE job = 'z'"), ["NULL|NULL"]);
    assert_eq!(
        shortly(
            "SELECT job, cardinality(array_agg(time)), array_distinct(array_agg(env)) FROM db.t GROUP BY job ORDER BY 1"
        ),
        ["a|3|[b, NULL]", "b_1|1|[c]"]
    );
}

#[test]
fn arrays_and_rows_are_equal_or_not() {
    values(&[
        ("ARRAY[1, 2] = ARRAY[1, 2]", "true"),
        ("ARRAY[1, 2] = ARRAY[1]", "false"),
        ("ARRAY[1, 2] <> ARRAY[1, 3]", "true"),
        ("ARRAY[1, NULL] = ARRAY[1, NULL]", "NULL"),
        ("ARRAY[1, NULL] = ARRAY[2, NULL]", "false"),
        ("ARRAY[NULL, 1] <> ARRAY[3, 2]", "true"),
        ("ARRAY[] = ARRAY[]", "true"),
        ("ARRAY[1] = ARRAY[1.0]", "true"),
        ("ARRAY[0.0] = ARRAY[-0.0]", "true"),
        ("ARRAY[nan()] = ARRAY[nan()]", "false"),
        ("ARRAY[nan()] <> ARRAY[nan()]", "true"),
        ("ARRAY[ARRAY['a'], NULL] = ARRAY[ARRAY['b'], NULL]", "false"),
        ("ARRAY[1] = NULL", "NULL"),
        ("ROW(1, 'a') = ROW(1, 'a')", "true"),
        ("ROW(1, ARRAY[2]) <> ROW(1, ARRAY[3])", "true"),
        ("ROW(1, NULL) = ROW(1, 2)", "NULL"),
        ("CASE ARRAY[1] WHEN ARRAY[2] THEN 'x' WHEN ARRAY[1] THEN 'y' END", "y"),
    ]);
    assert_eq!(
        shortly(
            "SELECT a, count(*) FROM (VALUES ARRAY[1, NULL], ARRAY[2], ARRAY[1, NULL], NULL) AS t (a) GROUP BY a ORDER BY 2 DESC, cardinality(a)"
        ),
        ["[1, NULL]|2", "[2]|1", "NULL|1"]
    );
    assert_eq!(shortly("SELECT DISTINCT ROW('a', x) FROM (VALUES 1, 1) AS t (x)"), ["(a, 1)"]);
    assert_eq!(shortly("SELECT count(DISTINCT split(x, ',')) FROM (VALUES 'a,b', 'a,b', 'b,a') AS t (x)"), ["2"]);
    assert_eq!(shortly("SELECT ARRAY[1] UNION SELECT ARRAY[1]"), ["[1]"]);
    check_refusals(&[
        (
            "SELECT 1 GROUP BY ARRAY[1.5]",
            "line 1:25: array(double) is not comparable, and therefore cannot be used in GROUP BY",
        ),
        (
            "SELECT DISTINCT ARRAY[1.5]",
            "line 1:1: DISTINCT can only be applied to comparable types (actual: array(double))",
        ),
        ("SELECT ARRAY[1] < ARRAY[2]", "line 1:14: '<' cannot be applied to array(integer)"),
        ("SELECT ARRAY[1] = ARRAY['a']", "line 1:14: '=' cannot be applied to array(integer), array(varchar)"),
        (
            "SELECT create_time_series(time, 1) = create_time_series(time, 1) FROM db.t",
            "line 1:8: '=' cannot be applied to timeseries(integer)",
        ),
    ]);
}

#[test]
fn chance_is_new_for_each_row_and_element() {
    let rows = "FROM UNNEST(sequence(1, 100)) AS t (n)";
    let distinct = |expression: &str| run(&format!("SELECT count(DISTINCT {expression}) > 90 {rows}"));
    assert_eq!(distinct("transform(ARRAY[1], x -> random(1000000000))[1]"), ["true"]);
    assert_eq!(distinct("try(random(1000000000))"), ["true"]);
    assert_eq!(distinct("reduce(ARRAY[1], 0.0, (s, x) -> s + random(), s -> s)"), ["true"]);
    assert_eq!(distinct("transform(ARRAY[1], x -> transform(ARRAY[2], y -> random(1000000000))[1])[1]"), ["true"]);
    values(&[("cardinality(array_distinct(transform(sequence(1, 100), x -> random(1000000000)))) > 90", "true")]);
}

#[test]
fn arrays_are_unnested() {
    let rows = |from: &str| shortly(&format!("SELECT * FROM {from}"));
    assert_eq!(rows("UNNEST(ARRAY['a', NULL, 'it''s:'])"), ["a", "NULL", "it's:"]);
    assert_eq!(rows("UNNEST(ARRAY[1.5, -0.0, NULL]) AS t (x)"), ["1.5", "-0.0", "NULL"]);
    assert_eq!(rows("UNNEST(ARRAY[ARRAY[1, 2], ARRAY[]]) AS t (x)"), ["[1, 2]", "[]"]);
    assert_eq!(rows("UNNEST(ARRAY[ROW(1, 'a'), ROW(2, NULL)]) AS t (n, s)"), ["1|a", "2|NULL"]);
    assert_eq!(rows("UNNEST(ARRAY[1, 2], ARRAY['a']) AS t (n, s)"), ["1|a", "2|NULL"]);
    assert_eq!(rows("UNNEST(ARRAY['x', 'y']) WITH ORDINALITY AS t (s, n)"), ["x|1", "y|2"]);
    assert_eq!(rows("UNNEST(ARRAY[1], ARRAY[ROW(2, 3)]) WITH ORDINALITY"), ["1|2|3|1"]);
    assert_eq!(
        rows("(VALUES (1, ARRAY[5, 6]), (2, NULL)) AS t (n, a) CROSS JOIN UNNEST(a) AS u (x)"),
        ["1|[5, 6]|5", "1|[5, 6]|6"]
    );
}

#[test]
fn types_do_not_grow_without_end() {
    let nested = |depth: usize| format!("SELECT {}1{}", "ARRAY[".repeat(depth), "]".repeat(depth));
    assert!(prepare(&nested(16), &OneTable, NOW).is_ok());
    assert!(
        prepare(&nested(17), &OneTable, NOW).unwrap_err().message.ends_with("The type of this value is too complex")
    );
    let doubled: String =
        (1..30).map(|level| format!(", w{level} AS (SELECT ROW(x, x) AS x FROM w{})", level - 1)).collect();
    let text = format!("WITH w0 AS (SELECT 1 AS x){doubled} SELECT x FROM w29");
    assert!(prepare(&text, &OneTable, NOW).unwrap_err().message.ends_with("The type of this value is too complex"));
}

#[test]
fn a_nested_zip_is_no_longer_than_what_it_zips() {
    let nested = (0..12).fold("ARRAY[1, 2]".to_owned(), |inner, _| format!("zip({inner}, ARRAY[1])"));
    assert!(super::compiled(&format!("SELECT cardinality({nested})")).sql.len() < 4000);
    assert_eq!(run(&format!("SELECT cardinality({nested})")), ["2"]);
    assert_eq!(run("SELECT cardinality(zip(ARRAY[1], ARRAY[2], CAST(NULL AS ARRAY(bigint))))"), ["NULL"]);
}

#[test]
fn a_sequence_may_span_all_numbers() {
    let step = i64::MAX;
    values(&[(&format!("sequence(-{step}, {step}, {step})"), &format!("[-{step}, 0, {step}]"))]);
}
