//! Why a result can't be unloaded.

use std::io;

use parquet::errors::ParquetError;

use crate::error::{ApiError, ErrorKind};
use crate::objects::{Address, ObjectError};
use crate::sql::Failure;

/// Why a result can't be unloaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnloadError {
    /// An object that can't be made.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// An object that can't be written to its end, as on a full disk.
    #[error("UNLOAD can't write {address}: {source}")]
    Write {
        /// The object.
        address: Address,
        /// What the system says.
        source: io::Error,
    },
    /// The same, as the writer of Parquet tells it.
    #[error("UNLOAD can't write {address}: {source}")]
    Parquet {
        /// The object.
        address: Address,
        /// Why not.
        source: ParquetError,
    },
    /// Columns that Parquet can't have.
    #[error("UNLOAD can't write these columns as Parquet: {0}")]
    Schema(ParquetError),
    /// More folders than a result may have.
    #[error("UNLOAD can write at most {0} partitions, and the result has more.")]
    Partitions(usize),
    /// A value that can't be read.
    #[error("{0}")]
    Value(#[from] Failure),
    /// The system has no random numbers for the names of objects.
    #[error("UNLOAD can't name its files: the system has no random numbers")]
    Random,
}

impl From<UnloadError> for ApiError {
    fn from(error: UnloadError) -> Self {
        match error {
            UnloadError::Object(error) => error.into(),
            UnloadError::Partitions(_) => ApiError::new(ErrorKind::QueryExecution, error.to_string()),
            UnloadError::Schema(_) => ApiError::validation(error.to_string()),
            _ => ApiError::internal(error.to_string()),
        }
    }
}
