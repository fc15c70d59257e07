//! Lambdas over arrays and time series, TRY, and the functions of time series.

use proptest::prelude::*;

use super::arrays::{shortly, values};
use super::{check, check_refusals, run};

#[test]
fn lambdas_are_prestos() {
    values(&[
        ("filter(ARRAY[], x -> true)", "[]"),
        ("filter(ARRAY[5, -6, NULL, 7], x -> x > 0)", "[5, 7]"),
        ("filter(ARRAY[5, NULL, 7, NULL], x -> x IS NOT NULL)", "[5, 7]"),
        ("reduce(ARRAY[], 0, (s, x) -> s + x, s -> s)", "0"),
        ("reduce(ARRAY[5, 20, 50], 0, (s, x) -> s + x, s -> s)", "75"),
        ("reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + x, s -> s)", "NULL"),
        ("reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + COALESCE(x, 0), s -> s)", "75"),
        ("reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> IF(x IS NULL, s, s + x), s -> s)", "75"),
        ("reduce(ARRAY[2147483647, 1], CAST(0 AS BIGINT), (s, x) -> s + x, s -> s)", "2147483648"),
        (
            "reduce(ARRAY[5, 6, 10, 20], CAST(ROW(0.0, 0) AS ROW(sum DOUBLE, count INTEGER)), \
             (s, x) -> CAST(ROW(x + s.sum, s.count + 1) AS ROW(sum DOUBLE, count INTEGER)), \
             s -> IF(s.count = 0, NULL, s.sum / s.count))",
            "10.25",
        ),
        ("transform(ARRAY[], x -> x + 1)", "[]"),
        ("transform(ARRAY[5, 6], x -> x + 1)", "[6, 7]"),
        ("transform(ARRAY[5, NULL, 6], x -> COALESCE(x, 0) + 1)", "[6, 1, 7]"),
        ("transform(ARRAY['x', 'abc', 'z'], x -> x || '0')", "[x0, abc0, z0]"),
        ("transform(ARRAY[ARRAY[1, NULL, 2], ARRAY[3, NULL]], a -> filter(a, x -> x IS NOT NULL))", "[[1, 2], [3]]"),
        ("zip_with(ARRAY[1, 3, 5], ARRAY['a', 'b', 'c'], (x, y) -> ROW(y, x))", "[(a, 1), (b, 3), (c, 5)]"),
        ("zip_with(ARRAY[1, 2], ARRAY[3, 4], (x, y) -> x + y)", "[4, 6]"),
        ("zip_with(ARRAY['a', 'b', 'c'], ARRAY['d', 'e', 'f'], (x, y) -> concat(x, y))", "[ad, be, cf]"),
        ("zip_with(ARRAY['a'], ARRAY['d', NULL, 'f'], (x, y) -> coalesce(x, y))", "[a, NULL, f]"),
        ("any_match(ARRAY[1, 2], x -> x > 1)", "true"),
        ("any_match(ARRAY[1, NULL], x -> x > 1)", "NULL"),
        ("any_match(ARRAY[], x -> true)", "false"),
        ("all_match(ARRAY[1, NULL], x -> x > 1)", "false"),
        ("all_match(ARRAY[2, NULL], x -> x > 1)", "NULL"),
        ("all_match(ARRAY[], x -> false)", "true"),
        ("none_match(ARRAY[1, NULL], x -> x > 1)", "NULL"),
        ("none_match(ARRAY[1, 2], x -> x > 1)", "false"),
        ("none_match(ARRAY[1], x -> x > 1)", "true"),
        ("array_sort(ARRAY[3, 2, 5, 1, 2], (x, y) -> IF(x < y, 1, IF(x = y, 0, -1)))", "[5, 3, 2, 2, 1]"),
        ("array_sort(ARRAY['bc', 'ab', 'dc'], (x, y) -> IF(x < y, 1, IF(x = y, 0, -1)))", "[dc, bc, ab]"),
        ("array_sort(ARRAY[2, 1, 3], (x, y) -> -1)", "[3, 1, 2]"),
        ("array_sort(ARRAY[2, 1], (x, y) -> 5)", "error: Lambda comparator must return either -1, 0, or 1"),
        ("transform(ARRAY[1, 0], x -> 1 / x)", "error: Division by zero"),
        ("transform(CAST(NULL AS array(bigint)), x -> x)", "NULL"),
        ("filter(ARRAY['a1', 'b'], X -> regexp_like(x, '\\d') AND x LIKE 'a%')", "[a1]"),
        ("transform(ARRAY[1], x -> NULL)", "[NULL]"),
        (
            "transform(ARRAY[1, 2], x -> TIMESTAMP '2021-01-01 00:00:00' + x * 1d)",
            "[2021-01-02 00:00:00.000000000, 2021-01-03 00:00:00.000000000]",
        ),
        ("try(1 / 0)", "NULL"),
        ("try(CAST('5' AS bigint) + 1)", "6"),
        ("coalesce(try(ARRAY[1][2]), -1)", "-1"),
    ]);
    check_refusals(&[
        ("SELECT transform(ARRAY[1], 2)", "line 1:28: A lambda is needed here"),
        ("SELECT transform(1, x -> x)", "line 1:8: Unexpected parameters (integer, function) for function transform"),
        ("SELECT transform(ARRAY[1], (x, y) -> x)", "line 1:29: The lambda must have 1 arguments, not 2"),
        ("SELECT zip_with(ARRAY[1], ARRAY[2], (x, x) -> x)", "line 1:41: The lambda has two arguments of the name x"),
        ("SELECT filter(ARRAY[1], x -> x)", "line 1:30: The lambda must be of type boolean, not integer"),
        (
            "SELECT reduce(ARRAY['a'], 0, (s, x) -> x, s -> s)",
            "line 1:40: The lambda must be of type integer, not varchar",
        ),
        ("SELECT transform(ARRAY[1], x -> y)", "line 1:33: Column 'y' does not exist"),
        ("SELECT transform(ARRAY[1], x -> x.a)", "line 1:35: A integer has no field 'a'"),
        (
            "SELECT transform(ARRAY[1], x -> max(x))",
            "line 1:33: A lambda or TRY cannot contain aggregations or window functions",
        ),
        ("SELECT transform(ARRAY[1], x -> (SELECT 1))", "line 1:34: A subquery in a lambda is not supported"),
        ("SELECT abs(x -> 1)", "line 1:12: The lambda 'x -> 1' here is not supported"),
    ]);
}

