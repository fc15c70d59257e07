//! GROUPING SETS, CUBE and ROLLUP, frames by value, named windows, INTERSECT ALL and EXCEPT ALL.

use super::{check, check_refusals, refused, run};

const FROM: &str = "FROM (VALUES ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 3)) AS t (g, h, n)";

#[test]
fn grouping_sets_are_groups_one_after_the_other() {
    let rows = |text: &str| run(&text.replace("FROM t", FROM));
    assert_eq!(
        rows("SELECT g, h, sum(n) FROM t GROUP BY ROLLUP (g, h) ORDER BY 1, 2"),
        ["a|x|1", "a|y|2", "a|NULL|3", "b|x|3", "b|NULL|3", "NULL|NULL|6"]
    );
    assert_eq!(
        rows("SELECT g, h, count(*) AS c FROM t GROUP BY CUBE (g, h) ORDER BY g, h, c"),
        ["a|x|1", "a|y|1", "a|NULL|2", "b|x|1", "b|NULL|1", "NULL|x|2", "NULL|y|1", "NULL|NULL|3"]
    );
    assert_eq!(
        rows("SELECT upper(g), h, max(n) FROM t GROUP BY GROUPING SETS ((g), (h), ()) ORDER BY 3, 1"),
        ["A|NULL|2", "NULL|y|2", "B|NULL|3", "NULL|x|3", "NULL|NULL|3"]
    );
    assert_eq!(
        rows("SELECT g, h, sum(n) AS s FROM t GROUP BY g, ROLLUP (h) HAVING sum(n) > 2 ORDER BY s, h"),
        ["b|x|3", "a|NULL|3", "b|NULL|3"]
    );
    // An aggregate sees its column also where that is no key of the set.
    assert_eq!(rows("SELECT g, count(g) FROM t GROUP BY GROUPING SETS (g, ()) ORDER BY 1"), ["a|2", "b|1", "NULL|3"]);
    assert_eq!(rows("SELECT DISTINCT coalesce(g, 'all') FROM t GROUP BY ROLLUP (g, h) ORDER BY 1"), ["a", "all", "b"]);
    assert_eq!(rows("SELECT count(*) FROM t GROUP BY GROUPING SETS (())"), ["3"]);
    assert_eq!(run("SELECT job, count(*) FROM db.t WHERE job = 'z' GROUP BY ROLLUP (job)"), ["NULL|0"]);
    assert_eq!(run("SELECT job, env, count(*) FROM db.t GROUP BY ROLLUP (1, 2) ORDER BY 1, 2, 3").len(), 6);
    check_refusals(&[
        (
            "SELECT env FROM db.t GROUP BY GROUPING SETS (job, ())",
            "line 1:8: 'env' must be an aggregate expression or appear in GROUP BY clause",
        ),
        (
            "SELECT env FROM db.t GROUP BY GROUPING SETS (())",
            "line 1:8: 'env' must be an aggregate expression or appear in GROUP BY clause",
        ),
        (
            "SELECT job FROM db.t GROUP BY ROLLUP (job) ORDER BY count(*)",
            "line 1:1: ORDER BY other than columns of the result, with several grouping sets, is not supported",
        ),
        (
            "SELECT 1 FROM db.t GROUP BY CUBE (1, 1, 1, 1), ROLLUP (1, 1, 1, 1)",
            "line 1:1: The query has more than 64 grouping sets.",
        ),
    ]);
}

