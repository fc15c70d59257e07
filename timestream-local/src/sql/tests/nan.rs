//! NaN and infinities, as in Trino.

use proptest::prelude::*;
use proptest::sample::select;

use super::arrays::{shortly, values};
use super::{check, check_refusals, run};
use crate::sql::text;

/// A table of doubles among which there may be any.
const NUMBERS: &str =
    "(VALUES (1, 2.0), (2, nan()), (3, infinity()), (4, NULL), (5, -infinity()), (6, nan())) AS t (n, x)";

#[test]
fn nan_is_made_printed_and_cast() {
    values(&[
        ("nan()", "NaN"),
        ("sqrt(-1)", "NaN"),
        ("0.0 / 0.0", "NaN"),
        ("infinity() - infinity()", "NaN"),
        ("0 * infinity()", "NaN"),
        ("1e308 * 10 % 3", "NaN"),
        ("ln(-1)", "NaN"),
        ("acos(2)", "NaN"),
        ("power(1, nan())", "NaN"),
        ("power(-1, infinity())", "NaN"),
        ("power(nan(), 0)", "1.0"),
        ("-nan()", "NaN"),
        ("abs(nan())", "NaN"),
        ("round(nan(), 2)", "NaN"),
        ("sign(nan())", "NaN"),
        ("floor(-infinity())", "-Infinity"),
        ("nan() + NULL", "NULL"),
        ("DOUBLE 'NaN'", "NaN"),
        ("DOUBLE '-Infinity'", "-Infinity"),
        ("CAST('NaN' AS double)", "NaN"),
        ("CAST('Infinity' AS double)", "Infinity"),
        ("CAST('nan' AS double)", "error: Cannot cast 'nan' to DOUBLE"),
        ("CAST(nan() AS varchar) || CAST(-infinity() AS varchar)", "NaN-Infinity"),
        ("CAST(CAST(nan() AS varchar) AS double)", "NaN"),
        ("CAST(nan() AS bigint)", "error: Cannot cast double NaN to bigint"),
        ("CAST(infinity() AS integer)", "error: Cannot cast double Infinity to integer"),
        ("TRY_CAST(nan() AS bigint)", "NULL"),
        ("CAST(nan() AS boolean)", "true"),
        ("is_nan(sqrt(-1))", "true"),
        ("is_nan(1.5)", "false"),
        ("is_nan(NULL)", "NULL"),
        ("is_finite(nan())", "false"),
        ("is_infinite(nan())", "false"),
        ("nan() IS NULL", "false"),
        ("coalesce(nan(), 1.0)", "NaN"),
        ("coalesce(NULL, nan())", "NaN"),
        ("if(true, nan(), 1.0)", "NaN"),
        ("try(nan())", "NaN"),
        ("typeof(nan())", "double"),
        ("1h * nan()", "error: The interval is out of range"),
        ("from_unixtime(nan())", "error: The timestamp is outside the years 1677 to 2262"),
        ("human_readable_seconds(nan())", "error: Invalid argument found: NaN"),
    ]);
}

#[test]
fn nan_is_neither_less_nor_equal_nor_greater() {
    values(&[
        ("nan() = nan()", "false"),
        ("nan() <> nan()", "true"),
        ("nan() = NULL", "NULL"),
        ("nan() < 1.0", "false"),
        ("nan() > 1", "false"),
        ("1.0 < nan()", "false"),
        ("infinity() < nan()", "false"),
        ("nan() <= nan()", "false"),
        ("nan() >= nan()", "false"),
        ("infinity() >= infinity()", "true"),
        ("nan() < NULL", "NULL"),
        ("nan() BETWEEN 1 AND 2", "false"),
        ("nan() NOT BETWEEN 1 AND 2", "true"),
        ("1 BETWEEN nan() AND 2", "false"),
        ("1 BETWEEN 0.5 AND infinity()", "true"),
        ("nan() BETWEEN NULL AND 2", "false"),
        ("sqrt(1) BETWEEN NULL AND 2", "NULL"),
        ("sqrt(9) BETWEEN NULL AND 2", "false"),
        ("nan() IN (1.0, nan())", "false"),
        ("nan() IN (1.0, NULL)", "NULL"),
        ("nan() NOT IN (1.0, nan())", "true"),
        ("1.0 IN (nan(), 1)", "true"),
        ("nan() IN (SELECT nan())", "false"),
        ("sqrt(4) IN (SELECT infinity() UNION ALL SELECT 2.0)", "true"),
        ("CASE nan() WHEN nan() THEN 1 ELSE 2 END", "2"),
        ("nullif(nan(), nan())", "NaN"),
        ("nullif(sqrt(4), 2.0)", "NULL"),
        ("nan() IS DISTINCT FROM nan()", "false"),
        ("nan() IS NOT DISTINCT FROM 1.0", "false"),
        ("greatest(nan(), 5, 4)", "5.0"),
        ("greatest(5.5, nan())", "5.5"),
        ("greatest(nan())", "NaN"),
        ("greatest(nan(), nan())", "NaN"),
        ("least(nan(), 5, -infinity())", "-Infinity"),
        ("least(nan(), NULL)", "NULL"),
        ("least(-0.5, nan(), -0.25)", "-0.5"),
    ]);
    check(&[
        ("SELECT a.x FROM (SELECT sqrt(-1) AS x) a JOIN (SELECT sqrt(-1) AS x) b ON a.x = b.x", &[]),
        ("SELECT x FROM (SELECT sqrt(-1) AS x) a JOIN (SELECT sqrt(-1) AS x) b USING (x)", &[]),
        ("SELECT x FROM (SELECT sqrt(4) AS x) a JOIN (SELECT sqrt(4) AS x) b USING (x)", &["2.0"]),
    ]);
}

