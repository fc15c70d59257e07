//! A Timestream of the tests: it keeps records in memory, by caller, and misbehaves as a plan tells it to.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::endpoint;
use super::fault::{self, Answer, OUTSIDE, exception, json_answer};
use super::signature::is_signed_by;

pub use super::fault::{Fault, Gate};

const ANOTHER_VALUE: &str = "A record already exists with the same time, dimensions, measure name, and record version.";

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

    /// Starts one that holds every call until the gate is open.
    pub fn held() -> (Self, Gate) {
        let gate = Gate::default();
        let held = gate.clone();
        (Self::start(move |_, _| Fault::Held(held.clone())), gate)
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
        let listener = endpoint::listen();
        let timestream = Timestream { address: listener.local_addr().unwrap(), plan, keys, state };
        let serving = timestream.clone();
        endpoint::serve(listener, tls, move |request| {
            let timestream = serving.clone();
            async move { timestream.answer(request).await }
        });
        timestream
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

    async fn answer(&self, request: Request<Incoming>) -> Answer {
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
        if operation == "DescribeTable" {
            return Ok(exception(403, "AccessDeniedException", "not authorized: timestream:DescribeTable"));
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
        (self.plan)(&caller, number).answer(|reject_each| self.store(&caller, &body, reject_each)).await
    }

    /// Stores what Timestream would of a call: nothing if a record has the dimension `poison`; otherwise all but the
    /// records that have another value already, and new ones whose number is a multiple of `reject_each`.
    fn store(&self, caller: &str, body: &Value, reject_each: Option<usize>) -> Response<Full<Bytes>> {
        let stored = catch_unwind(AssertUnwindSafe(|| self.try_store(caller, body, reject_each)));
        stored.unwrap_or_else(|panic| {
            let what = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a call of a wrong shape".to_owned());
            self.state.lock().unwrap_or_else(PoisonError::into_inner).violations.push(format!("{what}: {body}"));
            exception(400, "ValidationException", &what)
        })
    }

    fn try_store(&self, caller: &str, body: &Value, reject_each: Option<usize>) -> Response<Full<Bytes>> {
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
        let mut refused = Vec::new();
        let count = merged.len();
        for (index, (key, value)) in merged.into_iter().enumerate() {
            let known = stored.get(&key).copied();
            if reject_each.is_some_and(|each| index % each == 0) && known.is_none() {
                refused.push((index, OUTSIDE));
            } else if known.is_some_and(|known| known.to_bits() != value.to_bits()) {
                refused.push((index, ANOTHER_VALUE));
            } else {
                stored.insert(key, value);
            }
        }
        if refused.is_empty() { fault::stored(count) } else { fault::rejected(&refused) }
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
