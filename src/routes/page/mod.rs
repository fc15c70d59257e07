//! The page for people at `/`: its files, which are part of the binary, and the numbers that it shows.

mod history;
mod query;
mod reading;

use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::batcher::Queue;
use crate::budget::Budget;
use crate::error::Error;
use crate::paths::PagePath;
use crate::routes::read::ReadHandler;
use crate::sink::caller_clients::CallerClients;
use crate::sink::destination::Destination;
use crate::telemetry::examples::Example;
use crate::telemetry::health::Readiness;
use crate::telemetry::metrics::{ElectedReplica, Total, Totals};
use crate::telemetry::reason::{Failed, Ignored, Rejected};
use crate::telemetry::{Metrics, log};
use history::{History, INTERVAL};
use reading::Reading;

use query::QueryBox;

/// Warnings that the page shows.
const MAX_WARNINGS: usize = 20;

/// The browser loads everything from this server, and runs only scripts from its files.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page shows of the connector.
#[derive(Debug, Clone)]
pub struct PageSettings {
    /// The table that samples are written to and read from.
    pub destination: Destination,
    /// Its region; none for the embedded Timestream.
    pub region: Option<String>,
    /// Path of the metrics.
    pub telemetry_path: String,
    /// Whether requests bring their own AWS keys.
    pub callers_bring_keys: bool,
}

/// The page, and what it shows.
#[derive(Debug)]
pub struct Page {
    settings: PageSettings,
    started: u64,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    queue: Queue,
    budget: Budget,
    history: History,
    query_box: QueryBox,
}

impl Page {
    /// The page of a connector that starts now.
    pub fn new(
        settings: PageSettings,
        metrics: Arc<Metrics>,
        readiness: Readiness,
        queue: Queue,
        budget: Budget,
    ) -> Self {
        Page {
            settings,
            started: milliseconds(SystemTime::now()),
            metrics,
            readiness,
            queue,
            budget,
            history: History::default(),
            query_box: QueryBox::default(),
        }
    }

    /// The content type and body of a part. `query` is the part after the path's question mark.
    pub fn get(&self, path: PagePath, query: Option<&str>) -> (&'static str, Bytes) {
        match path {
            PagePath::Html => ("text/html; charset=utf-8", self.html().into()),
            PagePath::Style => ("text/css; charset=utf-8", Bytes::from_static(include_bytes!("page.css"))),
            PagePath::Script => ("text/javascript; charset=utf-8", Bytes::from_static(include_bytes!("page.js"))),
            PagePath::Icon => ("image/svg+xml", Bytes::from_static(include_bytes!("page.svg"))),
            PagePath::Readme => ("text/plain; charset=utf-8", Bytes::from_static(include_bytes!("../../../README.md"))),
            PagePath::Live => ("application/json", self.live(query.unwrap_or_default()).to_string().into()),
        }
    }

    /// Whether there is a box for SQL.
    fn is_embedded(&self) -> bool {
        self.settings.region.is_none()
    }

    /// Answers SQL from the box, with JSON.
    ///
    /// # Errors
    /// 403 for a request from another site's page; the fault of a bad request; Timestream's error; 503 after ten
    /// seconds.
    pub async fn query<B>(
        &self,
        reader: &ReadHandler,
        caller: &CallerClients,
        headers: &HeaderMap,
        body: B,
    ) -> Result<String, Error>
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        self.query_box.answer(reader, caller, headers, body).await
    }

    /// The page. It shows the most important facts also without its script.
    fn html(&self) -> String {
        let PageSettings { destination, region, telemetry_path, callers_bring_keys } = &self.settings;
        let Destination { database, table } = destination;
        let waiting_for = self.readiness.waiting_for();
        let ready =
            if waiting_for.is_empty() { "Ready".to_owned() } else { format!("Not ready: {}", waiting_for.join(", ")) };
        include_str!("page.html")
            .replace("{version}", env!("CARGO_PKG_VERSION"))
            .replace("{where}", &escaped(region.as_deref().unwrap_or("embedded Timestream")))
            .replace("{metrics}", &escaped(telemetry_path))
            .replace("{mode}", if self.is_embedded() { "embedded" } else { "aws" })
            .replace("{keys}", if *callers_bring_keys { "callers" } else { "none" })
            .replace("{readiness}", if waiting_for.is_empty() { "ready" } else { "waiting" })
            .replace("{ready}", &escaped(&ready))
            .replace("{database}", &escaped(database))
            .replace("{table}", &escaped(table))
    }

    /// The numbers as they are now, and the points of the charts after `since=` milliseconds since 1970.
    fn live(&self, query: &str) -> Value {
        let since = query.split('&').find_map(|pair| pair.strip_prefix("since=")).and_then(|time| time.parse().ok());
        let Totals { received, written, ignored, rejected, failed } = self.metrics.totals();
        let warnings: Vec<Value> = log::recent().lines().iter().rev().take(MAX_WARNINGS).map(warning).collect();
        let data = json!({
            "time": milliseconds(SystemTime::now()),
            "started": self.started,
            "waiting_for": self.readiness.waiting_for(),
            "interval_seconds": INTERVAL.as_secs(),
            "received": received,
            "written": written,
            "ignored": ignored,
            "rejected": rejected,
            "failed": failed,
            "queue": self.queue.len(),
            "memory": self.budget.in_use(),
            "memory_limit": self.budget.limit(),
            "reasons": reasons(&self.metrics),
            "elected": elected(&self.metrics),
            "warnings": warnings,
            "points": self.history.since(since.unwrap_or(0)),
        });
        json!({"status": "success", "data": data})
    }

    fn sample(&self) {
        let reading = Reading::of(&self.metrics);
        self.history.push(milliseconds(SystemTime::now()), reading, self.queue.len(), self.budget.in_use());
    }
}

/// Adds a point to the charts every two seconds, as long as the page exists, or until `stop` is cancelled.
pub async fn keep_history(page: Weak<Page>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = stop.cancelled() => return,
        }
        let Some(page) = page.upgrade() else { return };
        page.sample();
    }
}

/// Headers of every answer for the page: what a browser may do with it.
pub fn put_headers(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The reasons why samples were not written, each with its count and first example.
fn reasons(metrics: &Metrics) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut row = |outcome: &str, reason: &str, total: &Total, example: Option<&Example>| {
        let samples = total.get();
        if samples > 0 {
            let example = example.map(|example| json!({"text": example.text, "time": milliseconds(example.at)}));
            rows.push(json!({"outcome": outcome, "reason": reason, "samples": samples, "example": example}));
        }
    };
    let examples = &metrics.examples;
    for reason in Failed::ALL {
        row("failed", reason.as_str(), metrics.failed(*reason), examples.failed(*reason));
    }
    for reason in Rejected::ALL {
        row("rejected", reason.as_str(), metrics.rejected(*reason), examples.rejected(*reason));
    }
    for reason in Ignored::ALL {
        row("ignored", reason.as_str(), metrics.ignored(*reason), examples.ignored(*reason));
    }
    rows
}

/// The replicas of HA pairs that are listened to.
fn elected(metrics: &Metrics) -> Vec<Value> {
    let row = |elected: ElectedReplica| {
        let ElectedReplica { cluster, replica, silent, .. } = elected;
        json!({"cluster": cluster, "replica": replica, "silent_seconds": silent.as_secs()})
    };
    metrics.elected.shown().into_iter().map(row).collect()
}

fn warning(line: &crate::telemetry::recent::Line) -> Value {
    json!({"time": milliseconds(line.at), "level": line.level, "message": line.message, "fields": line.fields})
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Text as HTML, in an attribute too.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
