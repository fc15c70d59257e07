//! Groups of whole series, or of their bins, are those that GROUP BY makes, and are read without a sort of the records.

use proptest::prelude::*;
use rusqlite::{Connection, StatementStatus, params, params_from_iter};

use super::{compiled, register_functions, shown};
use crate::sql::Compiled;

const KEYS: &str = "job, env, measure_name";
const SERIES: &str = "CREATE_TIME_SERIES(time, measure_value::double) AS ts_samples";
const OF_BOTH: &str =
    "CREATE_TIME_SERIES(time, COALESCE(measure_value::double, CAST(measure_value::bigint AS double))) AS ts_samples";
/// It holds for every record, but has a column of the series and one of the records.
const MIXED: &str = "(time >= from_milliseconds(0) OR job = 'a')";
const HOUR_MS: i64 = 3_600_000;

/// A record: its series, its time in milliseconds, and whether its value is a double.
type Entry = (usize, i64, bool);

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec((0..12_usize, 0..6 * HOUR_MS, any::<bool>()), 0..120)
}

fn filled(entries: &[Entry]) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE series_1 (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, measure_name TEXT NOT NULL,
               d0 TEXT, d1 TEXT);
             CREATE INDEX series_1_measure ON series_1 (measure_name);
             CREATE TABLE samples_1 (series INTEGER NOT NULL, time INTEGER NOT NULL, version INTEGER NOT NULL, double,
               bigint, varchar, boolean, PRIMARY KEY (series, time)) WITHOUT ROWID;",
        )
        .unwrap();
    for id in 0..12 {
        let texts = [None, Some("a"), Some("b"), Some("A")];
        let key = (["cpu", "mem", "z_cpu_z"][id % 3], texts[id / 3], texts[(id + id / 3) % 4]);
        connection
            .execute(
                "INSERT INTO series_1 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id as i64 + 1, [id as u8], key.0, key.1, key.2],
            )
            .unwrap();
    }
    for (place, (series, time, is_double)) in entries.iter().enumerate() {
        let column = if *is_double { "double" } else { "bigint" };
        let value: rusqlite::types::Value =
            if *is_double { (place as f64 / 4.0).into() } else { (place as i64).into() };
        // A later version replaces the record.
        connection
            .execute(
                &format!("INSERT OR REPLACE INTO samples_1 (series, time, version, {column}) VALUES (?1, ?2, ?3, ?4)"),
                params![*series as i64 + 1, time * 1_000_000, place as i64, value],
            )
            .unwrap();
    }
    register_functions(&connection).unwrap();
    connection
}

fn rows(connection: &Connection, query: &Compiled) -> Vec<String> {
    let mut statement = connection.prepare(&query.sql).unwrap_or_else(|error| panic!("{}: {error}", query.sql));
    let parameters = query.parameters.iter().take(statement.parameter_count());
    let rows = statement.query_map(params_from_iter(parameters), |row| {
        let cells = query.columns.iter().enumerate();
        Ok(cells
            .map(|(index, column)| shown(&column.column_type, row.get_ref(index).unwrap()))
            .collect::<Vec<_>>()
            .join("|"))
    });
    rows.unwrap().map(|row| row.unwrap_or_else(|error| format!("error: {error}"))).collect()
}

fn plan(connection: &Connection, query: &Compiled) -> Vec<String> {
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql)).unwrap();
    let parameters = query.parameters.iter().take(plan.parameter_count());
    plan.query_map(params_from_iter(parameters), |row| row.get(3)).unwrap().map(Result::unwrap).collect()
}

/// The queries of reads, each with `WHERE …` in the place of `{where}`.
fn queries() -> Vec<String> {
    let mut queries = Vec::new();
    for (series, has_value) in [
        (SERIES, "measure_value::double IS NOT NULL"),
        (OF_BOTH, "(measure_value::double IS NOT NULL OR measure_value::bigint IS NOT NULL)"),
    ] {
        let from = format!("FROM \"db\".\"t\" {{where}} AND {has_value}");
        queries.push(format!("SELECT {KEYS}, {series} {from} GROUP BY {KEYS}"));
        queries.push(format!("SELECT {KEYS} {from} GROUP BY {KEYS}"));
        for bin in ["2h", "7200s", "17m", "INTERVAL '1' hour"] {
            let bin = format!("bin(time, {bin})");
            queries.push(format!("SELECT {KEYS}, {bin} AS ts_bin, {series} {from} GROUP BY {KEYS}, {bin}"));
            queries.push(format!("SELECT measure_name, {bin}, {series}, job {from} GROUP BY 2, 1, 4, env"));
        }
    }
    queries
}

