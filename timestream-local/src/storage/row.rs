//! The row of a record in its samples table: which columns its values go to, and whether a stored row says the same.

use super::catalog::{MULTI, Table, VALUE_TYPES};
use crate::records::{Kind, Measured, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};

/// The values of a record with their columns.
pub(super) struct Columns<'a>(Vec<(Column, &'a Value)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    /// Of single measures, by place in [`VALUE_TYPES`].
    Single(usize),
    /// Of multi-measure records, by number.
    Multi(usize),
}

/// The bit of what a record measured, for its measure's types.
pub(super) fn type_bit(measured: &Measured) -> u8 {
    match measured {
        Measured::Single(value) => VALUE_TYPES[single_place(value.kind())].0,
        Measured::Multi(_) => MULTI,
    }
}

fn single_place(kind: Kind) -> usize {
    VALUE_TYPES.iter().position(|(_, _, other)| *other == kind).unwrap_or(0)
}

impl<'a> Columns<'a> {
    /// The columns of a record, all of which `table` has.
    pub(super) fn of(measured: &'a Measured, table: &Table) -> Self {
        Columns(match measured {
            Measured::Single(value) => vec![(Column::Single(single_place(value.kind())), value)],
            Measured::Multi(values) => values
                .iter()
                .filter_map(|(name, value)| Some((Column::Multi(*table.multi.get(name)?), value)))
                .collect(),
        })
    }

    /// Stores a row. With `replace` it takes the place of the one of the same series and time; otherwise that one stays,
    /// and the answer is no.
    pub(super) fn insert(
        &self,
        connection: &Connection,
        number: i64,
        [series, time, version]: [i64; 3],
        replace: bool,
    ) -> rusqlite::Result<bool> {
        let conflict = if replace { "REPLACE" } else { "IGNORE" };
        let (mut names, mut marks) = (String::new(), String::new());
        for (column, _) in &self.0 {
            names.push_str(", ");
            names.push_str(&column.name());
            marks.push_str(", ?");
        }
        let sql =
            format!("INSERT OR {conflict} INTO samples_{number}(series, time, version{names}) VALUES(?, ?, ?{marks})");
        let key: [&dyn ToSql; 3] = [&series, &time, &version];
        let values = self.0.iter().map(|(_, value)| *value as &dyn ToSql);
        let inserted = connection.prepare_cached(&sql)?.execute(params_from_iter(key.into_iter().chain(values)))?;
        Ok(inserted == 1)
    }

    /// The version of the stored row of a series and time, and whether its values are these.
    pub(super) fn compare(
        &self,
        connection: &Connection,
        table: &Table,
        series: i64,
        time: i64,
    ) -> rusqlite::Result<Option<(i64, bool)>> {
        let singles = (0..VALUE_TYPES.len()).map(Column::Single);
        let columns: Vec<Column> = singles.chain((0..table.multi.len()).map(Column::Multi)).collect();
        let names: Vec<String> = columns.iter().map(|column| column.name()).collect();
        let sql = format!(
            "SELECT version, {} FROM samples_{} WHERE series = ?1 AND time = ?2",
            names.join(", "),
            table.number
        );
        let compare = |row: &rusqlite::Row<'_>| {
            let mut same = true;
            for (place, column) in columns.iter().enumerate() {
                let own = self.0.iter().find(|(other, _)| other == column).map(|(_, value)| *value);
                same &= is(row.get_ref(place + 1)?, own);
            }
            Ok((row.get(0)?, same))
        };
        connection.prepare_cached(&sql)?.query_row([series, time], compare).optional()
    }
}

impl Column {
    fn name(self) -> String {
        match self {
            Column::Single(place) => VALUE_TYPES[place].1.to_owned(),
            Column::Multi(number) => format!("m{number}"),
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
