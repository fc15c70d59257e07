//! `POST /api/v1/embedded/query`: SQL from the page's box to the embedded Timestream, and its rows back as JSON.
//!
//! Only with the embedded Timestream: on AWS a query costs money, and a visitor of the page has no AWS keys.

use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::budget::{Budget, Limit};
use crate::error::{Error, Kind};
use crate::http::body::{self, BodyLimits};
use crate::query::StatementLimits;
use crate::routes::read::ReadHandler;
use crate::sink::caller_clients::CallerClients;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How long a query may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const LIMITS: StatementLimits = StatementLimits { rows: 1000, bytes: 1 << 20 };
/// Timestream's limit of a query's text is 256 KiB.
const MAX_BODY_BYTES: Limit = Limit::new("the limit of a query from the page", 300_000);
const BODY: BodyLimits = BodyLimits {
    max_body_bytes: MAX_BODY_BYTES,
    max_decoded_bytes: MAX_BODY_BYTES,
    read_timeout: Duration::from_secs(10),
};
/// The memory that the bodies of all such requests may take.
const BODY_BUDGET: Limit = Limit::new("the memory for queries from the page", 4 << 20);

/// Answers the box.
#[derive(Debug)]
pub(super) struct QueryBox {
    budget: Budget,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    query: String,
}

impl Default for QueryBox {
    fn default() -> Self {
        QueryBox { budget: Budget::new(BODY_BUDGET) }
    }
}

impl QueryBox {
    /// Answers a request: `{"query": "SELECT …"}`, of type application/json. The answer holds at most 1000 rows and 1 MiB.
    ///
    /// # Errors
    /// 403 for a request from another site's page; the fault of a bad request; Timestream's error; 503 after ten
    /// seconds.
    pub(super) async fn answer<B>(
        &self,
        reader: &ReadHandler,
        caller: &CallerClients,
        headers: &HeaderMap,
        request: B,
    ) -> Result<String, Error>
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        same_site(headers)?;
        let is_json = |value: &str| value.split(';').next().is_some_and(|media| media.trim() == "application/json");
        if !headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json) {
            let message = "a query comes as application/json";
            return Err(Error::new(Kind::UnsupportedMedia, "UnsupportedMediaType", message));
        }
        let started = Instant::now();
        let (bytes, _reservation) = body::read(request, BODY, &self.budget).await?;
        let Asked { query } = serde_json::from_slice(&bytes)
            .map_err(|error| Error::invalid("JsonError", format!("the body is not {{\"query\": \"…\"}}: {error}")))?;
        let rows = reader.statement(caller, &query, LIMITS, started + TIMEOUT).await?;
        let columns: Vec<Value> = rows.columns.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
        let data = json!({
            "columns": columns,
            "rows": rows.rows,
            "truncated": rows.truncated,
            "seconds": started.elapsed().as_secs_f64(),
        });
        Ok(json!({"status": "success", "data": data}).to_string())
    }
}

/// Refuses requests from pages of other sites: such a page can make a visitor's browser send them. Browsers say which
/// site a request comes from, and ask before they send application/json to another site.
fn same_site(headers: &HeaderMap) -> Result<(), Error> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let other_site = text(SEC_FETCH_SITE).is_some_and(|site| site != "same-origin");
    // Behind a proxy that ends TLS the scheme may differ, but not the host.
    let origin_host = text(ORIGIN).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    if other_site || origin_host.is_some_and(|host| Some(host) != text(HOST)) {
        return Err(Error::new(Kind::Forbidden, "CrossSiteRequest", "a page of another site may not query"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn only_the_page_itself_and_programs_may_query() {
        for (headers, allowed) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin"), ("host", "a:1"), ("origin", "http://a:1")], true),
            (&[("host", "a"), ("origin", "https://a")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("host", "a:1"), ("origin", "http://b:1")], false),
            (&[("host", "a:1"), ("origin", "http://a:2")], false),
            (&[("host", "a:1"), ("origin", "null")], false),
            (&[("origin", "http://a:1")], false),
        ] {
            let map =
                headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            assert_eq!(same_site(&map.collect()).is_ok(), allowed, "{headers:?}");
        }
    }
}
