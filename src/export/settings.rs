//! What to export, and where to.

use std::path::PathBuf;

use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::query::Selector;
use crate::transfer::Identity;
use crate::units;

/// The name that a state file has for the digest of a receiver's query.
const QUERY: &str = "SHA-256 of the query of --to";

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
        let selectors: Vec<&str> = self.selectors.iter().map(|selector| selector.text.as_str()).collect();
        add("--match", json!(selectors).to_string());
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
                add("--to", receiver.url.split('?').next().unwrap_or_default().to_owned());
                if let Some((_, query)) = receiver.url.split_once('?') {
                    // A query may hold a token.
                    add(QUERY, hex::encode(digest(&SHA256, query.as_bytes())));
                }
                add("--to.tenant", receiver.tenant.clone().unwrap_or_default());
                if let Some(user) = receiver.auth.user() {
                    add("--to.username", user.to_owned());
                }
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

impl Auth {
    /// The user, who may decide which tenant the samples are of.
    fn user(&self) -> Option<&str> {
        match self {
            // A user without a password may be a token.
            Auth::Basic { password, .. } if password.is_empty() => None,
            Auth::Basic { user, .. } | Auth::BasicFile { user, .. } => Some(user),
            Auth::None | Auth::BearerFile(_) => None,
        }
    }
}

/// Without the secrets.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://host/api/v1/write";

    fn identity(selectors: &[&str], url: &str, auth: Auth) -> Identity {
        let selectors = selectors.iter().map(|text| Selector::parse(text).unwrap()).collect();
        let target = Target::Receiver(ReceiverSettings { url: url.to_owned(), auth, tenant: None });
        let state = PathBuf::from("sent.state");
        let settings = ExportSettings { start_ms: 0, end_ms: 1, selectors, target, state, parallel: 1, dry_run: false };
        settings.identity(Identity::new())
    }

    #[test]
    fn other_selectors_are_another_export() {
        let of = |selectors: &[&str]| identity(selectors, URL, Auth::None);
        assert_ne!(of(&["up", "{job=\"x\"}"]), of(&["up {job=\"x\"}"]));
        assert_eq!(of(&["up", "{job=\"x\"}"])["--match"], r#"["up","{job=\"x\"}"]"#);
    }

    #[test]
    fn another_query_is_another_export_and_is_not_shown() {
        let of = |query: &str| identity(&["up"], &format!("{URL}{query}"), Auth::None);
        let (a, b) = (of("?extra_label=src=a"), of("?extra_label=src=b"));
        assert_ne!(a, b);
        assert_eq!(a[QUERY], "1f7eeaa6cd04dc6b4b66aa0bfa4592938a62d75244749fe01572b0eebb481369");
        assert_eq!(a["--to"], URL);
        assert!(a.values().all(|value| !value.contains("extra_label")), "{a:?}");
        assert_eq!(of("").len() + 1, a.len(), "no query has no digest");
    }

    #[test]
    fn another_user_is_another_export_and_no_secret_is_noted() {
        let of = |auth: Auth| identity(&["up"], URL, auth);
        let with_file = |user: &str| of(Auth::BasicFile { user: user.to_owned(), password: "file".into() });
        let in_url =
            |user: &str, password: &str| of(Auth::Basic { user: user.to_owned(), password: password.to_owned() });
        assert_ne!(with_file("111"), with_file("222"));
        assert_eq!(with_file("111")["--to.username"], "111");
        assert_eq!(in_url("111", "hidden-password"), with_file("111"));
        let nobody = of(Auth::None);
        assert_eq!(in_url("hidden-token", ""), nobody);
        assert_eq!(of(Auth::BearerFile("file".into())), nobody);
    }
}
