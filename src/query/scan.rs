//! Reads all samples that a selector selects, for as long as that takes, and counts them.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_timestreamquery::types::Row;
use tokio::time::Instant;

use super::reader::{Caller, Reader};
use super::request::ParsedQuery;
use super::runs::{SeriesRuns, SeriesSink};
use super::schema::TableKey;
use super::selector::Selector;
use super::source::{Rows, Source};
use super::sql::{self, Order};
use super::unexpected::unexpected;
use crate::error::Error;

/// How long a scan may take: longer than any does, since its calls have limits of their own.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// A table, and which of its samples to read.
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    /// The database of the table.
    pub database: &'a str,
    /// The table.
    pub table: &'a str,
    /// The series.
    pub selector: &'a Selector,
    /// First and last millisecond since the epoch.
    pub bounds: (i64, i64),
}

/// What a range holds, as SQL finds it: there may be series among them that the selector does not select.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Series.
    pub series: u64,
    /// Samples.
    pub samples: u64,
    /// Letters of labels in OpenMetrics text, as many times as there are samples.
    pub letters: u64,
}

/// A scan under way.
pub struct Scan<S: SeriesSink> {
    source: Source,
    /// `None`: nothing is left to read.
    open: Option<Rows>,
    /// `None`: no row can match.
    runs: Option<SeriesRuns<S>>,
}

impl<S: SeriesSink> std::fmt::Debug for Scan<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scan(..)")
    }
}

impl<S: SeriesSink> Scan<S> {
    /// Reads the next page, and gives what takes its series; `None` if that has all.
    ///
    /// # Errors
    /// What Timestream answers; what the sink refuses. [`crate::error::Kind::RowTooLarge`]: a scan that starts anew asks for smaller
    /// rows.
    pub async fn next(&mut self) -> Result<Option<&mut S>, Error> {
        let (Some(rows), Some(runs)) = (&mut self.open, &mut self.runs) else { return Ok(None) };
        match rows.next().await {
            Ok(Some(page)) => runs.add_page(page.output.rows, page.points)?,
            Ok(None) => {
                self.open = None;
                runs.finish()?;
            }
            Err(error) => {
                self.source.learn(rows, &error);
                return Err(error);
            }
        }
        Ok(Some(runs.sink()))
    }

    /// Samples received so far. At the end they are as many as [`Reader::count`] finds, if nobody writes meanwhile.
    pub fn received(&self) -> u64 {
        self.runs.as_ref().map_or(0, SeriesRuns::received)
    }

    /// Rows left out so far because their value is neither a double nor a bigint.
    pub fn other_rows(&self) -> u64 {
        self.runs.as_ref().map_or(0, SeriesRuns::other_rows)
    }
}

impl Reader {
    /// Starts to read a range into `sink`, series by series. It does not wait for a read slot.
    ///
    /// # Errors
    /// What Timestream answers.
    pub async fn scan<S: SeriesSink>(&self, caller: &Caller, range: Range<'_>, sink: S) -> Result<Scan<S>, Error> {
        let source = self.source_of(caller, range);
        let matchers = Arc::clone(&range.selector.matchers);
        let query = ParsedQuery { bounds: range.bounds, matchers: Arc::clone(&matchers), labels_alone: false };
        let opened = source.open(&query, Order::Series).await?;
        let (open, runs) = match opened {
            Some((rows, columns)) => (Some(rows), Some(SeriesRuns::new(columns, matchers, usize::MAX, sink))),
            None => (None, None),
        };
        Ok(Scan { source, open, runs })
    }

    /// How many samples of a range SQL finds.
    ///
    /// # Errors
    /// What Timestream answers.
    pub async fn count(&self, caller: &Caller, range: Range<'_>) -> Result<u64, Error> {
        let source = self.source_of(caller, range);
        let schema = source.now_known_schema().await?;
        let Range { database, table, selector, bounds } = range;
        match sql::count(database, table, &schema, &selector.matchers, bounds)? {
            Some(sql) => numbers::<1>(&source, &sql).await.map(|[count]| count),
            None => Ok(0),
        }
    }

    /// How large a range is.
    ///
    /// # Errors
    /// What Timestream answers.
    pub async fn sizes(&self, caller: &Caller, range: Range<'_>) -> Result<Sizes, Error> {
        let source = self.source_of(caller, range);
        let schema = source.now_known_schema().await?;
        let Range { database, table, selector, bounds } = range;
        match sql::sizes(database, table, &schema, &selector.matchers, bounds)? {
            Some(sql) => {
                let [series, samples, letters] = numbers(&source, &sql).await?;
                Ok(Sizes { series, samples, letters })
            }
            None => Ok(Sizes::default()),
        }
    }

    fn source_of(&self, caller: &Caller, range: Range<'_>) -> Source {
        let now = Instant::now();
        let key = TableKey { caller: caller.id, database: range.database.to_owned(), table: range.table.to_owned() };
        self.source(caller.client.clone(), key, now, now + LONGEST)
    }
}

/// The numbers of an answer with one row. NULL, which is the sum of nothing, is 0.
async fn numbers<const N: usize>(source: &Source, sql: &str) -> Result<[u64; N], Error> {
    let mut pages = source.asking.pages(sql);
    let mut rows: Vec<Row> = Vec::new();
    while let Some(page) = pages.next().await? {
        rows.extend(page.output.rows);
    }
    let [row] = rows.as_slice() else {
        return Err(unexpected(format!("{} rows instead of one", rows.len())));
    };
    let mut numbers = [0; N];
    for (number, datum) in numbers.iter_mut().zip(row.data()) {
        if let Some(text) = datum.scalar_value() {
            *number = text.parse().map_err(|_| unexpected(format!("{text:?} is no count")))?;
        }
    }
    Ok(numbers)
}
