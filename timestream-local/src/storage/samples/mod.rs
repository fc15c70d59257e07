//! How records are laid out in the file. Only this room knows. The others ask it to store records and to remove them, and
//! for the SQL that reads them.
//!
//! A plain sample (a single double of version 1) goes to the log, which makes it durable, and to the head of its series
//! in memory. Later, a series' samples are sealed into chunks. All other records are rows. A row may hide a plain sample
//! of the same series and time that it has replaced. No two plain samples have the same series and time.

mod chunk;
mod chunks;
mod counted;
mod fetched_rows;
mod floors;
mod head;
mod heads;
mod key_hasher;
mod last_chunk;
mod log;
mod moving;
mod pending;
mod points;
mod readable;
mod readers;
mod relations;
mod replay;
mod rows;
mod scan;
mod sealed;
mod sealing;
mod snapshot;
mod store;
mod stretch;
mod trace;
mod unsealed;

pub(crate) use heads::Heads;
pub(crate) use points::Format;
pub(crate) use readable::make_readable;
pub(crate) use relations::{
    Field, ID, counted, counted_owner, counted_time, counted_value, owner, points, points_owner, points_time,
    points_value, records, relation, series,
};
pub(crate) use snapshot::Snapshot;
pub(super) use store::{Samples, Stored};
pub(crate) use trace::Trace;

use rusqlite::Connection;

/// What the file has for all tables together.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&[log::CREATE, sealing::CREATE, floors::CREATE, moving::CREATE].concat())
}

/// Makes the place of a table's records.
pub(super) fn create_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    rows::create_table(connection, number)?;
    chunks::create_table(connection, number)
}

/// Brings the place of a table's records up to date, which an older program made. Its samples are moved later.
pub(super) fn update_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    rows::update_table(connection, number)?;
    chunks::create_table(connection, number)?;
    moving::plan(connection, number)
}

/// Removes the place with all records, but for those in memory.
pub(super) fn drop_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    moving::drop_table(connection, number)?;
    floors::drop_table(connection, number)?;
    chunks::drop_table(connection, number)?;
    rows::drop_table(connection, number)
}

/// Makes room for one more name of values in a table's multi-measure records. `place` counts the names before it.
pub(super) fn add_value(connection: &Connection, number: i64, place: usize) -> rusqlite::Result<()> {
    rows::add_value(connection, number, place)
}

/// How many samples a chunk has whose checksum is made right, for fuzz targets. `None` if it is damaged all the same.
pub(crate) fn decoded(chunk: &[u8]) -> Option<usize> {
    let mut samples = Vec::new();
    let sealed = [chunk, &chunk::crc32(chunk).to_le_bytes()].concat();
    chunk::decode_range(&sealed, chunks::MOST, i64::MIN, i64::MAX, &mut samples).ok()?;
    Some(samples.len())
}

/// A chunk without its checksum, for fuzz targets.
pub(crate) fn encoded(samples: &[(i64, f64)]) -> Vec<u8> {
    let samples: Vec<_> = samples.iter().map(|&(time, value)| chunk::Sample { time, value }).collect();
    let mut encoded = chunk::encode(&samples);
    encoded.truncate(encoded.len().saturating_sub(4));
    encoded
}

#[cfg(test)]
mod tests;
