//! The body of an answer to Query. It is written once: the rows are appended to its beginning as they come.

use bytes::Bytes;
use serde_json::{Value, json};

use super::pager::Page;
use crate::sql::Column;

/// The body before the rows.
pub(super) fn begin(id: &str, columns: &[Column]) -> Vec<u8> {
    let columns = columns.iter().map(|column| json!({"Name": column.name, "Type": column.column_type.api_type()}));
    format!("{{\"QueryId\":\"{id}\",\"ColumnInfo\":{},\"Rows\":[", Value::from_iter(columns)).into_bytes()
}

/// The body with a page of a query, the first of which has the number 0.
pub(super) fn end(id: &str, page: Page, number: u64) -> Bytes {
    let token = if page.last { String::new() } else { format!("\"NextToken\":\"{id}.{}\",", number + 1) };
    // SQLite does not tell how far it is.
    let progress = if page.last { "100.0" } else { "0.0" };
    let (scanned, metered) = (page.scanned(), page.metered());
    let insights = page.insights.map(|insights| format!(",\"QueryInsightsResponse\":{insights}"));
    let mut body = page.body;
    body.extend_from_slice(
        format!(
            "],{token}\"QueryStatus\":{{\"ProgressPercentage\":{progress},\"CumulativeBytesScanned\":{scanned},\
             \"CumulativeBytesMetered\":{metered}}}{}}}",
            insights.unwrap_or_default()
        )
        .as_bytes(),
    );
    body.into()
}
