//! Sealed samples: chunks of a series and a stretch of time, each a row of SQLite that is written once.
//!
//! A row's number tells when it was written, so that the rows of one sealing lie side by side in the file, and leave
//! whole pages when they expire.

use super::chunk::{self, Damaged, Extent, Sample};
use super::floors::Floors;
use crate::calendar::{HOUR, timestamp_text};
use rusqlite::{Connection, Row, Rows};

/// The longest time between the first and the last sample of a chunk, in nanoseconds. Who looks for the chunks of a
/// time need not look further back.
pub(super) const SPAN: i64 = 4 * HOUR;
/// Most samples of a chunk.
pub(super) const MOST: usize = 480;

/// What a row says of its chunk, beside the samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkHead {
    pub(super) number: i64,
    pub(super) start: i64,
    pub(super) stop: i64,
}

fn table(number: i64) -> String {
    format!("chunks_{number}")
}

/// Makes the table of a Timestream table's chunks. Numbers are never used again, since the floors refer to them.
pub(super) fn create_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let name = table(number);
    connection.execute_batch(&format!(
        "CREATE TABLE {name}(number INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, start INTEGER NOT NULL,
             stop INTEGER NOT NULL, count INTEGER NOT NULL, data BLOB NOT NULL);
         CREATE INDEX {name}_time ON {name}(series, start, stop, count);"
    ))
}

pub(super) fn drop_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("DROP TABLE {}", table(number)))
}

/// Seals samples of a series, which ascend by time, in as many chunks as it takes.
pub(super) fn insert(connection: &Connection, number: i64, series: i64, samples: &[Sample]) -> rusqlite::Result<()> {
    let sql = format!("INSERT INTO {}(series, start, stop, count, data) VALUES(?1, ?2, ?3, ?4, ?5)", table(number));
    let mut statement = connection.prepare_cached(&sql)?;
    for part in parts(samples) {
        if let [first, ..] = part
            && let Some(last) = part.last()
        {
            let count = i64::try_from(part.len()).unwrap_or(i64::MAX);
            statement.execute((series, first.time, last.time, count, chunk::encode(part)))?;
        }
    }
    Ok(())
}

/// Cuts samples into parts of about the same size that fit a chunk each.
fn parts(samples: &[Sample]) -> impl Iterator<Item = &[Sample]> {
    let size = samples.len().div_ceil(samples.len().div_ceil(MOST).max(1)).max(1);
    let mut left = samples;
    std::iter::from_fn(move || {
        let first = left.first()?;
        let near = left.partition_point(|sample| sample.time.saturating_sub(first.time) <= SPAN);
        let (part, rest) = left.split_at(size.min(near).max(1).min(left.len()));
        left = rest;
        Some(part)
    })
}

/// The chunks of a series that may have samples between two times, in order of their starts: those that start at
/// `after` or later, the given number of them at most.
pub(super) fn heads(
    connection: &Connection,
    number: i64,
    series: i64,
    (after, to): (i64, i64),
    most: usize,
) -> rusqlite::Result<Vec<ChunkHead>> {
    let sql = format!(
        "SELECT number, start, stop FROM {} WHERE series = ?1 AND start >= ?2 AND start <= ?3 ORDER BY start",
        table(number)
    );
    let read = |row: &Row<'_>| Ok(ChunkHead { number: row.get(0)?, start: row.get(1)?, stop: row.get(2)? });
    connection.prepare_cached(&sql)?.query_map((series, after, to), read)?.take(most).collect()
}

/// Appends the samples of a chunk from `from` to `to` that have not expired.
///
/// # Errors
/// A damaged chunk is named, with the time that it covers.
pub(super) fn read(
    connection: &Connection,
    number: i64,
    head: ChunkHead,
    (from, to): (i64, i64),
    floors: &Floors,
    samples: &mut Vec<Sample>,
) -> rusqlite::Result<()> {
    let from = from.max(floors.of(head.number));
    if head.stop < from || head.start > to {
        return Ok(());
    }
    let mut statement =
        connection.prepare_cached(&format!("SELECT data, count FROM {} WHERE number = ?1", table(number)))?;
    let mut rows = statement.query([head.number])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let data = row.get_ref(0)?.as_blob()?;
    let count = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(usize::MAX);
    let before = samples.len();
    let decoded = chunk::decode_range(data, MOST, from, to, samples).and_then(|extent| {
        let is_own = extent == Some(Extent { start: head.start, stop: head.stop, count });
        is_own.then_some(()).ok_or(Damaged::OtherSamples)
    });
    decoded.map_err(|damage| {
        samples.truncate(before);
        let [start, stop] = [head.start, head.stop].map(timestamp_text);
        let name = table(number);
        let message = format!("The chunk {} of {name}, of {start} to {stop}, is damaged: {damage}", head.number);
        rusqlite::Error::ModuleError(message)
    })
}

/// The value of a series at a time, if it is sealed.
pub(super) fn value_at(
    connection: &Connection,
    number: i64,
    series: i64,
    time: i64,
    floors: &Floors,
) -> rusqlite::Result<Option<f64>> {
    let mut samples = Vec::new();
    for head in heads(connection, number, series, (time.saturating_sub(SPAN), time), usize::MAX)? {
        match read(connection, number, head, (time, time), floors, &mut samples) {
            // What can't be read is not in the way.
            Err(rusqlite::Error::ModuleError(error)) => tracing::error!(%error, "a sealed sample can't be read"),
            done => done?,
        }
    }
    Ok(samples.first().map(|sample| sample.value))
}

