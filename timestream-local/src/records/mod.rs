//! The records of a WriteRecords call: read from its JSON, merged with its common attributes, and checked against every
//! rule that refuses the whole call. The storage checks the rules that reject single records
//! (versions, retention).

mod key;
mod merge;
mod raw;
mod record;
mod value;

pub(crate) use key::decode_key;
pub(crate) use merge::{MAX_VALUE, Parts, assemble, parse};
pub(crate) use record::{MAX_DIMENSIONS, MAX_RECORDS, MAX_VALUES, Measured, Record, WriteCall};
pub(crate) use value::{Kind, Value, parse_time, unit_ns};

#[cfg(test)]
mod tests;
