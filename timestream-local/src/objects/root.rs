//! The directory whose folders are buckets.
//!
//! Each folder of a path is opened from the one before, and never through a symbolic link, so that no path leads out of
//! the directory, whatever changes in it meanwhile.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::address::Address;
use super::failure::{ObjectError, ObjectRootError};

/// Folders are for the owner alone, as the data directory is.
const FOLDER_MODE: u32 = 0o700;

/// The directory that stands for S3.
#[derive(Debug, Clone)]
pub(crate) struct ObjectRoot(Arc<OwnedFd>);

impl ObjectRoot {
    /// Opens the directory, which is made if it is missing.
    pub(crate) fn open(directory: &Path) -> Result<ObjectRoot, ObjectRootError> {
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(directory);
        let opened = made.and_then(|()| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(rustix::fs::open(directory, flags, Mode::empty())?)
        });
        let root = opened.map_err(|source| ObjectRootError { path: directory.to_owned(), source })?;
        Ok(ObjectRoot(Arc::new(root)))
    }

    /// Opens an object to read it.
    pub(crate) fn read(&self, address: &Address) -> Result<File, ObjectError> {
        let (folders, name) = address.parts();
        let opened = self.existing(&folders).and_then(|folder| {
            // A named pipe would wait for its other end.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            Ok(File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?))
        });
        let file = opened.map_err(|error| ObjectError::system(address, error))?;
        match file.metadata() {
            Ok(data) if data.is_file() => Ok(file),
            Ok(_) => Err(ObjectError::Missing(address.clone())),
            Err(error) => Err(ObjectError::system(address, error)),
        }
    }

    /// Opens folders, each in the one before.
    pub(super) fn existing(&self, folders: &[&str]) -> io::Result<OwnedFd> {
        let mut at = self.0.try_clone()?;
        for folder in folders {
            at = subfolder(&at, folder)?;
        }
        Ok(at)
    }

    /// Opens folders, each in the one before, and makes those that are missing.
    pub(super) fn made(&self, folders: &[&str]) -> io::Result<OwnedFd> {
        let mut at = self.0.try_clone()?;
        for folder in folders {
            match rustix::fs::mkdirat(&at, *folder, Mode::from_raw_mode(FOLDER_MODE)) {
                Ok(()) => rustix::fs::fsync(&at)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            at = subfolder(&at, folder)?;
        }
        Ok(at)
    }
}

/// Opens a folder within another.
pub(super) fn subfolder(at: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, name, flags, Mode::empty())?)
}