/// The last time of a series that is sealed.
pub(super) fn last(connection: &Connection, number: i64, series: i64) -> rusqlite::Result<Option<i64>> {
    let name = table(number);
    let sql = format!(
        "SELECT max(stop) FROM {name} WHERE series = ?1 AND start >= (SELECT max(start) FROM {name} WHERE series = ?1) - {SPAN}"
    );
    connection.prepare_cached(&sql)?.query_row([series], |row| row.get(0))
}

/// Removes the chunks of a series that end before a time. Returns how many samples they had.
pub(super) fn remove_before(connection: &Connection, number: i64, series: i64, time: i64) -> rusqlite::Result<i64> {
    let sql = format!("DELETE FROM {} WHERE series = ?1 AND start < ?2 AND stop < ?2 RETURNING count", table(number));
    let mut statement = connection.prepare_cached(&sql)?;
    let counts = statement.query_map((series, time), |row| row.get::<_, i64>(0))?;
    counts.sum()
}

/// Whether a series has chunks.
pub(super) fn has_any(connection: &Connection, number: i64, series: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached(&format!("SELECT 1 FROM {} WHERE series = ?1 LIMIT 1", table(number)))?.exists([series])
}

/// The number of the newest chunk, 0 if there was none yet.
pub(super) fn newest(connection: &Connection, number: i64) -> rusqlite::Result<i64> {
    let sql = format!("SELECT coalesce(max(number), 0) FROM {}", table(number));
    connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
}

/// How many samples are sealed and have not expired. Only chunks on both sides of a floor are read.
pub(super) fn count(connection: &Connection, number: i64, floors: &Floors) -> rusqlite::Result<i64> {
    let name = table(number);
    let all: i64 = connection
        .prepare_cached(&format!("SELECT coalesce(sum(count), 0) FROM {name} INDEXED BY {name}_time"))?
        .query_row([], |row| row.get(0))?;
    let Some(highest) = floors.highest() else { return Ok(all) };
    let sql = format!("SELECT number, start, stop, count FROM {name} WHERE start < ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([highest])?;
    let (mut hidden, mut shown) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let head = ChunkHead { number: row.get(0)?, start: row.get(1)?, stop: row.get(2)? };
        if head.start < floors.of(head.number) {
            hidden += row.get::<_, i64>(3)?;
            read(connection, number, head, (head.start, head.stop), floors, &mut shown)?;
            hidden -= shown.len() as i64;
            shown.clear();
        }
    }
    Ok(all - hidden)
}

/// How many samples between two times are sealed and have not expired. Only chunks that lie within them in part are read.
pub(super) fn count_between(
    connection: &Connection,
    number: i64,
    (from, to): (i64, i64),
    floors: &Floors,
) -> rusqlite::Result<i64> {
    let name = table(number);
    let sql = format!(
        "SELECT number, start, stop, count FROM {name} INDEXED BY {name}_time WHERE start <= ?2 AND stop >= ?1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    added_up(connection, number, (from, to), floors, statement.query([from, to])?)
}

/// The same of a series.
pub(super) fn count_of_series(
    connection: &Connection,
    number: i64,
    series: i64,
    (from, to): (i64, i64),
    floors: &Floors,
) -> rusqlite::Result<i64> {
    let sql = format!(
        "SELECT number, start, stop, count FROM {} WHERE series = ?1 AND start >= ?2 AND start <= ?3 AND stop >= ?4",
        table(number)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query([series, from.saturating_sub(SPAN), to, from])?;
    added_up(connection, number, (from, to), floors, rows)
}

/// The samples of chunks between two times. The rows have what a chunk's head has, and its count.
fn added_up(
    connection: &Connection,
    number: i64,
    (from, to): (i64, i64),
    floors: &Floors,
    mut rows: Rows<'_>,
) -> rusqlite::Result<i64> {
    let (mut all, mut part) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let head = ChunkHead { number: row.get(0)?, start: row.get(1)?, stop: row.get(2)? };
        if head.start >= from.max(floors.of(head.number)) && head.stop <= to {
            all += row.get::<_, i64>(3)?;
        } else {
            read(connection, number, head, (from, to), floors, &mut part)?;
            all += part.len() as i64;
            part.clear();
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_cut_into_even_parts_within_the_span() {
        let steps = |count: i64, step: i64| (0..count).map(move |n| Sample { time: n * step, value: 1.0 }).collect();
        let sizes = |samples: Vec<Sample>| parts(&samples).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(steps(0, 1)), [0; 0]);
        assert_eq!(sizes(steps(1, 1)), [1]);
        assert_eq!(sizes(steps(480, 1)), [480]);
        assert_eq!(sizes(steps(481, 1)), [241, 240]);
        assert_eq!(sizes(steps(3, SPAN)), [2, 1]);
        assert_eq!(sizes(steps(3, SPAN + 1)), [1, 1, 1]);
        let far = [i64::MIN, 0, i64::MAX].map(|time| Sample { time, value: 1.0 });
        assert_eq!(sizes(far.to_vec()), [1, 1, 1]);
    }
}
