//! Time series, arrays and parameters.

use super::{NOW, OneTable, check, check_refusals, prepare, run};
use crate::sql::ColumnType;

const SERIES: &str =
    "WITH x AS (SELECT create_time_series(time, measure_value::double) AS ts FROM db.t WHERE env = 'b') ";

fn point(milliseconds: u32, value: &str) -> String {
    format!("{{\"Time\":\"1970-01-01 00:00:00.{milliseconds:03}000000\",\"Value\":{{\"ScalarValue\":\"{value}\"}}}}")
}

#[test]
fn series_are_made_in_order_of_time() {
    let rows = run(&format!("{SERIES} SELECT ts, cardinality(ts) FROM x"));
    assert_eq!(rows, [format!("{{\"TimeSeriesValue\":[{},{}]}}|2", point(1, "2.5"), point(2, "1.5"))]);
    check(&[
        ("SELECT create_time_series(time, measure_value::double) FROM db.t WHERE env = 'z'", &["{\"NullValue\":true}"]),
        (
            "SELECT create_time_series(time, measure_value::double) FROM db.t WHERE job = 'a'",
            &["error: Duplicate timestamps are not allowed in a timeseries. Timestamp: 1970-01-01 00:00:00.001000000"],
        ),
        (
            "SELECT create_time_series(time, measure_value::bigint) FROM db.t",
            &["error: A value of a time series cannot be null"],
        ),
    ]);
    check_refusals(&[
        (
            "SELECT create_time_series(job, time) FROM db.t",
            "line 1:8: Unexpected parameters (varchar, timestamp) for function create_time_series",
        ),
        ("SELECT max(sequence(1, 2, 1))", "line 1:8: Unexpected parameters (array(bigint)) for function max"),
        (
            "SELECT 1 ORDER BY sequence(1, 2, 1)",
            "line 1:19: Type array(bigint) is not orderable, and therefore cannot be used in ORDER BY",
        ),
    ]);
}

#[test]
fn gaps_are_filled() {
    let filled = |call: &str| run(&format!("{SERIES} SELECT {call} FROM x"));
    let at = |milliseconds: &str| format!("from_milliseconds(1) + {milliseconds}");
    assert_eq!(filled(&format!("interpolate_linear(ts, {})", at("250us"))), ["2.25"]);
    assert_eq!(filled(&format!("interpolate_locf(ts, {})", at("250us"))), ["2.5"]);
    assert_eq!(filled(&format!("interpolate_fill(ts, {}, 9)", at("250us"))), ["9.0"]);
    assert_eq!(filled(&format!("interpolate_fill(ts, {}, 9)", at("1ms"))), ["1.5"]);
    assert_eq!(
        filled(&format!("interpolate_linear(ts, {})", at("2ms"))),
        ["error: interpolate_linear at 1970-01-01 00:00:00.003000000, outside of the time series, is not supported"]
    );
    assert_eq!(filled(&format!("interpolate_locf(ts, {})", at("2ms"))), ["1.5"]);
    let rows = filled(&format!("interpolate_linear(ts, sequence({}, {}, 500us))", at("0s"), at("1ms")));
    assert_eq!(
        rows,
        [format!(
            "{{\"TimeSeriesValue\":[{},{},{}]}}",
            point(1, "2.5"),
            "{\"Time\":\"1970-01-01 00:00:00.001500000\",\"Value\":{\"ScalarValue\":\"2.0\"}}",
            point(2, "1.5")
        )]
    );
    // Half of 2.5 + 1.5 over a millisecond.
    assert_eq!(filled("integral_trapezoidal(ts), integral_trapezoidal(ts, 1ms)"), ["0.002|2.0"]);
}

