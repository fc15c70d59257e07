//! Why an object can't be read or written.

use std::io;
use std::path::PathBuf;

use super::address::Address;
use crate::error::ApiError;

/// The directory that stands for S3 can't be used.
#[derive(Debug, thiserror::Error)]
#[error("can't use the object root {path}: {source}")]
pub struct ObjectRootError {
    /// The directory.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Why an object can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// No object can have the address.
    #[error("{address:?} is not the address of an object: {why}")]
    Address {
        /// As it was given.
        address: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// There is no such object.
    #[error("there is no object {0}")]
    Missing(Address),
    /// There is such an object already. None is overwritten.
    #[error("there is an object {0} already")]
    Exists(Address),
    /// More objects than may be listed.
    #[error("there are more than {most} objects, or folders, below s3://{bucket}/{prefix}")]
    TooMany {
        /// The bucket.
        bucket: String,
        /// How their keys begin.
        prefix: String,
        /// How many may be listed.
        most: usize,
    },
    /// The system refuses it: a full disk, a missing permission, a symbolic link in the place of a folder.
    #[error("{address}: {source}")]
    System {
        /// The object.
        address: String,
        /// What the system says.
        source: io::Error,
    },
}

impl ObjectError {
    /// What the system says of an object.
    pub(super) fn system(address: &Address, source: impl Into<io::Error>) -> ObjectError {
        let source = source.into();
        match source.kind() {
            io::ErrorKind::NotFound => ObjectError::Missing(address.clone()),
            io::ErrorKind::AlreadyExists => ObjectError::Exists(address.clone()),
            _ => ObjectError::System { address: address.to_string(), source },
        }
    }
}

impl From<ObjectError> for ApiError {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::System { .. } => ApiError::internal(format!("object storage: {error}")),
            _ => ApiError::validation(format!("object storage: {error}.")),
        }
    }
}
