//! Callers and the AWS keys that their requests bring.

use std::fmt;

use aws_credential_types::Credentials;
use ring::digest;

/// Tells callers apart: a digest of their keys, which does not give the keys away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerId([u8; 32]);

impl CallerId {
    /// The one caller of a connector that uses the same credentials for all requests.
    pub(super) const EVERYONE: CallerId = CallerId([0; 32]);

    /// The digest.
    pub fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerId(..)")
    }
}

/// The AWS keys that a request brought.
pub struct CallerKeys {
    id: CallerId,
    pub(super) credentials: Credentials,
}

impl CallerKeys {
    /// Keys, with the session token of temporary ones.
    pub fn new(access_key: &str, secret_key: &str, session_token: Option<&str>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [access_key, secret_key, session_token.unwrap_or_default()] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut id = [0; 32];
        id.copy_from_slice(context.finish().as_ref());
        let credentials =
            Credentials::new(access_key, secret_key, session_token.map(str::to_owned), None, "CallerBasicAuth");
        CallerKeys { id: CallerId(id), credentials }
    }

    /// The caller that has these keys.
    pub fn id(&self) -> CallerId {
        self.id
    }
}

impl fmt::Debug for CallerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_differ_by_each_part_of_their_keys() {
        let keys = [("a", "bc", None), ("ab", "c", None), ("a", "b", Some("c")), ("a", "bc", Some("t"))];
        let mut ids: Vec<_> = keys.iter().map(|(a, s, t)| CallerKeys::new(a, s, *t).id()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), keys.len());
    }

    #[test]
    fn no_debug_output_shows_a_key() {
        let keys = CallerKeys::new("AKIAEXAMPLE", "hidden-secret", Some("hidden-token"));
        let shown = format!("{keys:?} {:?}", keys.id());
        for secret in ["AKIAEXAMPLE", "hidden"] {
            assert!(!shown.contains(secret));
        }
    }
}
