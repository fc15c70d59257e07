//! What a query's thread gives, and how it gathers rows into pages.

use std::time::Duration;

use serde_json::Value;

use super::insights::Insights;
use super::slot::{Giver, Taker};
use crate::error::{ApiError, ErrorKind};
use crate::sql::Column;

/// Bytes of rows on a page. The service's pages stay below 1 MB with everything around the rows.
const PAGE_BYTES: usize = 1_000_000;
/// Room for what an answer has behind the rows, but for insights.
const END_BYTES: usize = 512;
/// Bytes of rows in a result, as in the service.
const MAX_RESULT_BYTES: u64 = 5 << 30;
/// What the service bills for a query at least, in bytes.
const METERED_AT_LEAST: u64 = 10_000_000;
/// How long a page may wait for a client. A statement with rows left keeps the file from shrinking, so this is less than
/// the hour for which the service keeps a token.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// What a query's thread gives: the columns first, then pages.
pub(super) enum Event {
    Columns(Vec<Column>),
    Page(Page),
}

/// A page of a result.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The body of an answer up to the last of its rows.
    pub(super) body: Vec<u8>,
    pub(super) last: bool,
    /// Bytes of rows up to the end of this page.
    bytes: u64,
    /// It lists what exists, which reads no records.
    is_listing: bool,
    /// QueryInsightsResponse, on the last page of a query that asked for it.
    pub(super) insights: Option<Value>,
}

impl Page {
    /// A page without rows, which is not the last.
    pub(super) fn empty(begin: &[u8]) -> Self {
        Page { body: begin.to_vec(), ..Page::default() }
    }

    /// The bytes that were read up to the end of this page, about.
    pub(super) fn scanned(&self) -> u64 {
        if self.is_listing { 0 } else { self.bytes }
    }

    /// The bytes that the service would bill up to the end of this page.
    pub(super) fn metered(&self) -> u64 {
        if self.is_listing { 0 } else { self.bytes.max(METERED_AT_LEAST) }
    }
}

pub(super) type Outcome = Result<Event, ApiError>;

/// The columns, which a query gives first.
pub(super) async fn columns(taker: &Taker<Outcome>) -> Result<Vec<Column>, ApiError> {
    match taker.take().await.unwrap_or_else(|| Err(broken()))? {
        Event::Columns(columns) => Ok(columns),
        Event::Page(_) => Err(broken()),
    }
}

/// The error for a thread that ended without a word.
pub(super) fn broken() -> ApiError {
    ApiError::internal("the query ended unexpectedly")
}

/// Gathers rows into pages.
pub(super) struct Pager<'g> {
    giver: &'g Giver<Outcome>,
    max_rows: usize,
    /// What each page begins with.
    begin: Vec<u8>,
    pub(super) page: Vec<u8>,
    /// Where the row begins that is being written, and where what stands before it ends.
    row: usize,
    before: usize,
    rows: usize,
    /// Of all pages.
    all_rows: u64,
    bytes: u64,
    /// How long a page may wait for somebody to take it.
    patience: Duration,
    /// A page was not taken. So there is no last one, which would tell that all were.
    is_broken_off: bool,
    /// The rows list what exists.
    pub(super) is_listing: bool,
}

impl<'g> Pager<'g> {
    pub(super) fn new(max_rows: usize, giver: &'g Giver<Outcome>, patience: Duration) -> Self {
        Pager {
            giver,
            max_rows,
            begin: Vec::new(),
            page: Vec::new(),
            row: 0,
            before: 0,
            rows: 0,
            all_rows: 0,
            bytes: 0,
            patience,
            is_broken_off: false,
            is_listing: false,
        }
    }

    /// Begins the first page with what all begin with.
    pub(super) fn begin(&mut self, begin: Vec<u8>) {
        self.page.clone_from(&begin);
        self.begin = begin;
    }

    /// Writes what stands before the value of a column, the first of which begins a row.
    pub(super) fn separate(&mut self, index: usize) {
        if index > 0 {
            self.page.push(b',');
            return;
        }
        self.before = self.page.len();
        if self.before > self.begin.len() {
            self.page.push(b',');
        }
        self.row = self.page.len();
        self.page.extend_from_slice(b"{\"Data\":[");
    }

    /// Ends a row. If the page has no room for it, the page is given away without it first. False when nobody wants more.
    pub(super) fn end_row(&mut self) -> Result<bool, ApiError> {
        self.page.extend_from_slice(b"]}");
        let length = self.page.len() - self.row;
        if length > PAGE_BYTES {
            let message = "Query aborted as max page response size has been exceeded by the output result row";
            return Err(ApiError::new(ErrorKind::QueryExecution, message));
        }
        let mut wanted = true;
        if self.rows == self.max_rows || self.before - self.begin.len() + length >= PAGE_BYTES {
            // Room for a row that turns out not to fit, whose size is estimated too high at first.
            let mut next = Vec::with_capacity(self.page.len() + 2 * length + END_BYTES);
            next.extend_from_slice(&self.begin);
            next.extend_from_slice(self.page.get(self.row..).unwrap_or_default());
            self.page.truncate(self.before);
            wanted = self.give(None);
            self.page = next;
        }
        self.rows += 1;
        self.all_rows += 1;
        if self.bytes > MAX_RESULT_BYTES {
            return Err(ApiError::new(ErrorKind::QueryExecution, "The result is larger than 5 GB."));
        }
        Ok(wanted)
    }

    pub(super) fn finish(&mut self, insights: Option<Insights>) {
        self.give(Some(insights));
    }

    /// Gives a page; the last one with its insights, if they were asked for.
    fn give(&mut self, end: Option<Option<Insights>>) -> bool {
        self.bytes += (self.page.len() - self.begin.len()) as u64;
        self.rows = 0;
        let body = std::mem::take(&mut self.page);
        let last = end.is_some();
        let insights = end.flatten().map(|insights| insights.to_json(self.all_rows, self.bytes));
        let page = Page { body, last, bytes: self.bytes, is_listing: self.is_listing, insights };
        self.is_broken_off = self.is_broken_off || !self.giver.give(Ok(Event::Page(page)), self.patience);
        !self.is_broken_off
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::super::slot::{ROOM, slot};
    use super::*;

    #[tokio::test]
    async fn after_a_page_that_nobody_took_in_time_none_says_that_it_is_the_last() {
        let (giver, taker) = slot();
        let ((rows_are_made, made), (go_on, goes_on)) = (oneshot::channel(), oneshot::channel());
        let giving = tokio::task::spawn_blocking(move || {
            let mut pager = Pager::new(1, &giver, Duration::from_millis(20));
            let mut row = || {
                pager.separate(0);
                pager.end_row().unwrap()
            };
            // The page of each row is given with the next row.
            let wanted: Vec<bool> = (0..ROOM + 2).map(|_| row()).collect();
            rows_are_made.send(wanted).unwrap();
            goes_on.blocking_recv().unwrap();
            pager.finish(None);
        });
        let mut expected = vec![true; ROOM + 1];
        expected.push(false);
        assert_eq!(made.await, Ok(expected));
        for _ in 0..ROOM {
            let taken = taker.take().await;
            assert!(matches!(taken, Some(Ok(Event::Page(Page { last: false, .. })))));
        }
        go_on.send(()).unwrap();
        giving.await.unwrap();
        assert!(taker.take().await.is_none(), "a last page");
    }
}
