//! A record, and a call of them.

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