#[test]
fn series_and_arrays_are_unnested() {
    assert_eq!(
        run(&format!("{SERIES} SELECT time, value FROM x CROSS JOIN UNNEST(ts)")),
        ["1970-01-01 00:00:00.001000000|2.5", "1970-01-01 00:00:00.002000000|1.5"]
    );
    assert_eq!(run(&format!("{SERIES} SELECT max(t.v) FROM x, UNNEST(ts) AS t (at, v)")), ["2.5"]);
    check(&[
        ("SELECT n FROM UNNEST(sequence(1, 7, 3)) AS t (n)", &["1", "4", "7"]),
        ("SELECT n FROM UNNEST(sequence(3, 1, -1)) AS t (n)", &["3", "2", "1"]),
        (
            "SELECT n FROM UNNEST(sequence(from_milliseconds(0), from_milliseconds(1), 1ms)) AS t (n)",
            &["1970-01-01 00:00:00.000000000", "1970-01-01 00:00:00.001000000"],
        ),
        ("SELECT sequence(1, 2, 1)", &["{\"ArrayValue\":[{\"ScalarValue\":\"1\"},{\"ScalarValue\":\"2\"}]}"]),
        (
            "SELECT sequence(1, 100000, 1)",
            &["error: result of sequence function must not have more than 10000 entries"],
        ),
        (
            "SELECT sequence(2, 1, 1)",
            &[
                "error: sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal to start",
            ],
        ),
        (
            "SELECT m, v FROM (SELECT create_time_series(time, measure_name) AS ts FROM db.t WHERE env = 'c') CROSS JOIN UNNEST(ts) AS t (m, v)",
            &["1970-01-01 00:01:00.000000000|mem"],
        ),
    ]);
    check_refusals(&[
        ("SELECT 1 FROM UNNEST(1) AS t (x)", "line 1:22: Cannot unnest type: integer"),
        (
            "SELECT 1 FROM db.t LEFT JOIN UNNEST(sequence(1, 2, 1)) AS t (x) ON true",
            "line 1:30: UNNEST other than behind CROSS JOIN or a comma is not supported",
        ),
        (
            "SELECT filter(ts, x -> x.value > 1) FROM (SELECT 1 AS ts)",
            "line 1:8: Unexpected parameters (integer, function) for function filter",
        ),
        (
            "SELECT interpolate_spline_cubic(1, 2)",
            "line 1:8: Unexpected parameters (integer, integer) for function interpolate_spline_cubic",
        ),
    ]);
}

#[test]
fn parameters_take_the_types_of_what_they_stand_beside() {
    let prepared = prepare(
        "SELECT job AS j, time, measure_value::double + @plus, upper(job) FROM db.t WHERE job = @job AND time BETWEEN @from \
         AND now() AND measure_value::bigint IN (@one, 2) AND time < @scheduled_runtime AND @yes AND job LIKE @like \
         AND job <> @job",
        &OneTable,
        NOW,
    )
    .unwrap();
    use ColumnType::{Bigint, Boolean, Double, Timestamp, Varchar};
    let expected = [
        ("job", Varchar),
        ("from", Timestamp),
        ("one", Bigint),
        ("scheduled_runtime", Timestamp),
        ("yes", Boolean),
        ("like", Varchar),
        ("plus", Double),
    ];
    assert_eq!(prepared.parameters, expected.map(|(name, kind)| (name.to_owned(), kind)));
    let columns: Vec<_> = prepared
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.column_type.clone(), column.aliased, column.origin.is_some()))
        .collect();
    assert_eq!(
        columns,
        [
            ("j", Varchar, true, true),
            ("time", Timestamp, false, true),
            ("_col2", Double, false, false),
            ("_col3", Varchar, false, false)
        ]
    );
    let error = prepare("SELECT @x", &OneTable, NOW).unwrap_err();
    assert_eq!(error.message, "line 1:8: The type of the parameter @x cannot be told");
    check_refusals(&[(
        "SELECT 1 WHERE 1 = @x",
        "line 1:20: Parameter @x has no value: parameters are for PrepareQuery only",
    )]);
}

/// Between times, not of times, which doubles can't tell apart.
#[test]
fn differences_of_times_are_exact() {
    let close = "(from_milliseconds(1700000000000), 0.0), (from_milliseconds(1700000000001), 1.0)";
    let change = run(&format!(
        "SELECT value FROM (SELECT derivative_linear(create_time_series(t, v), 1s) AS d FROM (VALUES {close}) AS x (t, v)) \
         CROSS JOIN UNNEST(d) AS p (time, value)"
    ));
    assert_eq!(change, ["1000.0"]);
}