#[test]
fn nan_has_a_place_in_orders_and_groups() {
    let rows = |rest: &str| run(&rest.replace("numbers", NUMBERS));
    assert_eq!(rows("SELECT x FROM numbers ORDER BY x"), ["-Infinity", "2.0", "Infinity", "NaN", "NaN", "NULL"]);
    assert_eq!(rows("SELECT x FROM numbers ORDER BY x DESC"), ["NaN", "NaN", "Infinity", "2.0", "-Infinity", "NULL"]);
    assert_eq!(
        rows("SELECT x, count(*) FROM numbers GROUP BY x ORDER BY 1"),
        ["-Infinity|1", "2.0|1", "Infinity|1", "NaN|2", "NULL|1"]
    );
    assert_eq!(rows("SELECT count(DISTINCT x), count(x), approx_distinct(x) FROM numbers"), ["4|5|4"]);
    assert_eq!(rows("SELECT DISTINCT x FROM numbers WHERE is_nan(x)"), ["NaN"]);
    assert_eq!(run("SELECT nan() UNION SELECT sqrt(-1)"), ["NaN"]);
    assert_eq!(run("SELECT nan() INTERSECT SELECT sqrt(-1)"), ["NaN"]);
    assert_eq!(run("SELECT nan() EXCEPT SELECT sqrt(-1)"), [""; 0]);
    assert_eq!(rows("SELECT n FROM numbers WHERE x > 1 ORDER BY n"), ["1", "3"]);
    assert_eq!(
        rows("SELECT n, rank() OVER (ORDER BY x) FROM numbers ORDER BY n"),
        ["1|2", "2|4", "3|3", "4|6", "5|1", "6|4"]
    );
}

#[test]
fn aggregates_are_trinos() {
    let of = |list: &str, calls: &str| run(&format!("SELECT {calls} FROM (VALUES {list}) AS t (x)"));
    let all = "sum(x), avg(x), min(x), max(x), count(x)";
    assert_eq!(of("1.5, nan(), 3.5", all), ["NaN|NaN|1.5|3.5|3"]);
    assert_eq!(of("nan(), NULL", all), ["NaN|NaN|NaN|NaN|1"]);
    assert_eq!(of("NULL, sqrt(NULL)", all), ["NULL|NULL|NULL|NULL|0"]);
    assert_eq!(of("infinity(), -1.5", all), ["Infinity|Infinity|-1.5|Infinity|2"]);
    assert_eq!(of("infinity(), -infinity()", all), ["NaN|NaN|-Infinity|Infinity|2"]);
    assert_eq!(of("sqrt(4), -0.5, -sqrt(9)", all), ["-1.5|-0.5|-3.0|2.0|3"]);
    assert_eq!(of("sqrt(NULL)", "sum(x), avg(x), min(x), max(x)"), ["NULL|NULL|NULL|NULL"]);
    assert_eq!(of("1.5, nan()", "sum(x) FILTER (WHERE NOT is_nan(x)), sum(DISTINCT x)"), ["1.5|NaN"]);
    assert_eq!(
        of("1, nan()", "stddev(x), var_pop(x), geometric_mean(x), covar_pop(x, x), corr(x, x)"),
        ["NaN|NaN|NaN|NaN|NULL"]
    );
    assert_eq!(
        of("nan(), 2, 3", "max_by(x, x), min_by(x, x), is_nan(any_value(x)) OR any_value(x) > 1"),
        ["3.0|2.0|true"]
    );
    assert_eq!(
        shortly("SELECT max(x, 3), min(x, 2) FROM (VALUES 2, nan(), 3) AS t (x)"),
        ["[3.0, 2.0, NaN]|[2.0, 3.0]"]
    );
    assert_eq!(of("1.5, nan()", "approx_percentile(x, 0.5)"), ["error: approx_percentile of NaN is not supported"]);
    assert_eq!(
        of("1.5, nan()", "approx_percentile(x, ARRAY[0.5])"),
        ["error: approx_percentile of NaN is not supported"]
    );
}

