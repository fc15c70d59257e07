//! Storage: one SQLite file, one writer thread, readers beside it.
//!
//! The writer commits waiting calls together, and answers them only after the commit is on disk. What exists (databases,
//! tables, their dimensions and measures) is also held in memory as an immutable [`Catalog`], published after each commit
//! that changes it.

mod account;
mod catalog;
mod change;
mod connection;
mod documents;
mod failure;
mod insert;
mod lock;
mod properties;
mod resources;
mod retention;
pub(crate) mod samples;
mod scheduled;
mod scheduling;
mod schema;
mod series;
mod series_list;
mod tagging;
mod writer;

pub(crate) use account::{AccountSettings, AccountUpdate, Provisioned};
pub(crate) use catalog::{Catalog, Database, MULTI, MeasureInfo, Table, VALUE_TYPES};
pub(crate) use change::Change;
pub(crate) use documents::Document;
pub use failure::OpenError;
pub(crate) use failure::{no_database, no_scheduled_query, no_table};
pub(crate) use insert::Ingested;
pub(crate) use properties::{MagneticWrites, RejectedDataLocation, Retention, Schema, Tags};
pub(crate) use scheduled::{
    Attribute, Definition, DimensionMapping, ErrorReport, MixedMapping, MultiMapping, ReportLocation, Run, RunStats,
    RunStatus, ScheduledQuery, Target, UnderWay,
};
pub(crate) use scheduling::ScheduleChange;
pub(crate) use tagging::Owner;

use crate::calendar::Clock;
use crate::error::ApiError;
use crate::records::WriteCall;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

use catalog::Published;
use samples::{Heads, Samples, Snapshot};
use writer::{Job, WriterThread};

/// Calls that may wait for the writer; more wait in their connections.
const QUEUE: usize = 256;
/// When the writer first looks for records that outlived their retention. What a start has to do, and a command that is soon
/// done, come before.
const FIRST_SWEEP: Duration = Duration::from_secs(30);
/// How often it looks for them from then on.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// The open storage, or another handle of it.
#[derive(Clone)]
pub(crate) struct Storage {
    jobs: mpsc::Sender<Job>,
    published: Published,
    reader: Reader,
}

/// Opens the file for queries.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    file: PathBuf,
    heads: Arc<Heads>,
}

impl Reader {
    /// A connection that only reads.
    pub(crate) fn open(&self) -> rusqlite::Result<rusqlite::Connection> {
        connection::open_read_only(&self.file)
    }

    /// Begins to read on a connection: from here on it sees one state of the file.
    pub(crate) fn begin(&self, connection: &rusqlite::Connection) -> rusqlite::Result<Snapshot> {
        Snapshot::begin(connection, &self.heads)
    }
}

/// The writer thread. It ends when every [`Storage`] handle is gone.
pub(crate) struct Writer(JoinHandle<()>);

impl Writer {
    /// Waits until the writer has committed what was queued and closed its file.
    pub(crate) fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the writer thread panicked");
        }
    }
}

impl Storage {
    /// Opens or makes the database in `directory` and starts its writer. Samples in memory may take `head_memory` bytes.
    /// Retention goes by `clock`. Needs a tokio runtime.
    pub(crate) fn open(directory: &Path, head_memory: usize, clock: Clock) -> Result<(Storage, Writer), OpenError> {
        let lock = lock::acquire(directory)?;
        let file = directory.join("timestream.sqlite");
        let connection = connection::open_writer(&file)?;
        schema::prepare(&connection)?;
        documents::create(&connection)?;
        resources::break_off_runs(&connection)?;
        let published = Published::default();
        published.set(Arc::new(schema::load(&connection)?));
        let (jobs, queue) = mpsc::channel(QUEUE);
        let mut samples = Samples::open(&connection, head_memory)?;
        samples.retain_tables(&published.get());
        let reader = Reader { file, heads: Arc::clone(samples.heads()) };
        let writer = WriterThread::new(connection, published.clone(), samples, clock);
        let thread = std::thread::Builder::new().name("timestream-writer".to_owned()).spawn(move || {
            writer.run(queue);
            drop(lock);
        });
        let thread = thread.map_err(|source| OpenError::Directory { path: directory.to_owned(), source })?;
        tokio::spawn(sweep_regularly(jobs.downgrade()));
        Ok((Storage { jobs, published, reader }, Writer(thread)))
    }

    /// What exists, as of the last commit.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.published.get()
    }

    /// What queries read with.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Stores a call's records; they are on disk when this returns.
    pub(crate) async fn write(&self, call: WriteCall) -> Result<Ingested, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Write(call, reply)).await?;
        answer.await.map_err(|_| stopped())?
    }

    /// Gives a call to the writer, from a thread that may wait for a place in its queue.
    pub(crate) fn begin_write(&self, call: WriteCall) -> Result<Pending<Ingested>, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.blocking_send(Job::Write(call, reply)).map_err(|_| stopped())?;
        Ok(Pending(answer))
    }

    /// Keeps a document, durably.
    pub(crate) async fn put_document(&self, document: Document) -> Result<(), ApiError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Document(document, reply)).await?;
        answer.await.map_err(|_| stopped())?
    }

    /// Gives a document to the writer, from a thread that may wait for a place in its queue.
    pub(crate) fn begin_document(&self, document: Document) -> Result<Pending<()>, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.blocking_send(Job::Document(document, reply)).map_err(|_| stopped())?;
        Ok(Pending(answer))
    }

    /// The documents of a kind: id and body, by id.
    pub(crate) fn documents(&self, kind: &str) -> rusqlite::Result<Vec<(String, String)>> {
        documents::all(&self.reader.open()?, kind)
    }

    /// Changes what exists, durably. Returns the catalog with the change.
    pub(crate) async fn change(&self, change: Change) -> Result<Arc<Catalog>, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Change(change, reply)).await?;
        answer.await.map_err(|_| stopped())?
    }

    async fn submit(&self, job: Job) -> Result<(), ApiError> {
        self.jobs.send(job).await.map_err(|_| stopped())
    }
}

/// An answer of the writer that a thread may wait for.
pub(crate) struct Pending<T>(oneshot::Receiver<Result<T, ApiError>>);

impl<T> Pending<T> {
    /// Waits for the answer.
    pub(crate) fn wait(self) -> Result<T, ApiError> {
        self.0.blocking_recv().map_err(|_| stopped())?
    }
}

/// Has the writer look for expired records, until the storage is gone.
async fn sweep_regularly(jobs: mpsc::WeakSender<Job>) {
    tokio::time::sleep(FIRST_SWEEP).await;
    while let Some(jobs) = jobs.upgrade() {
        let sent = jobs.send(Job::Sweep).await;
        drop(jobs);
        if sent.is_err() {
            return;
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

fn stopped() -> ApiError {
    ApiError::internal("the storage has stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_sweep_does_not_hold_up_a_start() {
        let (jobs, mut queue) = mpsc::channel(1);
        let sweeps = tokio::spawn(sweep_regularly(jobs.downgrade()));
        let start = tokio::time::Instant::now();
        for seconds in [30, 630, 1230] {
            assert!(matches!(queue.recv().await, Some(Job::Sweep)));
            assert_eq!(start.elapsed().as_secs(), seconds);
        }
        drop(jobs);
        sweeps.await.unwrap();
    }
}
