//! A server in this process, and SDK clients of it.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_timestreamquery as query;
use aws_sdk_timestreamwrite as write;
use aws_sdk_timestreamwrite::types::{Dimension, MagneticStoreWriteProperties, Record, RetentionProperties, TimeUnit};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use timestream_local::{Config, Fault, Faults, Often, Server};

pub use crate::scratch::Scratch;

/// How long a test waits for anything. Only a failure waits so long.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running server with a database `db1`, and clients that do not retry.
pub struct Running {
    pub server: Server,
    pub write: write::Client,
    pub query: query::Client,
    _scratch: Scratch,
}

impl Running {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let scratch = Scratch::new();
        let mut config = Config::new(scratch.path().join("data"), "127.0.0.1:0".parse().unwrap());
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        let endpoint = format!("http://{}", server.local_addr());
        let (write, query) = clients(&endpoint, &keys("any", "any"));
        Running { server, write, query, _scratch: scratch }
    }

    /// Makes the table `db1.metrics`.
    pub async fn table(self) -> Self {
        make_table(&self.write).await;
        self
    }

    /// A WriteRecords call to `db1.metrics`.
    pub fn records(
        &self,
        records: impl IntoIterator<Item = Record>,
    ) -> write::operation::write_records::builders::WriteRecordsFluentBuilder {
        let records = records.into_iter().collect();
        self.write.write_records().database_name("db1").table_name("metrics").set_records(Some(records))
    }

    /// Counts the calls that come from now on, and makes no faults.
    pub fn count_calls(&self) {
        self.server.faults().set(Faults::default().with_delay(Duration::ZERO, Often::Rate(1.0)));
    }

    /// Waits until so many of the counted calls have come.
    pub async fn calls_come(&self, count: u64) {
        let come = async {
            while self.server.faults().made(Fault::Delay) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, come).await.unwrap();
    }

    /// The rows of a query.
    pub async fn rows(&self, text: &str) -> Vec<String> {
        rows(&self.query, text).await
    }
}

/// Makes the table `db1.metrics`, which keeps all it can in the memory store and takes late records.
pub async fn make_table(write: &write::Client) {
    write.create_database().database_name("db1").send().await.unwrap();
    let retention = RetentionProperties::builder()
        .memory_store_retention_period_in_hours(8766)
        .magnetic_store_retention_period_in_days(73_000);
    let late = MagneticStoreWriteProperties::builder().enable_magnetic_store_writes(true);
    let table = write.create_table().database_name("db1").table_name("metrics");
    let table = table.retention_properties(retention.build().unwrap());
    table.magnetic_store_write_properties(late.build().unwrap()).send().await.unwrap();
}

/// The rows of a query as text, NULL as "-", columns joined with a space.
pub async fn rows(client: &query::Client, text: &str) -> Vec<String> {
    let (mut rows, mut token) = (Vec::new(), None);
    loop {
        let page = client.query().query_string(text).set_next_token(token).send().await.unwrap();
        rows.extend(page.rows().iter().map(|row| {
            let cells = row.data().iter().map(|cell| cell.scalar_value().unwrap_or("-"));
            cells.collect::<Vec<_>>().join(" ")
        }));
        token = page.next_token;
        if token.is_none() {
            return rows;
        }
    }
}

/// Credentials to sign with.
pub fn keys(access_key: &str, secret_key: &str) -> Credentials {
    Credentials::new(access_key, secret_key, None, None, "test")
}

/// Clients of an endpoint.
pub fn clients(endpoint: &str, credentials: &Credentials) -> (write::Client, query::Client) {
    trusting_clients(endpoint, credentials, None)
}

/// Clients of an endpoint that trust a certificate, and it alone.
pub fn trusting_clients(
    endpoint: &str,
    credentials: &Credentials,
    certificate: Option<&str>,
) -> (write::Client, query::Client) {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let http = match certificate {
        None => http.build_https(),
        Some(pem) => {
            let trust = TrustStore::empty().with_pem_certificate(pem.as_bytes());
            http.tls_context(TlsContext::builder().with_trust_store(trust).build().unwrap()).build_https()
        }
    };
    let write = write::Config::builder()
        .behavior_version_latest()
        .region(write::config::Region::new("us-east-1"))
        .credentials_provider(credentials.clone())
        .retry_config(RetryConfig::disabled())
        .http_client(http.clone())
        .sleep_impl(TokioSleep::new())
        .endpoint_url(endpoint)
        .build();
    let query = query::Config::builder()
        .behavior_version_latest()
        .region(query::config::Region::new("us-east-1"))
        .credentials_provider(credentials.clone())
        .retry_config(RetryConfig::disabled())
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .endpoint_url(endpoint)
        .build();
    (write::Client::from_conf(write), query::Client::from_conf(query))
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// A dimension.
pub fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build().unwrap()
}

/// A record of the measure `m` of a host, now less `age` milliseconds.
pub fn record(host: &str, value: f64, age: i64) -> Record {
    Record::builder()
        .dimensions(dimension("host", host))
        .measure_name("m")
        .measure_value(value.to_string())
        .time((now_ms() - age).to_string())
        .time_unit(TimeUnit::Milliseconds)
        .build()
}
