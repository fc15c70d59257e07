//! Reads the log into the heads when the storage opens.
//!
//! Most of the time goes into finding heads in memory and into packing samples, so threads share that. Each has series of
//! its own, whose samples come in the order of the log.

use super::chunk::Sample;
use super::heads::{Heads, Key};
use super::log;
use super::sealing::Progress;
use rusqlite::Connection;
use std::sync::mpsc::{SyncSender, sync_channel};

const THREADS: usize = 2;
/// Samples handed to a thread at once.
const BATCH: usize = if cfg!(test) { 3 } else { 4096 };
/// Batches that may wait for a thread.
const WAITING: usize = 16;

/// A sample of a series, and the round of sealing that it comes after.
type Replayed = (Key, Sample, u64);

/// A thread, and what it is handed next.
struct Hand {
    batches: SyncSender<Vec<Replayed>>,
    batch: Vec<Replayed>,
}

impl Hand {
    fn give(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        // A thread that is gone has panicked, which ends the scope with a panic too.
        let _ = self.batches.send(batch);
    }
}

/// Appends all samples of the log that are not sealed. `rounds` is the number of the round that new samples come after.
pub(super) fn replay(connection: &Connection, heads: &Heads, progress: Progress, rounds: u64) -> rusqlite::Result<()> {
    std::thread::scope(|scope| {
        let mut hands = Vec::with_capacity(THREADS);
        for _ in 0..THREADS {
            let (batches, to_do) = sync_channel::<Vec<Replayed>>(WAITING);
            let append = move || {
                for (key, sample, round) in to_do.into_iter().flatten() {
                    heads.append(key, &[sample], None, round);
                }
            };
            let thread = std::thread::Builder::new().name("replay".to_owned()).spawn_scoped(scope, append);
            thread.map_err(|error| rusqlite::Error::ModuleError(format!("no thread to read the log with: {error}")))?;
            hands.push(Hand { batches, batch: Vec::with_capacity(BATCH) });
        }
        log::replay(connection, |id, key, samples| {
            let is_of_round = progress.is_under_way && id <= progress.log;
            if is_of_round && key <= progress.done {
                return;
            }
            let round = if is_of_round { 0 } else { rounds };
            let Some(hand) = hands.get_mut(key.1.rem_euclid(THREADS as i64) as usize) else { return };
            hand.batch.extend(samples.iter().map(|sample| (key, *sample, round)));
            if hand.batch.len() >= BATCH {
                hand.give();
            }
        })?;
        hands.iter_mut().for_each(Hand::give);
        Ok(())
    })
}
