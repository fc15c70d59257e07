//! The heads of series: the samples in memory that are in the log and not sealed yet, and those just sealed that older
//! queries do not see on disk.

use super::chunk::Sample;
use super::head::Head;
use super::key_hasher::{KeyHash, SHARDS};
use super::readers::Readers;
use super::stretch::Stretch;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A series: the number of its table, and its own in that table.
pub(super) type Key = (i64, i64);

/// What a head takes in its map, in bytes, about: maps are seven eighths full at most, and half as full when they have
/// grown.
const PLACE_BYTES: usize = (size_of::<Key>() + size_of::<Box<Head>>()) * 3 / 2;

/// Why a query can't be answered any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Gone {
    /// It began so long ago that samples which it should see have left memory since.
    #[error("The query took so long that what was written since it began no longer fits in memory. Run it again.")]
    TooOld,
    #[error("A table of the query has just been deleted.")]
    Table,
}

/// All heads. The writer changes them, and queries read them.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    shards: [Shard; SHARDS],
    pub(super) readers: Readers,
    /// Samples not sealed yet.
    unsealed: AtomicUsize,
    /// Bytes of all heads with their samples, about.
    bytes: AtomicUsize,
    /// Bytes of those that are sealed and kept for queries.
    kept: AtomicUsize,
    /// Queries that began before this sealing can't be answered any more.
    forgotten: AtomicI64,
    /// Tables that were deleted, with samples in memory, while queries ran.
    deleted: RwLock<HashSet<i64>>,
}

type Map = HashMap<Key, Box<Head>, KeyHash>;
type Shard = RwLock<Map>;

fn reading(shard: &Shard) -> RwLockReadGuard<'_, Map> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing(shard: &Shard) -> RwLockWriteGuard<'_, Map> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of a head with its place, and of its samples that are sealed.
fn bytes(head: &Head) -> (usize, usize) {
    let (all, sealed) = head.bytes();
    (PLACE_BYTES + all, sealed)
}

impl Heads {
    fn shard(&self, key: Key) -> &Shard {
        let [first, ..] = &self.shards;
        self.shards.get(key.1.rem_euclid(SHARDS as i64) as usize).unwrap_or(first)
    }

    /// Changes a head, which is made if there is none, and keeps the count of bytes.
    fn change<T>(&self, key: Key, change: impl FnOnce(&mut Head) -> T) -> T {
        let mut shard = writing(self.shard(key));
        let (head, before) = match shard.entry(key) {
            Entry::Occupied(known) => {
                let head = known.into_mut();
                let before = bytes(head);
                (head, before)
            }
            Entry::Vacant(place) => (place.insert(Box::default()), (0, 0)),
        };
        let result = change(head);
        self.account(before, bytes(head));
        result
    }

    fn account(&self, before: (usize, usize), after: (usize, usize)) {
        self.bytes.fetch_add(after.0.wrapping_sub(before.0), Ordering::Relaxed);
        self.kept.fetch_add(after.1.wrapping_sub(before.1), Ordering::Relaxed);
    }

    /// Samples not sealed yet.
    pub(super) fn unsealed(&self) -> usize {
        self.unsealed.load(Ordering::Relaxed)
    }

    /// Bytes of all heads with their samples, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of the samples that are kept for queries only.
    pub(super) fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// The series that have a head.
    pub(super) fn series(&self) -> usize {
        self.shards.iter().map(|shard| reading(shard).len()).sum()
    }

    /// The time of the last sample or record of a series, if that is known.
    pub(super) fn last(&self, key: Key) -> Option<i64> {
        reading(self.shard(key)).get(&key)?.last
    }

    /// Notes what the file says of the last time of a series: `i64::MIN` if it has no samples there.
    pub(super) fn note_last(&self, key: Key, last: i64) {
        self.change(key, |head| {
            let own = head.unsealed().filter_map(Stretch::end).max().unwrap_or(i64::MIN);
            head.last = Some(last.max(own).max(head.last.unwrap_or(i64::MIN)));
        });
    }

    /// Forgets a head that has no samples: what it knows is found in the file again.
    pub(super) fn forget_empty(&self, key: Key) {
        let mut shard = writing(self.shard(key));
        if let Some(head) = shard.get(&key).filter(|head| head.is_empty()) {
            self.account(bytes(head), (0, 0));
            shard.remove(&key);
        }
    }

