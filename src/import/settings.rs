//! What to import.

use std::path::PathBuf;
use std::time::Duration;

/// What to import, and how.
#[derive(Debug, Clone)]
pub struct ImportSettings {
    /// A file, a directory, or `-` for standard input.
    pub from: String,
    /// Where it is noted how far the import has come; `None`: beside what is imported, and for standard input nowhere.
    pub state: Option<PathBuf>,
    /// How long a request that fails for now is sent again, before the import ends.
    pub give_up_after: Duration,
}
