//! The sealed samples of a series, read a chunk at a time.

use super::chunk::Sample;
use super::chunks::{self, ChunkHead, SPAN};
use super::floors::Floors;
use super::heads::Key;
use super::snapshot::Snapshot;
use rusqlite::Connection;
use std::collections::VecDeque;

/// Heads of chunks that are fetched at first, and then twice as many each time.
const FETCH: usize = 16;

/// A cursor on them: chunks in order of their starts, and the samples of those that were read.
#[derive(Default)]
pub(super) struct Sealed {
    heads: VecDeque<ChunkHead>,
    /// Where to go on looking for chunks; `None` if there are no more.
    after: Option<i64>,
    fetch: usize,
    samples: Vec<Sample>,
    next: usize,
    /// The samples up to this place come before all of the other chunks.
    ready: usize,
    /// Only times are asked for.
    times_only: bool,
    /// The time of the first sample of the next chunk was told by its head.
    is_start_told: bool,
}

impl Sealed {
    /// Begins with the samples from a time, whose values may be asked for or not.
    pub(super) fn begin(&mut self, from: i64, values: bool) {
        self.heads.clear();
        self.samples.clear();
        (self.next, self.ready) = (0, 0);
        self.after = Some(from.saturating_sub(SPAN));
        self.fetch = FETCH;
        (self.times_only, self.is_start_told) = (!values, false);
    }

    /// The next sample, if it was read.
    pub(super) fn first(&self) -> Option<Sample> {
        self.samples.get(self.next..self.ready)?.first().copied()
    }

    /// The samples before a time that were read and come next. They are passed.
    pub(super) fn take_before(&mut self, time: i64) -> &[Sample] {
        let samples = self.samples.get(self.next..self.ready).unwrap_or_default();
        let count = match samples.last() {
            Some(last) if last.time < time => samples.len(),
            _ => samples.partition_point(|sample| sample.time < time),
        };
        self.next += count;
        samples.get(..count).unwrap_or_default()
    }

    /// Passes the next sample.
    pub(super) fn pass(&mut self) {
        self.next += 1;
    }

    /// Reads chunks until there is a sample before all of the others.
    pub(super) fn advance(
        &mut self,
        connection: &Connection,
        snapshot: &Snapshot,
        key: Key,
        (from, to): (i64, i64),
        floors: &Floors,
    ) -> rusqlite::Result<()> {
        self.samples.drain(..self.next);
        (self.next, self.ready) = (0, 0);
        loop {
            self.fetch_heads(connection, key, to)?;
            let Some(head) = self.heads.front().copied() else {
                self.ready = self.samples.len();
                return Ok(());
            };
            self.ready = self.samples.partition_point(|sample| sample.time < head.start);
            if self.ready > 0 {
                return Ok(());
            }
            if self.times_only && !self.is_start_told && (from.max(floors.of(head.number))..=to).contains(&head.start) {
                // Who looks for the first time only needn't read a chunk for it.
                self.is_start_told = true;
                self.samples.insert(0, Sample { time: head.start, value: f64::NAN });
                self.ready = 1;
                return Ok(());
            }
            self.heads.pop_front();
            let from =
                if std::mem::take(&mut self.is_start_told) { from.max(head.start.saturating_add(1)) } else { from };
            if head.stop >= from {
                snapshot.read_chunk(connection, key.0, head, (from, to), floors, &mut self.samples)?;
                if !self.samples.is_sorted_by_key(|sample| sample.time) {
                    self.samples.sort_unstable_by_key(|sample| sample.time);
                }
            }
        }
    }

    /// The time of a sample between two times, if the head of one of the next chunks tells one.
    pub(super) fn told_within(
        &mut self,
        connection: &Connection,
        key: Key,
        (from, to): (i64, i64),
        floors: &Floors,
    ) -> rusqlite::Result<Option<i64>> {
        self.fetch_heads(connection, key, to)?;
        Ok(self.heads.iter().find_map(|head| {
            let bounds = from.max(floors.of(head.number))..=to;
            [head.start, head.stop].into_iter().find(|time| bounds.contains(time))
        }))
    }

    /// Fetches heads of chunks that start up to `to`, unless there are some or no more. Those with the last start are
    /// fetched again with the next ones, since more may have it.
    fn fetch_heads(&mut self, connection: &Connection, (number, series): Key, to: i64) -> rusqlite::Result<()> {
        while self.heads.is_empty()
            && let Some(after) = self.after
        {
            let heads = chunks::heads(connection, number, series, (after, to), self.fetch)?;
            let last = heads.last().map(|head| head.start).filter(|_| heads.len() == self.fetch);
            match last {
                None => (self.heads, self.after) = (heads.into(), None),
                Some(last) if heads.first().is_some_and(|head| head.start < last) => {
                    self.heads = heads.into_iter().filter(|head| head.start < last).collect();
                    self.after = Some(last);
                }
                Some(_) => {}
            }
            self.fetch *= 2;
        }
        Ok(())
    }
}
