//! Request ids, which connect an answer with the log lines of its request.

use std::sync::Arc;

/// The longest id that is taken from a caller, in bytes.
const MAX_BYTES: usize = 64;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of a request: letters, digits and `-_.:`, 64 bytes at most. Cloning shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id that a caller gave, if it is short and harmless, else a new one.
    pub fn of(given: Option<&str>) -> Self {
        let harmless = |id: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
            (1..=MAX_BYTES).contains(&id.len()) && id.bytes().all(plain)
        };
        match given.filter(harmless) {
            Some(id) => RequestId(id.into()),
            None => RequestId(format!("{:016x}", fastrand::u64(..)).into()),
        }
    }

    /// The id of the request that the current task handles.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs the handling of the request, so that its log lines carry the id.
    pub async fn scope<F: Future>(self, handling: F) -> F::Output {
        CURRENT.scope(self, handling).await
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_callers_are_taken_if_they_are_short_and_harmless() {
        for good in ["a", "0f8fad5b-d9cb-469f-a165-70867728950e", "A_b.c:1", &"x".repeat(64)] {
            assert_eq!(RequestId::of(Some(good)).as_str(), good);
        }
        for bad in ["", "a b", "a\nb", "\"", "ä", "a=b", &"x".repeat(65)] {
            let made = RequestId::of(Some(bad));
            assert!(made.as_str().len() == 16 && made.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()), "{bad}");
        }
        assert_ne!(RequestId::of(None), RequestId::of(None));
    }

    #[tokio::test]
    async fn an_id_is_known_where_its_request_is_handled() {
        let id = RequestId::of(Some("one"));
        let seen = id.clone().scope(async { RequestId::current() }).await;
        assert_eq!((seen, RequestId::current()), (Some(id), None));
    }
}
