#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;

use super::*;

/// Rows of the keys 1 to 3: each has the squares of 0 to 9 by their roots. They are read from a table of SQLite.
#[derive(Default)]
struct Squares {
    given: Arc<AtomicUsize>,
}

#[derive(Default)]
struct SquareRows {
    given: Arc<AtomicUsize>,
    asked: Vec<(i64, i64)>,
    current: Option<(i64, i64)>,
}

impl Relation for Squares {
    type Rows = SquareRows;

    fn columns(&self) -> Vec<String> {
        ["key", "root", "square"].map(str::to_owned).into()
    }

    fn rows(&self) -> SquareRows {
        SquareRows { given: Arc::clone(&self.given), ..SquareRows::default() }
    }
}

impl Rows for SquareRows {
    fn seek(&mut self, connection: &Connection, asked: Asked) -> rusqlite::Result<()> {
        let sql = "SELECT key, root FROM roots WHERE (?1 IS NULL OR key = ?1) AND root BETWEEN ?2 AND ?3 ORDER BY 1 DESC, 2 DESC";
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_map((asked.key, asked.from, asked.to), |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.asked = found.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn next(&mut self, _: &Connection) -> rusqlite::Result<bool> {
        self.current = self.asked.pop();
        self.given.fetch_add(usize::from(self.current.is_some()), Ordering::Relaxed);
        Ok(self.current.is_some())
    }

    fn write(&self, column: usize, context: &mut Context) -> rusqlite::Result<()> {
        let Some((key, root)) = self.current else { return Ok(()) };
        match column {
            0 => context.set_result(key),
            1 => context.set_result(root),
            _ => context.set_result(root * root),
        }
    }
}

/// A connection with the table `squares`, and with the same rows in a table `plain` of SQLite's own.
fn both() -> Connection {
    with(Squares::default())
}

fn with(squares: Squares) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE roots(key, root);
             INSERT INTO roots SELECT a.value, b.value FROM json_each('[1,2,3]') a, json_each('[0,1,2,3,4,5,6,7,8,9]') b;
             CREATE TABLE plain(key, root, square);
             INSERT INTO plain SELECT key, root, root * root FROM roots;",
        )
        .unwrap();
    register(&connection, "squares", squares).unwrap();
    connection
}

fn rows(connection: &Connection, sql: &str) -> Vec<Vec<rusqlite::types::Value>> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect()).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_is_read_is_what_a_table_of_sqlite_has() {
    let connection = both();
    let values = ["4", "4.0", "4.5", "-1", "1e300", "-1e300", "9223372036854775807", "'4'", "x'00'", "NULL"];
    let mut conditions = vec!["1".to_owned(), "key IN (1, 3)".to_owned(), "square > 20 AND root <= 7".to_owned()];
    for operator in ["=", "<", "<=", ">", ">=", "<>", "IS"] {
        for value in values {
            conditions.push(format!("root {operator} {value}"));
            conditions.push(format!("key = 2 AND root {operator} {value} AND root >= 2"));
            conditions.push(format!("key {operator} {value}"));
        }
    }
    for condition in conditions {
        for order in ["key, root", "root, key", "root DESC, key DESC"] {
            let sql = |table: &str| format!("SELECT * FROM {table} WHERE {condition} ORDER BY {order}");
            assert_eq!(rows(&connection, &sql("squares")), rows(&connection, &sql("plain")), "{condition} {order}");
        }
        for field in ["min(root)", "max(root)", "count(*)", "sum(square)"] {
            let sql = |table: &str| format!("SELECT {field} FROM {table} WHERE {condition}");
            assert_eq!(rows(&connection, &sql("squares")), rows(&connection, &sql("plain")), "{condition} {field}");
        }
    }
}

#[test]
fn joins_and_subqueries_read_it_several_times_at_once() {
    let connection = both();
    for sql in [
        "SELECT a.key, a.root, b.root FROM T AS a JOIN T AS b ON b.key = a.key AND b.root = a.square ORDER BY 1, 2",
        "SELECT r.root, (SELECT max(square) FROM T WHERE key = r.key AND root < r.root) FROM roots AS r ORDER BY r.key, 1",
        "SELECT r.key, v.root FROM roots AS r LEFT JOIN T AS v ON v.key = r.root ORDER BY 1, r.root, 2",
        "SELECT key, count(*) FROM T GROUP BY key",
        "SELECT r.root, v.square FROM T AS v RIGHT JOIN roots AS r ON v.key = r.key AND v.root = r.root + 1 ORDER BY 1, 2",
    ] {
        let [own, plain] =
            ["squares", "plain"].map(|table| rows(&connection, &sql.replace(" T ", &format!(" {table} "))));
        assert!(!own.is_empty());
        assert_eq!(own, plain, "{sql}");
    }
}

#[test]
fn the_least_of_a_key_takes_one_row() {
    let squares = Squares::default();
    let given = Arc::clone(&squares.given);
    let connection = with(squares);
    for sql in [
        "SELECT min(root) FROM squares WHERE key = 1 AND root > 3",
        "SELECT (SELECT min(v.root) FROM squares AS v WHERE v.key = r.key AND v.root > 3 AND v.square IS NOT NULL) \
         FROM plain AS r WHERE r.key = 1 AND r.root = 1",
    ] {
        assert_eq!(rows(&connection, sql), [[rusqlite::types::Value::Integer(4)]]);
        assert_eq!(given.swap(0, Ordering::Relaxed), 1, "{sql}");
    }
    connection.execute_batch("DROP TABLE roots").unwrap();
    let mut statement = connection.prepare("SELECT * FROM squares WHERE key = 1").unwrap();
    let error = statement.query([]).unwrap().next().unwrap_err();
    assert!(error.to_string().contains("no such table: roots"), "{error}");
}

#[test]
fn a_connection_closes_with_all_that_was_read_on_it() {
    let connection = both();
    assert_eq!(rows(&connection, "SELECT count(*) FROM squares").len(), 1);
    connection.close().unwrap();
}
