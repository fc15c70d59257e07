//! An object that is written. It has its name only when all of it is on disk, so that nobody reads a part of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};

use super::address::{Address, PART};
use super::failure::ObjectError;
use super::root::ObjectRoot;
use crate::calendar::now_ns;

/// Objects are for the owner alone, as the data directory is.
const MODE: u32 = 0o600;

/// An object that is written. Dropped before [`NewObject::finish`], it leaves nothing.
#[derive(Debug)]
pub(crate) struct NewObject {
    address: Address,
    folder: OwnedFd,
    /// The name until it is whole.
    part: String,
    file: File,
}

impl ObjectRoot {
    /// Begins an object. Its folders are made where they are missing.
    pub(crate) fn create(&self, address: Address) -> Result<NewObject, ObjectError> {
        static PARTS: AtomicU64 = AtomicU64::new(0);
        // Another process may use the same directory, and one before this may have been killed.
        let number = PARTS.fetch_add(1, Ordering::Relaxed);
        let part = format!("{PART}{}-{}-{number}", std::process::id(), now_ns());
        let (folders, _) = address.parts();
        let created = self.made(&folders).and_then(|folder| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&folder, &part, flags, Mode::from_raw_mode(MODE))?;
            Ok((folder, File::from(file)))
        });
        match created {
            Ok((folder, file)) => Ok(NewObject { address, folder, part, file }),
            Err(source) => Err(ObjectError::System { address: address.to_string(), source }),
        }
    }

    /// Writes a whole object.
    pub(crate) fn put(&self, address: Address, bytes: &[u8]) -> Result<(), ObjectError> {
        let mut object = self.create(address)?;
        object.write_all(bytes).map_err(|error| ObjectError::system(&object.address, error))?;
        object.finish()
    }
}

impl NewObject {
    /// Where it will be.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Gives the object its name, once all of it is on disk.
    ///
    /// # Errors
    /// [`ObjectError::Exists`] if there is an object of this name.
    pub(crate) fn finish(self) -> Result<(), ObjectError> {
        let (_, name) = self.address.parts();
        let named = self.file.sync_all().and_then(|()| {
            // Unlike a renaming, a link replaces nothing.
            rustix::fs::linkat(&self.folder, &self.part, &self.folder, name, AtFlags::empty())?;
            rustix::fs::unlinkat(&self.folder, &self.part, AtFlags::empty())?;
            Ok(rustix::fs::fsync(&self.folder)?)
        });
        named.map_err(|error| ObjectError::system(&self.address, error))
    }
}

impl Write for NewObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewObject {
    fn drop(&mut self) {
        // After the end there is no part any more.
        let _ = rustix::fs::unlinkat(&self.folder, &self.part, AtFlags::empty());
    }
}