/// A query of [`queries`] in the order in which reads are streamed.
fn ordered(query: &str) -> String {
    let bin = if query.contains("AS ts_bin") { ", ts_bin" } else { "" };
    format!(
        "SELECT * FROM (SELECT *, CASE WHEN job <> '' THEN 1 WHEN env <> '' THEN 0 ELSE -1 END AS ts_last_label FROM \
         ({query})) ORDER BY CASE WHEN job <> '' THEN job END NULLS LAST, replace(replace(measure_name, 'z_', ''), '_z', ''), \
         CASE WHEN env <> '' THEN env WHEN ts_last_label < 1 THEN '' END NULLS LAST{bin}, length(measure_name)"
    )
}

fn conditions() -> [&'static str; 7] {
    [
        "",
        " AND measure_name = 'cpu'",
        " AND (job = 'a' OR env IS NULL) AND time < from_milliseconds(9000000)",
        " AND (time <= from_milliseconds(7200000) AND measure_name IN ('cpu', 'z_cpu_z')) AND job <> 'b'",
        " AND NOT regexp_like(env, '^a') AND measure_name LIKE 'c%' AND measure_value::double > 3.5",
        " AND CASE WHEN job = 'a' THEN true ELSE env = 'b' END AND time > from_milliseconds(3600000)",
        " AND 1 = 1 AND time >= from_milliseconds(7200001) AND time < from_milliseconds(7200000)",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn they_are_those_of_the_general_way(entries in entries()) {
        let connection = filled(&entries);
        for query in queries() {
            for condition in conditions() {
                let with = |more: &str| {
                    query.replace("{where}", &format!("WHERE time >= from_milliseconds(600000){condition}{more}"))
                };
                let (fast, general) = (with(""), with(&format!(" AND {MIXED}")));
                let (of_series, of_records) = (compiled(&fast), compiled(&general));
                prop_assert!(of_series.sorts_series && !of_records.sorts_series, "{}", fast);
                let (mut found, mut expected) = (rows(&connection, &of_series), rows(&connection, &of_records));
                found.sort();
                expected.sort();
                prop_assert_eq!(found, expected, "{}", fast);
                if !query.contains("GROUP BY 2") {
                    let (of_series, of_records) = (compiled(&ordered(&fast)), compiled(&ordered(&general)));
                    prop_assert!(of_series.sorts_series && !of_records.sorts_series, "{}", fast);
                    prop_assert_eq!(rows(&connection, &of_series), rows(&connection, &of_records), "{}", fast);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn counts_of_series_are_those_of_the_general_way(
        entries in entries(), from in 0..6 * HOUR_MS, to in 0..7 * HOUR_MS
    ) {
        let connection = filled(&entries);
        for condition in ["", " AND job = 'a'", " AND (job IS NULL OR measure_name = 'cpu')"] {
            let query = |more: &str| compiled(&format!(
                "SELECT count(*), {KEYS}, count(*) FROM db.t WHERE time >= from_milliseconds({from}) AND \
                 time < from_milliseconds({to}){condition}{more} GROUP BY {KEYS} ORDER BY measure_name DESC, 3, job"
            ));
            let (of_series, of_records) = (query(""), query(&format!(" AND {MIXED}")));
            prop_assert!(of_series.sorts_series && !of_records.sorts_series);
            prop_assert_eq!(rows(&connection, &of_series), rows(&connection, &of_records));
        }
    }
}

/// 100 series of 600 records, one a minute.
fn many() -> Connection {
    let connection = filled(&[]);
    connection
        .execute_batch(
            "DELETE FROM series_1;
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
               INSERT INTO series_1 SELECT n, n, 'cpu', 'job' || (n * 37 % 100), 'x' FROM n;
             WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 599)
               INSERT INTO samples_1 (series, time, version, double)
               SELECT id, n * 60000000000, 1, n + 0.5 FROM series_1, n;",
        )
        .unwrap();
    connection
}

#[test]
fn only_groups_are_sorted_and_the_first_comes_early() {
    let connection = many();
    for query in queries() {
        let query =
            query.replace("{where}", "WHERE time >= from_milliseconds(0) AND time < from_milliseconds(900000000)");
        let plain = compiled(&query);
        let steps = plan(&connection, &plain);
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE") || step.contains("AUTOMATIC")), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN v")), "{steps:#?}");
        let mut both = vec![(plain, 20)];
        if !query.contains("GROUP BY 2") {
            let in_order = compiled(&ordered(&query));
            let steps = plan(&connection, &in_order);
            let sorts = steps.iter().filter(|step| step.contains("TEMP B-TREE")).count();
            // The bins of one series have the name b.
            let stored = |step: &String| step.starts_with("MATERIALIZE") && step != "MATERIALIZE b";
            assert!(sorts == 1 && !steps.iter().any(stored), "{steps:#?}");
            both.push((in_order, 3));
        }
        for (query, share) in both {
            if !query.columns.iter().any(|column| column.name == "ts_samples") {
                continue;
            }
            let mut statement = connection.prepare(&query.sql).unwrap();
            let parameters = query.parameters.iter().take(statement.parameter_count());
            let mut rows = statement.query(params_from_iter(parameters)).unwrap();
            rows.next().unwrap().unwrap();
            let first = rows.as_ref().unwrap().get_status(StatementStatus::VmStep);
            while rows.next().unwrap().is_some() {}
            drop(rows);
            let all = statement.get_status(StatementStatus::VmStep);
            assert!(first * share < all, "{first} of {all}: {}", query.sql);
        }
    }
}

#[test]
fn a_bin_reads_its_own_records_only() {
    let connection = many();
    let steps = |from: i64, bin: &str| {
        let query = compiled(&format!(
            "SELECT {KEYS}, bin(time, {bin}), {SERIES} FROM db.t WHERE time >= from_milliseconds({from}) AND \
             measure_value::double IS NOT NULL GROUP BY {KEYS}, bin(time, {bin})"
        ));
        assert!(query.sorts_series);
        let mut statement = connection.prepare(&query.sql).unwrap();
        let parameters = query.parameters.iter().take(statement.parameter_count());
        let mut rows = statement.query(params_from_iter(parameters)).unwrap();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        statement.get_status(StatementStatus::VmStep)
    };
    assert!(steps(0, "5m") < 6 * steps(0, "10h"));
}

#[test]
fn all_else_is_left_to_the_general_way() {
    let group = format!("GROUP BY {KEYS}");
    let where_ = "WHERE time >= from_milliseconds(0)";
    let cases = [
        // A dimension is missing.
        format!("SELECT job, measure_name, {SERIES} FROM db.t {where_} GROUP BY job, measure_name"),
        format!("SELECT job, env, {SERIES} FROM db.t {where_} GROUP BY job, env"),
        // Conditions on both.
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} AND (job = 'a' OR measure_value::double > 1) {group}"),
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} AND job IN (SELECT job FROM db.t) {group}"),
        // Other aggregates, or more than the time series.
        format!("SELECT {KEYS}, sum(measure_value::double) FROM db.t {where_} {group}"),
        format!("SELECT {KEYS}, count(*) FROM db.t {where_} AND measure_value::double > 1 {group}"),
        format!("SELECT {KEYS}, bin(time, 1h), count(*) FROM db.t {where_} {group}, bin(time, 1h)"),
        format!("SELECT {KEYS}, count(*) AS n FROM db.t {where_} {group} ORDER BY n DESC LIMIT 1"),
        format!("SELECT {KEYS}, count(*) FROM db.t {where_} {group} ORDER BY job, 4"),
        format!("SELECT * FROM (SELECT {KEYS}, count(*) AS n FROM db.t {group}) ORDER BY n DESC LIMIT 1"),
        format!("SELECT job FROM (SELECT {KEYS}, count(*) AS n FROM db.t {group}) ORDER BY n"),
        format!("SELECT x.n FROM (SELECT {KEYS}, count(*) AS n FROM db.t {group}) AS x ORDER BY x.n"),
        format!("SELECT {KEYS}, max(job) FROM db.t {where_} {group}"),
        format!(
            "SELECT {KEYS}, cardinality(create_time_series(time, measure_value::double)) FROM db.t {where_} {group}"
        ),
        format!("SELECT {KEYS}, create_time_series(time, job) FROM db.t {where_} {group}"),
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} {group} HAVING count(*) > 1"),
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} {group} ORDER BY count(*)"),
        format!("SELECT {KEYS}, {SERIES}, row_number() OVER (ORDER BY job) FROM db.t {where_} {group}"),
        format!("SELECT DISTINCT {KEYS} FROM db.t {where_} {group}"),
        // Keys on the time that are no bin of a constant width, or of a small one, or two of them.
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} {group}, time"),
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} {group}, bin(time, 59s)"),
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} {group}, bin(time, 1h), bin(time, 2h)"),
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} {group}, bin(time + 1s, 1h)"),
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} {group}, date_trunc('hour', time)"),
        format!("SELECT {KEYS}, to_milliseconds(bin(time, 1h)) FROM db.t {where_} {group}, bin(time, 1h)"),
        format!("SELECT {KEYS}, {SERIES} FROM db.t {where_} AND time <> now() {group}, bin(time, 1h)"),
        // More than one relation.
        "SELECT a.job, a.env, a.measure_name FROM db.t a JOIN db.t b ON a.time = b.time GROUP BY 1, 2, 3".to_owned(),
        format!("SELECT * FROM (SELECT {KEYS} FROM db.t {group}) AS a, (SELECT 1)"),
        format!("SELECT count(*) FROM (SELECT {KEYS} FROM db.t {group})"),
        format!("SELECT cardinality(ts_samples) FROM (SELECT {KEYS}, {SERIES} FROM db.t {group})"),
        format!("SELECT job FROM (SELECT {KEYS}, {SERIES} FROM db.t {group}) WHERE cardinality(ts_samples) > 1"),
        format!("SELECT job FROM (SELECT {KEYS}, {SERIES} FROM db.t {group}) ORDER BY cardinality(ts_samples)"),
        format!("SELECT {KEYS} FROM db.t {group} UNION ALL SELECT {KEYS} FROM db.t {group}"),
        format!("WITH x AS (SELECT {KEYS} FROM db.t {group}) SELECT * FROM x"),
    ];
    let entries: Vec<Entry> = (0..100).map(|place| (place % 12, place as i64 * 137_000, true)).collect();
    let connection = filled(&entries);
    for text in cases {
        let query = compiled(&text);
        assert!(!query.sorts_series, "{text}");
        rows(&connection, &query);
    }
}

