//! The log: a row of SQLite for each transaction that stored samples, with all of them. It makes them durable until they
//! are sealed, and a start reads it back into the heads.
//!
//! An entry is its format's version, then for each series how many samples it has, twice that and one more if its table is
//! another than that of the series before, then the number of the table if it is, and the number of the series as the
//! distance from the one before in its table, all as varints. Then come the samples: the time as the difference from the
//! one before in the entry, as a varint in zigzag, and the eight bytes of the value. The CRC-32 of all of that is at the
//! end.

use super::chunk::{Damaged, Sample, crc32, put_varint, take_varint, unzigzag, zigzag};
use super::heads::Key;
use super::pending::Pending;
use rusqlite::Connection;

/// Makes the log.
pub(super) const CREATE: &str = "CREATE TABLE log(id INTEGER PRIMARY KEY, entry BLOB NOT NULL);";

const VERSION: u8 = 1;
/// The fewest bytes of a sample, by which the count of an entry is checked before it is trusted.
const LEAST: usize = 9;
/// Entries removed in a slice.
const SLICE: i64 = 64;

/// Writes the samples of the open transaction as the entry `id`.
pub(super) fn append(connection: &Connection, id: i64, pending: &Pending) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO log(id, entry) VALUES(?1, ?2)")?.execute((id, encode(pending))).map(drop)
}

/// The newest entry that is there.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT max(id) FROM log", [], |row| row.get(0))
}

/// Removes a slice of the entries up to one. True if none is left.
pub(super) fn remove_until(connection: &Connection, last: i64) -> rusqlite::Result<bool> {
    let sql = format!("DELETE FROM log WHERE id IN (SELECT id FROM log WHERE id <= ?1 ORDER BY id LIMIT {SLICE})");
    let removed = connection.prepare_cached(&sql)?.execute([last])?;
    Ok((removed as i64) < SLICE)
}

/// Reads all entries, from the oldest. A damaged one is left out, with an error in the program's log that names it.
pub(super) fn replay(connection: &Connection, mut each: impl FnMut(i64, Key, &[Sample])) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT id, entry FROM log ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if let Err(error) = decode(row.get_ref(1)?.as_blob()?, |key, samples| each(id, key, samples)) {
            tracing::error!(entry = id, %error, "an entry of the log is damaged, its samples are lost");
        }
    }
    Ok(())
}

fn encode(pending: &Pending) -> Vec<u8> {
    let mut entry = vec![VERSION];
    let (mut table, mut series, mut time) = (0, 0, 0_i64);
    for (key, own) in pending.iter().filter(|(_, own)| !own.samples.is_empty()) {
        let is_other = key.0 != table;
        put_varint((own.samples.len() as u64) << 1 | u64::from(is_other), &mut entry);
        if is_other {
            put_varint(key.0 as u64, &mut entry);
            series = 0;
        }
        put_varint(zigzag(key.1.wrapping_sub(series)), &mut entry);
        (table, series) = key;
        for sample in &own.samples {
            put_varint(zigzag(sample.time.wrapping_sub(time)), &mut entry);
            time = sample.time;
            entry.extend_from_slice(&sample.value.to_bits().to_le_bytes());
        }
    }
    let checksum = crc32(&entry);
    entry.extend_from_slice(&checksum.to_le_bytes());
    entry
}

fn decode(entry: &[u8], mut each: impl FnMut(Key, &[Sample])) -> Result<(), Damaged> {
    let (entry, checksum) = entry.split_last_chunk::<4>().ok_or(Damaged::CutShort)?;
    if crc32(entry) != u32::from_le_bytes(*checksum) {
        return Err(Damaged::WrongChecksum);
    }
    let (version, mut left) = entry.split_first().ok_or(Damaged::CutShort)?;
    if *version != VERSION {
        return Err(Damaged::UnknownFormat);
    }
    let (mut table, mut series, mut time) = (0, 0_i64, 0_i64);
    let mut samples = Vec::new();
    while !left.is_empty() {
        let count = take_varint(&mut left)?;
        if count & 1 == 1 {
            table = take_varint(&mut left)? as i64;
            series = 0;
        }
        series = series.wrapping_add(unzigzag(take_varint(&mut left)?));
        let count = count >> 1;
        if count > (left.len() / LEAST) as u64 {
            return Err(Damaged::CutShort);
        }
        samples.clear();
        for _ in 0..count {
            time = time.wrapping_add(unzigzag(take_varint(&mut left)?));
            let (value, rest) = left.split_first_chunk::<8>().ok_or(Damaged::CutShort)?;
            left = rest;
            samples.push(Sample { time, value: f64::from_bits(u64::from_le_bytes(*value)) });
        }
        each((table, series), &samples);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(entry: &[u8]) -> Result<Vec<(Key, i64, u64)>, Damaged> {
        let mut all = Vec::new();
        decode(entry, |key, samples| {
            all.extend(samples.iter().map(|sample| (key, sample.time, sample.value.to_bits())));
        })?;
        Ok(all)
    }

    proptest! {
        #[test]
        fn samples_come_back(
            samples in prop::collection::vec(((1..4_i64, any::<i64>()), any::<i64>(), any::<u64>()), 0..50),
            flip in any::<prop::sample::Index>(),
        ) {
            let mut pending = Pending::default();
            for (key, time, bits) in &samples {
                pending.series(*key, 0).push(Sample { time: *time, value: f64::from_bits(*bits) });
            }
            let mut entry = encode(&pending);
            let mut wanted = samples;
            wanted.sort_by_key(|(key, ..)| *key);
            prop_assert_eq!(decoded(&entry), Ok(wanted));
            let place = flip.index(entry.len() * 8);
            entry[place / 8] ^= 1 << (place % 8);
            prop_assert!(decoded(&entry).is_err());
            entry.truncate(place / 8);
            prop_assert!(decoded(&entry).is_err());
        }

        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            bytes.insert(0, VERSION);
            let checksum = crc32(&bytes);
            bytes.extend_from_slice(&checksum.to_le_bytes());
            let _ = decoded(&bytes);
        }
    }
}
