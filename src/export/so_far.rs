//! What the state file keeps of an hour under way, beside how many of its requests were taken.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which requests were taken, and which may have been.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct SoFar {
    /// The digest of the last request that was taken, and of all before it.
    pub(super) digest: String,
    /// The digests of the next ones with these that were sent and whose fate is unknown: the receiver said nothing, or
    /// that it may have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sending: Vec<String>,
}

impl SoFar {
    /// What is noted of an hour. What can't be read is of no request.
    pub(super) fn of(noted: Option<&Value>) -> Self {
        noted.and_then(|noted| SoFar::deserialize(noted).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_noted_is_read_back() {
        for sending in [vec![], vec!["cd".to_owned(), "ef".to_owned()]] {
            let so_far = SoFar { digest: "ab".to_owned(), sending };
            assert_eq!(SoFar::of(Some(&json!(so_far))), so_far);
        }
        assert_eq!(SoFar::of(None), SoFar::default());
        assert_eq!(SoFar::of(Some(&Value::Null)), SoFar::default());
    }
}
