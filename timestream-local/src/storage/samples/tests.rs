//! The samples against a plain map: whatever is written, sealed, expired, and however often the process is killed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use rusqlite::OptionalExtension;
use rusqlite::types::Value as Cell;

use super::super::catalog::{Catalog, Database, Table};
use super::super::{connection, schema, series};
use super::*;
use crate::records::{Measured, Record, Value};

const SERIES: i64 = 3;

/// Cells by series and time.
type Seen = BTreeMap<(i64, i64), Vec<Cell>>;

/// A file with a table, as a process has it open.
struct Fixture {
    folder: PathBuf,
    connection: Connection,
    samples: Samples,
    catalog: Catalog,
    model: BTreeMap<(i64, i64), (i64, Value)>,
    /// Queries that go on, each with what they saw when they began.
    queries: Vec<(Connection, Seen)>,
}

#[derive(Debug, Clone)]
enum Step {
    /// Records of one transaction: series, time, version, value.
    Write(Vec<(i64, i64, i64, Value)>),
    RolledBack(Vec<(i64, i64, i64, Value)>),
    BeginToSeal,
    Slice,
    Expire(i64),
    Kill,
    BeginQuery,
    EndQuery,
    /// As an older program would store it.
    OldRows(i64, i64),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (0..3_i32).prop_map(|value| Value::Double(f64::from(value) / 4.0)),
        1 => Just(Value::Double(-0.0)),
        1 => any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Value::Double),
        2 => (0..2_i64).prop_map(Value::Bigint),
        1 => Just(Value::Varchar("x".into())),
    ]
}

fn records() -> impl Strategy<Value = Vec<(i64, i64, i64, Value)>> {
    let version = prop_oneof![5 => Just(1_i64), 1 => 2..4_i64];
    let time = prop_oneof![0..30_i64, 0..200_i64];
    prop::collection::vec((1..=SERIES, time, version, value()), 1..60)
}

