//! The rows of a series, some of them at a time.

use super::rows;
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::VecDeque;

/// Rows that are fetched at first, and then twice as many each time.
const FETCH: usize = 16;
const MAX_FETCH: usize = 1024;

/// A row's time, and its values in the order of the columns.
pub(super) type FetchedRow = (i64, Vec<Value>);

/// A cursor on them.
#[derive(Default)]
pub(super) struct FetchedRows {
    rows: VecDeque<FetchedRow>,
    /// From which time to fetch more; `None` if there are no more.
    from: Option<i64>,
    fetch: usize,
}

impl FetchedRows {
    /// Begins with the rows from a time, if there are any.
    pub(super) fn begin(&mut self, from: Option<i64>) {
        self.rows.clear();
        (self.from, self.fetch) = (from, FETCH);
    }

    /// The time of the next row of a series, up to `to`. The table has `multis` names of values.
    pub(super) fn time(
        &mut self,
        connection: &Connection,
        (number, series): (i64, i64),
        multis: usize,
        to: i64,
    ) -> rusqlite::Result<Option<i64>> {
        if self.rows.is_empty()
            && let Some(from) = self.from
        {
            self.rows = rows::between(connection, number, multis, series, (from, to), self.fetch)?.into();
            let last = self.rows.back().filter(|_| self.rows.len() == self.fetch);
            self.from = last.and_then(|(time, _)| time.checked_add(1));
            self.fetch = (self.fetch * 2).min(MAX_FETCH);
        }
        Ok(self.rows.front().map(|(time, _)| *time))
    }

    /// Takes the next row, which was fetched.
    pub(super) fn take(&mut self) -> Option<FetchedRow> {
        self.rows.pop_front()
    }

    /// A time before which there are none.
    pub(super) fn least(&self) -> i64 {
        match (self.rows.front(), self.from) {
            (Some((time, _)), _) => *time,
            (None, Some(_)) => i64::MIN,
            (None, None) => i64::MAX,
        }
    }
}
