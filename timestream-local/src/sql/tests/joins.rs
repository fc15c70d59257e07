//! Joins by columns of the same name, and how many rows of a result there are.

use super::{NOW, OneTable, check, check_refusals, compile, refused};

const A: &str = "(VALUES (1, 'a'), (2, 'b'), (NULL, 'n')) AS a (k, x)";
const B: &str = "(VALUES (2.0, 'B'), (3.0, 'C'), (CAST(NULL AS double), 'N')) AS b (k, y)";

/// Checks queries in which A and B stand for the tables.
fn check_joins(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        check(&[(text.replace("{A}", A).replace("{B}", B).as_str(), *expected)]);
    }
}

#[test]
fn using_keeps_the_side_that_has_a_value() {
    check_joins(&[
        ("SELECT * FROM {A} JOIN {B} USING (k)", &["2.0|b|B"]),
        ("SELECT k, x, y FROM {A} LEFT JOIN {B} USING (k) ORDER BY x", &["1.0|a|NULL", "2.0|b|B", "NULL|n|NULL"]),
        ("SELECT k, x, y FROM {A} RIGHT JOIN {B} USING (k) ORDER BY y", &["2.0|b|B", "3.0|NULL|C", "NULL|NULL|N"]),
        (
            "SELECT k, x, y FROM {A} FULL JOIN {B} USING (k) ORDER BY k, x, y",
            &["1.0|a|NULL", "2.0|b|B", "3.0|NULL|C", "NULL|n|NULL", "NULL|NULL|N"],
        ),
        (
            "SELECT * FROM (VALUES DATE '2021-01-01') AS a (d) FULL JOIN (VALUES DATE '2021-01-01') AS b (d) USING (d)",
            &["2021-01-01"],
        ),
        (
            "SELECT k, x, y, z FROM {A} FULL JOIN {B} USING (k) LEFT JOIN (VALUES (3, 'Z')) AS c (k, z) USING (k) \
             WHERE k IS NOT NULL ORDER BY k",
            &["1.0|a|NULL|NULL", "2.0|b|B|NULL", "3.0|NULL|C|Z"],
        ),
    ]);
}

#[test]
fn natural_joins_are_by_all_common_columns() {
    check_joins(&[
        ("SELECT * FROM {A} NATURAL JOIN {B}", &["2.0|b|B"]),
        ("SELECT * FROM {A} NATURAL FULL JOIN {B} WHERE k > 1 ORDER BY 1", &["2.0|b|B", "3.0|NULL|C"]),
        (
            "SELECT * FROM (VALUES (1, 2, 3), (1, 9, 4)) AS a (p, q, r) NATURAL JOIN (VALUES (5, 2, 1)) AS b (s, Q, P)",
            &["1|2|3|5"],
        ),
        // Without common columns, each row is joined with each.
        ("SELECT count(*) FROM {A} NATURAL JOIN (VALUES 7, 8) AS b (z)", &["6"]),
        ("SELECT count(*) FROM db.t NATURAL LEFT JOIN db.t AS u", &["4"]),
    ]);
    check_refusals(&[
        ("SELECT 1 FROM (VALUES (1, 2)) AS a (k, k) NATURAL JOIN (VALUES 1) AS b (k)", "Column 'k' is ambiguous"),
        (
            "SELECT 1 FROM (VALUES 1) AS a (k) NATURAL JOIN (VALUES 'a') AS b (k)",
            "'=' cannot be applied to integer, varchar",
        ),
        (
            "SELECT 1 FROM (VALUES 1) AS a (k) JOIN (VALUES 1) AS b (k) USING (a.k)",
            "A qualified column in USING is not supported",
        ),
    ]);
}

