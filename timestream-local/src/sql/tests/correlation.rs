//! Subqueries that use columns of the query around them.

use super::{check, check_refusals, compiled, connection};

const V: &str = "(VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', 30), (4, NULL, 40)) AS v (id, g, x)";
const W: &str = "(VALUES ('a', 1), ('a', 2), ('b', 3), ('c', 4)) AS w (g, y)";

fn check_with_tables(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        let text = text.replace("{v}", V).replace("{w}", W);
        check(&[(&text, expected)]);
    }
}

#[test]
fn the_guides_examples_are_answered() {
    // "Subquery support" of the developer guide. Both relations are named t.
    check(&[
        (
            "SELECT t.c1 FROM (VALUES 1, 2, 3, 4, 5) AS t(c1) WHERE EXISTS (SELECT t.c2 FROM (VALUES 1, 2, 3) AS t(c2) \
             WHERE t.c1= t.c2 ) ORDER BY t.c1",
            &["1", "2", "3"],
        ),
        (
            "SELECT t.c1 FROM (VALUES 1, 2, 3, 4, 5) AS t(c1) WHERE t.c1 IN (SELECT t.c2 FROM (VALUES 2, 3, 4) AS t(c2) ) \
             ORDER BY t.c1",
            &["2", "3", "4"],
        ),
    ]);
}

#[test]
fn subqueries_see_the_row_around_them() {
    check_with_tables(&[
        ("SELECT id FROM {v} WHERE EXISTS (SELECT 1 FROM {w} WHERE w.g = v.g) ORDER BY 1", &["1", "2", "3"]),
        ("SELECT id FROM {v} WHERE NOT EXISTS (SELECT 1 FROM {w} WHERE w.g = v.g) ORDER BY 1", &["4"]),
        ("SELECT id FROM {v} WHERE id IN (SELECT y FROM {w} WHERE w.g = v.g) ORDER BY 1", &["1", "2", "3"]),
        ("SELECT id FROM {v} WHERE id NOT IN (SELECT y FROM {w} WHERE w.g = v.g) ORDER BY 1", &["4"]),
        (
            "SELECT id, (SELECT max(y) FROM {w} WHERE w.g = v.g), (SELECT count(*) FROM {w} WHERE y <= id) FROM {v} ORDER BY 1",
            &["1|2|1", "2|2|2", "3|3|3", "4|NULL|4"],
        ),
        ("SELECT id FROM {v} WHERE x / 10 = (SELECT min(y) FROM {w} WHERE w.g = v.g) ORDER BY 1", &["1", "3"]),
        ("SELECT id, (SELECT y FROM {w} WHERE y = id) FROM {v} ORDER BY 1", &["1|1", "2|2", "3|3", "4|4"]),
        ("SELECT (SELECT y FROM {w} WHERE w.g = v.g) FROM {v} WHERE id = 3", &["3"]),
        (
            "SELECT (SELECT y FROM {w} WHERE w.g = v.g) FROM {v} WHERE id = 1",
            &["error: Scalar sub-query has returned multiple rows"],
        ),
        ("SELECT (SELECT y FROM {w} WHERE w.g = v.g) FROM {v} WHERE id = 4", &["NULL"]),
        ("SELECT (SELECT y FROM {w} WHERE w.g = v.g ORDER BY y DESC LIMIT 1) FROM {v} WHERE id = 1", &["2"]),
        (
            "SELECT id, (SELECT max(y) + id FROM {w} WHERE w.g = v.g HAVING count(*) < id) FROM {v} ORDER BY 1",
            &["1|NULL", "2|NULL", "3|6", "4|NULL"],
        ),
        // An inner name hides an outer one.
        ("SELECT id FROM {v} WHERE EXISTS (SELECT 1 FROM {w} WHERE g = 'c') AND id = 1", &["1"]),
        ("SELECT id FROM {v} ORDER BY (SELECT sum(y) FROM {w} WHERE y <> id) DESC", &["1", "2", "3", "4"]),
        (
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM {w} WHERE w.g = v.g) THEN id END FROM {v} ORDER BY id",
            &["1", "2", "3", "NULL"],
        ),
        (
            "SELECT id, row_number() OVER (ORDER BY id DESC), (SELECT max(y) FROM {w} WHERE w.g = v.g) FROM {v} ORDER BY 1",
            &["1|4|2", "2|3|2", "3|2|3", "4|1|NULL"],
        ),
        (
            "SELECT v.id, u.y FROM {v} JOIN (SELECT * FROM {w}) AS u ON u.g = v.g WHERE u.y = (SELECT max(y) FROM {w} WHERE w.g = v.g) ORDER BY 1",
            &["1|2", "2|2", "3|3"],
        ),
        (
            "SELECT id FROM {v} WHERE sqrt(x - 30) IN (SELECT sqrt(-y) FROM {w} WHERE w.y = v.id OR v.id = 3) ORDER BY 1",
            &[],
        ),
        // Two deep, each with the query directly around it.
        (
            "SELECT id FROM {v} WHERE EXISTS (SELECT 1 FROM {w} WHERE w.g = v.g AND EXISTS (SELECT 1 FROM {v} WHERE v.id = w.y + 2)) \
             ORDER BY 1",
            &["1", "2"],
        ),
    ]);
}

