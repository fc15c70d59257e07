//! What to export, and where to.

use std::path::PathBuf;

use crate::query::Selector;
use crate::transfer::Identity;
use crate::units;

/// What to export.
#[derive(Debug, Clone)]
pub struct ExportSettings {
    /// The first millisecond since the epoch.
    pub start_ms: i64,
    /// The millisecond behind the last.
    pub end_ms: i64,
    /// A series that any of them selects is exported. At least one.
    pub selectors: Vec<Selector>,
    /// Where to.
    pub target: Target,
    /// Where finished pieces are noted.
    pub state: PathBuf,
    /// Days that are read side by side.
    pub parallel: usize,
    /// Whether to say only what it would be.
    pub dry_run: bool,
}

impl ExportSettings {
    /// What an export is, beside its source: whatever changes what comes out of it.
    pub(super) fn identity(&self, source: Identity) -> Identity {
        let mut identity = source;
        let mut add = |name: &str, value: String| identity.insert(name.to_owned(), value);
        add("--start", units::rfc3339(self.start_ms));
        add("--end", units::rfc3339(self.end_ms));
        add("--match", self.selectors.iter().map(|selector| selector.text.as_str()).collect::<Vec<_>>().join(" "));
        match &self.target {
            Target::Files(files) => {
                add("--format", "openmetrics".to_owned());
                add("--compression", format!("{:?}", files.compression).to_lowercase());
                add("--max-file-size", files.max_bytes.to_string());
                // A state within the directory may move with it.
                if self.state.parent() != Some(&files.directory) {
                    let directory = std::path::absolute(&files.directory).unwrap_or(files.directory.clone());
                    add("--to", directory.display().to_string());
                }
            }
            Target::Receiver(receiver) => {
                add("--format", "remote-write".to_owned());
                // A query may hold a token.
                add("--to", receiver.url.split('?').next().unwrap_or_default().to_owned());
                add("--to.tenant", receiver.tenant.clone().unwrap_or_default());
            }
        }
        identity
    }
}

/// Where samples are exported to.
#[derive(Debug, Clone)]
pub enum Target {
    /// OpenMetrics files.
    Files(FileSettings),
    /// A remote write receiver.
    Receiver(ReceiverSettings),
}

/// The files to write.
#[derive(Debug, Clone)]
pub struct FileSettings {
    /// Their directory.
    pub directory: PathBuf,
    /// How they are compressed.
    pub compression: Compression,
    /// Bytes of text after which the next series begins another file.
    pub max_bytes: usize,
}

/// How files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// Not at all.
    None,
}

/// The receiver to send to.
#[derive(Debug, Clone)]
pub struct ReceiverSettings {
    /// Its URL, without user and password.
    pub url: String,
    /// How to be let in.
    pub auth: Auth,
    /// The tenant to store for.
    pub tenant: Option<String>,
}

/// How a receiver lets the export in. Files are read when the export starts.
#[derive(Clone)]
pub enum Auth {
    /// It lets everybody in.
    None,
    /// User and password, from the URL.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// User, and a file with the password.
    BasicFile {
        /// The user.
        user: String,
        /// The file.
        password: PathBuf,
    },
    /// A file with a token.
    BearerFile(PathBuf),
}

/// Without the secrets.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(..)")
    }
}
