mod arrays;
mod by_series;
mod correlation;
mod counts;
mod documented;
mod formatting;
mod fuzz;
mod grouping;
mod joins;
mod lambdas;
mod nan;
mod presto;
mod series;
mod tables;
mod times;
mod trino;

use rusqlite::Connection;

use super::*;

/// 2021-05-06T06:35:38Z in nanoseconds.
const NOW: i64 = 1_620_282_938_000_000_000;

struct OneTable;

fn column(name: &str, column_type: ColumnType, attribute: Attribute, expression: &str) -> TableColumn {
    TableColumn { name: name.into(), column_type, attribute, expression: expression.into() }
}

impl Catalog for OneTable {
    fn table(&self, database: &str, table: &str) -> Result<TableSchema, CatalogError> {
        match (database, table) {
            ("db", "t") => Ok(TableSchema {
                columns: vec![
                    column("job", ColumnType::Varchar, Attribute::Dimension, "s.d0"),
                    column("env", ColumnType::Varchar, Attribute::Dimension, "s.d1"),
                    column("measure_name", ColumnType::Varchar, Attribute::MeasureName, "s.measure_name"),
                    column("time", ColumnType::Timestamp, Attribute::Timestamp, "v.time"),
                    column("measure_value::double", ColumnType::Double, Attribute::MeasureValue, "v.double"),
                    column("measure_value::bigint", ColumnType::Bigint, Attribute::MeasureValue, "v.bigint"),
                ],
                relation: "series_1 AS s CROSS JOIN samples_1 AS v ON v.series = s.id".into(),
                counted: Counted {
                    relation: "samples_1 AS n".into(),
                    owner: "n.series".into(),
                    time: "n.time".into(),
                    count: "count(*)".into(),
                },
                parts: Parts {
                    series: "series_1 AS s".into(),
                    id: "s.id".into(),
                    records: "samples_1 AS v".into(),
                    owner: "v.series".into(),
                    points: None,
                },
            }),
            ("db", _) => Err(CatalogError::TableMissing),
            _ => Err(CatalogError::DatabaseMissing),
        }
    }

    fn databases(&self) -> Result<Vec<String>, CatalogError> {
        Ok(vec!["db".into(), "other".into()])
    }

    fn tables(&self, _: &str) -> Result<Vec<String>, CatalogError> {
        Ok(vec!["t".into()])
    }

    fn measures(&self, _: &str, _: &str) -> Result<Vec<Measure>, CatalogError> {
        Ok(vec![Measure { name: "cpu".into(), data_type: "double".into(), dimensions: vec!["job".into()] }])
    }
}

fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE series_1 (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, measure_name TEXT NOT NULL,
               d0 TEXT, d1 TEXT);
             CREATE INDEX series_1_measure ON series_1 (measure_name);
             CREATE TABLE samples_1 (series INTEGER NOT NULL, time INTEGER NOT NULL, version INTEGER NOT NULL, double,
               bigint INTEGER, varchar TEXT, boolean INTEGER, timestamp INTEGER, PRIMARY KEY (series, time))
               WITHOUT ROWID;
             INSERT INTO series_1 VALUES (1, x'01', 'cpu', 'a', 'b'), (2, x'02', 'cpu', 'a', NULL),
               (3, x'03', 'mem', 'b_1', 'c');
             INSERT INTO samples_1 (series, time, version, double, bigint) VALUES (1, 2000000, 1, 1.5, NULL),
               (1, 1000000, 1, 2.5, NULL), (2, 1000000, 1, 4.0, NULL), (3, 60000000000, 1, NULL, 7);",
        )
        .unwrap();
    register_functions(&connection).unwrap();
    connection
}

fn compiled(text: &str) -> Compiled {
    match compile(text, &OneTable, NOW).unwrap_or_else(|error| panic!("{text}: {error}")) {
        Statement::Select(compiled) => compiled,
        Statement::Listing(_) | Statement::Unload(_) => panic!("{text} is no SELECT"),
    }
}

