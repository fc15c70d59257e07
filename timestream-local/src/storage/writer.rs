//! The writer thread: it takes the jobs that wait, does them in one transaction, commits, and answers them.

use super::catalog::{Catalog, Published};
use super::change::Change;
use super::documents::{self, Document};
use super::failure::Failure;
use super::insert::{self, Ingested, Written};
use super::retention::{Sweep, give_back};
use super::samples::Samples;
use super::series::SeriesCache;
use crate::calendar::Clock;
use crate::error::ApiError;
use crate::records::WriteCall;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Most jobs in one transaction.
const MAX_GROUP: usize = 128;
/// How long to wait before what failed between transactions is tried again.
const PAUSE: Duration = Duration::from_secs(5);
/// Most jobs of a group that may break off. Each time, the others are done again; after one more, all of them fail.
const MAX_BROKEN: usize = 3;

/// Where the answer to a job goes.
type Reply<T> = oneshot::Sender<Result<T, ApiError>>;

/// A call to the writer thread.
pub(super) enum Job {
    /// Records to be stored.
    Write(WriteCall, Reply<Ingested>),
    /// A change of what exists, answered with the catalog that has it.
    Change(Change, Reply<Arc<Catalog>>),
    /// A document to be kept.
    Document(Document, Reply<()>),
    /// Records that outlived their retention are to be removed.
    Sweep,
}

/// What a job did in the open transaction, or the rule that refused it.
enum Done {
    Written(Result<Written, ApiError>),
    Changed(Result<(), ApiError>),
    Kept,
    Nothing,
}

/// Why a transaction came to nothing.
struct Lost {
    error: ApiError,
    /// The job that broke off, if it was one.
    broken: Option<usize>,
}

/// The state of the thread.
pub(super) struct WriterThread {
    connection: Connection,
    /// What exists, as the file has it within the open transaction.
    catalog: Arc<Catalog>,
    published: Published,
    cache: SeriesCache,
    samples: Samples,
    clock: Clock,
    sweep: Option<Sweep>,
    /// Free pages of the file are to be given back.
    gives_back: bool,
    /// When to go on with what is done between transactions, after it failed.
    pause: Option<Instant>,
}

impl WriterThread {
    pub(super) fn new(connection: Connection, published: Published, samples: Samples, clock: Clock) -> Self {
        let catalog = published.get();
        let cache = SeriesCache::default();
        let (sweep, gives_back, pause) = (None, false, None);
        WriterThread { connection, catalog, published, cache, samples, clock, sweep, gives_back, pause }
    }

