//! A Timestream of the tests: it keeps records in memory, by caller, and misbehaves as a plan tells it to.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::signature::is_signed_by;

/// What happens to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    None,
    /// An exception, with its status; nothing is stored.
    Exception(u16, &'static str),
    /// An answer that is no JSON, as of something between here and there; nothing is stored.
    Gateway(u16),
    /// The answer, and the storing, come after this long.
    Slow(Duration),
    /// The records are stored; the answer comes after this long.
    StoredThenSlow(Duration),
    /// The connection breaks before anything is stored.
    Broken,
    /// The connection breaks once all is stored.
    StoredThenBroken,
    /// The records whose number is a multiple of this are rejected, the others stored.
    Rejecting(usize),
}

/// Tells by caller and number of the call, from 0 for each caller, what happens to it.
pub type Plan = Arc<dyn Fn(&str, u64) -> Fault + Send + Sync>;

/// The secret key and the session token that a caller has.
pub type Keys = Arc<dyn Fn(&str) -> (String, Option<String>) + Send + Sync>;

/// A record without its value: dimensions, with the measure's name as `__name__`, and time.
pub type Key = (BTreeMap<String, String>, i64);

#[derive(Default)]
struct State {
    records: HashMap<String, HashMap<Key, f64>>,
    calls: HashMap<String, u64>,
    record_count: usize,
    user_agents: Vec<String>,
    /// What a Timestream would not have been sent by a sound client.
    violations: Vec<String>,
    discoveries: usize,
    /// The address that DescribeEndpoints names; calls to any other are refused with InvalidEndpointException.
    current_endpoint: Option<String>,
}

/// A running Timestream. Ends with the test's process.
#[derive(Clone)]
pub struct Timestream {
    pub address: SocketAddr,
    plan: Plan,
    keys: Option<Keys>,
    state: Arc<Mutex<State>>,
}

impl Timestream {
    /// Starts one over plain HTTP.
    pub fn start(plan: impl Fn(&str, u64) -> Fault + Send + Sync + 'static) -> Self {
        Self::listen(Arc::new(plan), None, Arc::default(), None)
    }

    /// Starts one over plain HTTP that checks the signature of each call.
    pub fn verifying(
        plan: impl Fn(&str, u64) -> Fault + Send + Sync + 'static,
        secret: fn(&str) -> String,
        token: fn(&str) -> Option<String>,
    ) -> Self {
        let keys: Keys = Arc::new(move |caller| (secret(caller), token(caller)));
        Self::listen(Arc::new(plan), Some(keys), Arc::default(), None)
    }

    /// Starts one that stores every record after `delay`.
    pub fn slow(delay: Duration) -> Self {
        Self::start(move |_, _| Fault::Slow(delay))
    }

    /// Starts one over TLS.
    pub fn over_tls(plan: impl Fn(&str, u64) -> Fault + Send + Sync + 'static, tls: TlsAcceptor) -> Self {
        Self::listen(Arc::new(plan), None, Arc::default(), Some(tls))
    }

    /// Another address of the same Timestream.
    pub fn another_cell(&self, tls: TlsAcceptor) -> Self {
        Self::listen(self.plan.clone(), self.keys.clone(), self.state.clone(), Some(tls))
    }

