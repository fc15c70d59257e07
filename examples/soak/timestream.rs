//! A Timestream that keeps nothing but counts, and now and then fails in each way that the real one does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

/// How long a storm lasts, in which every call is throttled; at most a third of the time.
const STORM: Duration = Duration::from_secs(4);
/// How long a slow call takes.
const SLOW: Duration = Duration::from_secs(3);
/// One in so many records of a call with rejections is rejected.
const REJECT_EACH: usize = 50;

pub struct Timestream {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    start: Instant,
    storm_every: Duration,
    calls: AtomicU64,
    stored: AtomicU64,
    faults: AtomicU64,
}

impl Timestream {
    /// Starts one that has a storm each `storm_every`, the first after a third of that.
    pub fn start(storm_every: Duration) -> Self {
        let zero = || AtomicU64::new(0);
        let state =
            Arc::new(State { start: Instant::now(), storm_every, calls: zero(), stored: zero(), faults: zero() });
        let serving = state.clone();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let state = serving.clone();
                    let service = service_fn(move |request| answer(request, state.clone()));
                    tokio::spawn(
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                    );
                }
            });
        });
        Timestream { address: receiver.recv().unwrap(), state }
    }

    /// Records stored so far.
    pub fn stored(&self) -> u64 {
        self.state.stored.load(Ordering::SeqCst)
    }

    /// WriteRecords calls that met a fault so far.
    pub fn faults(&self) -> u64 {
        self.state.faults.load(Ordering::SeqCst)
    }
}

impl State {
    fn storms(&self) -> bool {
        let into = (self.start.elapsed().as_secs_f64() / self.storm_every.as_secs_f64() + 2.0 / 3.0).fract();
        into * self.storm_every.as_secs_f64() < STORM.min(self.storm_every / 3).as_secs_f64()
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> io::Result<Response<Full<Bytes>>> {
    let is_query = request.headers().get("x-amz-target").is_some_and(|target| target.as_bytes().ends_with(b".Query"));
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    if is_query {
        return Ok(json_answer(200, &query(&body)));
    }
    let records = memchr::memmem::find_iter(&body, b"\"MeasureValue\":").count();
    let number = state.calls.fetch_add(1, Ordering::SeqCst) + 1;
    let store = |records: usize| state.stored.fetch_add(records as u64, Ordering::SeqCst);
    let faulty = |status, name| {
        state.faults.fetch_add(1, Ordering::SeqCst);
        let message = json!({"__type": format!("com.amazonaws.timestream.v20181101#{name}"), "Message": "as planned"});
        Ok(json_answer(status, &message))
    };
    // Numbers without common factors, so that the faults fall on all kinds of calls.
    match number {
        _ if state.storms() => faulty(429, "ThrottlingException"),
        n if n % 97 == 0 => faulty(429, "ThrottlingException"),
        n if n % 211 == 0 => faulty(500, "InternalServerException"),
        n if n % 307 == 0 => {
            state.faults.fetch_add(1, Ordering::SeqCst);
            Err(io::Error::other("closed as planned"))
        }
        n if n % 401 == 0 => {
            store(records);
            state.faults.fetch_add(1, Ordering::SeqCst);
            Err(io::Error::other("closed as planned, once all is stored"))
        }
        n if n % 503 == 0 => {
            let rejected: Vec<Value> = (0..records)
                .step_by(REJECT_EACH)
                .map(|index| json!({"RecordIndex": index, "Reason": "The record timestamp is outside the time range"}))
                .collect();
            store(records - rejected.len());
            state.faults.fetch_add(1, Ordering::SeqCst);
            let exception = "com.amazonaws.timestream.v20181101#RejectedRecordsException";
            Ok(json_answer(419, &json!({"__type": exception, "Message": "planned", "RejectedRecords": rejected})))
        }
        n => {
            if n % 1009 == 0 {
                tokio::time::sleep(SLOW).await;
            }
            store(records);
            const STORED: &[u8] = b"{\"RecordsIngested\":{\"Total\":1,\"MemoryStore\":1,\"MagneticStore\":0}}";
            Ok(Response::new(Full::new(Bytes::from_static(STORED))))
        }
    }
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

fn json_answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status.try_into().unwrap();
    answer
}