#[test]
fn fetch_first_is_a_limit() {
    check(&[
        ("SELECT x FROM (VALUES 3, 1, 2) AS t (x) ORDER BY x FETCH FIRST 2 ROWS ONLY", &["1", "2"]),
        ("SELECT x FROM (VALUES 3, 1, 2) AS t (x) ORDER BY x OFFSET 1 ROW FETCH NEXT ROW ONLY", &["2"]),
        ("VALUES 3, 1, 2 ORDER BY 1 DESC FETCH FIRST ROW ONLY", &["3"]),
        ("SELECT sum(x) FROM (SELECT x FROM (VALUES 3, 1, 2) AS t (x) ORDER BY x FETCH FIRST 2 ROWS ONLY)", &["3"]),
        ("SELECT x FROM (VALUES 1, 2) AS t (x) ORDER BY x LIMIT ALL", &["1", "2"]),
    ]);
    check_refusals(&[
        ("SELECT 1 LIMIT 1 FETCH FIRST 1 ROWS ONLY", "line 1:1: A query can't have both LIMIT and FETCH FIRST"),
        ("SELECT 1 FETCH FIRST 0 ROWS ONLY", "line 1:22: FETCH FIRST needs at least one row"),
        ("SELECT 1 ORDER BY 1 FETCH FIRST 1 ROWS WITH TIES", "line 1:1: FETCH FIRST with ties is not supported"),
        ("SELECT 1 FETCH FIRST 5 PERCENT ROWS ONLY", "line 1:1: FETCH FIRST with a percentage is not supported"),
    ]);
}

#[test]
fn right_and_full_joins_behind_a_comma_are_made_before_it() {
    let list = "FROM (VALUES 1, 2) AS a (x), (VALUES 10) AS b (k)";
    let other = "(VALUES 10, 20) AS c (k)";
    check(&[
        (
            &format!("SELECT * {list} RIGHT JOIN {other} ON b.k = c.k ORDER BY 1, 3"),
            &["1|10|10", "1|NULL|20", "2|10|10", "2|NULL|20"],
        ),
        (&format!("SELECT x, k {list} RIGHT JOIN {other} USING (k) ORDER BY 1, 2"), &["1|10", "1|20", "2|10", "2|20"]),
        (&format!("SELECT x, k {list} NATURAL FULL JOIN {other} ORDER BY 1, 2"), &["1|10", "1|20", "2|10", "2|20"]),
        (
            &format!(
                "SELECT x, b.k, c.k, d.k {list} FULL JOIN {other} ON b.k > c.k LEFT JOIN {other2} ON c.k = d.k WHERE x = 1 ORDER BY 3",
                other2 = "(VALUES 20) AS d (k)"
            ),
            &["1|NULL|10|NULL", "1|NULL|20|20", "1|10|NULL|NULL"],
        ),
        // Nothing of it is joined if there is nothing before the comma.
        (
            "SELECT count(*) FROM (SELECT 1 WHERE false) AS a (x), (VALUES 1) AS b (k) RIGHT JOIN (VALUES 2) AS c (k) ON b.k = c.k",
            &["0"],
        ),
    ]);
    check_refusals(&[(
        &format!("SELECT 1 {list} RIGHT JOIN {other} ON x = c.k"),
        "line 1:99: Column 'x' does not exist",
    )]);
}

