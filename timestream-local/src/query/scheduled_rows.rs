//! The result of a scheduled query.

use serde::Deserialize;
use serde_json::Value;

use super::pager::{self, Event, Outcome, Page, broken};
use super::slot::Taker;
use crate::error::ApiError;
use crate::sql::Column;

/// A row: the text of each value, `None` for NULL and for values that are no scalars.
pub(crate) type ScheduledRow = Vec<Option<String>>;

/// The result of a scheduled query that runs. Dropping it ends the query.
pub(crate) struct ScheduledRows {
    columns: Vec<Column>,
    taker: Taker<Outcome>,
    /// The last page, without its rows.
    page: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rows {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    data: Vec<Cell>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Cell {
    scalar_value: Option<String>,
}

impl ScheduledRows {
    /// The result that a query's thread gives.
    pub(super) async fn of(taker: Taker<Outcome>) -> Result<Self, ApiError> {
        Ok(ScheduledRows { columns: pager::columns(&taker).await?, taker, page: Page::default() })
    }

    /// Its columns.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows, as many as fit a page of a query. `None` when there are no more.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<ScheduledRow>>, ApiError> {
        if self.page.last {
            return Ok(None);
        }
        let Event::Page(mut page) = self.taker.take().await.unwrap_or_else(|| Err(broken()))? else {
            return Err(broken());
        };
        let mut body = std::mem::take(&mut page.body);
        self.page = page;
        body.extend_from_slice(b"]}");
        let Rows { rows } = serde_json::from_slice(&body).map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Some(rows.into_iter().map(|row| row.data.into_iter().map(|cell| cell.scalar_value).collect()).collect()))
    }

    /// Bytes scanned so far, and those billed.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.page.scanned(), self.page.metered())
    }

    /// QueryInsightsResponse, once all rows are taken, if it was asked for.
    pub(crate) fn insights(&self) -> Option<&Value> {
        self.page.insights.as_ref()
    }
}
