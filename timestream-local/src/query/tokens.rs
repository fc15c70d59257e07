//! Recent ClientTokens, and what each was used for.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::error::ApiError;

/// How long a token stands for one query (service model, operation Query).
const WINDOW: Duration = Duration::from_secs(300);
/// Most tokens remembered. The oldest makes room.
const MAX_TOKENS: usize = 4096;

/// What each token was used for.
#[derive(Default)]
pub(super) struct ClientTokens {
    uses: HashMap<String, u64>,
    order: VecDeque<(Instant, String)>,
}

impl ClientTokens {
    /// Notes a use.
    ///
    /// # Errors
    /// A ValidationException when the token was used for something else within five minutes.
    pub(super) fn note(&mut self, token: &str, request: impl Hash, now: Instant) -> Result<(), ApiError> {
        let over = |(noted, _): &(Instant, String)| now.duration_since(*noted) > WINDOW;
        while self.order.len() >= MAX_TOKENS || self.order.front().is_some_and(over) {
            if let Some((_, token)) = self.order.pop_front() {
                self.uses.remove(&token);
            }
        }
        let mut hasher = DefaultHasher::new();
        request.hash(&mut hasher);
        let hash = hasher.finish();
        match self.uses.entry(token.to_owned()) {
            Entry::Occupied(known) if *known.get() != hash => {
                Err(ApiError::validation("The ClientToken was used for another query within the last five minutes."))
            }
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(new) => {
                new.insert(hash);
                self.order.push_back((now, token.to_owned()));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_for_one_query_for_five_minutes() {
        let (mut tokens, now) = (ClientTokens::default(), Instant::now());
        assert!(tokens.note("a", "SELECT 1", now).is_ok());
        assert!(tokens.note("a", "SELECT 1", now).is_ok());
        assert!(tokens.note("b", "SELECT 2", now).is_ok());
        assert!(tokens.note("a", "SELECT 2", now).is_err());
        assert!(tokens.note("a", "SELECT 2", now + Duration::from_secs(301)).is_ok());
    }

    #[test]
    fn old_tokens_make_room() {
        let (mut tokens, now) = (ClientTokens::default(), Instant::now());
        for number in 0..MAX_TOKENS * 2 {
            tokens.note(&number.to_string(), number, now).unwrap();
        }
        assert_eq!((tokens.uses.len(), tokens.order.len()), (MAX_TOKENS, MAX_TOKENS));
    }
}
