//! The table that is exported, and how it is asked: with retries, and with a new client where the old one is outdated.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Kind};
use crate::query::{Caller, Range, ReadSettings, Reader, Selector, Sizes};
use crate::sink::caller_clients::CallerClients;
use crate::sink::destination::Destination;
use crate::sink::retry::{RetryPolicy, retry};
use crate::telemetry::metrics::ReadMetrics;

/// How long a piece may be tried: longer than any takes, since its calls have limits of their own.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// A piece that has rows too large for an answer is read again with smaller ones, so often at most (`query::form`).
const SMALLER_ROWS: u32 = 3;

/// The table that is exported.
pub struct Table {
    pub(super) reader: Reader,
    caller: Arc<CallerClients>,
    destination: Destination,
    metrics: ReadMetrics,
    max_retries: u32,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Table").field(&self.destination).finish()
    }
}

impl Table {
    /// A table as this caller reads it.
    pub fn new(
        settings: ReadSettings,
        metrics: ReadMetrics,
        caller: Arc<CallerClients>,
        destination: Destination,
    ) -> Self {
        let reader = Reader::new(settings, metrics.clone());
        Table { reader, caller, destination, metrics, max_retries: settings.max_retries }
    }

    /// A part of the table.
    pub(super) fn range<'a>(&'a self, selector: &'a Selector, bounds: (i64, i64)) -> Range<'a> {
        let Destination { database, table } = &self.destination;
        Range { database, table, selector, bounds }
    }

    /// How many samples SQL finds of all selectors, those of each by itself.
    pub(super) async fn count(&self, selectors: &[Selector], bounds: (i64, i64)) -> Result<u64, Error> {
        let mut counted = 0;
        for selector in selectors {
            let range = self.range(selector, bounds);
            counted += self.asking(|caller| async move { self.reader.count(&caller, range).await }).await?;
        }
        Ok(counted)
    }

    /// How large a range is.
    pub(super) async fn sizes(&self, selector: &Selector, bounds: (i64, i64)) -> Result<Sizes, Error> {
        let range = self.range(selector, bounds);
        self.asking(|caller| async move { self.reader.sizes(&caller, range).await }).await
    }

    /// Runs `attempt` until it succeeds, or fails with an error that no retry helps.
    pub(super) async fn asking<T, A>(&self, attempt: impl Fn(Caller) -> A) -> Result<T, Error>
    where
        A: Future<Output = Result<T, Error>>,
    {
        let policy = RetryPolicy { max_retries: self.max_retries + SMALLER_ROWS, deadline: Instant::now() + LONGEST };
        let attempt = &attempt;
        retry(policy, &self.metrics.retries, || self.ask(attempt)).await
    }

    async fn ask<T, A>(&self, attempt: &impl Fn(Caller) -> A) -> Result<T, Error>
    where
        A: Future<Output = Result<T, Error>>,
    {
        let (client, generation) = self.caller.query().await?;
        let error = match attempt(Caller { client, id: self.caller.id().bytes() }).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let may_help = self.caller.renew_query(generation, &error).await || error.kind() == Kind::RowTooLarge;
        if error.kind().is_retryable() || may_help {
            tracing::warn!(error = %error, "a part of the export failed, and may be tried again");
        }
        Err(if may_help { error.as_kind(Kind::Unavailable) } else { error })
    }

    /// Waits until the queries that were given up are cancelled in Timestream, but not for longer than `patience`.
    pub async fn cancelled(&self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.reader.cancelled()).await;
    }
}
