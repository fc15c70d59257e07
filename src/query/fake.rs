//! A Timestream for tests, behind the SDK's own HTTP seam: a function from operation and JSON to status and JSON.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_timestreamquery::Client;
use aws_sdk_timestreamquery::config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::points::with_points;

type Answer = dyn FnMut(&str, &Value) -> (u16, Value) + Send;

#[derive(Clone)]
pub(super) struct Fake {
    answer: Arc<Mutex<Box<Answer>>>,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
    delay: Duration,
}

impl Fake {
    pub(super) fn new(answer: impl FnMut(&str, &Value) -> (u16, Value) + Send + 'static) -> Self {
        Fake { answer: Arc::new(Mutex::new(Box::new(answer))), calls: Arc::default(), delay: Duration::ZERO }
    }

    pub(super) fn delayed(self, delay: Duration) -> Self {
        Fake { delay, ..self }
    }

    pub(super) fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_timestreamquery::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(FakeKeys))
            .endpoint_url("http://timestream.test")
            .retry_config(RetryConfig::disabled())
            .http_client(with_points(http_client_fn(move |_, _| connector.clone())))
            .build();
        Client::from_conf(config)
    }

    /// The calls so far: operation and body.
    pub(super) fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().unwrap().clone()
    }

    /// The query texts so far.
    pub(super) fn queries(&self) -> Vec<String> {
        self.calls().iter().filter_map(|(_, body)| body["QueryString"].as_str().map(str::to_owned)).collect()
    }
}

#[derive(Debug)]
struct FakeKeys;

impl aws_credential_types::provider::ProvideCredentials for FakeKeys {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        aws_credential_types::provider::future::ProvideCredentials::ready(Ok(Credentials::new(
            "key", "secret", None, None, "test",
        )))
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap().to_owned();
        let operation = target.strip_prefix("Timestream_20181101.").unwrap().to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        self.calls.lock().unwrap().push((operation.clone(), body.clone()));
        let (status, answer) = self.answer.lock().unwrap()(&operation, &body);
        let delay = self.delay;
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(delay).await;
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer.to_string())))
        })
    }
}

/// The answer to a DESCRIBE of a table with these dimensions.
pub(super) fn describe(dimensions: &[&str]) -> (u16, Value) {
    let mut rows: Vec<Value> =
        dimensions.iter().map(|name| row(&[Some(name), Some("varchar"), Some("DIMENSION")])).collect();
    rows.push(row(&[Some("measure_name"), Some("varchar"), Some("MEASURE_NAME")]));
    rows.push(row(&[Some("time"), Some("timestamp"), Some("TIMESTAMP")]));
    rows.push(row(&[Some("measure_value::double"), Some("double"), Some("MEASURE_VALUE")]));
    page(&["Column", "Type", "Timestream attribute type"], &rows, None)
}

/// A page of an answer.
pub(super) fn page(columns: &[&str], rows: &[Value], next_token: Option<&str>) -> (u16, Value) {
    let columns: Vec<Value> =
        columns.iter().map(|name| json!({"Name": name, "Type": {"ScalarType": "VARCHAR"}})).collect();
    let mut answer = json!({"QueryId": "q1", "ColumnInfo": columns, "Rows": rows});
    if let Some(token) = next_token {
        answer["NextToken"] = json!(token);
    }
    (200, answer)
}

/// A row of scalars and NULLs.
pub(super) fn row(values: &[Option<&str>]) -> Value {
    let data: Vec<Value> = values
        .iter()
        .map(|value| match value {
            Some(text) => json!({"ScalarValue": text}),
            None => json!({"NullValue": true}),
        })
        .collect();
    json!({"Data": data})
}

/// An exception.
pub(super) fn exception(status: u16, name: &str, message: &str) -> (u16, Value) {
    (status, json!({"__type": format!("com.amazonaws.timestream.v20181101#{name}"), "message": message}))
}