/// A value as text; a time series or array as its Datum.
fn shown(kind: &ColumnType, value: rusqlite::types::ValueRef<'_>) -> String {
    if kind.is_comparable() {
        return kind.text(value).unwrap_or_else(|| "NULL".into());
    }
    let mut page = Vec::new();
    kind.write_datum(value, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// The rows as text, values parted by a bar.
fn run(text: &str) -> Vec<String> {
    let query = compiled(text);
    let connection = connection();
    let mut statement = connection.prepare(&query.sql).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(statement.column_count(), query.columns.len());
    let parameter_count = statement.parameter_count();
    let rows = statement.query_map(rusqlite::params_from_iter(query.parameters.iter().take(parameter_count)), |row| {
        let cells = query
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| shown(&column.column_type, row.get_ref(index).unwrap()));
        Ok(cells.collect::<Vec<_>>().join("|"))
    });
    rows.unwrap().map(|row| row.unwrap_or_else(|error| format!("error: {error}"))).collect()
}

/// Runs each query and compares its rows.
fn check(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(&run(text), expected, "{text}");
    }
}

/// Refuses each query, with the message given.
fn check_refusals(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(&refused(text), expected, "{text}");
    }
}

fn refused(text: &str) -> String {
    compile(text, &OneTable, NOW).map(|_| ()).expect_err(text).message
}

const FROM: &str = "FROM \"db\".\"t\"";

#[test]
fn the_connectors_query_is_answered() {
    let text = format!(
        "SELECT \"job\", \"env\", measure_name, time, measure_value::double {FROM} WHERE time BETWEEN \
         from_milliseconds(1) AND from_milliseconds(2) AND measure_name = 'cpu' AND \"job\" = 'a' AND \
         (\"env\" IS NULL OR \"env\" <> 'x') AND regexp_like(\"job\", '\\A(?s:(?:a|b.*))\\z') AND NOT \
         regexp_like(\"job\", '^c') AND \"job\" IN ('a','b') AND \"job\" LIKE 'a%' ESCAPE '\\' AND \
         coalesce(\"env\",'') <> 'v' AND measure_value::double IS NOT NULL ORDER BY time ASC, env ASC"
    );
    let expected = [
        "a|b|cpu|1970-01-01 00:00:00.001000000|2.5",
        "a|NULL|cpu|1970-01-01 00:00:00.001000000|4.0",
        "a|b|cpu|1970-01-01 00:00:00.002000000|1.5",
    ];
    assert_eq!(run(&text), expected);
    let names: Vec<_> = compiled(&text).columns.into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["job", "env", "measure_name", "time", "measure_value::double"]);
}

#[test]
fn the_connectors_query_seeks_by_series_and_time() {
    let query = compiled(&format!(
        "SELECT time {FROM} WHERE time BETWEEN from_milliseconds(1) AND from_milliseconds(2) AND measure_name = 'cpu'"
    ));
    let connection = connection();
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql)).unwrap();
    let parameter_count = plan.parameter_count();
    let steps: Vec<String> = plan
        .query_map(rusqlite::params_from_iter(query.parameters.iter().take(parameter_count)), |row| row.get(3))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        steps,
        [
            "SEARCH s USING COVERING INDEX series_1_measure (measure_name=?)",
            "SEARCH v USING PRIMARY KEY (series=? AND time>? AND time<?)"
        ]
    );
}

#[test]
fn counting_all_goes_through_no_records() {
    let query = compiled("SELECT count(*) FROM db.t");
    assert_eq!(query.sql, "SELECT (SELECT count(*) FROM samples_1 AS n) AS c0");
    assert_eq!(query.columns, [Column::new("_col0", ColumnType::Bigint)]);
    assert_eq!(run("SELECT count(*) FROM db.t"), ["4"]);
}