#[test]
fn what_stands_around_them_still_holds() {
    let connection = filled(&[(0, 0, true), (0, 60_000, true), (3, 0, true), (5, 7_200_000, true)]);
    let series = format!("SELECT {KEYS}, {SERIES} FROM db.t GROUP BY {KEYS}");
    let found = |text: &str| rows(&connection, &compiled(text));
    assert_eq!(found(&format!("SELECT cardinality(ts_samples) FROM ({series}) ORDER BY 1 DESC")), ["2", "1", "1"]);
    assert_eq!(found(&format!("SELECT job FROM ({series}) ORDER BY job LIMIT 1")), ["a"]);
    assert_eq!(found(&format!("{series} ORDER BY 1, env DESC LIMIT 1 OFFSET 2")).len(), 1);
    assert_eq!(found(&format!("SELECT count(*), count(ts_samples) FROM ({series})")), ["3|3"]);
    let counts = format!("SELECT {KEYS}, count(*) AS records FROM db.t GROUP BY {KEYS}");
    assert_eq!(found(&format!("SELECT sum(records), max(records * length(measure_name)) FROM ({counts})")), ["4|7"]);
    for (order, first) in
        [("n DESC", "cpu|2"), ("n, measure_name DESC", "z_cpu_z|1"), ("2 DESC", "cpu|2"), ("2, 1", "cpu|1")]
    {
        let counts = format!("SELECT measure_name, count(*) AS n FROM db.t GROUP BY {KEYS}");
        assert_eq!(found(&format!("{counts} ORDER BY {order} LIMIT 1")), [first]);
        assert_eq!(found(&format!("SELECT * FROM ({counts}) ORDER BY {order} LIMIT 1")), [first]);
    }
    assert_eq!(found(&format!("SELECT measure_name FROM ({series}) WHERE job IS NULL")), ["cpu"]);
    let twice = found(&format!("SELECT ts_samples, job, ts_samples FROM ({series}) WHERE job IS NULL"));
    let cells: Vec<&str> = twice.first().unwrap().split('|').collect();
    assert_eq!((cells.len(), cells.first()), (3, cells.last()));
    let of_null = format!("SELECT {KEYS}, create_time_series(time, measure_value::bigint) FROM db.t GROUP BY {KEYS}");
    assert_eq!(found(&of_null).first().unwrap(), "error: A value of a time series cannot be null");
}
