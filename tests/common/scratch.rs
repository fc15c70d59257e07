//! A folder that is removed with its content.

use std::path::Path;

use tempfile::TempDir;

/// A new folder. Removed with its content when dropped.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Self {
        Scratch(TempDir::with_prefix("connector-test-").unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
