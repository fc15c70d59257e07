//! The web configuration's rate limit: a token bucket.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::file::{RateLimitConfig, bad};
use crate::error::{Error, Kind};
use crate::units::duration;

/// A bucket for `burst` tokens, which gets a new one every `interval`.
#[derive(Debug)]
pub(super) struct TokenBucket {
    interval: Duration,
    burst: u32,
    /// When the bucket will be full if no more tokens are taken.
    full_at: Mutex<Instant>,
}

impl TokenBucket {
    /// Reads the settings; `None` where they set no limit.
    pub(super) fn new(config: &RateLimitConfig) -> Result<Option<Self>, Error> {
        let interval = match config.interval.as_deref() {
            None | Some("" | "0" | "0s") => return Ok(None),
            Some(text) => duration(text).ok_or_else(|| {
                bad(format!("the interval of rate_limit is {text:?}; accepted: 0 or a duration such as 100ms"))
            })?,
        };
        match config.burst {
            None | Some(0) => {
                Err(bad("the burst of rate_limit must be 1 or more, or nothing is ever answered".to_owned()))
            }
            Some(burst) => Ok(Some(TokenBucket { interval, burst, full_at: Mutex::new(Instant::now()) })),
        }
    }

    /// Takes a token.
    pub(super) fn take(&self) -> Result<(), Error> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Result<(), Error> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*full_at).max(now) + self.interval;
        if next.duration_since(now) > self.interval * self.burst {
            return Err(Error::new(
                Kind::Throttled,
                "RateLimited",
                "the rate_limit of the web configuration is reached",
            ));
        }
        *full_at = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(interval: &str, burst: u32) -> Result<Option<TokenBucket>, Error> {
        TokenBucket::new(&RateLimitConfig { interval: Some(interval.to_owned()), burst: Some(burst) })
    }

    #[test]
    fn a_burst_passes_and_then_one_per_interval() {
        let bucket = bucket("1s", 3).unwrap().unwrap();
        let start = Instant::now() + Duration::from_secs(1);
        let taken = |seconds| (0..5).filter(|_| bucket.take_at(start + Duration::from_secs(seconds)).is_ok()).count();
        assert_eq!([taken(0), taken(1), taken(3), taken(100)], [3, 1, 2, 3]);
    }

    #[test]
    fn no_interval_is_no_limit_and_nonsense_is_named() {
        assert!(bucket("0", 1).unwrap().is_none());
        assert!(bucket("soon", 1).unwrap_err().to_string().contains("soon"));
        assert!(bucket("1s", 0).unwrap_err().to_string().contains("burst"));
    }
}