#[test]
fn lambdas_take_what_is_around_them() {
    let from = "FROM (VALUES (1, ARRAY[1, 2], 'a'), (10, ARRAY[3], 'b')) AS t (n, a, s)";
    let rows = |fields: &str| shortly(&format!("SELECT {fields} {from}"));
    assert_eq!(rows("transform(a, x -> x * n + 0.5)"), ["[1.5, 2.5]", "[30.5]"]);
    // A lambda's argument hides a column of its name, and an inner one an outer one.
    assert_eq!(rows("transform(a, n -> n + 1), n"), ["[2, 3]|1", "[4]|10"]);
    assert_eq!(
        rows("transform(a, x -> transform(a, y -> concat(s, CAST(x * y + n AS varchar))))"),
        ["[[a2, a3], [a3, a5]]", "[[b19]]"]
    );
    assert_eq!(
        rows("transform(a, x -> reduce(transform(ARRAY[1, 2], x -> x * 10), x, (s, y) -> s + y, s -> s + n))"),
        ["[32, 33]", "[43]"]
    );
    assert_eq!(shortly(&format!("SELECT s {from} WHERE any_match(a, x -> x > n)")), ["a"]);
    assert_eq!(shortly(&format!("SELECT s {from} ORDER BY reduce(a, 0, (x, y) -> x - y, x -> x) DESC")), ["a", "b"]);
    assert_eq!(
        shortly(&format!(
            "SELECT n, transform(array_agg(s), x -> x || CAST(n AS varchar)) {from} GROUP BY n ORDER BY 1"
        )),
        ["1|[a1]", "10|[b10]"]
    );
    assert_eq!(
        shortly(
            "SELECT filter(array_agg(job), x -> x <> env) FROM db.t WHERE env IS NOT NULL GROUP BY env ORDER BY 1 + count(*)"
        ),
        ["[b_1]", "[a, a]"]
    );
    check_refusals(&[
        (
            "SELECT transform(array_agg(job), x -> env) FROM db.t GROUP BY job",
            "line 1:39: 'env' must be an aggregate expression or appear in GROUP BY clause",
        ),
        (
            "SELECT transform(array_agg(job), x -> env) FROM db.t",
            "line 1:39: 'env' must be an aggregate expression or appear in GROUP BY clause",
        ),
    ]);
}

const SERIES: &str = "WITH x AS (SELECT create_time_series(time, v) AS ts FROM (VALUES (from_milliseconds(0), 1.0), \
     (from_milliseconds(1000), 3.0), (from_milliseconds(3000), 2.0), (from_milliseconds(4000), 8.0)) AS t (time, v)) ";

fn of_series(expression: &str) -> String {
    shortly(&format!("{SERIES}SELECT {expression} FROM x")).concat()
}

