//! Objects in a directory of this machine, in the place of Amazon S3: `s3://bucket/key` is the file `bucket/key` below
//! the root. No path leaves the root, nothing is overwritten, and nobody sees a part of an object.

mod address;
mod failure;
mod listing;
mod new_object;
mod root;

pub(crate) use address::{Address, Folder, is_bucket};
pub(crate) use failure::ObjectError;
pub use failure::ObjectRootError;
pub(crate) use listing::Listed;
pub(crate) use new_object::NewObject;
pub(crate) use root::ObjectRoot;

#[cfg(test)]
mod tests;
