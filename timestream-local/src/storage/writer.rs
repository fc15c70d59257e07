//! The writer thread: takes what waits, stores it in one transaction, commits, answers.

use super::catalog::Catalog;
use super::insert::{self, Ingested};
use super::retention::Sweep;
use super::series::SeriesCache;
use super::{Job, Published};
use crate::error::ApiError;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{mpsc, oneshot};

/// Most calls in one transaction.
const MAX_GROUP: usize = 128;

/// Why a job came to nothing.
pub(super) enum Failure {
    /// By the rules: it changed nothing, and the transaction goes on.
    Refused(ApiError),
    /// By SQLite: the transaction is lost.
    Storage(rusqlite::Error),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Failure::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Storage(error)
    }
}

/// An answer that waits for the commit.
enum Answer {
    Write(oneshot::Sender<Result<Ingested, ApiError>>, Result<Ingested, ApiError>),
    Change(oneshot::Sender<Result<Arc<Catalog>, ApiError>>, Result<(), ApiError>),
}

/// The state of the thread.
pub(super) struct WriterThread {
    connection: Connection,
    catalog: Arc<Catalog>,
    published: Published,
    cache: SeriesCache,
    sweep: Option<Sweep>,
}

impl WriterThread {
    pub(super) fn new(connection: Connection, catalog: Arc<Catalog>, published: Published) -> Self {
        WriterThread { connection, catalog, published, cache: SeriesCache::default(), sweep: None }
    }

    /// Works until every sender is gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(MAX_GROUP);
        loop {
            match self.sweep.take() {
                None => {
                    if queue.blocking_recv_many(&mut group, MAX_GROUP) == 0 {
                        return;
                    }
                }
                Some(sweep) => {
                    // What waits comes first, then the next slice.
                    while group.len() < MAX_GROUP
                        && let Ok(job) = queue.try_recv()
                    {
                        group.push(job);
                    }
                    if group.is_empty() && queue.is_closed() {
                        return;
                    }
                    self.slice(sweep);
                }
            }
            if !group.is_empty() {
                self.commit(std::mem::take(&mut group));
            }
        }
    }

    fn slice(&mut self, mut sweep: Sweep) {
        match sweep.step(&mut self.connection, &mut self.cache) {
            Ok(true) => {}
            Ok(false) => self.sweep = Some(sweep),
            Err(error) => {
                tracing::error!(%error, "removing what outlived its retention failed");
                self.cache = SeriesCache::default();
            }
        }
    }

    fn commit(&mut self, group: Vec<Job>) {
        let mut answers = Vec::with_capacity(group.len());
        let outcome = self.transact(group, &mut answers);
        if let Err(error) = &outcome {
            tracing::error!(%error, "a transaction failed and was rolled back");
            if !self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "rolling back failed");
            }
            self.catalog = self.published.get();
            self.cache = SeriesCache::default();
        } else {
            self.published.set(Arc::clone(&self.catalog));
        }
        // Who no longer waits for an answer has hung up.
        for answer in answers {
            match answer {
                Answer::Write(reply, result) => {
                    let _ = reply.send(outcome.clone().and(result));
                }
                Answer::Change(reply, result) => {
                    let _ = reply.send(outcome.clone().and(result).map(|()| Arc::clone(&self.catalog)));
                }
            }
        }
    }

    /// Every job has an answer afterwards; an error is the answer of all.
    fn transact(&mut self, group: Vec<Job>, answers: &mut Vec<Answer>) -> Result<(), ApiError> {
        let mut failed = self.connection.execute_batch("BEGIN IMMEDIATE").err();
        let now = now_ns();
        for job in group {
            match job {
                Job::Sweep => self.sweep = Some(Sweep::new(&self.catalog, now)),
                Job::Write(call, reply) => {
                    let result = match failed {
                        None => insert::write(&self.connection, &mut self.cache, &mut self.catalog, call, now),
                        Some(_) => Ok(Ingested::default()),
                    };
                    answers.push(Answer::Write(reply, settle(result, &mut failed)));
                }
                Job::Change(change, reply) => {
                    let catalog = Arc::make_mut(&mut self.catalog);
                    let sweeps = change.makes_garbage();
                    let result = match failed {
                        None => change.apply(&self.connection, catalog, now as f64 / 1e9),
                        Some(_) => Ok(()),
                    };
                    if sweeps {
                        self.sweep = Some(Sweep::new(&self.catalog, now));
                    }
                    answers.push(Answer::Change(reply, settle(result, &mut failed)));
                }
            }
        }
        match failed {
            None => Ok(self.connection.execute_batch("COMMIT")?),
            Some(error) => Err(error.into()),
        }
    }
}

/// Takes a storage failure aside; its job's own answer no longer matters then.
fn settle<T: Default>(result: Result<T, Failure>, failed: &mut Option<rusqlite::Error>) -> Result<T, ApiError> {
    match result {
        Ok(value) => Ok(value),
        Err(Failure::Refused(error)) => Err(error),
        Err(Failure::Storage(error)) => {
            *failed = Some(error);
            Ok(T::default())
        }
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
