//! No text makes the front end panic, hang, or give SQLite something that is not SQL.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use rusqlite::Connection;

use super::{NOW, OneTable, connection};
use crate::sql::{Statement, compile, prepare};

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "db.t",
    "job",
    "time",
    "*",
    "(",
    ")",
    ",",
    "WHERE",
    "=",
    "'a'",
    "1",
    "5m",
    "count(*)",
    "GROUP BY",
    "ORDER BY",
    "AND",
    "OR",
    "NOT",
    "IN",
    "BETWEEN",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "measure_value::double",
    "+",
    "AS",
    "x",
    "JOIN",
    "LEFT JOIN",
    "USING (job)",
    "ON",
    "UNION",
    "UNION ALL",
    "EXCEPT",
    "OVER (",
    "PARTITION BY",
    "LIKE",
    "IS NULL",
    "LIMIT",
    "OFFSET",
    "WITH",
    "CAST(",
    "TRY_CAST(",
    "::",
    "\"",
    ";",
    "-",
    "/",
    "%",
    "||",
    "max",
    "min(",
    "sum(",
    "HAVING",
    "DISTINCT",
    "UNNEST(",
    "sequence(1, 3, 1)",
    "create_time_series(time, measure_value::double)",
    "@p",
    "->",
    "EXISTS (",
    "true",
    "NULL",
    "1.5",
    "1e9",
    "INTERVAL '1' day",
    "TIMESTAMP '2021-01-01'",
    "ago(1h)",
    "bin(time, 1m)",
    "regexp_like(job, '(a')",
    "extract(year FROM time)",
    "substr(",
    "trim(",
    "FILTER (WHERE true)",
    "ARRAY[1]",
    "date_trunc('day', ",
    "coalesce(",
    "if(",
    "now()",
    "NULLS FIRST",
    "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
    "VALUES",
    "t.*",
    "ARRAY[",
    "]",
    "[1]",
    "ROW(",
    "CAST(ROW(1, 'a') AS ROW(a bigint, b varchar))",
    "AS array(bigint))",
    ".a",
    ".value",
    "x ->",
    "(s, x) ->",
    "filter(",
    "transform(ARRAY[1, NULL], ",
    "reduce(",
    "zip_with(",
    "try(",
    "array_agg(",
    "array_sort(",
    "element_at(",
    "IGNORE NULLS",
    "RANGE BETWEEN 1 PRECEDING AND CURRENT ROW",
    "WINDOW w AS (",
    "OVER w",
    "INTERSECT ALL",
    "WITH ORDINALITY",
    ".",
    "é",
    "--",
];

/// Queries that are answered. The tests damage them.
const GOOD: &[&str] = &[
    "SELECT job, bin(time, 5m) AS b, avg(measure_value::double) FROM \"db\".\"t\" WHERE time > ago(1h) AND job IN ('a', 'b') GROUP BY job, bin(time, 5m) HAVING count(*) > 1 ORDER BY b DESC NULLS FIRST LIMIT 5 OFFSET 1",
    "WITH x AS (SELECT create_time_series(time, measure_value::double) AS ts FROM db.t GROUP BY env) SELECT t.time, round(value, 2) FROM x CROSS JOIN UNNEST(interpolate_linear(ts, sequence(from_milliseconds(1), from_milliseconds(2), 1ms))) AS t",
    "SELECT CASE WHEN regexp_like(job, '^a.*$') THEN upper(job) ELSE coalesce(env, 'none') || '!' END, lag(time, 1) OVER (PARTITION BY job ORDER BY time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM db.t",
    "SELECT a.job, b.env FROM db.t AS a LEFT JOIN (SELECT DISTINCT env, job FROM db.t) b ON a.job = b.job AND a.env IS NOT DISTINCT FROM b.env WHERE NOT EXISTS (SELECT 1 FROM db.t WHERE job = 'z') UNION ALL SELECT 'x', NULL ORDER BY 1",
    "SELECT CAST('1' AS bigint) + TRY_CAST('x' AS integer), extract(hour FROM TIMESTAMP '2021-01-01 10:00:00'), date_diff('day', now(), ago(2d)), substr('abc', -2), 1 / 3.0, 7 % 2, count(*) FILTER (WHERE job = 'a') FROM db.t",
    "WITH x AS (SELECT job, create_time_series(time, measure_value::double) AS ts FROM db.t WHERE measure_name = 'cpu' AND env = 'b' GROUP BY job) SELECT job, filter(ts, x -> x.value > 1.5 AND job LIKE 'a%'), reduce(ts, CAST(ROW(0.0, 0) AS ROW(sum DOUBLE, count INTEGER)), (s, x) -> CAST(ROW(x.value + s.sum, s.count + 1) AS ROW(sum DOUBLE, count INTEGER)), s -> IF(s.count = 0, NULL, s.sum / s.count)) FROM x",
    "SELECT n, transform(array_sort(array_agg(s), (x, y) -> CASE WHEN x < y THEN 1 WHEN x > y THEN -1 ELSE 0 END), x -> x || CAST(n AS varchar))[1], try(1 / (n - 1)) FROM (VALUES (1, 'a'), (1, 'b'), (2, NULL)) AS t (n, s) GROUP BY n ORDER BY n",
    "SELECT x, u.n, last_value(x) IGNORE NULLS OVER w, sum(u.n) OVER (ORDER BY u.n RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM UNNEST(zip(ARRAY[1, NULL], split('a,b', ','))) WITH ORDINALITY AS u (x, y, n) WINDOW w AS (ORDER BY u.n)",
    "SHOW TABLES FROM \"db\" LIKE 'a%'",
    "DESCRIBE db.t",
];