#[test]
fn the_guides_queries_of_time_series_run() {
    let at = |milliseconds: u32, value: &str| format!("1970-01-01 00:00:0{}.000000000 {value}", milliseconds / 1000);
    assert_eq!(of_series("filter(ts, x -> x.value > 2.0)"), format!("{{{}, {}}}", at(1000, "3.0"), at(4000, "8.0")));
    assert_eq!(of_series("filter(ts, x -> x.time >= from_milliseconds(4000))"), format!("{{{}}}", at(4000, "8.0")));
    assert_eq!(of_series("cardinality(filter(ts, x -> false))"), "0");
    // 1 + 9 + 4 + 64
    assert_eq!(of_series("REDUCE(ts, DOUBLE '0.0', (s, x) -> x.value * x.value + s, s -> s)"), "78.0");
    let fraction = "ROUND(REDUCE(ts, CAST(ROW(0, 0) AS ROW(count_high BIGINT, count_total BIGINT)), \
         (s, x) -> CAST(ROW(s.count_high + IF(x.value > 2.0, 1, 0), s.count_total + 1) AS ROW(count_high BIGINT, \
         count_total BIGINT)), s -> IF(s.count_total = 0, NULL, CAST(s.count_high AS DOUBLE) / s.count_total)), 4)";
    assert_eq!(of_series(fraction), "0.5");
    assert_eq!(
        of_series("derivative_linear(ts, 1s)"),
        format!("{{{}, {}, {}}}", at(1000, "2.0"), at(3000, "-0.5"), at(4000, "6.0"))
    );
    assert_eq!(
        of_series("non_negative_derivative_linear(ts, 2s)"),
        format!("{{{}, {}}}", at(1000, "4.0"), at(4000, "12.0"))
    );
    assert_eq!(of_series("derivative_linear(filter(ts, x -> x.value > 3), 1s)"), "{}");
    assert_eq!(of_series("correlate_pearson(ts, ts)"), "1.0");
    // Ranks 1, 3, 2, 4 and their contrary.
    let against = "FROM (SELECT create_time_series(time, v) AS a, create_time_series(time, 1.0 / v) AS b FROM (VALUES \
         (from_milliseconds(0), 1.0), (from_milliseconds(1), 3.0), (from_milliseconds(2), 2.0)) AS t (time, v)) AS t";
    assert_eq!(
        run(&format!("SELECT round(correlate_spearman(a, b), 12), round(correlate_pearson(a, b), 12) {against}")),
        ["-1.0|-0.960768922831"]
    );
    assert_eq!(
        of_series("correlate_pearson(ts, filter(ts, x -> x.value > 1))"),
        "error: The time series of a correlation must have the same timestamps"
    );
    // The spline through (0, 1), (1, 3), (3, 2), (4, 8), worked out with exact fractions.
    assert_eq!(of_series("round(interpolate_spline_cubic(ts, from_milliseconds(2000)), 9)"), "1.75");
    assert_eq!(of_series("interpolate_spline_cubic(ts, from_milliseconds(3000))"), "2.0");
    assert_eq!(
        of_series("interpolate_spline_cubic(ts, sequence(from_milliseconds(0), from_milliseconds(1000), 1s))"),
        format!("{{{}, {}}}", at(0, "1.0"), at(1000, "3.0"))
    );
    assert_eq!(
        of_series("interpolate_spline_cubic(ts, from_milliseconds(5000))"),
        "error: interpolate_spline_cubic at 1970-01-01 00:00:05.000000000, outside of the time series, is not supported"
    );
    check_refusals(
        &[(
            &format!("{SERIES}SELECT transform(ts, x -> x.value) FROM x"),
            "line 1:214: Unexpected parameters (timeseries(double), function) for function transform",
        )]
        .map(|(text, message)| (text as &str, message)),
    );
}

