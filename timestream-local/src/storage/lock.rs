//! One process per data directory.

use super::OpenError;
use std::fs::{File, TryLockError};
use std::path::Path;

/// Makes the directory where it is missing and locks it for as long as the file returned is open.
pub(super) fn acquire(directory: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Directory { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let file = File::create(directory.join("timestream.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
