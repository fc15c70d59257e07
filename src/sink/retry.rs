//! Retries with exponential backoff and full jitter: the one place that retries calls to Timestream, and the only use
//! of the `backoff` crate.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;
use metrics::Counter;
use tokio::time::Instant;

use crate::error::{Error, Kind};

/// The mean of the first wait. A wait lies anywhere between nothing and twice its mean ("full jitter").
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The mean of the longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long and how often to try.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Retries after the first attempt.
    pub max_retries: u32,
    /// When the last attempt must be over. An attempt that is still under way is cut off.
    pub deadline: Instant,
}

/// Runs `attempt` until it succeeds, fails with an error that no retry can help, or `policy` ends it. `retries` counts
/// the attempts after the first.
///
/// # Errors
/// The last attempt's error, or [`Kind::TimedOut`] when the deadline cut the first attempt off.
pub async fn retry<T, F, A>(policy: RetryPolicy, retries: &Counter, attempt: F) -> Result<T, Error>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, Error>>,
{
    retry_while(policy, retries, || true, attempt).await
}

/// The same, but stops once `may_retry` says no: then no retry is made or waited for.
///
/// # Errors
/// As [`retry`].
pub async fn retry_while<T, F, A>(
    policy: RetryPolicy,
    retries: &Counter,
    may_retry: impl Fn() -> bool,
    mut attempt: F,
) -> Result<T, Error>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, Error>>,
{
    let mut waits = ExponentialBackoff {
        initial_interval: FIRST_WAIT,
        current_interval: FIRST_WAIT,
        randomization_factor: 1.0,
        multiplier: 2.0,
        max_interval: LONGEST_WAIT,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    let mut last_error = None;
    for retry in 0..=policy.max_retries {
        if retry > 0 {
            let wait = waits.next_backoff().unwrap_or(LONGEST_WAIT);
            if Instant::now() + wait >= policy.deadline || !may_retry() {
                break;
            }
            tokio::time::sleep(wait).await;
            if !may_retry() {
                break;
            }
            retries.increment(1);
        }
        match tokio::time::timeout_at(policy.deadline, attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) if error.kind().is_retryable() => last_error = Some(error),
            Ok(Err(error)) => return Err(error),
            Err(_) => break,
        }
    }
    Err(last_error.unwrap_or_else(|| Error::new(Kind::TimedOut, "RequestTimeout", "Timestream did not answer in time")))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use metrics::atomics::AtomicU64;

    use super::*;

    fn throttled() -> Error {
        Error::new(Kind::Throttled, "ThrottlingException", "slow down")
    }

    async fn attempts_until(
        max_retries: u32,
        deadline: Duration,
        mut outcome: impl FnMut(u32) -> Result<(), Error>,
    ) -> (Result<(), Error>, u32) {
        let mut attempts = 0;
        let policy = RetryPolicy { max_retries, deadline: Instant::now() + deadline };
        let result = retry(policy, &Counter::noop(), || {
            attempts += 1;
            std::future::ready(outcome(attempts))
        })
        .await;
        (result, attempts)
    }

    #[tokio::test(start_paused = true)]
    async fn a_passing_fault_is_retried_until_it_passes() {
        let (result, attempts) =
            attempts_until(10, Duration::from_secs(20), |n| if n < 4 { Err(throttled()) } else { Ok(()) }).await;
        assert_eq!((result, attempts), (Ok(()), 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_that_no_retry_helps_ends_it_at_once() {
        let (result, attempts) =
            attempts_until(10, Duration::from_secs(20), |_| Err(Error::invalid("ValidationException", "no"))).await;
        assert_eq!(attempts, 1);
        assert_eq!(result.unwrap_err().kind(), Kind::Invalid);
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_with_their_number_and_give_the_last_error() {
        let (result, attempts) = attempts_until(3, Duration::from_secs(60), |_| Err(throttled())).await;
        assert_eq!((result, attempts), (Err(throttled()), 4));
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_with_the_last_error_once_they_are_not_allowed() {
        for allowed in 0..4 {
            let (retries, attempts) = (Arc::new(AtomicU64::new(0)), Cell::new(0));
            let policy = RetryPolicy { max_retries: 10, deadline: Instant::now() + Duration::from_secs(60) };
            // It is asked before and after each wait.
            let asked = Cell::new(0);
            let may_retry = || asked.replace(asked.get() + 1) < allowed;
            let result: Result<(), _> = retry_while(policy, &Counter::from_arc(retries.clone()), may_retry, || {
                attempts.set(attempts.get() + 1);
                std::future::ready(Err(throttled()))
            })
            .await;
            assert_eq!(result, Err(throttled()));
            assert_eq!((attempts.get(), retries.load(Ordering::Relaxed)), (1 + allowed / 2, allowed / 2));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_cuts_off_an_attempt_and_the_waits() {
        let start = Instant::now();
        let policy = RetryPolicy { max_retries: 1000, deadline: start + Duration::from_secs(5) };
        let hung: Result<(), _> = retry(policy, &Counter::noop(), std::future::pending).await;
        assert_eq!(hung.unwrap_err().kind(), Kind::TimedOut);
        assert_eq!(start.elapsed(), Duration::from_secs(5));

        let (result, _) = attempts_until(1000, Duration::from_secs(5), |_| Err(throttled())).await;
        assert_eq!(result, Err(throttled()));
        assert!(start.elapsed() <= Duration::from_secs(10));
    }
}