    fn listen(plan: Plan, keys: Option<Keys>, state: Arc<Mutex<State>>, tls: Option<TlsAcceptor>) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        let serving_state = state.clone();
        let (serving_plan, serving_keys) = (plan.clone(), keys.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let timestream = Timestream { address, plan: serving_plan, keys: serving_keys, state: serving_state };
                sender.send(address).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (timestream, tls) = (timestream.clone(), tls.clone());
                    tokio::spawn(async move {
                        stream.set_nodelay(true).unwrap();
                        match tls {
                            None => timestream.serve(stream).await,
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    timestream.serve(stream).await;
                                }
                            }
                        }
                    });
                }
            });
        });
        Timestream { address: receiver.recv().unwrap(), plan, keys, state }
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| self.answer(request));
        // An error is the end of a connection that a plan broke.
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    /// The arguments that make a connector write here, with the plan's callers.
    pub fn arguments(&self) -> [String; 3] {
        let url = format!("--write-base-endpoint=http://{}", self.address);
        ["--default-database=dat".into(), "--default-table=tab".into(), url]
    }

    /// WriteRecords calls, and the records in them, so far.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.calls.values().sum::<u64>() as usize, state.record_count)
    }

    /// What is stored for a caller.
    pub fn records(&self, caller: &str) -> HashMap<Key, f64> {
        self.state.lock().unwrap().records.get(caller).cloned().unwrap_or_default()
    }

    /// No call was unsound.
    pub fn assert_sound(&self) {
        let violations = &self.state.lock().unwrap().violations;
        assert!(violations.is_empty(), "{violations:?}");
    }

    pub fn user_agents(&self) -> Vec<String> {
        self.state.lock().unwrap().user_agents.clone()
    }

    /// DescribeEndpoints calls so far.
    pub fn discoveries(&self) -> usize {
        self.state.lock().unwrap().discoveries
    }

    /// From now on DescribeEndpoints names this address, and calls to others are refused.
    pub fn is_the_endpoint(&self) {
        let endpoint = format!("localhost:{}", self.address.port());
        self.state.lock().unwrap().current_endpoint = Some(endpoint);
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let caller = header("authorization").split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
        let caller = caller.expect("every call is signed").to_owned();
        let operation = header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        let user_agent = header("user-agent").to_owned();
        let (head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Err(std::io::Error::other(error)),
        };
        if let Some(keys) = &self.keys {
            let (secret, token) = keys(&caller);
            let sent = head.headers.get("x-amz-security-token").map(|token| token.to_str().unwrap().to_owned());
            if !is_signed_by(&head, &body, &secret) || sent != token {
                self.state.lock().unwrap().violations.push(format!("a call of {caller} is signed with other keys"));
            }
        }
        let body: Value = serde_json::from_slice(&body).expect("a body is JSON");
        if operation == "DescribeEndpoints" {
            let mut state = self.state.lock().unwrap();
            state.discoveries += 1;
            let endpoint = state.current_endpoint.clone().expect("a test that discovers names an endpoint");
            return Ok(json_answer(200, &json!({"Endpoints": [{"Address": endpoint, "CachePeriodInMinutes": 1440}]})));
        }
        assert!(matches!(operation.as_str(), "WriteRecords" | "Query"), "{operation}");
        let moved = {
            let mut state = self.state.lock().unwrap();
            state.user_agents.push(user_agent);
            state.user_agents.truncate(1);
            let current = state.current_endpoint.as_ref();
            current.is_some_and(|endpoint| !endpoint.ends_with(&format!(":{}", self.address.port())))
        };
        if moved {
            return Ok(exception(421, "InvalidEndpointException", "The requested endpoint was not valid."));
        }
        let number = {
            let mut state = self.state.lock().unwrap();
            let calls = state.calls.entry(caller.clone()).or_default();
            *calls += 1;
            *calls - 1
        };
        if operation == "Query" {
            // An empty table.
            return Ok(match (self.plan)(&caller, number) {
                Fault::Exception(status, name) => exception(status, name, "as planned"),
                _ => json_answer(200, &json!({"QueryId": "planned", "Rows": [], "ColumnInfo": []})),
            });
        }
        let broken = || Err(std::io::Error::other("broken as planned"));
        match (self.plan)(&caller, number) {
            Fault::None => Ok(self.store(&caller, &body, usize::MAX)),
            Fault::Exception(status, name) => Ok(exception(status, name, "as planned")),
            Fault::Gateway(status) => {
                let mut answer = Response::new(Full::new(Bytes::from_static(b"<html>gateway</html>")));
                *answer.status_mut() = status.try_into().unwrap();
                Ok(answer)
            }
            Fault::Slow(delay) => {
                tokio::time::sleep(delay).await;
                Ok(self.store(&caller, &body, usize::MAX))
            }
            Fault::StoredThenSlow(delay) => {
                let answer = self.store(&caller, &body, usize::MAX);
                tokio::time::sleep(delay).await;
                Ok(answer)
            }
            Fault::Broken => broken(),
            Fault::StoredThenBroken => {
                self.store(&caller, &body, usize::MAX);
                broken()
            }
            Fault::Rejecting(each) => Ok(self.store(&caller, &body, each)),
        }
    }

    /// Stores what Timestream would of a call: nothing if a record has the dimension `poison`; otherwise all but the
    /// records that have another value already, and those whose number is a multiple of `reject_each`.
    fn store(&self, caller: &str, body: &Value, reject_each: usize) -> Response<Full<Bytes>> {
        let stored = catch_unwind(AssertUnwindSafe(|| self.try_store(caller, body, reject_each)));
        stored.unwrap_or_else(|panic| {
            let what = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a call of a wrong shape".to_owned());
            self.state.lock().unwrap_or_else(PoisonError::into_inner).violations.push(format!("{what}: {body}"));
            exception(400, "ValidationException", &what)
        })
    }

    fn try_store(&self, caller: &str, body: &Value, reject_each: usize) -> Response<Full<Bytes>> {
        let common = &body["CommonAttributes"];
        let records = body["Records"].as_array().unwrap();
        assert!((1..=100).contains(&records.len()), "{} records", records.len());
        let merged: Vec<(Key, f64)> = records.iter().map(|record| merge(common, record)).collect();
        if merged.iter().any(|((dimensions, _), _)| dimensions.contains_key("poison")) {
            return exception(400, "ValidationException", "a record is poisoned");
        }
        let mut state = self.state.lock().unwrap();
        state.record_count += merged.len();
        let stored = state.records.entry(caller.to_owned()).or_default();
        let mut rejected = Vec::new();
        let count = merged.len();
        for (index, (key, value)) in merged.into_iter().enumerate() {
            let known = stored.get(&key).copied();
            let mut reject = |reason: &str| rejected.push(json!({"RecordIndex": index, "Reason": reason}));
            if reject_each != usize::MAX && index % reject_each == 0 && known.is_none() {
                reject("The record timestamp is outside the time range [A, B) of the memory store.");
            } else if known.is_some_and(|known| known.to_bits() != value.to_bits()) {
                reject("A record already exists with the same time, dimensions, measure name, and record version.");
            } else {
                stored.insert(key, value);
            }
        }
        if rejected.is_empty() {
            return json_answer(
                200,
                &json!({"RecordsIngested": {"Total": count, "MemoryStore": count, "MagneticStore": 0}}),
            );
        }
        json_answer(
            419,
            &json!({
                "__type": "com.amazonaws.timestream.v20181101#RejectedRecordsException",
                "Message": "One or more records have been rejected. See RejectedRecords for details.",
                "RejectedRecords": rejected,
            }),
        )
    }
}