/// What is accepted must be SQL to SQLite too, and must run to an end or an error.
fn survives(text: &str) -> Result<(), TestCaseError> {
    let _ = prepare(text, &OneTable, NOW);
    if let Ok(Statement::Select(query)) = compile(text, &OneTable, NOW) {
        let connection: Connection = connection();
        let mut statement = match connection.prepare(&query.sql) {
            Ok(statement) => statement,
            Err(error) => return Err(TestCaseError::fail(format!("{text} -> {}: {error}", query.sql))),
        };
        prop_assert_eq!(statement.column_count(), query.columns.len());
        let parameters = query.parameters.iter().take(statement.parameter_count());
        let mut rows = statement.query(rusqlite::params_from_iter(parameters)).unwrap();
        let mut page = Vec::new();
        for _ in 0..100 {
            let Ok(Some(row)) = rows.next() else { break };
            for (index, column) in query.columns.iter().enumerate() {
                column.column_type.write_datum(row.get_ref(index).unwrap(), &mut page).unwrap();
                page.push(b',');
            }
        }
        prop_assert!(std::str::from_utf8(&page).is_ok());
    }
    Ok(())
}

fn number() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "1",
        "2.5",
        "0",
        "NULL",
        "x",
        "y",
        "-3",
        "2147483647",
        "length(s)",
        "measure",
        "9223372036854775807",
        "nan()",
        "infinity()",
    ])
    .prop_map(|leaf| if leaf == "measure" { "round(y)".to_owned() } else { leaf.to_owned() });
    leaf.prop_recursive(4, 24, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            (pair.clone(), select(vec!["+", "-", "*", "/", "%"]))
                .prop_map(|((a, b), sign)| format!("({a} {sign} {b})")),
            (pair.clone(), select(vec!["greatest", "least", "coalesce", "mod", "power"]))
                .prop_map(|((a, b), function)| format!("{function}({a}, {b})")),
            (inner.clone(), select(vec!["abs", "floor", "ceil", "round", "sign", "sqrt", "ln"]))
                .prop_map(|(a, function)| format!("{function}({a})")),
            (pair.clone(), inner.clone()).prop_map(|((a, b), c)| format!("CASE WHEN {a} > {b} THEN {c} ELSE {a} END")),
            (pair, select(vec!["AND", "OR"]))
                .prop_map(|((a, b), word)| format!("if({a} = {b} {word} x < y, {a}, {b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("if({a} BETWEEN {b} AND {c} OR {a} IN ({b}, {c}), {b}, {c})")),
            inner.clone().prop_map(|a| format!("CAST(CAST({a} AS varchar) AS double)")),
            inner.prop_map(|a| format!("TRY_CAST({a} AS bigint)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn soup_of_words(words in prop::collection::vec(select(WORDS), 0..40)) {
        survives(&words.join(" "))?;
        survives(&format!("SELECT {}", words.join(" ")))?;
    }

    #[test]
    fn any_characters(text in "\\PC{0,120}", control in "[\\x00-\\x7f]{0,80}") {
        survives(&text)?;
        survives(&control)?;
        survives(&format!("SELECT {text} FROM db.t WHERE {control}"))?;
    }

    #[test]
    fn damaged_queries(
        query in select(GOOD),
        cuts in prop::collection::vec((any::<Index>(), any::<Index>(), select(WORDS)), 1..4),
    ) {
        let mut characters: Vec<char> = query.chars().collect();
        for (from, to, word) in cuts {
            let (from, to) = (from.index(characters.len() + 1), to.index(characters.len() + 1));
            let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 12));
            characters.splice(from..to, word.chars());
        }
        survives(&characters.into_iter().collect::<String>())?;
    }

    #[test]
    fn well_typed_expressions(expression in number()) {
        let text = format!("SELECT {expression} FROM (SELECT 7 AS x, -0.5 AS y, 'text' AS s) t");
        // All of it is of numbers, so nothing of it may be refused.
        prop_assert!(compile(&text, &OneTable, NOW).is_ok(), "{text}: {:?}", compile(&text, &OneTable, NOW));
        survives(&text)?;
    }
}

#[test]
fn good_queries_are_good() {
    for query in GOOD {
        assert!(compile(query, &OneTable, NOW).is_ok(), "{query}: {:?}", compile(query, &OneTable, NOW));
        survives(query).unwrap();
    }
}

/// Nests each construct in itself, in the stack that a query's compilation has.
#[test]
fn nesting_ends_in_an_answer() {
    let nested = |open: &str, core: &str, close: &str, depth: usize| {
        format!("SELECT {}{core}{} FROM db.t", open.repeat(depth), close.repeat(depth))
    };
    for depth in [5, 20, 45, 100, 1000, 10_000] {
        let texts = [
            nested("(", "1", ")", depth),
            nested("abs(", "1", ")", depth),
            nested("coalesce(1, ", "1", ")", depth),
            nested("NOT ", "true", "", depth),
            nested("- ", "1", "", depth),
            nested("CASE WHEN true THEN ", "1", " END", depth),
            nested("CASE WHEN (", "true", ") THEN true END", depth),
            nested("CAST(", "1", " AS bigint)", depth),
            nested("(SELECT ", "1", ")", depth),
            nested("1 IN (", "1", ")", depth),
            nested("EXISTS (SELECT ", "1", ")", depth),
            nested("ARRAY[", "1", "]", depth),
            nested("x -> ", "1", "", depth),
            nested("(x, ", "1", ")", depth),
            nested("INTERVAL ", "'1'", " day", depth),
            nested("substr(", "'a'", ", 1)", depth),
            format!("SELECT 1 FROM {}db.t{}", "(".repeat(depth), ")".repeat(depth)),
            format!("SELECT 1 FROM {}SELECT 1{}", "(SELECT * FROM (".repeat(depth), "))".repeat(depth)),
            format!("{}SELECT 1{}", "(".repeat(depth), ")".repeat(depth)),
            format!("{}SELECT 1", "WITH x AS (SELECT 1) ".repeat(depth)),
            format!("SELECT 1{}", " UNION SELECT 1".repeat(depth)),
            format!("{}1{}", "SELECT 1 + (".repeat(depth), ") FROM db.t GROUP BY 1 + 1".repeat(depth)),
            format!("SELECT 1 FROM db.t{}", " CROSS JOIN db.t".repeat(depth)),
            format!("SELECT 1{}", ", 1".repeat(depth)),
            format!("SELECT sum(1) OVER ({}", "PARTITION BY (".repeat(depth)),
            format!("SELECT 1 WHERE 1 = 1{}", " AND 1 = 1".repeat(depth)),
            "[".repeat(depth),
            "{".repeat(depth),
            "\"".repeat(depth),
            "/*".repeat(depth),
        ];
        for text in texts {
            std::thread::Builder::new()
                .stack_size(2 << 20)
                .spawn(move || {
                    let _ = compile(&text, &OneTable, NOW);
                })
                .unwrap()
                .join()
                .unwrap();
        }
    }
}
