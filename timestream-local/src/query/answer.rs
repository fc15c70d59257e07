//! The body of an answer to Query.

use super::pager::Page;

/// The body with a page of a query, the first of which has the number 0.
pub(super) fn body(id: &str, columns: &str, page: &Page, number: u64) -> Vec<u8> {
    let token = if page.last { String::new() } else { format!("\"NextToken\":\"{id}.{}\",", number + 1) };
    // SQLite does not tell how far it is.
    let progress = if page.last { "100.0" } else { "0.0" };
    let (scanned, metered) = (page.scanned(), page.metered());
    let insights = page.insights.as_ref().map(|insights| format!(",\"QueryInsightsResponse\":{insights}"));
    let mut body = Vec::with_capacity(page.rows.len() + columns.len() + 512);
    body.extend_from_slice(format!("{{\"QueryId\":\"{id}\",{token}\"ColumnInfo\":{columns},\"Rows\":[").as_bytes());
    body.extend_from_slice(&page.rows);
    body.extend_from_slice(
        format!(
            "],\"QueryStatus\":{{\"ProgressPercentage\":{progress},\"CumulativeBytesScanned\":{scanned},\
             \"CumulativeBytesMetered\":{metered}}}{}}}",
            insights.unwrap_or_default()
        )
        .as_bytes(),
    );
    body
}
