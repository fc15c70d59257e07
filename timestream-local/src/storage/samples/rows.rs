//! Records as rows of SQLite: a table for each Timestream table, with a row for each record by series and time.

use super::super::catalog::{Table, VALUE_TYPES};
use crate::records::{Kind, Measured, Record, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};

/// The column of the series' number.
pub(super) const SERIES: &str = "series";
/// The column of the time.
pub(super) const TIME: &str = "time";

/// The name of a table's rows.
pub(super) fn table(number: i64) -> String {
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
            {singles}PRIMARY KEY({SERIES}, {TIME})) WITHOUT ROWID;",
        table(number)
    ))
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
         (SELECT {TIME} FROM {table} WHERE {SERIES} = ?1 AND {TIME} < ?2 LIMIT ?3)"
    );
    connection.prepare_cached(&sql)?.execute((series, time, i64::try_from(most).unwrap_or(i64::MAX)))
}

pub(super) fn has_any(connection: &Connection, number: i64, series: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached(&format!("SELECT 1 FROM {} WHERE {SERIES} = ?1 LIMIT 1", table(number)))?.exists([series])
}

/// The row that a record makes.
pub(super) struct Row<'a> {
    series: i64,
    record: &'a Record,
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

    /// Stores the row, unless there is one of its series and time. Returns whether it did.
    pub(super) fn insert(&self, connection: &Connection, number: i64) -> rusqlite::Result<bool> {
        self.write(connection, number, "IGNORE")
    }

    /// Stores the row in the place of the one of its series and time. Values that it does not have are gone then.
    pub(super) fn replace(&self, connection: &Connection, number: i64) -> rusqlite::Result<bool> {
        self.write(connection, number, "REPLACE")
    }

    fn write(&self, connection: &Connection, number: i64, on_conflict: &str) -> rusqlite::Result<bool> {
        let (mut names, mut marks) = (String::new(), String::new());
        for (column, _) in &self.values {
            names.push_str(", ");
            names.push_str(&column.name());
            marks.push_str(", ?");
        }
        let sql = format!(
            "INSERT OR {on_conflict} INTO {}({SERIES}, {TIME}, version{names}) VALUES(?, ?, ?{marks})",
            table(number)
        );
        let key: [&dyn ToSql; 3] = [&self.series, &self.record.time, &self.record.version];
        let values = self.values.iter().map(|(_, value)| *value as &dyn ToSql);
        let written = connection.prepare_cached(&sql)?.execute(params_from_iter(key.into_iter().chain(values)))?;
        Ok(written == 1)
    }

    /// The version of the stored row of the same series and time, and whether its values are the same.
    pub(super) fn compare(&self, connection: &Connection, own: &Table) -> rusqlite::Result<Option<(i64, bool)>> {
        let singles = VALUE_TYPES.iter().map(|(_, _, kind)| Column::Single(*kind));
        let columns: Vec<Column> = singles.chain((0..own.multi.len()).map(Column::Multi)).collect();
        let names: Vec<String> = columns.iter().map(|column| column.name()).collect();
        let sql = format!(
            "SELECT version, {} FROM {} WHERE {SERIES} = ?1 AND {TIME} = ?2",
            names.join(", "),
            table(own.number)
        );
        let compare = |row: &rusqlite::Row<'_>| {
            let mut same = true;
            for (place, column) in columns.iter().enumerate() {
                let value = self.values.iter().find(|(other, _)| other == column).map(|(_, value)| *value);
                same &= is(row.get_ref(place + 1)?, value);
            }
            Ok((row.get(0)?, same))
        };
        connection.prepare_cached(&sql)?.query_row([self.series, self.record.time], compare).optional()
    }
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