#[test]
fn frames_reach_as_far_as_values_do() {
    let rows = "FROM (VALUES 1, 2, 4, 7, NULL) AS t (n)";
    let over = |window: &str| run(&format!("SELECT count(*) OVER ({window}) {rows} ORDER BY n")).join(" ");
    assert_eq!(over("ORDER BY n RANGE BETWEEN 2 PRECEDING AND CURRENT ROW"), "1 2 2 1 1");
    assert_eq!(over("ORDER BY n RANGE BETWEEN 1 FOLLOWING AND 3 FOLLOWING"), "2 1 1 0 1");
    assert_eq!(over("ORDER BY n DESC RANGE BETWEEN 3 PRECEDING AND CURRENT ROW"), "3 2 2 1 1");
    let times = "FROM (VALUES TIMESTAMP '2021-01-01 00:00:00', TIMESTAMP '2021-01-01 00:04:00', TIMESTAMP '2021-01-01 00:06:00') \
         AS t (time)";
    assert_eq!(
        run(&format!(
            "SELECT count(*) OVER (ORDER BY time RANGE BETWEEN INTERVAL '5' minute PRECEDING AND CURRENT ROW) {times}"
        )),
        ["1", "2", "2"]
    );
    assert_eq!(
        run("SELECT count(*) OVER (ORDER BY x RANGE 0.5 PRECEDING) FROM (VALUES 1.0, 1.5, 2.1) AS t (x)"),
        ["1", "2", "1"]
    );
    check(&[(
        "SELECT rank() OVER w, sum(n) OVER W FROM (VALUES 2, 1) AS t (n) WINDOW w AS (ORDER BY n)",
        &["1|1", "2|3"],
    )]);
    check_refusals(&[
        (
            "SELECT sum(1) OVER (ORDER BY time RANGE BETWEEN 1mo PRECEDING AND CURRENT ROW) FROM db.t",
            "line 1:49: A RANGE frame by interval year to month in a window ordered by timestamp is not supported",
        ),
        (
            "SELECT sum(1) OVER (ORDER BY time RANGE BETWEEN -1s PRECEDING AND CURRENT ROW) FROM db.t",
            "line 1:50: A RANGE frame by what is no literal is not supported",
        ),
        (
            "SELECT sum(1) OVER (RANGE 1 PRECEDING) FROM db.t",
            "line 1:27: Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY",
        ),
        ("SELECT sum(1) OVER w FROM db.t", "line 1:20: Cannot resolve WINDOW name w"),
    ]);
}

#[test]
fn sets_may_have_equal_rows() {
    check(&[
        ("SELECT * FROM (VALUES 1, 1, 1, 2) INTERSECT ALL SELECT * FROM (VALUES 1, 1, 3) ORDER BY 1", &["1", "1"]),
        (
            "SELECT * FROM (VALUES 1, 1, 1, 2, NULL, NULL) EXCEPT ALL SELECT * FROM (VALUES 1, 3, NULL) ORDER BY 1",
            &["1", "1", "2", "NULL"],
        ),
        ("SELECT * FROM (VALUES 1, 1, 2) EXCEPT SELECT 2 ORDER BY 1", &["1"]),
    ]);
}

#[test]
fn what_a_grouping_set_lacks_is_null_wherever_it_stands() {
    let one = |text: &str| run(&text.replace("FROM t", "FROM (VALUES ('a', 'y'), ('b', 'x')) AS t (g, h)"));
    assert_eq!(one("SELECT try(upper(g)), count(*) FROM t GROUP BY ROLLUP (g) ORDER BY 1"), ["A|1", "B|1", "NULL|2"]);
    assert_eq!(
        one("SELECT g, h, count(*) FROM t GROUP BY GROUPING SETS ((g), (h)) ORDER BY t.g, 2"),
        ["a|NULL|1", "b|NULL|1", "NULL|x|1", "NULL|y|1"]
    );
}

#[test]
fn grouping_sets_are_bounded_before_they_are_made() {
    let many = vec!["a"; 10_000].join(", ");
    let text = |what: &str| format!("SELECT 1 FROM (VALUES 1) AS t (a) GROUP BY {what}");
    for (text, message) in [
        (text(&format!("ROLLUP ({many})")), "more than 64 grouping sets"),
        (text(&format!("ROLLUP (a), {many}")), "more than 2000 expressions"),
        (
            "SELECT g, row_number() OVER (ORDER BY g) FROM (VALUES 'a') AS t (g) GROUP BY ROLLUP (g)".to_owned(),
            "OVER with several grouping sets",
        ),
    ] {
        assert!(refused(&text).contains(message), "{}", refused(&text));
    }
    assert_eq!(run(&text(&vec!["a"; 1000].join(", "))), ["1"]);
}
