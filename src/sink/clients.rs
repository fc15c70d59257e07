//! SDK clients: one pair per caller, in a bounded cache, over one shared HTTP client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_timestreamquery as query;
use aws_sdk_timestreamwrite as write;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use moka::sync::Cache;
use ring::digest;
use tokio::sync::{Mutex, Semaphore};

use super::interceptors::UserAgent;
use super::service_error;
use crate::error::{Error, Kind};

/// Callers whose clients are kept. A client is about 17 KB.
const MAX_CALLERS: u64 = 1024;
/// How long the clients, and so the keys, of a caller are kept after its last request.
const IDLE_TIME: Duration = Duration::from_secs(15 * 60);
/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections kept for the next call.
const MAX_IDLE_CONNECTIONS: usize = 512;

/// Tells callers apart: a digest of their keys, which gives none of them away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerId([u8; 32]);

impl CallerId {
    /// The digest.
    pub fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerId(..)")
    }
}

/// The AWS keys that a request brought.
pub struct CallerKeys {
    id: CallerId,
    credentials: Credentials,
}

impl CallerKeys {
    /// Keys, with the session token of temporary ones.
    pub fn new(access_key: &str, secret_key: &str, session_token: Option<&str>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [access_key, secret_key, session_token.unwrap_or_default()] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut id = [0; 32];
        id.copy_from_slice(context.finish().as_ref());
        let credentials =
            Credentials::new(access_key, secret_key, session_token.map(str::to_owned), None, "CallerBasicAuth");
        CallerKeys { id: CallerId(id), credentials }
    }

    /// The caller that has these keys.
    pub fn id(&self) -> CallerId {
        self.id
    }
}

impl fmt::Debug for CallerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerKeys(..)")
    }
}

/// How to reach Timestream.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The signing region.
    pub region: String,
    /// A fixed endpoint for writes; endpoint discovery where there is none.
    pub write_endpoint: Option<String>,
    /// A fixed endpoint for queries; endpoint discovery where there is none.
    pub query_endpoint: Option<String>,
    /// How long one attempt of a WriteRecords call may take.
    pub write_call_timeout: Duration,
    /// How long one page of a query may take.
    pub query_call_timeout: Duration,
    /// WriteRecords calls of one caller under way at once.
    pub max_concurrent_calls: usize,
}

/// Whose credentials calls are made with.
#[derive(Debug, Clone)]
pub enum CredentialsSource {
    /// Each request brings its own.
    Callers,
    /// The same for all: those of the environment, or of the embedded Timestream.
    Fixed(SharedCredentialsProvider),
}

/// The HTTP client that all calls to AWS share, those for credentials too.
pub fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .build_https()
}

/// The clients of all callers.
#[derive(Debug)]
pub struct Clients {
    settings: ClientSettings,
    http: SharedHttpClient,
    callers: Cache<CallerId, Arc<CallerClients>>,
    fixed: Option<Arc<CallerClients>>,
}

impl Clients {
    /// Clients for `source`, over one HTTP client.
    pub fn new(settings: ClientSettings, source: CredentialsSource, http: SharedHttpClient) -> Self {
        let fixed = match source {
            CredentialsSource::Callers => None,
            CredentialsSource::Fixed(provider) => {
                let id = CallerId([0; 32]);
                Some(Arc::new(CallerClients::new(id, &settings, sdk_config(&settings, &http, provider, true))))
            }
        };
        let callers = Cache::builder().max_capacity(MAX_CALLERS).time_to_idle(IDLE_TIME).build();
        Clients { settings, http, callers, fixed }
    }

    /// The clients that serve every request, where requests bring no keys.
    pub fn fixed(&self) -> Option<&Arc<CallerClients>> {
        self.fixed.as_ref()
    }

    /// The clients of the caller with these keys.
    pub fn of_caller(&self, keys: CallerKeys) -> Arc<CallerClients> {
        let CallerKeys { id, credentials } = keys;
        self.callers.get_with(id, || {
            let provider = SharedCredentialsProvider::new(credentials);
            Arc::new(CallerClients::new(id, &self.settings, sdk_config(&self.settings, &self.http, provider, false)))
        })
    }
}

/// The SDK's configuration: no retries (they are ours), time-outs on every call. Credentials that never change are not
/// cached again by the SDK.
fn sdk_config(
    settings: &ClientSettings,
    http: &SharedHttpClient,
    provider: SharedCredentialsProvider,
    expiring: bool,
) -> SdkConfig {
    let builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .http_client(http.clone())
        .retry_config(RetryConfig::disabled())
        .credentials_provider(provider)
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(aws_smithy_async::rt::sleep::TokioSleep::new()))
        .time_source(aws_smithy_async::time::SharedTimeSource::default())
        .identity_cache(if expiring {
            aws_config::identity::IdentityCache::lazy().build()
        } else {
            aws_config::identity::IdentityCache::no_cache()
        });
    builder.build()
}

fn timeouts(call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(call)
        .operation_attempt_timeout(call)
        .operation_timeout(call)
        .build()
}

