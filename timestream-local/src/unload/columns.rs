//! Rows on their way to Parquet: a buffer for each leaf of the schema, with the levels that say where lists begin and what
//! is missing (Dremel's, <https://parquet.apache.org/docs/file-format/nestedencoding/>).

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use rusqlite::types::ValueRef;
use std::io::Write;

use crate::sql::{ColumnType, Entries, Failure, double_value, list_values};

/// What a row may take in memory. A NULL of an array of rows takes a level in each field.
const MAX_ROW_BYTES: usize = 64 << 20;
/// What a value and its two levels take in memory beside the bytes of a text, about.
const VALUE_BYTES: usize = 12;
const TEXT_BYTES: usize = 36;

/// The rows of a row group.
pub(super) struct Columns {
    /// The leaves of each column of the result.
    leaves: Vec<Vec<Leaf>>,
    bytes: usize,
}

/// The values of a leaf.
struct Leaf {
    values: Values,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    /// It is below a list.
    repeats: bool,
}

enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Text(Vec<ByteArray>),
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Level {
    /// The definition level of what is around it.
    definition: i16,
    /// At which depth of lists it begins something new.
    repetition: i16,
    /// How many lists are around it.
    depth: i16,
}

impl Level {
    fn defined(self, more: i16) -> Level {
        Level { definition: self.definition + more, ..self }
    }

    /// The level of an element of a list that stands at this level.
    fn element(self, index: usize) -> Level {
        let depth = self.depth + 1;
        Level { definition: self.definition + 2, repetition: if index == 0 { self.repetition } else { depth }, depth }
    }
}

impl Columns {
    pub(super) fn new<'k>(kinds: impl IntoIterator<Item = &'k ColumnType>) -> Self {
        let leaves = kinds.into_iter().map(|kind| {
            let mut leaves = Vec::new();
            add_leaves(kind, false, &mut leaves);
            leaves
        });
        Columns { leaves: leaves.collect(), bytes: 0 }
    }

    /// How many leaves there are.
    pub(super) fn leaves(&self) -> usize {
        self.leaves.iter().map(Vec::len).sum()
    }

    /// What the rows take in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a row.
    pub(super) fn push<'k>(
        &mut self,
        kinds: impl Iterator<Item = &'k ColumnType>,
        values: &[ValueRef<'_>],
    ) -> Result<(), Failure> {
        let level = Level { definition: 0, repetition: 0, depth: 0 };
        let mut room = MAX_ROW_BYTES;
        for ((leaves, kind), value) in self.leaves.iter_mut().zip(kinds).zip(values) {
            put(leaves, kind, *value, level, &mut room)?;
        }
        self.bytes += MAX_ROW_BYTES - room;
        Ok(())
    }

    /// Writes the rows as a row group, and forgets them.
    pub(super) fn write<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        for leaf in self.leaves.iter_mut().flatten() {
            let Some(mut column) = group.next_column()? else { break };
            let definitions = Some(leaf.definitions.as_slice());
            let repetitions = leaf.repeats.then_some(leaf.repetitions.as_slice());
            match &leaf.values {
                Values::Boolean(values) => column.typed::<BoolType>().write_batch(values, definitions, repetitions)?,
                Values::Int32(values) => column.typed::<Int32Type>().write_batch(values, definitions, repetitions)?,
                Values::Int64(values) => column.typed::<Int64Type>().write_batch(values, definitions, repetitions)?,
                Values::Double(values) => column.typed::<DoubleType>().write_batch(values, definitions, repetitions)?,
                Values::Text(values) => {
                    column.typed::<ByteArrayType>().write_batch(values, definitions, repetitions)?
                }
            };
            column.close()?;
            leaf.clear();
        }
        group.close()?;
        self.bytes = 0;
        Ok(())
    }
}

impl Leaf {
    fn absent(&mut self, level: Level) {
        self.definitions.push(level.definition);
        if self.repeats {
            self.repetitions.push(level.repetition);
        }
    }

    /// Appends a scalar. Returns what it takes.
    fn put(&mut self, kind: &ColumnType, value: ValueRef<'_>, level: Level) -> Result<usize, Failure> {
        let mut size = VALUE_BYTES;
        match (&mut self.values, value) {
            (_, ValueRef::Null) => {
                self.absent(level);
                return Ok(size);
            }
            (Values::Boolean(values), ValueRef::Integer(number)) => values.push(number != 0),
            (Values::Int32(values), ValueRef::Integer(number)) => {
                values.push(i32::try_from(number).map_err(|_| "A value does not fit into 32 bits")?);
            }
            (Values::Int64(values), ValueRef::Integer(number)) => values.push(number),
            (Values::Double(values), value) => values.push(double_value(value).ok_or("A value is no double")?),
            (Values::Text(values), ValueRef::Text(text)) if *kind == ColumnType::Varchar => {
                size = TEXT_BYTES + text.len();
                values.push(text.to_vec().into());
            }
            (Values::Text(values), value) => {
                let text = kind.text(value).unwrap_or_default();
                size = TEXT_BYTES + text.len();
                values.push(text.into_bytes().into());
            }
            _ => return Err("A value is not of its column's type".into()),
        }
        self.absent(level.defined(1));
        Ok(size)
    }

