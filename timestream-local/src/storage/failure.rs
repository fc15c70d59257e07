//! Why the storage does not open, and why a job of its writer came to nothing.

use std::path::PathBuf;

use crate::error::{ApiError, ErrorKind};

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

/// Why a job came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// A rule refuses it. It has changed nothing, neither in the file nor in memory.
    Refused(ApiError),
    /// It broke off, perhaps after a part of its changes. The transaction is rolled back.
    Broken(ApiError),
}

impl Failure {
    /// A job that broke off for what should not be.
    pub(super) fn broken(message: impl Into<String>) -> Self {
        Failure::Broken(ApiError::internal(message))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Broken(error.into())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure::broken(error.to_string())
    }
}

/// The error for a database that does not exist.
pub(crate) fn no_database(name: &str) -> ApiError {
    ApiError::not_found(format!("The database {name} does not exist."))
}

/// The error for a table that does not exist.
pub(crate) fn no_table(name: &str) -> ApiError {
    ApiError::not_found(format!("The table {name} does not exist."))
}

/// The error for a scheduled query that does not exist.
pub(crate) fn no_scheduled_query(id: &str) -> ApiError {
    ApiError::not_found(format!("The scheduled query {id} does not exist."))
}

/// More of something than there may be.
pub(super) fn quota(message: String) -> Failure {
    Failure::Refused(ApiError::new(ErrorKind::ServiceQuotaExceeded, message))
}

/// Something that exists already.
pub(super) fn conflict(message: String) -> Failure {
    Failure::Refused(ApiError::new(ErrorKind::Conflict, message))
}
