//! Which objects there are.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType};
use rustix::io::Errno;

use super::address::{Address, PART};
use super::failure::ObjectError;
use super::root::{ObjectRoot, subfolder};

/// An object of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Where it is.
    pub(crate) address: Address,
    /// Its size in bytes.
    pub(crate) bytes: u64,
}

/// What is left to be looked into: the folders, with how their objects' keys begin.
type Left = Vec<(OwnedFd, String)>;

impl ObjectRoot {
    /// The objects of a bucket whose keys begin with `prefix`, in order of their keys, `most` of them at most. Symbolic
    /// links are no objects, and neither are files whose names no key may have.
    ///
    /// # Errors
    /// [`ObjectError::TooMany`] if there are more objects, or more folders. A missing bucket has no objects.
    pub(crate) fn list(&self, bucket: &str, prefix: &str, most: usize) -> Result<Vec<Listed>, ObjectError> {
        let system = |source| ObjectError::System { address: format!("s3://{bucket}/{prefix}"), source };
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        // Any name in the folder will do to check what is before it.
        let place = if folder.is_empty() { "x".to_owned() } else { format!("{folder}/x") };
        let place = Address::new(bucket, &place)?;
        let start = match self.existing(&place.parts().0) {
            Ok(start) => start,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(system(error)),
        };
        let begin = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let (mut left, mut found): (Left, _) = (vec![(start, begin)], Vec::new());
        while let Some((folder, begin)) = left.pop() {
            for entry in Dir::read_from(&folder).map_err(|error| system(error.into()))? {
                let entry = entry.map_err(|error| system(error.into()))?;
                let Ok(name) = entry.file_name().to_str() else { continue };
                let key = format!("{begin}{name}");
                if matches!(name, "." | "..") || name.starts_with(PART) || !key.starts_with(prefix) {
                    continue;
                }
                let state = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(state) => state,
                    // It went meanwhile.
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(system(error.into())),
                };
                match FileType::from_raw_mode(state.st_mode) {
                    FileType::RegularFile => {
                        let Ok(address) = Address::new(bucket, &key) else { continue };
                        found.push(Listed { address, bytes: u64::try_from(state.st_size).unwrap_or(0) });
                    }
                    FileType::Directory => left.push((subfolder(&folder, name).map_err(system)?, format!("{key}/"))),
                    _ => {}
                }
                if found.len() > most || left.len() > most {
                    return Err(ObjectError::TooMany { bucket: bucket.to_owned(), prefix: prefix.to_owned(), most });
                }
            }
        }
        found.sort_by(|a, b| a.address.key().cmp(b.address.key()));
        Ok(found)
    }
}
