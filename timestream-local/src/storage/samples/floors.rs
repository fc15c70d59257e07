//! Up to which time sealed samples have expired. A chunk is removed once all of its samples have; until then, a floor
//! hides those that have.

use rusqlite::Connection;

/// The floors of a table, the newest last. An older one is higher, and holds for older chunks only: it was set before
/// retention was lengthened, and what had expired by then stays away, whatever is written to that time since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Floors(Vec<Floor>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Floor {
    /// Samples from before it have expired, in nanoseconds since 1970.
    time: i64,
    /// The number of the last chunk for which it holds.
    newest: i64,
}

/// Makes the table of all floors.
pub(super) const CREATE: &str = "CREATE TABLE floors(table_number INTEGER NOT NULL, time INTEGER NOT NULL,
    newest INTEGER NOT NULL, PRIMARY KEY(table_number, newest)) WITHOUT ROWID;";

impl Floors {
    /// Reads the floors of a table.
    pub(super) fn load(connection: &Connection, number: i64) -> rusqlite::Result<Self> {
        let sql = "SELECT time, newest FROM floors WHERE table_number = ?1 ORDER BY newest";
        let read = |row: &rusqlite::Row<'_>| Ok(Floor { time: row.get(0)?, newest: row.get(1)? });
        connection.prepare_cached(sql)?.query_map([number], read)?.collect::<Result<_, _>>().map(Floors)
    }

    /// Writes them in the place of those that the file has.
    pub(super) fn save(&self, connection: &Connection, number: i64) -> rusqlite::Result<()> {
        drop_table(connection, number)?;
        let mut insert =
            connection.prepare_cached("INSERT INTO floors(table_number, time, newest) VALUES(?1, ?2, ?3)")?;
        self.0.iter().try_for_each(|floor| insert.execute((number, floor.time, floor.newest)).map(drop))
    }

    /// Sets a floor for all chunks that there are, up to the one numbered `newest`.
    pub(super) fn raise(&mut self, time: i64, newest: i64) {
        self.0.retain(|floor| floor.time > time);
        let held = self.0.last().map_or(0, |floor| floor.newest);
        if time > 0 && newest > held {
            self.0.push(Floor { time, newest });
        }
    }

    /// The time before which the samples of a chunk have expired.
    pub(super) fn of(&self, chunk: i64) -> i64 {
        // The first that holds is the highest that does.
        self.0.iter().find(|floor| floor.newest >= chunk).map_or(i64::MIN, |floor| floor.time)
    }

    /// The highest floor of all.
    pub(super) fn highest(&self) -> Option<i64> {
        self.0.first().map(|floor| floor.time)
    }
}

/// Removes the floors of a table.
pub(super) fn drop_table(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM floors WHERE table_number = ?1")?.execute([number]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against all floors ever set.
        #[test]
        fn the_highest_floor_set_since_a_chunk_was_made_holds(
            raises in prop::collection::vec((0..50_i64, 0..3_i64), 0..20),
        ) {
            let (mut floors, mut all, mut newest) = (Floors::default(), Vec::new(), 0);
            for (time, more) in raises {
                newest += more;
                floors.raise(time, newest);
                all.push((time, newest));
                for chunk in 1..=newest + 1 {
                    let held = all.iter().filter(|(time, newest)| *newest >= chunk && *time > 0);
                    prop_assert_eq!(floors.of(chunk), held.map(|(time, _)| *time).max().unwrap_or(i64::MIN));
                }
                prop_assert!(floors.0.is_sorted_by(|one, two| one.time > two.time && one.newest < two.newest));
            }
        }
    }
}