    /// Forgets the values, and the memory that they took: a hundred files may be open.
    fn clear(&mut self) {
        match &mut self.values {
            Values::Boolean(values) => *values = Vec::new(),
            Values::Int32(values) => *values = Vec::new(),
            Values::Int64(values) => *values = Vec::new(),
            Values::Double(values) => *values = Vec::new(),
            Values::Text(values) => *values = Vec::new(),
        }
        (self.definitions, self.repetitions) = (Vec::new(), Vec::new());
    }
}

fn add_leaves(kind: &ColumnType, repeats: bool, leaves: &mut Vec<Leaf>) {
    let values = match kind {
        ColumnType::Array(element) => return add_leaves(element, true, leaves),
        ColumnType::TimeSeries(value) => {
            add_leaves(&ColumnType::Timestamp, true, leaves);
            return add_leaves(value, true, leaves);
        }
        ColumnType::Row(fields) => return fields.iter().for_each(|field| add_leaves(&field.kind, repeats, leaves)),
        ColumnType::Boolean => Values::Boolean(Vec::new()),
        ColumnType::Integer | ColumnType::Date => Values::Int32(Vec::new()),
        ColumnType::Bigint | ColumnType::Timestamp => Values::Int64(Vec::new()),
        ColumnType::Double => Values::Double(Vec::new()),
        ColumnType::Varchar
        | ColumnType::Time
        | ColumnType::IntervalDayToSecond
        | ColumnType::IntervalYearToMonth
        | ColumnType::Unknown => Values::Text(Vec::new()),
    };
    leaves.push(Leaf { values, definitions: Vec::new(), repetitions: Vec::new(), repeats });
}

/// How many leaves a type has.
fn count(kind: &ColumnType) -> usize {
    match kind {
        ColumnType::Array(element) => count(element),
        ColumnType::TimeSeries(value) => 1 + count(value),
        ColumnType::Row(fields) => fields.iter().map(|field| count(&field.kind)).sum(),
        _ => 1,
    }
}

/// Appends a value to the leaves of its type, and takes what it needs in memory off the room that its row has.
fn put(
    leaves: &mut [Leaf],
    kind: &ColumnType,
    value: ValueRef<'_>,
    level: Level,
    room: &mut usize,
) -> Result<(), Failure> {
    match (kind, value) {
        (ColumnType::Array(_) | ColumnType::TimeSeries(_) | ColumnType::Row(_), ValueRef::Null) => {
            absent(leaves, level, room)?;
        }
        (ColumnType::Array(element), value) => {
            let values = list_values(value)?;
            if values.is_empty() {
                return absent(leaves, level.defined(1), room);
            }
            for (index, value) in values.into_iter().enumerate() {
                put(leaves, element, value, level.element(index), room)?;
            }
        }
        (ColumnType::TimeSeries(element), value) => {
            let entries = Entries::read(value)?;
            if entries.len() == 0 {
                return absent(leaves, level.defined(1), room);
            }
            for (index, (time, value)) in entries.iter().enumerate() {
                let level = level.element(index).defined(1);
                let (times, values) = leaves.split_at_mut(1);
                put(times, &ColumnType::Timestamp, ValueRef::Integer(time), level, room)?;
                put(values, element, value, level, room)?;
            }
        }
        (ColumnType::Row(fields), value) => {
            let mut rest = leaves;
            for (field, value) in fields.iter().zip(list_values(value)?) {
                let (own, others) = rest.split_at_mut(count(&field.kind).min(rest.len()));
                put(own, &field.kind, value, level.defined(1), room)?;
                rest = others;
            }
        }
        (scalar, value) => {
            if let Some(leaf) = leaves.first_mut() {
                take(room, leaf.put(scalar, value, level)?)?;
            }
        }
    }
    Ok(())
}

fn absent(leaves: &mut [Leaf], level: Level, room: &mut usize) -> Result<(), Failure> {
    take(room, leaves.len() * VALUE_BYTES)?;
    leaves.iter_mut().for_each(|leaf| leaf.absent(level));
    Ok(())
}

fn take(room: &mut usize, size: usize) -> Result<(), Failure> {
    *room = room.checked_sub(size).ok_or("A row takes more than 64 MiB in memory")?;
    Ok(())
}