#[test]
fn values_are_carried_forward() {
    let rows = "FROM (VALUES (1, 'a', NULL), (2, 'a', 5), (3, 'a', NULL), (4, 'b', 7), (5, 'b', NULL)) AS t (n, g, v)";
    let over = |call: &str, window: &str| {
        run(&format!("SELECT {call} IGNORE NULLS OVER ({window}) {rows} ORDER BY n")).join(" ")
    };
    assert_eq!(over("last_value(v)", "ORDER BY n"), "NULL 5 5 7 7");
    assert_eq!(over("last_value(v)", "PARTITION BY g ORDER BY n"), "NULL 5 5 7 7");
    assert_eq!(over("first_value(v)", "ORDER BY n DESC"), "7 7 7 7 NULL");
    assert_eq!(over("last_value(v)", "ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"), "NULL 5 5 7 7");
    assert_eq!(over("last_value(v)", "ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING"), "NULL NULL 5 NULL 7");
    assert_eq!(over("first_value(v)", "ORDER BY n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"), "5 5 7 7 NULL");
    assert_eq!(over("nth_value(v, 2)", "ORDER BY n"), "NULL NULL NULL 7 7");
    assert_eq!(over("lag(v)", "ORDER BY n"), "NULL NULL 5 5 7");
    assert_eq!(over("lag(v, 2)", "ORDER BY n"), "NULL NULL NULL NULL 5");
    assert_eq!(over("lag(v, 1, 0)", "ORDER BY n"), "0 0 5 5 7");
    assert_eq!(over("lead(v)", "ORDER BY n"), "5 7 7 NULL NULL");
    assert_eq!(over("lead(v, 2, -1)", "ORDER BY n"), "7 -1 -1 -1 -1");
    assert_eq!(over("lag(v, 0)", "ORDER BY n"), "NULL 5 NULL 7 NULL");
    // A sample of AWS': a value for each minute, carried forward where there is none.
    let fill = "WITH t AS (SELECT * FROM (VALUES (TIMESTAMP '2021-01-01 00:00:10', 1.5), (TIMESTAMP '2021-01-01 00:02:00', 2.5)) \
         AS t (time, v)), minutes AS (SELECT minute FROM (SELECT sequence(bin('2021-01-01 00:00:30', 1m), \
         date_trunc('minute', '2021-01-01 00:03:59'), 1m) AS all_minutes) CROSS JOIN UNNEST(all_minutes) AS u (minute)) \
         SELECT minute, last_value(v) IGNORE NULLS OVER (ORDER BY minute) FROM minutes LEFT JOIN t ON bin(t.time, 1m) = minute \
         ORDER BY minute";
    let minute = |minute: u32, value: &str| format!("2021-01-01 00:0{minute}:00.000000000|{value}");
    assert_eq!(run(fill), [minute(0, "1.5"), minute(1, "1.5"), minute(2, "2.5"), minute(3, "2.5")]);
    check(&[("SELECT bin('2021-01-01', 1h) = date_trunc('day', '2021-01-01T10:00:00Z')", &["true"])]);
    check_refusals(&[
        ("SELECT sum(1) IGNORE NULLS OVER ()", "line 1:8: Cannot specify null treatment clause for sum function"),
        ("SELECT bin('soon', 1h)", "line 1:8: Value cannot be cast to timestamp: soon"),
        (
            "SELECT lag(1) IGNORE NULLS OVER (ORDER BY 1 ROWS 1 PRECEDING)",
            "line 1:8: Cannot specify window frame for lag function",
        ),
    ]);
}

#[test]
fn a_value_in_a_lambda_has_a_limit() {
    let text = "SELECT reduce(sequence(1, 28), 'aaa', (s, x) -> s || s, s -> length(s))";
    let rows = run(text);
    assert!(rows[0].starts_with("error: ") && rows[0].contains("too big"), "{rows:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// What lambdas answer is what Rust's iterators do.
    #[test]
    fn lambdas_are_iterators(numbers in prop::collection::vec(prop::option::of(-9..9_i64), 0..12), limit in -9..9_i64) {
        let list = |numbers: &[Option<i64>]| {
            let text = |number: &Option<i64>| number.map_or("NULL".to_owned(), |number| number.to_string());
            numbers.iter().map(text).collect::<Vec<_>>().join(", ")
        };
        let array = format!("CAST(ARRAY[{}] AS array(bigint))", list(&numbers));
        let value = |expression: String| shortly(&format!("SELECT {expression}")).concat();
        let kept: Vec<_> = numbers.iter().copied().filter(|number| number.is_some_and(|number| number > limit)).collect();
        prop_assert_eq!(value(format!("filter({array}, x -> x > {limit})")), format!("[{}]", list(&kept)));
        let twice: Vec<_> = numbers.iter().map(|number| number.map(|number| 2 * number + limit)).collect();
        prop_assert_eq!(value(format!("transform({array}, x -> 2 * x + {limit})")), format!("[{}]", list(&twice)));
        let sum: i64 = numbers.iter().flatten().sum();
        prop_assert_eq!(
            value(format!("reduce({array}, BIGINT '0', (s, x) -> s + coalesce(x, 0), s -> s)")), sum.to_string());
        let mut sorted: Vec<_> = numbers.iter().flatten().copied().map(Some).collect();
        sorted.sort();
        let holes = numbers.len() - sorted.len();
        sorted.extend(std::iter::repeat_n(None, holes));
        prop_assert_eq!(value(format!("array_sort({array})")), format!("[{}]", list(&sorted)));
        sorted.truncate(numbers.len() - holes);
        sorted.reverse();
        prop_assert_eq!(
            value(format!("array_sort(filter({array}, x -> x IS NOT NULL), (x, y) -> CASE WHEN x > y THEN -1 WHEN x < y THEN 1 \
                ELSE 0 END)")),
            format!("[{}]", list(&sorted)));
    }
}