#[test]
fn windows_forget_what_left_them() {
    let over = |call: &str| {
        run(&format!("SELECT {call} OVER (ORDER BY n ROWS 1 PRECEDING) FROM {NUMBERS} ORDER BY n")).join(" ")
    };
    assert_eq!(over("sum(x)"), "2.0 NaN NaN Infinity -Infinity NaN");
    assert_eq!(over("avg(x)"), "2.0 NaN NaN Infinity -Infinity NaN");
    assert_eq!(over("max(x)"), "2.0 2.0 Infinity Infinity -Infinity -Infinity");
    assert_eq!(over("min(x)"), "2.0 2.0 Infinity Infinity -Infinity -Infinity");
    assert_eq!(over("count(x)"), "1 2 2 1 1 2");
    let window = "OVER (ORDER BY n ROWS BETWEEN 2 FOLLOWING AND 3 FOLLOWING)";
    assert_eq!(
        run(&format!("SELECT sum(x) {window}, lead(x) OVER (ORDER BY n) FROM {NUMBERS} ORDER BY n LIMIT 3")),
        ["Infinity|NaN", "-Infinity|Infinity", "NaN|NULL"]
    );
    assert_eq!(
        run("SELECT sum(sqrt(x)) OVER (ORDER BY x ROWS 1 PRECEDING) FROM (VALUES 1, 4, 9) AS t (x)"),
        ["1.0", "3.0", "5.0"]
    );
    check_refusals(&[(
        "SELECT sum(1) OVER (ORDER BY 1.5 RANGE DOUBLE 'NaN' PRECEDING)",
        "line 1:47: Window frame offset value must not be negative or null",
    )]);
}

#[test]
fn arrays_series_and_lambdas_hold_nan() {
    values(&[
        ("ARRAY[1.5, nan(), NULL]", "[1.5, NaN, NULL]"),
        ("ARRAY[nan()][1]", "NaN"),
        ("ROW(nan(), 1)", "(NaN, 1)"),
        ("CAST(ROW(nan()) AS ROW(a double)).a + 1", "NaN"),
        ("CAST(ARRAY['NaN', '1'] AS array(double))", "[NaN, 1.0]"),
        ("array_join(ARRAY[nan(), 1.5], ',')", "NaN,1.5"),
        ("array_sort(ARRAY[nan(), NULL, infinity(), 1])", "[1.0, Infinity, NaN, NULL]"),
        ("array_max(ARRAY[1.5, nan(), 0.5])", "1.5"),
        ("array_min(ARRAY[nan(), 0.5])", "0.5"),
        ("array_max(ARRAY[nan(), nan()])", "NaN"),
        ("array_max(ARRAY[nan(), NULL])", "NULL"),
        ("contains(ARRAY[nan()], nan())", "false"),
        ("array_position(ARRAY[nan(), 1.5], nan())", "0"),
        ("array_remove(ARRAY[nan(), 1.5], nan())", "[NaN, 1.5]"),
        ("array_distinct(ARRAY[nan(), 1, nan()])", "[NaN, 1.0]"),
        ("transform(ARRAY[1.0, -1.0], x -> sqrt(x))", "[1.0, NaN]"),
        ("filter(ARRAY[1.5, nan(), 2.5], x -> x > 2 OR is_nan(x))", "[NaN, 2.5]"),
        ("reduce(ARRAY[1.5, nan()], 0.0, (s, x) -> s + x, s -> s)", "NaN"),
        ("transform(ARRAY[1], x -> nan() = nan())", "[false]"),
    ]);
    assert_eq!(shortly("SELECT x, n FROM UNNEST(ARRAY[nan(), 1.5]) WITH ORDINALITY AS t (x, n)"), ["NaN|1", "1.5|2"]);
    let series = |call: &str| {
        shortly(&format!(
            "WITH s AS (SELECT create_time_series(t, v) AS ts FROM (VALUES (from_milliseconds(1), 1.5), \
             (from_milliseconds(2), nan()), (from_milliseconds(3), 2.5)) AS x (t, v)) SELECT {call}"
        ))
    };
    let at = |milliseconds: u32, value: &str| format!("1970-01-01 00:00:00.{milliseconds:03}000000 {value}");
    assert_eq!(series("ts FROM s"), [format!("{{{}, {}, {}}}", at(1, "1.5"), at(2, "NaN"), at(3, "2.5"))]);
    assert_eq!(series("filter(ts, x -> is_nan(x.value)) FROM s"), [format!("{{{}}}", at(2, "NaN"))]);
    assert_eq!(series("value FROM s CROSS JOIN UNNEST(ts) AS u (time, value)"), ["1.5", "NaN", "2.5"]);
    assert_eq!(series("derivative_linear(ts, 1ms) FROM s"), [format!("{{{}, {}}}", at(2, "NaN"), at(3, "NaN"))]);
    assert_eq!(series("integral_trapezoidal(ts) FROM s"), ["NaN"]);
    assert_eq!(series("interpolate_linear(ts, from_milliseconds(2)) FROM s"), ["NaN"]);
    assert_eq!(series("interpolate_fill(ts, from_milliseconds(9), nan()) FROM s"), ["NaN"]);
    assert_eq!(
        series("non_negative_derivative_linear(ts, 1ms) FROM s"),
        ["error: non_negative_derivative_linear of NaN is not supported"]
    );
    assert_eq!(
        series("correlate_pearson(ts, ts) FROM s"),
        ["error: A correlation of NaN or infinity is not supported"]
    );
}

