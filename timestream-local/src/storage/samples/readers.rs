//! Which queries still read the file as it was before samples were sealed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The running queries by the sealing before which they may have begun, and the last sealing that is on disk. Sealings
/// are counted: the count is their generation.
#[derive(Debug, Clone, Default)]
pub(super) struct Readers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    generation: i64,
    running: BTreeMap<i64, usize>,
}

/// A running query.
#[derive(Debug)]
pub(super) struct Running {
    readers: Readers,
    since: i64,
}

impl Readers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a query, before it looks at the file.
    pub(super) fn begin(&self) -> Running {
        let mut state = self.state();
        let since = state.generation;
        *state.running.entry(since).or_default() += 1;
        Running { readers: self.clone(), since }
    }

    /// Notes that a sealing is on disk.
    pub(super) fn sealed(&self, generation: i64) {
        self.state().generation = generation;
    }

    /// Whether no query runs.
    pub(super) fn are_none(&self) -> bool {
        self.state().running.is_empty()
    }

    /// The last generation that every query sees on disk.
    pub(super) fn seen_by_all(&self) -> i64 {
        let state = self.state();
        state.running.first_key_value().map_or(state.generation, |(since, _)| *since)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.readers.state();
        if let Some(count) = state.running.get_mut(&self.since) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(&self.since);
            }
        }
    }
}
