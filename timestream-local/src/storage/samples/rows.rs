//! Records as rows of SQLite, by series and time: those that are no plain samples, because they have another version
//! than 1 or another value than one double, and those that an older program stored, until they are sealed.

use super::super::catalog::{Table, VALUE_TYPES};
use super::chunk::Sample;
use crate::records::{Kind, Measured, Record, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};

/// The column of the series' number.
pub(super) const SERIES: &str = "series";
/// The column of the time.
pub(super) const TIME: &str = "time";

/// Whether a row hides a plain sample of its series and time, which it has replaced.
const SHADOWS: &str = "shadows";

/// The condition of rows that an older program stored, and that are plain samples.
const PLAIN: &str = "version = 1 AND shadows = 0 AND double IS NOT NULL";

/// The name of a table's rows.
fn table(number: i64) -> String {
    format!("samples_{number}")
}

/// The column of single measures of a type. Single measures never have the type TIMESTAMP.
pub(super) fn single(kind: Kind) -> &'static str {
    match kind {
        Kind::Double => "double",
        Kind::Bigint | Kind::Timestamp => "bigint",
        Kind::Varchar => "varchar",
        Kind::Boolean => "boolean",
    }
}

/// The column of a name of values in multi-measure records, by its place in the table.
pub(super) fn multi(place: usize) -> String {
    format!("m{place}")
}

/// Makes the table of rows.
///
/// The columns of values have no type, here and where they are added, so that SQLite does not convert values: a REAL
/// column would store -0.0 as the integer 0.
pub(super) fn create_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let singles: String = VALUE_TYPES.iter().map(|(_, _, kind)| format!("{}, ", single(*kind))).collect();
    connection.execute_batch(&format!(
        "CREATE TABLE {}(
            {SERIES} INTEGER NOT NULL, {TIME} INTEGER NOT NULL, version INTEGER NOT NULL,
            {singles}{SHADOWS} INTEGER NOT NULL DEFAULT 0, PRIMARY KEY({SERIES}, {TIME})) WITHOUT ROWID;",
        table(number)
    ))?;
    index_shadows(connection, number)
}

/// Brings the table of an older program up to date.
pub(super) fn update_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let table = table(number);
    connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {SHADOWS} INTEGER NOT NULL DEFAULT 0"))?;
    index_shadows(connection, number)
}

fn index_shadows(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let table = table(number);
    connection.execute_batch(&format!("CREATE INDEX {table}_{SHADOWS} ON {table}({SERIES}) WHERE {SHADOWS} = 1"))
}

pub(super) fn drop_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("DROP TABLE {}", table(number)))
}

pub(super) fn add_value(connection: &Connection, number: i64, place: usize) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("ALTER TABLE {} ADD COLUMN {}", table(number), multi(place)))
}

pub(super) fn remove_before(
    connection: &Connection,
    number: i64,
    series: i64,
    time: i64,
    most: usize,
) -> rusqlite::Result<usize> {
    let table = table(number);
    let sql = format!(
        "DELETE FROM {table} WHERE {SERIES} = ?1 AND {TIME} IN \
         (SELECT {TIME} FROM {table} WHERE {SERIES} = ?1 AND {TIME} < ?2 LIMIT {most})"
    );
    connection.prepare_cached(&sql)?.execute((series, time))
}

pub(super) fn has_any(connection: &Connection, number: i64, series: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached(&format!("SELECT 1 FROM {} WHERE {SERIES} = ?1 LIMIT 1", table(number)))?.exists([series])
}

/// Whether a table has rows.
pub(super) fn has_rows(connection: &Connection, number: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached(&format!("SELECT 1 FROM {} LIMIT 1", table(number)))?.exists([])
}

/// How many records the rows of a table add to its samples: those that hide one do not.
pub(super) fn count(connection: &Connection, number: i64) -> rusqlite::Result<i64> {
    let table = table(number);
    let sql = format!("SELECT (SELECT count(*) FROM {table}) - (SELECT count(*) FROM {table} WHERE {SHADOWS} = 1)");
    connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
}