#[test]
fn tables_and_columns_of_a_query_are_bounded() {
    let with = |columns: usize| {
        let names: Vec<String> = (0..columns).map(|index| format!("1 AS n{index}")).collect();
        format!("WITH w AS (SELECT {}) SELECT", names.join(", "))
    };
    let list = |count: usize, between: &str| vec!["w"; count].join(between);
    let message = |text: &str| refused(text).split(": ").last().unwrap().to_owned();
    let few = with(1);
    for between in [", ", " CROSS JOIN ", " NATURAL FULL JOIN "] {
        assert!(compile(&format!("{few} 1 FROM {}", list(64, between)), &OneTable, NOW).is_ok());
        let text = format!("{few} 1 FROM {}", list(65, between));
        assert_eq!(message(&text), "FROM can have at most 64 tables");
    }
    let most = "A SELECT can have at most 2000 columns";
    assert!(compile(&format!("{} *, * FROM w", with(1_000)), &OneTable, NOW).is_ok());
    assert_eq!(message(&format!("{} *, *, 1 FROM w", with(1_000))), most);
    assert_eq!(message(&format!("{} *, *, * FROM w", with(1_000))), most);
    assert_eq!(message(&with(2_001).replace(") SELECT", ") SELECT 1 FROM w")), most);
    let nested = (0..20).fold("db.t".to_owned(), |inner, _| format!("(SELECT *, *, *, *, *, *, *, * FROM {inner})"));
    assert_eq!(message(&format!("SELECT 1 FROM {nested}")), most);
    // What a SELECT has to walk over counts, and not what it takes of it.
    let nested = (0..20).fold("w".to_owned(), |inner, _| format!("(SELECT 1 FROM {}, {inner})", list(60, ", ")));
    assert_eq!(refused(&format!("{} 1 FROM {nested}", with(2_000))), "The query is too complex.");
    assert_eq!(
        refused(&format!("{} 1 FROM {}", with(2_000), list(64, " NATURAL FULL JOIN "))),
        "The query is too complex."
    );
}

#[test]
fn natural_joins_pass_over_columns_without_a_name() {
    check(&[
        ("SELECT * FROM (SELECT 1) AS a NATURAL JOIN (SELECT 2) AS b", &["1|2"]),
        ("SELECT * FROM (VALUES (1, 2)) NATURAL JOIN (VALUES (1, 3)) ORDER BY 1", &["1|2|1|3"]),
        ("SELECT * FROM (SELECT 1, 2 AS x) AS a NATURAL JOIN (SELECT 3, 2 AS x) AS b", &["2|1|3"]),
    ]);
}

#[test]
fn joins_can_be_by_many_columns() {
    let names: Vec<String> = (0..1_100).map(|index| format!("{index} AS n{index}")).collect();
    let with = format!("WITH w AS (SELECT {})", names.join(", "));
    check(&[(&format!("{with} SELECT n1099 FROM w NATURAL JOIN w AS v"), &["1099"])]);
}

#[test]
fn fetch_first_has_all_its_words() {
    check(&[
        ("SELECT fetch FROM (VALUES 1, 2) AS t (fetch) ORDER BY fetch FETCH NEXT 1 ROW ONLY", &["1"]),
        (
            "SELECT sum(fetch) OVER (ORDER BY fetch ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), fetch, t.fetch \
             FROM (VALUES 1, 2) AS t (fetch) ORDER BY 1",
            &["1|1|1", "3|2|2"],
        ),
        ("SELECT 1 AS a FETCH FIRST ROWS ONLY", &["1"]),
    ]);
    check_refusals(&[
        ("SELECT 1 FETCH FIRST 2", "line 1:22: FETCH FIRST needs ROW or ROWS, and ONLY"),
        ("SELECT 1 FETCH FIRST 2 ROWS", "line 1:22: FETCH FIRST needs ROW or ROWS, and ONLY"),
        ("(SELECT 1 FETCH FIRST 2 ONLY)", "line 1:23: FETCH FIRST needs ROW or ROWS, and ONLY"),
        ("SELECT 1 FETCH FIRST ROWS", "line 1:22: FETCH FIRST needs ROW or ROWS, and ONLY"),
        ("SELECT 1 FETCH 2 ROWS ONLY", "line 1:16: FETCH needs FIRST or NEXT"),
        ("SELECT 1 FETCH 2 ROWS", "line 1:16: FETCH needs FIRST or NEXT"),
        ("SELECT 1 FETCH ROW ONLY", "line 1:16: FETCH needs FIRST or NEXT"),
        ("SELECT 1 LIMIT ALL FETCH FIRST 1 ROW ONLY", "line 1:20: A query can't have both LIMIT and FETCH FIRST"),
    ]);
}
