//! The number of a table's records between times, which is found without going through them.

use super::{compiled, run};

#[test]
fn records_between_times_are_counted_by_their_own_relation() {
    let all: Vec<String> = run("SELECT CAST(to_nanoseconds(time) AS varchar) FROM db.t");
    for condition in [
        "",
        "WHERE time >= from_milliseconds(0)",
        "WHERE time BETWEEN ago(3h) AND now()",
        "WHERE time > ago(2m) AND time < now()",
        "WHERE ago(1h) < time AND (time <= ago(30m) AND time > from_milliseconds(5))",
    ] {
        let sql = compiled(&format!("SELECT count(*) FROM db.t {condition}")).sql;
        // Only comparisons with the time on their left are told from others.
        let is_told = !condition.contains("< time") && !condition.contains("BETWEEN");
        assert_eq!(sql.contains("samples_1 AS n"), is_told, "{condition}: {sql}");
        let gone_through = run(&format!("SELECT count(*) FROM (SELECT time AS t FROM db.t {condition})"));
        assert_eq!(run(&format!("SELECT count(*) FROM db.t {condition}")), gone_through, "{condition}");
    }
    assert_eq!(run("SELECT count(*) FROM db.t"), [all.len().to_string()]);
    assert_eq!(run("SELECT count(*) FROM db.t WHERE time > now() AND time < ago(1h)"), ["0"]);
    assert_eq!(run("SELECT count(*) FROM db.t WHERE time > NULL"), ["0"]);
    let later = "SELECT (SELECT count(*) FROM db.t AS i WHERE i.time > o.time), \
                 (SELECT count(i.time) FROM db.t AS i WHERE i.time > o.time) FROM db.t AS o ORDER BY o.time";
    for row in run(later) {
        let (one, other) = row.split_once('|').unwrap();
        assert_eq!(one, other);
    }
}

#[test]
fn all_else_is_gone_through() {
    for sql in [
        "SELECT count(*) FROM db.t WHERE job = 'a' AND time > ago(1h)",
        "SELECT count(*) FROM db.t WHERE time > ago(1h) OR time < ago(2h)",
        "SELECT count(*) FROM db.t WHERE time <> now()",
        "SELECT count(*) FROM db.t WHERE time > time",
        "SELECT count(*) FROM db.t WHERE time > CAST(env AS timestamp)",
        "SELECT count(*) FROM db.t WHERE time > (SELECT max(time) FROM db.t)",
        "SELECT count(*) FROM db.t WHERE measure_value::double IS NOT NULL",
        "SELECT count(*) FROM db.t WHERE time > ago(1h) GROUP BY job",
        "SELECT count(*) FROM db.t WHERE time > ago(1h) HAVING count(*) > 1",
        "SELECT count(*), max(time) FROM db.t WHERE time > ago(1h)",
        "SELECT count(*) FROM db.t WHERE time > ago(1h) ORDER BY max(time)",
        "SELECT count(*) FROM db.t ORDER BY max(time)",
        "SELECT count(*) FROM db.t AS a, db.t AS b WHERE a.time > ago(1h)",
    ] {
        assert!(!compiled(sql).sql.contains(" AS n"), "{sql}: {}", compiled(sql).sql);
        if !sql.contains("env AS timestamp") {
            run(sql);
        }
    }
}
