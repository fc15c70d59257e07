//! One process per data directory.

use super::failure::OpenError;
use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// For the owner alone: other users of the machine may not read the data.
const MODE: u32 = 0o700;

/// Makes the directory if it is missing, and locks it for as long as the returned file is open.
pub(super) fn acquire(directory: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Directory { path: directory.to_owned(), source };
    DirBuilder::new().recursive(true).mode(MODE).create(directory).map_err(failed)?;
    let file = File::create(directory.join("timestream.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_that_it_makes_is_its_owners_alone() {
        let parent = std::env::temp_dir().join(format!("timestream-directory-{}", std::process::id()));
        let directory = parent.join("data");
        let _lock = acquire(&directory).unwrap();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, MODE);
        std::fs::remove_dir_all(parent).unwrap();
    }
}