#[test]
fn statements_give_what_was_worked_out_by_hand() {
    let cases: &[(&str, &[&str])] = &[
        (
            "SELECT job, count(*) AS n, avg(measure_value::double) FROM db.t GROUP BY job ORDER BY n DESC",
            &["a|3|2.6666666666666665", "b_1|1|NULL"],
        ),
        ("SELECT env FROM db.t WHERE time > from_milliseconds(1) OR job = 'a' ORDER BY env DESC LIMIT 2", &["c", "b"]),
        ("SELECT DISTINCT env FROM db.t ORDER BY env", &["b", "c", "NULL"]),
        (
            "SELECT bin(time, 1m) AS b, sum(measure_value::bigint) FROM db.t GROUP BY bin(time, 1m) ORDER BY 1 DESC LIMIT 1",
            &["1970-01-01 00:01:00.000000000|7"],
        ),
        ("SELECT job FROM db.t WHERE job LIKE 'b\\_%' ESCAPE '\\'", &["b_1"]),
        ("SELECT now(), ago(1h)", &["2021-05-06 06:35:38.000000000|2021-05-06 05:35:38.000000000"]),
        ("SELECT 1 + 2, 7 / 2, 7 / 2.0, -3 % 2, 1 = 1.0, 'a' || 'b', null", &["3|3|3.5|-1|true|ab|NULL"]),
        ("SELECT 1.0 / 0, 2 * 1d, CAST(1e300 AS varchar)", &["Infinity|2 00:00:00.000000000|1.0E300"]),
        (
            "SELECT date_trunc('month', now()), extract(year FROM now()), date_diff('day', ago(2d), now())",
            &["2021-05-01 00:00:00.000000000|2021|2"],
        ),
        ("SELECT CASE WHEN count(*) > 1 THEN 'many' ELSE 'few' END FROM db.t", &["many"]),
        (
            "SELECT max_by(env, time), min_by(env, time), count(DISTINCT job), count_if(env = 'b') FROM db.t",
            &["c|b|2|2"],
        ),
        (
            "SELECT approx_percentile(measure_value::double, 0.5), stddev_pop(measure_value::double) BETWEEN 1.0274023338 AND 1.0274023339 FROM db.t WHERE job = 'a'",
            &["2.5|true"],
        ),
        (
            "WITH x AS (SELECT job, time AS at FROM db.t) SELECT x.job, count(*) FROM x GROUP BY x.job ORDER BY 1",
            &["a|3", "b_1|1"],
        ),
        (
            "SELECT a.job, b.env FROM db.t AS a JOIN db.t AS b ON a.time = b.time AND a.job = b.job WHERE b.env = 'c'",
            &["b_1|c"],
        ),
        ("SELECT job FROM db.t WHERE env = 'c' UNION ALL SELECT 'z' ORDER BY job DESC", &["z", "b_1"]),
        (
            "SELECT measure_value::double, lag(measure_value::double) OVER (PARTITION BY env ORDER BY time) FROM db.t \
          WHERE env = 'b' ORDER BY time",
            &["2.5|NULL", "1.5|2.5"],
        ),
        ("SELECT job FROM db.t WHERE time = (SELECT max(time) FROM db.t)", &["b_1"]),
        ("SELECT count(*) FROM db.t WHERE time < '1970-01-01 00:00:01'", &["3"]),
        (
            "SELECT upper(job), substr(job, -1), split_part(job, '_', 2), regexp_extract(job, '(\\d)', 1) FROM db.t \
          WHERE measure_name = 'mem'",
            &["B_1|1|1|1"],
        ),
        (
            "SELECT round(2.5), floor(-1.5), ceil(1.2), abs(-3), power(2, 10), greatest(1, 2.5), mod(7, 4)",
            &["3.0|-2.0|2.0|3|1024.0|2.5|3"],
        ),
        ("SELECT job, count(*) FROM db.t GROUP BY 1 HAVING count(*) > 1", &["a|3"]),
        ("SELECT time, time FROM db.t ORDER BY db.t.time LIMIT 0", &[]),
        (
            "SELECT from_milliseconds(-1)",
            &["error: Timestamps before 1970 are not supported: 1969-12-31 23:59:59.999000000"],
        ),
        ("SELECT 1 / 0", &["error: Division by zero"]),
        ("SELECT sum(measure_value::double) FILTER (WHERE env = 'b') FROM db.t", &["4.0"]),
    ];
    for (text, expected) in cases {
        assert_eq!(&run(text), expected, "{text}");
    }
}