/// Series and time of the rows from before a time that hide samples.
pub(super) fn shadows_before(connection: &Connection, number: i64, time: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    let sql = format!("SELECT {SERIES}, {TIME} FROM {} WHERE {SHADOWS} = 1 AND {TIME} < ?1", table(number));
    connection.prepare_cached(&sql)?.query_map([time], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Notes that the samples of a series from before a time are gone, so that no row hides one.
pub(super) fn uncover(connection: &Connection, number: i64, series: i64, time: i64) -> rusqlite::Result<()> {
    let sql =
        format!("UPDATE {} SET {SHADOWS} = 0 WHERE {SERIES} = ?1 AND {SHADOWS} = 1 AND {TIME} < ?2", table(number));
    connection.prepare_cached(&sql)?.execute((series, time)).map(drop)
}

/// The last time of a series that has a row.
pub(super) fn last(connection: &Connection, number: i64, series: i64) -> rusqlite::Result<Option<i64>> {
    let sql = format!("SELECT max({TIME}) FROM {} WHERE {SERIES} = ?1", table(number));
    connection.prepare_cached(&sql)?.query_row([series], |row| row.get(0))
}

/// The columns of a record: its series and time, then its values, the names of values in multi-measure records last.
pub(super) fn columns(multis: usize) -> Vec<String> {
    let singles = VALUE_TYPES.iter().map(|(_, _, kind)| single(*kind).to_owned());
    [SERIES, TIME].map(str::to_owned).into_iter().chain(singles).chain((0..multis).map(multi)).collect()
}

/// The first rows of a series between two times: their times, and their values in the order of [`columns`].
pub(super) fn between(
    connection: &Connection,
    number: i64,
    multis: usize,
    series: i64,
    (from, to): (i64, i64),
    most: usize,
) -> rusqlite::Result<Vec<(i64, Vec<rusqlite::types::Value>)>> {
    let columns = columns(multis).split_off(1);
    let sql = format!(
        "SELECT {} FROM {} WHERE {SERIES} = ?1 AND {TIME} BETWEEN ?2 AND ?3 ORDER BY {TIME}",
        columns.join(", "),
        table(number)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((series, from, to), |row| {
        Ok((row.get(0)?, (1..columns.len()).map(|column| row.get(column)).collect::<Result<_, _>>()?))
    })?;
    rows.take(most).collect()
}

/// The first plain samples of a series that an older program stored as rows, in order of time.
pub(super) fn plain(connection: &Connection, number: i64, series: i64, most: usize) -> rusqlite::Result<Vec<Sample>> {
    let sql = format!("SELECT {TIME}, double FROM {} WHERE {SERIES} = ?1 AND {PLAIN} ORDER BY {TIME}", table(number));
    let mut statement = connection.prepare_cached(&sql)?;
    let samples = statement.query_map([series], |row| Ok(Sample { time: row.get(0)?, value: row.get(1)? }))?;
    samples.take(most).collect()
}

/// Removes those up to a time.
pub(super) fn remove_plain(connection: &Connection, number: i64, series: i64, until: i64) -> rusqlite::Result<()> {
    let sql = format!("DELETE FROM {} WHERE {SERIES} = ?1 AND {TIME} <= ?2 AND {PLAIN}", table(number));
    connection.prepare_cached(&sql)?.execute((series, until)).map(drop)
}

/// The row that a record makes.
pub(super) struct Row<'a> {
    pub(super) series: i64,
    pub(super) record: &'a Record,
    values: Vec<(Column, &'a Value)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    /// Of single measures, by type.
    Single(Kind),
    /// Of multi-measure records, by the name's place.
    Multi(usize),
}

impl<'a> Row<'a> {
    /// The row of a record. `table` must know all its names of values.
    pub(super) fn of(series: i64, record: &'a Record, table: &Table) -> Self {
        let values = match &record.measured {
            Measured::Single(value) => vec![(Column::Single(value.kind()), value)],
            Measured::Multi(values) => values
                .iter()
                .filter_map(|(name, value)| Some((Column::Multi(*table.multi.get(name)?), value)))
                .collect(),
        };
        Row { series, record, values }
    }

    /// Stores the row. There must be none of its series and time.
    pub(super) fn insert(&self, connection: &Connection, number: i64, shadows: bool) -> rusqlite::Result<()> {
        self.write(connection, number, "INSERT", shadows)
    }

    /// Stores the row in the place of another one of its series and time. Values that it does not have are gone then.
    pub(super) fn replace(&self, connection: &Connection, number: i64, other: Existing) -> rusqlite::Result<()> {
        self.write(connection, number, "REPLACE", other.shadows)
    }

    fn write(&self, connection: &Connection, number: i64, verb: &str, shadows: bool) -> rusqlite::Result<()> {
        let (mut names, mut marks) = (String::new(), String::new());
        for (column, _) in &self.values {
            names.push_str(", ");
            names.push_str(&column.name());
            marks.push_str(", ?");
        }
        let sql = format!(
            "{verb} INTO {}({SERIES}, {TIME}, version, {SHADOWS}{names}) VALUES(?, ?, ?, ?{marks})",
            table(number)
        );
        let key: [&dyn ToSql; 4] = [&self.series, &self.record.time, &self.record.version, &shadows];
        let values = self.values.iter().map(|(_, value)| *value as &dyn ToSql);
        connection.prepare_cached(&sql)?.execute(params_from_iter(key.into_iter().chain(values))).map(drop)
    }

    /// The stored row of the same series and time.
    pub(super) fn existing(&self, connection: &Connection, own: &Table) -> rusqlite::Result<Option<Existing>> {
        let singles = VALUE_TYPES.iter().map(|(_, _, kind)| Column::Single(*kind));
        let columns: Vec<Column> = singles.chain((0..own.multi.len()).map(Column::Multi)).collect();
        let names: Vec<String> = columns.iter().map(|column| column.name()).collect();
        let sql = format!(
            "SELECT version, {SHADOWS}, {} FROM {} WHERE {SERIES} = ?1 AND {TIME} = ?2",
            names.join(", "),
            table(own.number)
        );
        let compare = |row: &rusqlite::Row<'_>| {
            let mut same = true;
            for (place, column) in columns.iter().enumerate() {
                let value = self.values.iter().find(|(other, _)| other == column).map(|(_, value)| *value);
                same &= is(row.get_ref(place + 2)?, value);
            }
            Ok(Existing { version: row.get(0)?, same, shadows: row.get(1)? })
        };
        connection.prepare_cached(&sql)?.query_row([self.series, self.record.time], compare).optional()
    }
}

/// A row that is in the way of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Existing {
    pub(super) version: i64,
    /// Whether its values are the same.
    pub(super) same: bool,
    shadows: bool,
}

impl Column {
    fn name(self) -> String {
        match self {
            Column::Single(kind) => single(kind).to_owned(),
            Column::Multi(place) => multi(place),
        }
    }
}

/// Whether a stored cell is this value: doubles bit for bit, so that -0.0 is not 0.0.
fn is(stored: ValueRef<'_>, value: Option<&Value>) -> bool {
    match (stored, value) {
        (ValueRef::Null, None) => true,
        (ValueRef::Real(stored), Some(Value::Double(value))) => stored.to_bits() == value.to_bits(),
        (ValueRef::Integer(stored), Some(Value::Bigint(value) | Value::Timestamp(value))) => stored == *value,
        (ValueRef::Integer(stored), Some(Value::Boolean(value))) => (stored != 0) == *value,
        (ValueRef::Text(stored), Some(Value::Varchar(value))) => stored == value.as_bytes(),
        _ => false,
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Double(value) => ToSqlOutput::from(*value),
            Value::Bigint(value) | Value::Timestamp(value) => ToSqlOutput::from(*value),
            Value::Varchar(value) => ToSqlOutput::from(value.as_str()),
            Value::Boolean(value) => ToSqlOutput::from(*value),
        })
    }
}
