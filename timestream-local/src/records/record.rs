//! A record, and a call of them.

use super::key::decode_key;
use super::value::Value;

/// Most records of a call.
pub(crate) const MAX_RECORDS: usize = 100;
/// Most dimensions of a record, and of a table.
pub(crate) const MAX_DIMENSIONS: usize = 128;

/// Most values of a multi-measure record.
pub(crate) const MAX_VALUES: usize = 256;

/// A record ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// Measure name and dimensions in the canonical form of [`super::key`].
    pub(crate) key: Vec<u8>,
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    /// At least 1.
    pub(crate) version: i64,
    /// What was measured.
    pub(crate) measured: Measured,
}

impl Record {
    /// The bytes that the service bills for it: 8 for its time, and its names and values (developer guide, "Metering and
    /// pricing").
    pub(crate) fn metered_bytes(&self) -> usize {
        let key = decode_key(&self.key).map_or(0, |(measure, dimensions)| {
            measure.len() + dimensions.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
        });
        let names = match &self.measured {
            Measured::Single(_) => 0,
            Measured::Multi(values) => values.iter().map(|(name, _)| name.len()).sum(),
        };
        8 + key + names + self.measured.size()
    }
}

/// What a record measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Measured {
    /// A value of its measure.
    Single(Value),
    /// Values by name, in order of the names, each name once.
    Multi(Vec<(String, Value)>),
}

/// A checked WriteRecords call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WriteCall {
    /// The database's name.
    pub(crate) database: String,
    /// The table's name.
    pub(crate) table: String,
    /// 1 to [`MAX_RECORDS`] records, in the call's order.
    pub(crate) records: Vec<Record>,
}

impl Measured {
    /// In bytes, without the names of a multi-measure record's values.
    pub(super) fn size(&self) -> usize {
        match self {
            Measured::Single(value) => value.size(),
            Measured::Multi(values) => values.iter().map(|(_, value)| value.size()).sum(),
        }
    }
}
