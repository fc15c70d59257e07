//! Storage: one SQLite file, one writer thread, readers beside it.
//!
//! The writer commits waiting calls together, and answers them only after the commit is on disk. What exists (databases,
//! tables, their dimensions and measures) is also held in memory as an immutable [`Catalog`], published after each commit
//! that changes it.

mod catalog;
mod change;
mod connection;
mod insert;
mod lock;
mod properties;
mod retention;
mod row;
mod schema;
mod series;
mod writer;

pub(crate) use catalog::{Catalog, Database, MULTI, Table, VALUE_TYPES};
pub(crate) use change::{Change, Owner, no_database, no_table};
pub(crate) use connection::open_reader;
pub(crate) use insert::Ingested;
pub(crate) use properties::{MagneticWrites, RejectedDataLocation, Retention, Schema, Tags};
pub(crate) use writer::now_ns;

use crate::error::ApiError;
use crate::records::WriteCall;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Calls that may wait for the writer; more wait in their connections.
const QUEUE: usize = 256;
/// How often records that outlived their retention are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// Why the storage does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made or written.
    #[error("cannot use the data directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has the directory.
    #[error("the data directory {0} is in use by another process")]
    InUse(PathBuf),
    /// The file is of a newer version of this program.
    #[error("the database has schema version {found}, newer than {known}, the newest that this program knows")]
    Newer {
        /// The file's version.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// SQLite refuses the file.
    #[error("cannot open the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file's catalog is not as this program writes it.
    #[error("the catalog in the database is damaged: {0}")]
    Catalog(#[from] serde_json::Error),
}

/// A call to the writer thread, with where its answer goes.
enum Job {
    Write(WriteCall, oneshot::Sender<Result<Ingested, ApiError>>),
    Change(Change, oneshot::Sender<Result<Arc<Catalog>, ApiError>>),
    Sweep,
}

/// The published catalog, replaced as a whole.
#[derive(Clone, Default)]
struct Published(Arc<RwLock<Arc<Catalog>>>);

impl Published {
    fn get(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn set(&self, catalog: Arc<Catalog>) {
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = catalog;
    }
}

/// The open storage.
pub(crate) struct Storage {
    jobs: mpsc::Sender<Job>,
    published: Published,
    file: PathBuf,
}

/// The writer thread, to be waited for when every [`Storage`] handle is gone.
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
    /// Opens or makes the database in `directory` and starts its writer. Needs a tokio runtime.
    pub(crate) fn open(directory: &Path) -> Result<(Storage, Writer), OpenError> {
        let lock = lock::acquire(directory)?;
        let file = directory.join("timestream.sqlite");
        let connection = connection::open_writer(&file)?;
        schema::prepare(&connection)?;
        let catalog = Arc::new(schema::load(&connection)?);
        let published = Published::default();
        published.set(Arc::clone(&catalog));
        let (jobs, queue) = mpsc::channel(QUEUE);
        let writer = writer::WriterThread::new(connection, catalog, published.clone());
        let thread = std::thread::Builder::new().name("timestream-writer".to_owned()).spawn(move || {
            writer.run(queue);
            drop(lock);
        });
        let thread = thread.map_err(|source| OpenError::Directory { path: directory.to_owned(), source })?;
        tokio::spawn(sweep_regularly(jobs.downgrade()));
        Ok((Storage { jobs, published, file }, Writer(thread)))
    }

    /// What exists, as of the last commit.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.published.get()
    }

    /// The database file, for [`open_reader`].
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Stores a call's records; they are on disk when this returns.
    pub(crate) async fn write(&self, call: WriteCall) -> Result<Ingested, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Write(call, reply)).await?;
        answer.await.map_err(|_| stopped())?
    }

    /// Changes what exists, durably; returns the catalog with the change.
    pub(crate) async fn change(&self, change: Change) -> Result<Arc<Catalog>, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Change(change, reply)).await?;
        answer.await.map_err(|_| stopped())?
    }

    async fn submit(&self, job: Job) -> Result<(), ApiError> {
        self.jobs.send(job).await.map_err(|_| stopped())
    }
}

/// Has the writer look for expired records, until the storage is gone.
async fn sweep_regularly(jobs: mpsc::WeakSender<Job>) {
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
