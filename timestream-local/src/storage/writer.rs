//! The writer thread: takes what waits, stores it in one transaction, commits, answers.

use super::catalog::Catalog;
use super::insert::{Ingested, SeriesCache};
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
}

impl WriterThread {
    pub(super) fn new(connection: Connection, catalog: Arc<Catalog>, published: Published) -> Self {
        WriterThread { connection, catalog, published, cache: SeriesCache::default() }
    }

    /// Works until every sender is gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(MAX_GROUP);
        while queue.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
            self.commit(std::mem::take(&mut group));
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
                Job::Write(call, reply) => {
                    let result = match failed {
                        None => self.cache.write(&self.connection, &mut self.catalog, call, now),
                        Some(_) => Ok(Ingested::default()),
                    };
                    answers.push(Answer::Write(reply, settle(result, &mut failed)));
                }
                Job::Change(change, reply) => {
                    let catalog = Arc::make_mut(&mut self.catalog);
                    let result = match failed {
                        None => change.apply(&self.connection, catalog, now as f64 / 1e9),
                        Some(_) => Ok(()),
                    };
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