fn merge(common: &Value, record: &Value) -> (Key, f64) {
    let mut dimensions = BTreeMap::new();
    for dimension in [common, record].iter().filter_map(|one| one["Dimensions"].as_array()).flatten() {
        let (name, value) = (dimension["Name"].as_str().unwrap(), dimension["Value"].as_str().unwrap());
        assert!(dimensions.insert(name.to_owned(), value.to_owned()).is_none(), "{name} stands twice");
    }
    assert!(!dimensions.is_empty(), "a record without dimensions");
    let text = |key: &str| record[key].as_str().or(common[key].as_str()).unwrap().to_owned();
    let measure = text("MeasureName");
    let reserved = measure == "time" || measure.starts_with("ts_") || measure.starts_with("measure_value");
    assert!(!reserved && !measure.contains(':') && (1..=256).contains(&measure.len()), "measure name {measure:?}");
    dimensions.insert("__name__".to_owned(), measure);
    assert_eq!((text("MeasureValueType").as_str(), text("TimeUnit").as_str()), ("DOUBLE", "MILLISECONDS"));
    ((dimensions, text("Time").parse().unwrap()), text("MeasureValue").parse().unwrap())
}

fn exception(status: u16, name: &str, message: &str) -> Response<Full<Bytes>> {
    json_answer(status, &json!({"__type": format!("com.amazonaws.timestream.v20181101#{name}"), "Message": message}))
}

fn json_answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status.try_into().unwrap();
    answer.headers_mut().insert("content-type", "application/x-amz-json-1.0".parse().unwrap());
    answer
}
