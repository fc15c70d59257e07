//! Access keys, and the file that they come from.

use ring::hmac::{self, HMAC_SHA256};
use std::fmt;
use std::path::{Path, PathBuf};

/// The service whose signatures are taken.
pub(super) const SERVICE: &str = "timestream";
/// The word that ends a credential's scope.
pub(super) const TERMINATOR: &str = "aws4_request";

/// An access key whose requests are taken.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The access key ID.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token of temporary credentials. A request must bring it.
    pub session_token: Option<String>,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why a credentials file gives no keys.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsFileError {
    /// It can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A profile lacks one of its keys, or a line does not have the format.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}

impl AccessKey {
    /// The keys of all profiles of a file in the format of `~/.aws/credentials`.
    ///
    /// # Errors
    /// A file that can't be read, that has no profile, or a profile without both keys.
    pub fn read_all(path: &Path) -> Result<Vec<AccessKey>, CredentialsFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| CredentialsFileError::Read { path: path.to_owned(), source })?;
        parse(&text).map_err(|reason| CredentialsFileError::Format { path: path.to_owned(), reason })
    }

    /// Whether the key has this session token. `None` stands for a request without one.
    pub(super) fn has_token(&self, token: Option<&str>) -> bool {
        match (&self.session_token, token) {
            (None, None) => true,
            (Some(own), Some(token)) => {
                // In constant time.
                let key = hmac::Key::new(HMAC_SHA256, self.secret.as_bytes());
                hmac::verify(&key, token.as_bytes(), hmac::sign(&key, own.as_bytes()).as_ref()).is_ok()
            }
            _ => false,
        }
    }

    /// The key that requests of a date and region are signed with.
    pub(super) fn signing_key(&self, date: &str, region: &str) -> hmac::Key {
        let first = hmac::Key::new(HMAC_SHA256, format!("AWS4{}", self.secret).as_bytes());
        [date, region, SERVICE, TERMINATOR]
            .iter()
            .fold(first, |key, part| hmac::Key::new(HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()))
    }
}

#[derive(Default)]
struct Profile {
    name: String,
    id: Option<String>,
    secret: Option<String>,
    session_token: Option<String>,
}

fn parse(text: &str) -> Result<Vec<AccessKey>, String> {
    let mut profiles: Vec<Profile> = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line.trim())) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            profiles.push(Profile { name: name.trim().to_owned(), ..Profile::default() });
            continue;
        }
        let (Some((name, value)), Some(profile)) = (line.split_once('='), profiles.last_mut()) else {
            return Err(format!("line {number} is neither [profile] nor name = value in one"));
        };
        let value = Some(value.trim().to_owned());
        match name.trim() {
            "aws_access_key_id" => profile.id = value,
            "aws_secret_access_key" => profile.secret = value,
            "aws_session_token" => profile.session_token = value,
            _ => {}
        }
    }
    if profiles.is_empty() {
        return Err("there is no [profile] in it".to_owned());
    }
    let keys = profiles.into_iter().map(|profile| match (profile.id, profile.secret) {
        (Some(id), Some(secret)) => Ok(AccessKey { id, secret, session_token: profile.session_token }),
        _ => Err(format!("the profile {} lacks aws_access_key_id or aws_secret_access_key", profile.name)),
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credentials_file_is_read() {
        let text = "# mine\n[default]\naws_access_key_id = AKID\naws_secret_access_key=se/cr=et\n\n[temporary]\n\
                    aws_access_key_id=ASIA\naws_secret_access_key=x\naws_session_token=t\nregion=eu-west-1\n";
        let keys = parse(text).unwrap();
        assert_eq!((keys[0].id.as_str(), keys[0].secret.as_str()), ("AKID", "se/cr=et"));
        assert_eq!(keys[1].session_token.as_deref(), Some("t"));
        assert!(!format!("{keys:?}").contains("se/cr"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(parse("").unwrap_err().contains("no [profile]"));
        assert!(parse("x = 1").unwrap_err().contains("line 1"));
        assert!(parse("[p]\naws_access_key_id=a").unwrap_err().contains("profile p lacks"));
    }
}