/// The clients of one caller. They resolve their endpoint on first use.
#[derive(Debug)]
pub struct CallerClients {
    id: CallerId,
    write: Mutex<Option<write::Client>>,
    query: Mutex<Option<query::Client>>,
    write_undiscovered: write::Client,
    query_undiscovered: query::Client,
    discover_write: bool,
    discover_query: bool,
    /// A permit for each WriteRecords call that may be under way.
    pub(super) slots: Semaphore,
}

impl CallerClients {
    fn new(id: CallerId, settings: &ClientSettings, config: SdkConfig) -> Self {
        let mut write_config = write::config::Builder::from(&config)
            .timeout_config(timeouts(settings.write_call_timeout))
            .interceptor(UserAgent);
        write_config.set_endpoint_url(settings.write_endpoint.clone());
        let mut query_config = query::config::Builder::from(&config)
            .timeout_config(timeouts(settings.query_call_timeout))
            .interceptor(UserAgent);
        query_config.set_endpoint_url(settings.query_endpoint.clone());
        CallerClients {
            id,
            write: Mutex::new(None),
            query: Mutex::new(None),
            write_undiscovered: write::Client::from_conf(write_config.build()),
            query_undiscovered: query::Client::from_conf(query_config.build()),
            discover_write: settings.write_endpoint.is_none(),
            discover_query: settings.query_endpoint.is_none(),
            slots: Semaphore::new(settings.max_concurrent_calls),
        }
    }

    /// Whose clients these are.
    pub fn id(&self) -> CallerId {
        self.id
    }

    /// The client for writes, its endpoint discovered.
    ///
    /// # Errors
    /// What DescribeEndpoints answers.
    pub async fn write(&self) -> Result<write::Client, Error> {
        if !self.discover_write {
            return Ok(self.write_undiscovered.clone());
        }
        let mut write = self.write.lock().await;
        if let Some(client) = &*write {
            return Ok(client.clone());
        }
        let client = self.write_undiscovered.clone();
        // In a task of its own, because the SDK panics when Timestream names no endpoint.
        let discovered = tokio::spawn(async move { client.with_endpoint_discovery_enabled().await }).await;
        let (client, reload) = discovered.map_err(no_endpoint)?.map_err(|e| service_error::from_discovery(&*e))?;
        // The SDK's resolver looks at the expiry only in this task, which ends with the client.
        tokio::spawn(reload.reload_task());
        Ok(write.insert(client).clone())
    }

    /// The client for queries, its endpoint discovered.
    ///
    /// # Errors
    /// What DescribeEndpoints answers.
    pub async fn query(&self) -> Result<query::Client, Error> {
        if !self.discover_query {
            return Ok(self.query_undiscovered.clone());
        }
        let mut query = self.query.lock().await;
        if let Some(client) = &*query {
            return Ok(client.clone());
        }
        let client = self.query_undiscovered.clone();
        let discovered = tokio::spawn(async move { client.with_endpoint_discovery_enabled().await }).await;
        let (client, reload) = discovered.map_err(no_endpoint)?.map_err(|e| service_error::from_discovery(&*e))?;
        tokio::spawn(reload.reload_task());
        Ok(query.insert(client).clone())
    }

    /// Forgets the discovered endpoint for writes: Timestream says that it is no longer the right one.
    pub async fn forget_write_endpoint(&self) {
        *self.write.lock().await = None;
    }

    /// Forgets the discovered endpoint for queries.
    pub async fn forget_query_endpoint(&self) {
        *self.query.lock().await = None;
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Arc<Self> {
        let settings = ClientSettings {
            region: "us-east-1".into(),
            write_endpoint: Some("http://127.0.0.1:1".into()),
            query_endpoint: Some("http://127.0.0.1:1".into()),
            write_call_timeout: Duration::from_secs(1),
            query_call_timeout: Duration::from_secs(1),
            max_concurrent_calls: 1,
        };
        Clients::new(settings, CredentialsSource::Callers, http_client())
            .of_caller(CallerKeys::new("test", "test", None))
    }
}

fn no_endpoint(_: tokio::task::JoinError) -> Error {
    Error::new(Kind::Unavailable, "EndpointDiscoveryError", "Timestream named no endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_differ_by_each_part_of_their_keys() {
        let keys = [("a", "bc", None), ("ab", "c", None), ("a", "b", Some("c")), ("a", "bc", Some("t"))];
        let mut ids: Vec<_> = keys.iter().map(|(a, s, t)| CallerKeys::new(a, s, *t).id()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), keys.len());
    }

    #[test]
    fn no_debug_output_shows_a_key() {
        let keys = CallerKeys::new("AKIAEXAMPLE", "hidden-secret", Some("hidden-token"));
        let shown = format!("{keys:?} {:?}", keys.id());
        let settings = CallerClients::for_tests();
        for secret in ["AKIAEXAMPLE", "hidden"] {
            assert!(!shown.contains(secret));
        }
        assert!(!format!("{settings:?}").contains("hidden"));
    }
}
