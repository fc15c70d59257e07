//! Rows of a query that a person wrote, up to a limit.

use aws_sdk_timestreamquery::Client;
use aws_sdk_timestreamquery::types::{ColumnInfo, Datum, Row, Type};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::limits::too_late;
use super::pages::{Asking, Page};
use super::reader::Reader;
use crate::error::Error;

/// How much of an answer is returned.
#[derive(Debug, Clone, Copy)]
pub struct StatementLimits {
    /// Rows.
    pub rows: usize,
    /// Bytes of the rows' values.
    pub bytes: usize,
}

/// The answer to a query.
#[derive(Debug, Default)]
pub struct StatementRows {
    /// Name and type of each column.
    pub columns: Vec<(String, String)>,
    /// Values as text, as Timestream writes them; null, and lists for arrays, rows and time series.
    pub rows: Vec<Vec<Value>>,
    /// Whether there are more rows than the limits allow.
    pub truncated: bool,
}

impl Reader {
    /// Runs a query in Timestream. It waits for one of the read slots. At the limits or the deadline the query is
    /// cancelled.
    ///
    /// # Errors
    /// What Timestream answers; [`crate::error::Kind::TimedOut`] at the deadline.
    pub async fn statement(
        &self,
        client: Client,
        sql: &str,
        limits: StatementLimits,
        deadline: Instant,
    ) -> Result<StatementRows, Error> {
        let _permit = self.permit(deadline).await?;
        let asking = self.asking(client, deadline);
        tokio::time::timeout_at(deadline, fetch(&asking, sql, limits)).await.unwrap_or_else(|_| Err(too_late()))
    }
}

async fn fetch(asking: &Asking, sql: &str, limits: StatementLimits) -> Result<StatementRows, Error> {
    let mut answer = StatementRows::default();
    let mut bytes = 0;
    // If this is dropped with pages left, the query is cancelled.
    let mut pages = asking.pages(sql);
    while let Some(Page { output: page, .. }) = pages.next().await? {
        if answer.columns.is_empty() {
            answer.columns = page.column_info.iter().map(column).collect();
        }
        pages.count_rows(page.rows.len());
        for row in &page.rows {
            let values: Vec<Value> = row.data.iter().map(|datum| value(datum, &mut bytes)).collect();
            if answer.rows.len() == limits.rows || bytes > limits.bytes {
                answer.truncated = true;
                return Ok(answer);
            }
            answer.rows.push(values);
        }
    }
    Ok(answer)
}

fn column(column: &ColumnInfo) -> (String, String) {
    (column.name().unwrap_or_default().to_owned(), column.r#type().map(type_name).unwrap_or_default())
}

/// A type as SQL writes it.
fn type_name(of: &Type) -> String {
    let element = |info: &ColumnInfo| column(info).1;
    if let Some(scalar) = of.scalar_type() {
        return scalar.as_str().to_owned();
    }
    if let Some(info) = of.array_column_info() {
        return format!("ARRAY({})", element(info));
    }
    if let Some(info) = of.time_series_measure_value_column_info() {
        return format!("TIMESERIES({})", element(info));
    }
    format!("ROW({})", of.row_column_info().iter().map(element).collect::<Vec<_>>().join(", "))
}

fn value(datum: &Datum, bytes: &mut usize) -> Value {
    *bytes += 4;
    if let Some(text) = datum.scalar_value() {
        *bytes += text.len();
        return Value::from(text);
    }
    if let Some(points) = &datum.time_series_value {
        let point = |time: &str, of: Option<&Datum>, bytes: &mut usize| {
            *bytes += time.len();
            json!([time, of.map_or(Value::Null, |of| value(of, bytes))])
        };
        return points.iter().map(|one| point(one.time(), one.value(), bytes)).collect();
    }
    if let Some(values) = &datum.array_value {
        return values.iter().map(|one| value(one, bytes)).collect();
    }
    match datum.row_value() {
        Some(Row { data, .. }) => data.iter().map(|one| value(one, bytes)).collect(),
        None => Value::Null,
    }
}