    /// Appends samples of a series, which come after a round of sealing began. `last` is the last time of the series
    /// if it is known.
    pub(super) fn append(&self, key: Key, samples: &[Sample], last: Option<i64>, round: u64) {
        self.change(key, |head| {
            head.freeze(round);
            samples.iter().for_each(|sample| head.open.push(*sample));
            head.last = head.last.max(last);
        });
        self.unsealed.fetch_add(samples.len(), Ordering::Relaxed);
    }

    /// The value of a series at a time, if it is not sealed yet.
    pub(super) fn value_at(&self, key: Key, time: i64) -> Option<f64> {
        reading(self.shard(key)).get(&key)?.unsealed().find_map(|stretch| stretch.value_at(time))
    }

    /// Appends samples of a series from `from` to `to` that a query of this generation can't see on disk, in order of time: about
    /// `most`, all of them up to the time that is returned.
    pub(super) fn read(
        &self,
        key: Key,
        generation: i64,
        (from, to): (i64, i64),
        most: usize,
        samples: &mut Vec<Sample>,
    ) -> Result<i64, Gone> {
        let shard = reading(self.shard(key));
        self.check(key.0, generation)?;
        let Some(head) = shard.get(&key) else { return Ok(to) };
        let until = head.seen(generation).map(|stretch| stretch.until(from, to, most)).min().unwrap_or(to);
        head.seen(generation).for_each(|stretch| stretch.read(from, until, samples));
        if !samples.is_sorted_by(|one, two| one.time < two.time) {
            samples.sort_by_key(|sample| sample.time);
            // A query may see what has expired since it began beside what came in its place.
            samples.dedup_by_key(|sample| sample.time);
        }
        Ok(until)
    }

    /// Checks that what a query of this generation may see of a table is still there. The shard is locked, so that it
    /// stays.
    fn check(&self, table: i64, generation: i64) -> Result<(), Gone> {
        if generation < self.forgotten.load(Ordering::Relaxed) {
            return Err(Gone::TooOld);
        }
        let deleted = self.deleted.read().unwrap_or_else(PoisonError::into_inner);
        if deleted.contains(&table) { Err(Gone::Table) } else { Ok(()) }
    }

    /// How many samples of a table a query of this generation can't see on disk.
    pub(super) fn count(&self, table: i64, generation: i64) -> Result<i64, Gone> {
        let mut count = 0;
        for shard in &self.shards {
            let shard = reading(shard);
            self.check(table, generation)?;
            let heads = shard.iter().filter(|((number, _), _)| *number == table);
            count += heads.map(|(_, head)| head.seen(generation).map(Stretch::len).sum::<usize>() as i64).sum::<i64>();
        }
        Ok(count)
    }

    /// The same for those between two times.
    pub(super) fn count_between(&self, table: i64, generation: i64, bounds: (i64, i64)) -> Result<i64, Gone> {
        let mut count = 0;
        for shard in &self.shards {
            let shard = reading(shard);
            self.check(table, generation)?;
            for (_, head) in shard.iter().filter(|((number, _), _)| *number == table) {
                count += head.seen(generation).map(|stretch| stretch.count_between(bounds)).sum::<usize>() as i64;
            }
        }
        Ok(count)
    }

    /// The same of a series.
    pub(super) fn count_of_series(&self, key: Key, generation: i64, bounds: (i64, i64)) -> Result<i64, Gone> {
        let shard = reading(self.shard(key));
        self.check(key.0, generation)?;
        let head = shard.get(&key);
        let counts = head.map(|head| head.seen(generation).map(|stretch| stretch.count_between(bounds)).sum::<usize>());
        Ok(counts.unwrap_or_default() as i64)
    }

    /// Whether a series has samples that are not sealed yet.
    pub(super) fn has_unsealed(&self, key: Key) -> bool {
        reading(self.shard(key)).get(&key).is_some_and(|head| head.unsealed().any(|stretch| stretch.len() > 0))
    }

    /// Whether a series has samples that are not sealed yet, or are kept for queries.
    pub(super) fn has_samples(&self, key: Key) -> bool {
        reading(self.shard(key)).get(&key).is_some_and(|head| !head.is_empty())
    }

    /// Whether a table has samples from before a time that are not sealed yet.
    pub(super) fn has_before(&self, table: i64, time: i64) -> bool {
        let is_before = |head: &Head| head.unsealed().filter_map(Stretch::start).any(|start| start < time);
        let mut shards = self.shards.iter().map(reading);
        shards.any(|shard| shard.iter().any(|((number, _), head)| *number == table && is_before(head)))
    }

