//! The clients of all callers: one pair per caller, in a bounded cache, over one shared HTTP client.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use moka::sync::Cache;
use tokio_util::sync::CancellationToken;

use super::caller_clients::{CallerClients, CallerCredentials};
use super::caller_keys::{CallerId, CallerKeys};
use super::settings::{ClientSettings, CredentialsSource};
use crate::telemetry::Metrics;

/// Callers whose clients are kept. A client is about 17 KB.
const MAX_CALLERS: u64 = 1024;
/// How long the clients, and so the keys, of a caller are kept after its last request.
const IDLE_TIME: Duration = Duration::from_secs(15 * 60);
/// How often clients that were idle for so long are dropped. The cache does it only when it is used, and frees what it has
/// dropped two or three times later.
const LOOK: Duration = Duration::from_secs(20);
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

    /// Drops the clients of idle callers, also if no other ones come, until `stop` is cancelled.
    pub(crate) async fn drop_idle(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            self.callers.run_pending_tasks();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_keys_of_an_idle_caller_go_although_nobody_else_comes() {
        let idle = Duration::from_millis(20);
        let settings = ClientSettings::at("http://127.0.0.1:1");
        let mut clients = Clients::new(settings, CredentialsSource::Callers, http_client(), Arc::default());
        clients.callers = Cache::builder().time_to_idle(idle).build();
        let clients = Arc::new(clients);
        let caller = Arc::downgrade(&clients.of_caller(CallerKeys::new("test", "hidden", None)));
        let stop = CancellationToken::new();
        let dropping = tokio::spawn(clients.drop_idle(stop.clone()));
        // The cache has a clock of its own.
        std::thread::sleep(2 * idle);
        assert!(caller.upgrade().is_some());
        let mut looks = 0;
        while caller.upgrade().is_some() {
            assert!(looks < 5);
            tokio::time::sleep(LOOK).await;
            looks += 1;
        }
        stop.cancel();
        dropping.await.unwrap();
    }
}