#[test]
fn groups_have_subqueries_by_their_keys() {
    check_with_tables(&[
        (
            "SELECT g, sum(x), (SELECT max(y) FROM {w} WHERE w.g = v.g) FROM {v} GROUP BY g ORDER BY 1",
            &["a|30|2", "b|30|3", "NULL|40|NULL"],
        ),
        ("SELECT g FROM {v} GROUP BY g HAVING EXISTS (SELECT 1 FROM {w} WHERE w.g = v.g AND y > 2)", &["b"]),
        (
            "SELECT g FROM {v} GROUP BY g HAVING sum(x) > 10 * (SELECT max(y) FROM {w} WHERE w.g = v.g) ORDER BY 1",
            &["a"],
        ),
        (
            "SELECT g, count(*) FROM {v} WHERE EXISTS (SELECT 1 FROM {w} WHERE w.y = v.id) GROUP BY g ORDER BY 1",
            &["a|2", "b|1", "NULL|1"],
        ),
        (
            "SELECT g, (SELECT count(*) FROM {w} WHERE w.g = v.g) AS n FROM {v} GROUP BY g ORDER BY n DESC, g",
            &["a|2", "b|1", "NULL|0"],
        ),
    ]);
}

#[test]
fn tables_are_kept_apart() {
    check(&[
        (
            "SELECT time FROM db.t AS o WHERE EXISTS (SELECT 1 FROM db.t AS i WHERE i.env = o.env AND i.time > o.time)",
            &["1970-01-01 00:00:00.001000000"],
        ),
        (
            "SELECT job, env, time FROM db.t AS o WHERE time = (SELECT max(time) FROM db.t AS i WHERE i.job = o.job) ORDER BY job",
            &["a|b|1970-01-01 00:00:00.002000000", "b_1|c|1970-01-01 00:01:00.000000000"],
        ),
        (
            "SELECT job, (SELECT sum(i.measure_value::double) FROM db.t i WHERE i.job = o.job) FROM db.t o GROUP BY job ORDER BY 1",
            &["a|8.0", "b_1|NULL"],
        ),
        (
            "SELECT count(*) FROM db.t WHERE NOT EXISTS (SELECT 1 FROM db.t AS later WHERE later.job = t.job AND later.time > t.time)",
            &["2"],
        ),
        (
            "SELECT job, env, measure_name, create_time_series(time, measure_value::double) IS NULL FROM db.t AS o \
             WHERE measure_value::double IS NOT NULL AND EXISTS (SELECT 1 FROM db.t AS i WHERE i.env = o.env) \
             GROUP BY job, env, measure_name",
            &["a|b|cpu|false"],
        ),
    ]);
    // Those that use no outer column are named as everywhere.
    let sql = compiled("SELECT 1 FROM db.t WHERE job IN (SELECT env FROM db.t WHERE time > ago(1h))").sql;
    assert!(sql.contains("IN (SELECT s.d1 AS c0 FROM series_1 AS s CROSS JOIN samples_1"), "{sql}");
    connection().prepare(&sql).unwrap();
}

#[test]
fn what_trino_cannot_answer_is_refused() {
    // Before the name that is refused stands a mark.
    for text in [
        "SELECT (SELECT max(y) FROM (SELECT y FROM {w} WHERE w.g = ^v.g)) FROM {v}",
        "SELECT (SELECT max(y + ^v.id) FROM {w}) FROM {v}",
        "SELECT (SELECT count(*) FILTER (WHERE y > ^id) FROM {w}) FROM {v}",
        "SELECT sum((SELECT max(y) FROM {w} WHERE y = ^id)) FROM {v}",
        "SELECT id FROM {v} WHERE id IN (SELECT y FROM {w} WHERE y = ^id UNION SELECT 1)",
        "SELECT (SELECT x FROM UNNEST(ARRAY[^v.id]) AS u (x)) FROM {v}",
        "SELECT (SELECT sum(y) OVER (ORDER BY ^v.id) FROM {w} LIMIT 1) FROM {v}",
        "SELECT (SELECT count(*) FROM {w} WHERE y = (SELECT ^v.id)) FROM {v}",
        "SELECT (WITH z AS (SELECT ^id AS a) SELECT a FROM z) FROM {v}",
        "SELECT (SELECT count(*) FROM {w} GROUP BY ^v.id) FROM {v}",
    ] {
        let text = text.replace("{v}", V).replace("{w}", W);
        let place = text.find('^').unwrap() + 1;
        let message = "This use of a column of the query around the subquery is not supported";
        check_refusals(&[(&text.replace('^', ""), &format!("line 1:{place}: {message}"))]);
    }
    check_refusals(&[
        (
            "SELECT count(*), (SELECT max(time) FROM db.t AS i WHERE i.env = o.env) FROM db.t AS o",
            "line 1:65: 'env' must be an aggregate expression or appear in GROUP BY clause",
        ),
        (
            "SELECT job, (SELECT max(time) FROM db.t AS i WHERE i.env = o.env) FROM db.t AS o GROUP BY job",
            "line 1:60: 'env' must be an aggregate expression or appear in GROUP BY clause",
        ),
        (
            "SELECT job, (SELECT 1 WHERE o.job = 'a') FROM db.t AS o GROUP BY ROLLUP (job)",
            "line 1:29: This use of a column of the query around the subquery is not supported",
        ),
        (
            "SELECT 1 FROM db.t AS o WHERE EXISTS (SELECT 1 FROM db.t AS i WHERE i.env = o.nope)",
            "line 1:77: Column 'o.nope' does not exist",
        ),
    ]);
}