    /// The series with samples to be sealed, in order.
    pub(super) fn to_seal(&self) -> Vec<Key> {
        let has_any = |head: &Head| head.unsealed().any(|stretch| stretch.len() > 0);
        let mut keys: Vec<Key> = Vec::new();
        for shard in &self.shards {
            keys.extend(reading(shard).iter().filter(|(_, head)| has_any(head)).map(|(key, _)| *key));
        }
        keys.sort_unstable();
        keys
    }

    /// The samples of a series that are to be sealed in this round, in order of time.
    pub(super) fn freeze(&self, key: Key, round: u64) -> Vec<Sample> {
        self.change(key, |head| {
            head.freeze(round);
            let mut samples = Vec::new();
            if let Some(frozen) = &head.frozen {
                frozen.read(i64::MIN, i64::MAX, &mut samples);
                samples.sort_unstable_by_key(|sample| sample.time);
            }
            samples
        })
    }

    /// Notes that what was frozen of a series is about to be sealed. Queries of older generations go on to see it.
    pub(super) fn seal(&self, key: Key, generation: i64) {
        let sealed = self.change(key, |head| {
            let frozen = head.frozen.take()?;
            let count = frozen.len();
            head.sealed.push((generation, frozen));
            Some(count)
        });
        self.unsealed.fetch_sub(sealed.unwrap_or(0), Ordering::Relaxed);
    }

    /// Takes that back.
    pub(super) fn unseal(&self, key: Key, generation: i64) {
        let unsealed = self.change(key, |head| {
            let (_, stretch) = head.sealed.pop_if(|(sealed, _)| *sealed == generation)?;
            let count = stretch.len();
            head.frozen = Some(stretch);
            Some(count)
        });
        self.unsealed.fetch_add(unsealed.unwrap_or(0), Ordering::Relaxed);
    }

    /// Forgets what was sealed of a series and is seen on disk by all queries. A head without samples goes: what it
    /// knows is found in the file again.
    pub(super) fn forget_sealed(&self, key: Key) {
        let seen = self.seen_by_all();
        let mut shard = writing(self.shard(key));
        let Some(head) = shard.get_mut(&key) else { return };
        let before = bytes(head);
        head.sealed.retain(|(generation, _)| *generation > seen);
        if head.is_empty() {
            self.account(before, (0, 0));
            shard.remove(&key);
        } else {
            self.account(before, bytes(head));
        }
    }

    /// The last generation that every query sees on disk, those given up on left out.
    pub(super) fn seen_by_all(&self) -> i64 {
        self.readers.seen_by_all().max(self.forgotten.load(Ordering::Relaxed))
    }

    /// Gives up on queries that began before the last sealing.
    pub(super) fn forget_queries(&self, generation: i64) {
        self.forgotten.fetch_max(generation, Ordering::Relaxed);
    }

    /// Removes the head of a series.
    pub(super) fn remove(&self, key: Key) {
        self.retain_in(self.shard(key), |other| *other != key);
    }

    /// Removes the heads of tables that are gone.
    pub(super) fn retain_tables(&self, is_left: impl Fn(i64) -> bool) {
        let tables =
            self.shards.iter().map(|shard| reading(shard).keys().map(|(table, _)| *table).collect::<HashSet<_>>());
        let gone: HashSet<i64> = tables.flatten().filter(|table| !is_left(*table)).collect();
        if gone.is_empty() {
            return;
        }
        let mut deleted = self.deleted.write().unwrap_or_else(PoisonError::into_inner);
        if self.readers.are_none() {
            // Queries to come see neither these tables nor those deleted before.
            deleted.clear();
        }
        deleted.extend(gone);
        drop(deleted);
        self.shards.iter().for_each(|shard| self.retain_in(shard, |(table, _)| is_left(*table)));
    }

    fn retain_in(&self, shard: &Shard, is_left: impl Fn(&Key) -> bool) {
        writing(shard).retain(|key, head| {
            let left = is_left(key);
            if !left {
                self.account(bytes(head), (0, 0));
                self.unsealed.fetch_sub(head.unsealed().map(Stretch::len).sum(), Ordering::Relaxed);
            }
            left
        });
    }
}