/// The SQL of what holds for samples, which are finite, has no function in its comparisons and aggregates.
#[test]
fn samples_are_compared_by_sqlite() {
    let sql = super::compiled(
        "SELECT max(v), sum(v), avg(v), min(abs(v)), max(CASE v WHEN 2.0 THEN 1 END) FROM (SELECT measure_value::double AS v, \
         measure_value::bigint AS n FROM db.t) WHERE v > 1.5 AND v BETWEEN 0 AND n AND v IN (1, 2.5) AND round(v, 1) < n",
    )
    .sql;
    let (_, condition) = sql.split_once("WHERE").unwrap();
    assert!(!condition.contains("less") && !condition.contains("between"), "{sql}");
    assert!(sql.starts_with("SELECT max(t1.c0) AS c0, sum(t1.c0) AS c1, avg(t1.c0) AS c2, "), "{sql}");
}

#[derive(Debug, Clone)]
enum Number {
    Column(usize),
    Two(char, Box<Number>, Box<Number>),
    Root(Box<Number>),
    If(&'static str, Box<[Number; 4]>),
}

const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

fn number() -> impl Strategy<Value = Number> {
    (0..3_usize).prop_map(Number::Column).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (select(vec!['+', '-', '*', '/', '%']), inner.clone(), inner.clone())
                .prop_map(|(sign, one, two)| Number::Two(sign, Box::new(one), Box::new(two))),
            inner.clone().prop_map(|one| Number::Root(Box::new(one))),
            (select(COMPARISONS.to_vec()), [inner.clone(), inner.clone(), inner.clone(), inner])
                .prop_map(|(sign, four)| Number::If(sign, Box::new(four))),
        ]
    })
}

impl Number {
    fn sql(&self) -> String {
        match self {
            Self::Column(place) => ["a", "b", "c"][*place].to_owned(),
            Self::Two(sign, one, two) => format!("({} {sign} {})", one.sql(), two.sql()),
            Self::Root(one) => format!("sqrt({})", one.sql()),
            Self::If(sign, four) => {
                let [one, two, then, otherwise] = four.each_ref().map(Number::sql);
                format!("if({one} {sign} {two}, {then}, {otherwise})")
            }
        }
    }

    fn value(&self, columns: [f64; 3]) -> f64 {
        match self {
            Self::Column(place) => columns[*place],
            Self::Two(sign, one, two) => {
                let (one, two) = (one.value(columns), two.value(columns));
                match sign {
                    '+' => one + two,
                    '-' => one - two,
                    '*' => one * two,
                    '/' => one / two,
                    _ => one % two,
                }
            }
            Self::Root(one) => one.value(columns).sqrt(),
            Self::If(sign, four) => {
                let [one, two, then, otherwise] = four.each_ref().map(|number| number.value(columns));
                let holds = match *sign {
                    "=" => one == two,
                    "<>" => one != two,
                    "<" => one < two,
                    "<=" => one <= two,
                    ">" => one > two,
                    _ => one >= two,
                };
                if holds { then } else { otherwise }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Doubles are calculated with and compared as the processor does.
    #[test]
    fn doubles_are_those_of_ieee_754(
        number in number(),
        columns in prop::array::uniform3(select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.5, -2.0, 1e308])),
    ) {
        let [a, b, c] = columns.map(text::double);
        let query = format!("SELECT {} FROM (VALUES (DOUBLE '{a}', DOUBLE '{b}', DOUBLE '{c}')) AS t (a, b, c)", number.sql());
        prop_assert_eq!(run(&query), [text::double(number.value(columns))], "{}", query);
    }
}