/// Scrapes: all series at the same times, one after the other.
fn scrapes() -> impl Strategy<Value = Vec<(i64, i64, i64, Value)>> {
    (0..200_i64, 1..40_i64).prop_map(|(start, count)| {
        let times = (start..start + count).flat_map(|time| (1..=SERIES).map(move |series| (series, time)));
        times.map(|(series, time)| (series, time, 1, Value::Double((time * series) as f64))).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => records().prop_map(Step::Write),
        4 => scrapes().prop_map(Step::Write),
        1 => records().prop_map(Step::RolledBack),
        3 => Just(Step::BeginToSeal),
        6 => Just(Step::Slice),
        1 => (1..200_i64).prop_map(Step::Expire),
        2 => Just(Step::Kill),
        2 => Just(Step::BeginQuery),
        1 => Just(Step::EndQuery),
        1 => (1..=SERIES, 0..200_i64).prop_map(|(series, time)| Step::OldRows(series, time)),
    ]
}

impl Fixture {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("timestream-samples-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let connection = connection::open_writer(&folder.join("timestream.sqlite")).unwrap();
        // A commit need not be on disk for what is tested here.
        connection.pragma_update(None, "synchronous", "off").unwrap();
        schema::prepare(&connection).unwrap();
        series::create_table(&connection, 1).unwrap();
        create_table(&connection, 1).unwrap();
        for id in 1..=SERIES {
            connection.execute("INSERT INTO series_1 VALUES(?1, ?2, 'm')", (id, id.to_be_bytes())).unwrap();
        }
        let mut table = Table { number: 1, ..Table::default() };
        table.properties.retention.magnetic_days = 73_000;
        let mut database = Database::default();
        database.tables.insert("t".into(), table.into());
        let mut catalog = Catalog::default();
        catalog.databases.insert("db".into(), database);
        let samples = Samples::open(&connection, 1 << 30).unwrap();
        Fixture { folder, connection, samples, catalog, model: BTreeMap::new(), queries: Vec::new() }
    }

    fn table(&self) -> std::sync::Arc<Table> {
        self.catalog.databases["db"].tables["t"].clone()
    }

    /// Writes records in a transaction, and checks what becomes of each.
    fn write(&mut self, records: Vec<(i64, i64, i64, Value)>, commits: bool) {
        let before = (!commits).then(|| self.model.clone());
        self.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for (series, time, version, value) in records {
            let record = Record { key: Vec::new(), time, version, measured: Measured::Single(value.clone()) };
            let stored = self.samples.store(&self.connection, &self.table(), series, &record).unwrap();
            let wanted = match self.model.get(&(series, time)) {
                Some((existing, own)) if version <= *existing => {
                    if same(own, &value) {
                        Stored::Yes
                    } else {
                        Stored::No { version: *existing }
                    }
                }
                _ => {
                    self.model.insert((series, time), (version, value));
                    Stored::Yes
                }
            };
            assert_eq!(stored, wanted, "{record:?}");
        }
        self.samples.write_log(&self.connection).unwrap();
        self.connection.execute_batch(if commits { "COMMIT" } else { "ROLLBACK" }).unwrap();
        match before {
            None => self.samples.committed(),
            Some(before) => {
                self.samples.rolled_back();
                self.model = before;
            }
        }
    }

    /// Seals all, until the round is over.
    fn seal(&mut self) {
        self.samples.seal_all(&self.connection).unwrap();
        while !self.samples.step(&mut self.connection, &self.catalog).unwrap() {}
    }

    fn kill(&mut self) {
        self.queries.clear();
        let file = self.folder.join("timestream.sqlite");
        self.connection = Connection::open_in_memory().unwrap();
        self.connection = connection::open_writer(&file).unwrap();
        self.connection.pragma_update(None, "synchronous", "off").unwrap();
        self.samples = Samples::open(&self.connection, 1 << 30).unwrap();
    }

    fn expire(&mut self, time: i64) {
        while !self.samples.expire(&mut self.connection, 1, time).unwrap() {
            self.samples.step(&mut self.connection, &self.catalog).unwrap();
        }
        // Some rows have expired and are still there.
        let query = self.query();
        assert_eq!(self.count(&query), read(&query, "1").len());
        drop(query);
        for series in 1..=SERIES {
            while self.samples.remove_before(&self.connection, (1, series), time, 10).unwrap().1 == 10 {}
        }
        self.model.retain(|(_, own), _| *own >= time);
        // Whether expired records are still seen by queries that began before does not matter.
        self.queries.iter_mut().for_each(|(_, seen)| seen.retain(|(_, own), _| *own >= time));
        for series in 1..=SERIES {
            let has_any = self.model.keys().any(|(own, _)| *own == series);
            assert_eq!(self.samples.has_any(&self.connection, (1, series)).unwrap(), has_any);
        }
    }

    fn old_rows(&mut self, series: i64, time: i64) {
        let first = self.model.keys().filter(|(own, _)| *own == series).map(|(_, time)| *time).min();
        // Only what is new, so that the rows are what an older program had before this one was started.
        if first.is_some_and(|first| time >= first) {
            return;
        }
        let sql = "INSERT INTO samples_1(series, time, version, double) VALUES(?1, ?2, 1, 0.25)";
        self.connection.execute(sql, (series, time)).unwrap();
        self.connection.execute("INSERT OR REPLACE INTO moves VALUES(1, 0)", []).unwrap();
        self.model.insert((series, time), (1, Value::Double(0.25)));
        self.kill();
    }

    fn query(&self) -> Connection {
        let connection = connection::open_read_only(&self.folder.join("timestream.sqlite")).unwrap();
        let snapshot = Snapshot::begin(&connection, self.samples.heads()).unwrap();
        let format = Format { write: shown, most: 1000 };
        make_readable(&connection, &snapshot, &self.table(), format, None).unwrap();
        connection
    }

    fn count(&self, query: &Connection) -> usize {
        self.count_where(query, "1")
    }

    fn count_where(&self, query: &Connection, condition: &str) -> usize {
        let sql = format!("SELECT {} FROM {} WHERE {condition}", counted_value(), counted(&self.table()));
        query.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize
    }

    fn check(&self) {
        let query = self.query();
        let all = read(&query, "1");
        let wanted: BTreeMap<_, _> = self.model.iter().map(|(key, (_, value))| (*key, cells(value))).collect();
        assert_eq!(all, wanted);
        assert_eq!(self.count(&query), wanted.len());
        for (from, to) in [(0, 50), (60, 61), (100, 300), (30, 29)] {
            let part = read(&query, &format!("series = 2 AND time >= {from} AND time <= {to}"));
            let wanted = wanted.iter().filter(|((series, time), _)| *series == 2 && (from..=to).contains(time));
            assert_eq!(part, wanted.map(|(key, cells)| (*key, cells.clone())).collect());
        }
        for (from, to) in [(0, 50), (60, 61), (100, 300), (30, 29), (i64::MIN, 70), (70, i64::MAX)] {
            let time = counted_time();
            let count = self.count_where(&query, &format!("{time} >= {from} AND {time} <= {to}"));
            assert_eq!(count, wanted.keys().filter(|(_, time)| (from..=to).contains(time)).count(), "{from} to {to}");
            for series in 1..4 {
                let one = format!("{} = {series} AND {time} >= {from} AND {time} <= {to}", counted_owner());
                let of_series = wanted.keys().filter(|(own, time)| *own == series && (from..=to).contains(time));
                assert_eq!(self.count_where(&query, &one), of_series.count(), "{series}, {from} to {to}");
            }
        }
        for (series, from, to) in [(1, 0, 300), (2, 60, 61), (3, 30, 150), (3, 30, 29)] {
            let doubles = self.model.range((series, from)..).filter_map(|((own, time), (_, value))| match value {
                Value::Double(value) if *own == series && *time <= to => Some((*time, *value)),
                _ => None,
            });
            let doubles: Vec<_> = doubles.collect();
            let sql =
                format!("SELECT points FROM points_1 WHERE series = {series} AND time >= {from} AND time <= {to}");
            let points = query.query_row(&sql, [], |row| row.get(0)).optional().unwrap();
            assert_eq!(points, (!doubles.is_empty()).then(|| shown(&doubles).unwrap()));
            let times: Vec<i64> = wanted
                .keys()
                .filter(|(own, time)| *own == series && (from..=to).contains(time))
                .map(|key| key.1)
                .collect();
            let of_records = format!("FROM records_1 WHERE series = {series} AND time >= {from} AND time <= {to}");
            let mut found = query.prepare(&format!("SELECT time {of_records}")).unwrap();
            let found = found.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<i64>, _>>();
            assert_eq!(found.as_ref(), Ok(&times), "{of_records}");
            let first = query.query_row(&format!("SELECT min(time) {of_records}"), [], |row| row.get(0));
            assert_eq!(first, Ok(times.first().copied()), "{of_records}");
            let any =
                query.query_row(&format!("SELECT EXISTS ({})", sql.replace("points FROM", "1 FROM")), [], |row| {
                    row.get(0)
                });
            assert_eq!(any, Ok(!doubles.is_empty()), "{sql}");
        }
        for (query, seen) in &self.queries {
            let now = read(query, "1");
            for (key, cells) in seen {
                assert_eq!(now.get(key), Some(cells), "{key:?}");
            }
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Double(one), Value::Double(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

/// Points as their bytes one after the other.
fn shown(points: &[(i64, f64)]) -> Result<Vec<u8>, String> {
    Ok(points.iter().flat_map(|(time, value)| [time.to_le_bytes(), value.to_bits().to_le_bytes()].concat()).collect())
}

/// The cells of a value in the columns of double, bigint and varchar; a double as its bits.
fn cells(value: &Value) -> Vec<Cell> {
    let mut cells = vec![Cell::Null; 3];
    match value {
        Value::Double(value) => cells[0] = Cell::Integer(value.to_bits() as i64),
        Value::Bigint(value) => cells[1] = Cell::Integer(*value),
        Value::Varchar(value) => cells[2] = Cell::Text(value.clone()),
        _ => unreachable!("not written here"),
    }
    cells
}

/// What records there are, which must be in order and without repetition.
fn read(query: &Connection, condition: &str) -> Seen {
    let sql = format!("SELECT series, time, double, bigint, varchar FROM records_1 WHERE {condition}");
    let mut statement = query.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| {
        let double = match row.get(2)? {
            Cell::Real(value) => Cell::Integer(value.to_bits() as i64),
            other => other,
        };
        Ok(((row.get(0)?, row.get(1)?), vec![double, row.get(3)?, row.get(4)?]))
    });
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    assert!(rows.is_sorted_by(|one, two| one.0 < two.0), "{rows:?}");
    rows.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn samples_are_where_a_map_would_have_them(steps in prop::collection::vec(step(), 1..40)) {
        let mut fixture = Fixture::new();
        for step in steps {
            match step {
                Step::Write(records) => fixture.write(records, true),
                Step::RolledBack(records) => fixture.write(records, false),
                Step::BeginToSeal => fixture.samples.seal_all(&fixture.connection).unwrap(),
                Step::Slice => drop(fixture.samples.step(&mut fixture.connection, &fixture.catalog).unwrap()),
                Step::Expire(time) => fixture.expire(time),
                Step::Kill => fixture.kill(),
                Step::BeginQuery => {
                    let query = fixture.query();
                    let seen = read(&query, "1");
                    fixture.queries.push((query, seen));
                }
                Step::EndQuery => drop(fixture.queries.pop()),
                Step::OldRows(series, time) => fixture.old_rows(series, time),
            }
            fixture.check();
        }
    }
}

fn plain(times: std::ops::Range<i64>) -> Vec<(i64, i64, i64, Value)> {
    times.map(|time| (1, time, 1, Value::Double(time as f64))).collect()
}

#[test]
fn what_brings_nothing_new_leaves_no_head() {
    let mut fixture = Fixture::new();
    fixture.write(plain(0..5), true);
    fixture.seal();
    assert_eq!(fixture.samples.heads().series(), 0);
    for commits in [true, false] {
        fixture.write(plain(0..5), commits);
        fixture.write(vec![(1, 3, 1, Value::Double(99.0))], commits);
        assert_eq!(fixture.samples.heads().series(), 0, "{commits}");
    }
    fixture.check();
}

#[test]
fn a_row_counts_once_the_sample_that_it_hides_has_expired() {
    let mut fixture = Fixture::new();
    let mut table = Table::clone(&fixture.table());
    (table.properties.retention.memory_hours, table.properties.retention.magnetic_days) = (1, 1);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
    let (day, soon) = (86_400_000_000_000, 50_000_000);
    let time = now - day + soon;
    fixture.catalog.databases.get_mut("db").unwrap().tables.insert("t".into(), table.into());
    fixture.write(vec![(1, time, 1, Value::Double(1.0)), (1, now, 1, Value::Double(1.0))], true);
    fixture.write(vec![(1, time, 2, Value::Double(2.0))], true);
    std::thread::sleep(std::time::Duration::from_nanos(2 * soon as u64));
    fixture.seal();
    let query = fixture.query();
    assert_eq!(fixture.count(&query), read(&query, "1").len());
}

#[test]
fn what_a_query_reads_is_kept_until_it_has_ended() {
    let mut fixture = Fixture::new();
    fixture.write(plain(0..5), true);
    let query = fixture.query();
    let seen = read(&query, "1");
    fixture.seal();
    assert!(fixture.samples.is_read((1, 1)) && !fixture.samples.heads().has_unsealed((1, 1)));
    assert_eq!(read(&query, "1"), seen);
    drop(query);
    fixture.write(plain(5..6), true);
    fixture.seal();
    assert!(!fixture.samples.is_read((1, 1)));
}

#[test]
fn a_query_does_not_take_a_deleted_table_for_an_empty_one() {
    let mut fixture = Fixture::new();
    fixture.write(plain(0..20), true);
    let query = fixture.query();
    assert_eq!(fixture.count(&query), 20);
    fixture.samples.retain_tables(&Catalog::default());
    for sql in [
        "SELECT time FROM records_1 WHERE series = 1",
        "SELECT points FROM points_1 WHERE series = 1",
        "SELECT records FROM count_1",
    ] {
        let error = query.query_row(sql, [], |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("has just been deleted"), "{sql}: {error}");
    }
    drop(query);
    // Another one, made later, has another number. What is remembered of the first goes when no query can see it.
    fixture.samples.retain_tables(&Catalog::default());
}

#[test]
fn a_chunk_of_other_samples_than_its_row_says_is_damaged() {
    let mut fixture = Fixture::new();
    fixture.write(plain(0..20), true);
    fixture.samples.seal_all(&fixture.connection).unwrap();
    while fixture.samples.is_sealing() {
        fixture.samples.step(&mut fixture.connection, &fixture.catalog).unwrap();
    }
    for (change, back) in [
        ("start = start - 1", "start = start + 1"),
        ("stop = stop + 1", "stop = stop - 1"),
        ("count = count + 1", "count = count - 1"),
    ] {
        fixture.connection.execute(&format!("UPDATE chunks_1 SET {change}"), []).unwrap();
        let query = fixture.query();
        let error = query.query_row("SELECT double FROM records_1 WHERE series = 1", [], |_| Ok(())).unwrap_err();
        assert!(
            error.to_string().contains("chunk 1 of chunks_1") && error.to_string().contains("other samples"),
            "{change}: {error}"
        );
        drop(query);
        fixture.connection.execute(&format!("UPDATE chunks_1 SET {back}"), []).unwrap();
    }
    let query = fixture.query();
    assert_eq!((fixture.count(&query), fixture.count_where(&query, "n.time >= 5")), (20, 15));
}