    /// Works until every sender is gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(MAX_GROUP);
        loop {
            if self.samples.is_full()
                && let Some(until) = self.pause
            {
                // No more may come before some are sealed, which is tried again then.
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
            }
            if self.is_busy() {
                while !self.samples.is_full()
                    && group.len() < MAX_GROUP
                    && let Ok(job) = queue.try_recv()
                {
                    group.push(job);
                }
                if group.is_empty() && queue.is_closed() && queue.is_empty() {
                    return;
                }
            } else if queue.blocking_recv_many(&mut group, MAX_GROUP) == 0 {
                return;
            }
            if !group.is_empty() {
                self.commit(std::mem::take(&mut group));
            }
            // Jobs that wait come before the next slice.
            if self.is_busy() {
                self.slice();
            }
        }
    }

    /// Whether there is something to be done between transactions.
    fn is_busy(&self) -> bool {
        self.pause.is_none_or(|until| Instant::now() >= until)
            && (self.sweep.is_some() || self.gives_back || self.samples.is_busy())
    }

    /// Does a slice of it.
    fn slice(&mut self) {
        let is_due = self.samples.is_sealing() || self.samples.is_full();
        let result = match &mut self.sweep {
            // Samples may have to be sealed before records can be removed, and full memory comes first.
            Some(sweep) if !is_due => {
                let done = sweep.step(&mut self.connection, &mut self.cache, &mut self.samples);
                // What fails for a table is left to the next sweep, so that it holds up no other.
                done.inspect_err(|_| sweep.skip()).map(|is_over| {
                    if is_over {
                        (self.sweep, self.gives_back) = (None, true);
                    }
                })
            }
            _ if self.gives_back && !is_due => {
                let done = give_back(&self.connection);
                self.gives_back = matches!(done, Ok(false));
                done.map(drop)
            }
            _ => {
                let done = self.samples.step(&mut self.connection, &self.catalog);
                done.map(|frees_space| self.gives_back |= frees_space)
            }
        };
        self.pause = result.err().map(|error| {
            tracing::error!(%error, "sealing samples, or removing what outlived its retention, failed");
            self.cache = SeriesCache::default();
            Instant::now() + PAUSE
        });
    }

    /// Does a group of jobs and answers each. A job that breaks off is taken out, and the others are done again without
    /// it.
    fn commit(&mut self, mut group: Vec<Job>) {
        let sweeps = group.iter().any(Job::makes_garbage);
        let mut left = MAX_BROKEN;
        while !group.is_empty() {
            let Lost { error, broken } = match self.transact(&group) {
                Ok(done) => {
                    self.published.set(Arc::clone(&self.catalog));
                    if group.iter().any(|job| matches!(job, Job::Change(..))) {
                        self.samples.retain_tables(&self.catalog);
                    }
                    self.answer(group, done);
                    break;
                }
                Err(lost) => lost,
            };
            tracing::error!(%error, "a transaction failed and was rolled back");
            self.restore();
            match broken {
                Some(index) if left > 0 => {
                    left -= 1;
                    group.remove(index).fail(error);
                }
                _ => group.drain(..).for_each(|job| job.fail(error.clone())),
            }
        }
        // Only now is it known what exists and how long it is kept.
        if sweeps {
            self.sweep = Some(Sweep::new(&self.catalog, self.clock.now_ns()));
        }
    }

    /// Does the jobs in one transaction; what each did, in their order.
    fn transact(&mut self, group: &[Job]) -> Result<Vec<Done>, Lost> {
        let lost = |error: rusqlite::Error| Lost { error: error.into(), broken: None };
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(lost)?;
        let now = self.clock.now_ns();
        let mut done = Vec::with_capacity(group.len());
        for (index, job) in group.iter().enumerate() {
            let failed = |error| Lost { error, broken: Some(index) };
            done.push(match job {
                Job::Write(call, _) => Done::Written(unless_broken(self.write(call, now)).map_err(failed)?),
                Job::Change(change, _) => Done::Changed(unless_broken(self.change(change, now)).map_err(failed)?),
                Job::Document(document, _) => {
                    unless_broken(documents::put(&self.connection, document)).map_err(failed)?.map_err(failed)?;
                    Done::Kept
                }
                Job::Sweep => Done::Nothing,
            });
        }
        self.samples.write_log(&self.connection).map_err(lost)?;
        self.connection.execute_batch("COMMIT").map_err(lost)?;
        self.samples.committed();
        Ok(done)
    }

    fn write(&mut self, call: &WriteCall, now: i64) -> Result<Written, Failure> {
        insert::write(&self.connection, (&mut self.cache, &mut self.samples), &mut self.catalog, call, now)
    }

    /// Makes a change in a copy of the catalog, so that a refusal leaves the catalog as it was.
    fn change(&mut self, change: &Change, now: i64) -> Result<(), Failure> {
        let mut catalog = Catalog::clone(&self.catalog);
        let before = self.connection.total_changes();
        // Whole milliseconds are read back from JSON as they were.
        let seconds = (now / 1_000_000) as f64 / 1e3;
        let result = change.apply(&self.connection, &mut catalog, seconds);
        match &result {
            Ok(()) => self.catalog = Arc::new(catalog),
            Err(Failure::Refused(_)) => debug_assert_eq!(self.connection.total_changes(), before, "{change:?}"),
            Err(Failure::Broken(_)) => {}
        }
        result
    }

    /// Goes back to what the file has after a transaction that failed.
    fn restore(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "rolling back failed");
        }
        self.catalog = self.published.get();
        self.cache = SeriesCache::default();
        self.samples.rolled_back();
    }

    fn answer(&self, group: Vec<Job>, done: Vec<Done>) {
        for pair in group.into_iter().zip(done) {
            // A caller that no longer waits has hung up.
            match pair {
                (Job::Write(_, reply), Done::Written(result)) => {
                    let _ = reply.send(result.and_then(Written::answer));
                }
                (Job::Change(_, reply), Done::Changed(result)) => {
                    let _ = reply.send(result.map(|()| Arc::clone(&self.catalog)));
                }
                (Job::Document(_, reply), Done::Kept) => {
                    let _ = reply.send(Ok(()));
                }
                _ => {}
            }
        }
    }
}

impl Job {
    /// Whether it may leave records or space to be removed.
    fn makes_garbage(&self) -> bool {
        match self {
            Job::Write(..) | Job::Document(..) => false,
            Job::Change(change, _) => change.makes_garbage(),
            Job::Sweep => true,
        }
    }

    fn fail(self, error: ApiError) {
        // A caller that no longer waits has hung up.
        match self {
            Job::Write(_, reply) => drop(reply.send(Err(error))),
            Job::Change(_, reply) => drop(reply.send(Err(error))),
            Job::Document(_, reply) => drop(reply.send(Err(error))),
            Job::Sweep => {}
        }
    }
}

/// The result of a job that the transaction can go on after, or the error of one that broke off.
fn unless_broken<T>(result: Result<T, Failure>) -> Result<Result<T, ApiError>, ApiError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Failure::Refused(error)) => Ok(Err(error)),
        Err(Failure::Broken(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
