//! A Timestream that keeps nothing but counts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use memchr::memmem;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::endpoint;
use super::fault::{Answer, Fault, OUTSIDE, json_answer, rejected, stored};

/// WriteRecords calls so far, and what was in them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub calls: u64,
    pub bytes: u64,
    pub records: u64,
    /// Records that were not refused.
    pub stored: u64,
}

/// A running Timestream without a store. Ends with the process, if it is not ended before.
pub struct Sink {
    pub address: SocketAddr,
    tally: Arc<Tally>,
    end: CancellationToken,
}

#[derive(Default)]
struct Tally {
    calls: AtomicU64,
    bytes: AtomicU64,
    records: AtomicU64,
    stored: AtomicU64,
}

impl Sink {
    /// Starts one. `plan` tells by the number of a WriteRecords call, from 1, what happens to it.
    pub fn start(plan: impl Fn(u64) -> Fault + Send + Sync + 'static) -> Self {
        let (tally, plan) = (Arc::<Tally>::default(), Arc::new(plan));
        let counting = tally.clone();
        let listener = endpoint::listen();
        let address = listener.local_addr().unwrap();
        let end = endpoint::serve(listener, None, move |request| {
            let (tally, plan) = (counting.clone(), plan.clone());
            async move { answer(request, &tally, &*plan).await }
        });
        Sink { address, tally, end }
    }

    /// Ends it, and all connections to it.
    pub fn end(&self) {
        self.end.cancel();
    }

    pub fn counts(&self) -> Counts {
        let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
        let Tally { calls, bytes, records, stored } = &*self.tally;
        Counts { calls: of(calls), bytes: of(bytes), records: of(records), stored: of(stored) }
    }
}

async fn answer(request: Request<Incoming>, tally: &Tally, plan: &impl Fn(u64) -> Fault) -> Answer {
    let is_query = request.headers().get("x-amz-target").is_some_and(|target| target.as_bytes().ends_with(b".Query"));
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    if is_query {
        return Ok(json_answer(200, &query(&body)));
    }
    // A value stands in each record once.
    let records = memmem::find_iter(&body, b"\"MeasureValue\":").count();
    let number = tally.calls.fetch_add(1, Ordering::SeqCst) + 1;
    tally.bytes.fetch_add(body.len() as u64, Ordering::SeqCst);
    tally.records.fetch_add(records as u64, Ordering::SeqCst);
    let store = |reject_each: Option<usize>| {
        let refused: Vec<_> = match reject_each {
            None => Vec::new(),
            Some(each) => (0..records).step_by(each).map(|index| (index, OUTSIDE)).collect(),
        };
        tally.stored.fetch_add((records - refused.len()) as u64, Ordering::SeqCst);
        if refused.is_empty() { stored(records) } else { rejected(&refused) }
    };
    plan(number).answer(store).await
}

/// A table with a few dimensions and no rows.
fn query(body: &[u8]) -> Value {
    let text: Value = serde_json::from_slice(body).unwrap_or_default();
    let column = |name: &str| json!({"Name": name, "Type": {"ScalarType": "VARCHAR"}});
    if !text["QueryString"].as_str().unwrap_or_default().starts_with("DESCRIBE") {
        return json!({"QueryId": "planned", "ColumnInfo": [], "Rows": []});
    }
    let row = |name: &str, kind: &str, what: &str| json!({"Data": [{"ScalarValue": name}, {"ScalarValue": kind}, {"ScalarValue": what}]});
    let mut rows: Vec<Value> =
        ["job", "instance", "namespace", "pod"].iter().map(|name| row(name, "varchar", "DIMENSION")).collect();
    rows.push(row("measure_name", "varchar", "MEASURE_NAME"));
    rows.push(row("time", "timestamp", "TIMESTAMP"));
    rows.push(row("measure_value::double", "double", "MEASURE_VALUE"));
    let columns: Vec<Value> = ["Column", "Type", "Timestream attribute type"].map(column).to_vec();
    json!({"QueryId": "planned", "ColumnInfo": columns, "Rows": rows})
}
