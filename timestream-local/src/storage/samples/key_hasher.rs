//! A hash by which series that were made one after the other lie side by side in a map.
//!
//! A scrape goes through its series in that order, so that the memory of the next head is at hand when it comes. The
//! numbers of series are given by the storage: nobody can choose them to collide.

use std::hash::{BuildHasherDefault, Hasher};

/// How many maps there are, each with the series whose numbers have the same remainder.
pub(super) const SHARDS: usize = 16;

/// Hashes the number of a table and that of a series.
pub(super) type KeyHash = BuildHasherDefault<KeyHasher>;

/// The golden ratio in 64 bits, by which numbers near each other are spread.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// The highest bits, which tell the keys of a place in the map apart.
const TAG: u64 = 0x7F << 57;

#[derive(Debug, Default)]
pub(super) struct KeyHasher {
    /// A place for each series, that of the next series of a table being the next one.
    place: u64,
}

impl Hasher for KeyHasher {
    fn write_i64(&mut self, number: i64) {
        self.place = self.place.wrapping_mul(SPREAD).wrapping_add(number as u64);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_i64(i64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        let place = self.place / SHARDS as u64;
        place & !TAG | place.wrapping_mul(SPREAD) & TAG
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    #[test]
    fn series_of_a_shard_follow_each_other_and_tables_lie_apart() {
        let place = |table: i64, series: i64| KeyHash::default().hash_one((table, series)) & !TAG;
        let step = |table| (1..1000).map(move |n| place(table, 16 * n + 3).wrapping_sub(place(table, 16 * n - 13)));
        assert!((1..50).flat_map(step).all(|step| step == 1));
        let starts: HashSet<u64> = (1..50).map(|table| place(table, 16) & 0xFFFF).collect();
        assert!(starts.len() > 45, "{starts:?}");
        let tags: HashSet<u64> = (0..64).map(|n| KeyHash::default().hash_one((1_i64, 16 * n)) & TAG).collect();
        assert!(tags.len() > 32, "{tags:?}");
    }
}
