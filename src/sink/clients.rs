//! The clients of all callers: one pair per caller, in a bounded cache, over one shared HTTP client.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use moka::sync::Cache;

use super::caller_clients::{CallerClients, CallerCredentials};
use super::caller_keys::{CallerId, CallerKeys};
use super::settings::{ClientSettings, CredentialsSource};
use crate::telemetry::Metrics;

/// Callers whose clients are kept. A client is about 17 KB.
const MAX_CALLERS: u64 = 1024;
/// How long the clients, and so the keys, of a caller are kept after its last request.
const IDLE_TIME: Duration = Duration::from_secs(15 * 60);
/// Idle connections kept for the next call.
const MAX_IDLE_CONNECTIONS: usize = 512;

/// The HTTP client that all calls to AWS share, also those for credentials.
pub fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .build_https()
}

/// The clients of all callers.
#[derive(Debug)]
pub struct Clients {
    settings: Arc<ClientSettings>,
    http: SharedHttpClient,
    callers: Cache<CallerId, Arc<CallerClients>>,
    everyone: Option<Arc<CallerClients>>,
    metrics: Arc<Metrics>,
}

impl Clients {
    /// Clients for `source`, over one HTTP client.
    pub fn new(
        settings: ClientSettings,
        source: CredentialsSource,
        http: SharedHttpClient,
        metrics: Arc<Metrics>,
    ) -> Self {
        let settings = Arc::new(settings);
        let credentials = match source {
            CredentialsSource::Callers => None,
            CredentialsSource::Fixed(provider) => Some(CallerCredentials::Fixed(provider)),
            CredentialsSource::Environment => Some(CallerCredentials::Environment),
        };
        let everyone = credentials.map(|credentials| {
            Arc::new(CallerClients::new(
                CallerId::EVERYONE,
                settings.clone(),
                http.clone(),
                credentials,
                metrics.clone(),
            ))
        });
        let callers = Cache::builder().max_capacity(MAX_CALLERS).time_to_idle(IDLE_TIME).build();
        Clients { settings, http, callers, everyone, metrics }
    }

    /// The clients for every request, if requests bring no keys.
    pub fn fixed(&self) -> Option<&Arc<CallerClients>> {
        self.everyone.as_ref()
    }

    /// The clients of the caller with these keys.
    pub fn of_caller(&self, keys: CallerKeys) -> Arc<CallerClients> {
        let id = keys.id();
        self.callers.get_with(id, || {
            let credentials = CallerCredentials::Fixed(SharedCredentialsProvider::new(keys.credentials));
            let (settings, http, metrics) = (self.settings.clone(), self.http.clone(), self.metrics.clone());
            Arc::new(CallerClients::new(id, settings, http, credentials, metrics))
        })
    }
}

#[cfg(test)]
impl CallerClients {
    /// Clients whose calls go nowhere.
    pub(crate) fn for_tests() -> Arc<Self> {
        let settings = ClientSettings::at("http://127.0.0.1:1");
        Clients::new(settings, CredentialsSource::Callers, http_client(), Arc::default())
            .of_caller(CallerKeys::new("test", "hidden", None))
    }

    /// The same, where all requests use the same keys.
    pub(crate) fn of_everyone() -> Arc<Self> {
        let settings = ClientSettings::at("http://127.0.0.1:1");
        let credentials = aws_credential_types::Credentials::new("test", "hidden", None, None, "test");
        let source = CredentialsSource::Fixed(SharedCredentialsProvider::new(credentials));
        let clients = Clients::new(settings, source, http_client(), Arc::default());
        clients.fixed().unwrap().clone()
    }
}