#[test]
fn minus_zero_and_the_least_double_survive() {
    let connection = connection();
    for number in [-0.0, 5e-324, f64::MAX, 1e300, 3.0] {
        connection.execute("UPDATE samples_1 SET double = ?1 WHERE series = 2", [number]).unwrap();
        let back: f64 =
            connection.query_row("SELECT double FROM samples_1 WHERE series = 2", [], |row| row.get(0)).unwrap();
        assert_eq!(back.to_bits(), number.to_bits());
    }
}

#[test]
fn refusals_say_what_and_where() {
    let cases = [
        ("SELECT time, nope FROM db.t", "line 1:14: Column 'nope' does not exist"),
        ("SELECT 1 FROM abc.t", "Requested database 'abc' not found for identifier 'abc.t' at line 1:15"),
        ("SELECT 1 FROM db.x", "line 1:15: Table 'db.x' does not exist"),
        ("SELECT 1 FROM db.t WHERE job = 1", "line 1:26: '=' cannot be applied to varchar, integer"),
        (
            "SELECT job, count(*) FROM db.t",
            "line 1:8: 'job' must be an aggregate expression or appear in GROUP BY clause",
        ),
        ("SELECT nonsense(1)", "line 1:8: Function nonsense not registered"),
        ("SELECT length(1)", "line 1:8: Unexpected parameters (integer) for function length"),
        (
            "SELECT job FROM db.t WHERE count(*) > 1",
            "line 1:28: WHERE clause cannot contain aggregations or window functions",
        ),
        ("DELETE FROM db.t", ""),
        ("EXPLAIN SELECT 1", "line 1:1: EXPLAIN is not supported"),
        ("SELECT 1; SELECT 2", "line 1:11: mismatched input 'SELECT'"),
        ("SELECT 'a' + 1", "line 1:8: '+' cannot be applied to varchar, integer"),
        ("SELECT job FROM db.t ORDER BY 2", "line 1:31: ORDER BY position 2 is not in select list"),
        ("SELECT \"$cast_double\"('1')", "line 1:8: Function $cast_double not registered"),
        ("SELECT (SELECT job, env FROM db.t)", "line 1:9: A scalar subquery must have one column"),
        ("", ""),
    ];
    for (text, expected) in cases {
        let message = refused(text);
        assert!(expected.is_empty() || message == expected, "{text}: {message}");
    }
}

#[test]
fn listings_come_from_the_catalog() {
    let rows = |text: &str| match compile(text, &OneTable, NOW).unwrap() {
        Statement::Listing(listing) => listing.rows,
        Statement::Select(_) | Statement::Unload(_) => panic!("{text} is no listing"),
    };
    let texts = |row: &[&str]| row.iter().map(|text| Cell::Text((*text).into())).collect::<Vec<_>>();
    assert_eq!(rows("DESCRIBE \"db\".\"t\"").first(), Some(&texts(&["job", "varchar", "DIMENSION"])));
    assert_eq!(rows("show databases like 'd%'"), [texts(&["db"])]);
    assert_eq!(rows("SHOW TABLES FROM \"db\";"), [texts(&["t"])]);
    let mut measure = texts(&["cpu", "double"]);
    measure.push(Cell::Dimensions(vec![("job".into(), "varchar".into())]));
    assert_eq!(rows("SHOW MEASURES FROM db.t"), [measure]);
    assert!(refused("DESCRIBE abc.t").starts_with("Requested database 'abc' not found"));
}

#[test]
fn deep_and_long_queries_neither_crash_nor_hang() {
    let run_small = |text: String| {
        std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || compile(&text, &OneTable, NOW).is_ok())
            .unwrap()
            .join()
            .unwrap()
    };
    assert!(run_small(format!("SELECT 1 FROM db.t WHERE {}", vec!["job = 'a'"; 1500].join(" OR "))));
    assert!(!run_small(format!("SELECT {}1", "1 + ".repeat(100_000))));
    assert!(!run_small(format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000))));
    assert!(!run_small(format!("SELECT 1 {}", "UNION SELECT 1 ".repeat(3_000))));
    assert!(!run_small(format!("SELECT 1 {}", "IS NULL ".repeat(3_900))));
    run_small(format!("SELECT {}1", "1 + ".repeat(1_900)));
}
