//! The SDK clients of one caller.

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_timestreamquery as query;
use aws_sdk_timestreamwrite as write;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use tokio::sync::{Mutex, Semaphore};

use super::caller_keys::CallerId;
use super::counted_credentials::{CountedCredentials, LastCredentials};
use super::interceptors::{Discoveries, ReadyBody, UserAgent};
use super::prepared::{Learn, Learnt};
use super::service_error;
use super::settings::{ClientSettings, Endpoint};
use super::transport::WriteClient;
use crate::budget::Share;
use crate::error::{Error, Kind};
use crate::telemetry::Metrics;

/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the credentials of a caller's calls come from.
#[derive(Debug)]
pub(super) enum CallerCredentials {
    /// They never change.
    Fixed(SharedCredentialsProvider),
    /// The default AWS provider chain: environment, profile, web identity, container, instance.
    Environment,
}

/// The clients of one caller. They are made, and find their endpoint, on first use.
#[derive(Debug)]
pub struct CallerClients {
    id: CallerId,
    settings: Arc<ClientSettings>,
    http: SharedHttpClient,
    credentials: CallerCredentials,
    metrics: Arc<Metrics>,
    write: Mutex<Renewable<WriteClient>>,
    query: Mutex<Renewable<query::Client>>,
    /// The caller's share of the memory for writes.
    share: Arc<Share>,
    /// A permit for each WriteRecords call that may be under way.
    pub(super) slots: Semaphore,
}

/// A client that is replaced when Timestream says that its endpoint or its credentials are no longer valid.
#[derive(Debug)]
struct Renewable<C> {
    client: Option<C>,
    /// Grows with each client that is given up, so that many calls that fail at once give up only one client.
    generation: u64,
}

impl<C> Default for Renewable<C> {
    fn default() -> Self {
        Renewable { client: None, generation: 0 }
    }
}

impl<C> Renewable<C> {
    fn give_up(&mut self, generation: u64) {
        if self.generation == generation {
            self.client = None;
            self.generation += 1;
        }
    }
}

impl CallerClients {
    pub(super) fn new(
        id: CallerId,
        settings: Arc<ClientSettings>,
        http: SharedHttpClient,
        credentials: CallerCredentials,
        metrics: Arc<Metrics>,
    ) -> Self {
        let slots = Semaphore::new(settings.max_concurrent_calls);
        let (write, query, share) = (Mutex::default(), Mutex::default(), Arc::default());
        CallerClients { id, settings, http, credentials, metrics, write, query, share, slots }
    }

    /// Whose clients these are.
    pub fn id(&self) -> CallerId {
        self.id
    }

    /// The caller's share of the memory for writes; `None` if there are no other callers.
    pub fn share(&self) -> Option<&Arc<Share>> {
        (self.id != CallerId::EVERYONE).then_some(&self.share)
    }

    /// The access key that calls are signed with, which is no secret.
    ///
    /// # Errors
    /// The environment has no credentials, or they can't be loaded now.
    pub async fn access_key_id(&self) -> Result<String, Error> {
        let failed = |why: String| Error::new(Kind::NoCredentials, "CredentialsError", why);
        let config = self.config(LastCredentials::default()).await;
        let provider = config.credentials_provider().ok_or_else(|| failed("no credentials are configured".into()))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| failed(DisplayErrorContext(error).to_string()))?;
        Ok(credentials.access_key_id().to_owned())
    }

    /// The client for writes, its endpoint discovered, and its generation.
    ///
    /// # Errors
    /// What DescribeEndpoints answers.
    pub(crate) async fn write(&self) -> Result<(WriteClient, u64), Error> {
        let mut slot = self.write.lock().await;
        if let Some(client) = &slot.client {
            return Ok((client.clone(), slot.generation));
        }
        // Boxed: this is rare, and would make the future of every call many times as large.
        let client = Box::pin(self.new_write_client()).await?;
        slot.client = Some(client.clone());
        Ok((client, slot.generation))
    }

    async fn new_write_client(&self) -> Result<WriteClient, Error> {
        let credentials = LastCredentials::default();
        let config = self.config(credentials.clone()).await;
        let learnt = Arc::new(Learnt::default());
        let learn = Learn {
            learnt: Arc::clone(&learnt),
            credentials,
            region: self.settings.region.clone(),
            connect_timeout: CONNECT_TIMEOUT,
        };
        let mut config = write::config::Builder::from(&config)
            .timeout_config(timeouts(self.settings.write_call_timeout))
            .interceptor(UserAgent)
            .interceptor(Discoveries(self.metrics.endpoint_discoveries.clone()))
            .interceptor(ReadyBody)
            .interceptor(learn);
        config.set_endpoint_url(self.settings.write.url());
        let mut client = write::Client::from_conf(config.build());
        if let Endpoint::Discovered(_) = self.settings.write {
            let (discovered, reload) = discover(async move { client.with_endpoint_discovery_enabled().await }).await?;
            tokio::spawn(reload.reload_task());
            client = discovered;
        }
        Ok(WriteClient { sdk: client, learnt, timeout: self.settings.write_call_timeout })
    }

    /// The client for queries, its endpoint discovered, and its generation.
    ///
    /// # Errors
    /// What DescribeEndpoints answers.
    pub async fn query(&self) -> Result<(query::Client, u64), Error> {
        let mut slot = self.query.lock().await;
        if let Some(client) = &slot.client {
            return Ok((client.clone(), slot.generation));
        }
        let config = self.config(LastCredentials::default()).await;
        let mut config = query::config::Builder::from(&config)
            .timeout_config(timeouts(self.settings.query_call_timeout))
            .interceptor(UserAgent)
            .interceptor(Discoveries(self.metrics.endpoint_discoveries.clone()));
        config.set_endpoint_url(self.settings.query.url());
        let mut client = query::Client::from_conf(config.build());
        if let Endpoint::Discovered(_) = self.settings.query {
            let (discovered, reload) = discover(async move { client.with_endpoint_discovery_enabled().await }).await?;
            tokio::spawn(reload.reload_task());
            client = discovered;
        }
        slot.client = Some(client.clone());
        Ok((client, slot.generation))
    }

    /// Gives up the client for writes of `generation` if `error` says that its endpoint or its credentials are no
    /// longer valid and a new client may have others. Then it gives an error for which a retry may help.
    pub async fn renew_write(&self, generation: u64, error: Error) -> Error {
        if !self.is_outdated(&error) {
            return error;
        }
        self.write.lock().await.give_up(generation);
        if error.kind().is_retryable() {
            return error;
        }
        error.as_kind(Kind::Unavailable)
    }

    /// The same for the client for queries. Says whether a new client may help.
    pub async fn renew_query(&self, generation: u64, error: &Error) -> bool {
        let outdated = self.is_outdated(error);
        if outdated {
            self.query.lock().await.give_up(generation);
        }
        outdated
    }

    /// Whether `error` says that Timestream has moved the account to another endpoint, or that credentials of the
    /// environment are no longer valid, so that the environment may have new ones.
    fn is_outdated(&self, error: &Error) -> bool {
        match error.kind() {
            Kind::Moved => true,
            Kind::CredentialsExpired => matches!(self.credentials, CallerCredentials::Environment),
            _ => false,
        }
    }

    /// The SDK's configuration: without retries (the connector has its own), with the shared HTTP client. The SDK does
    /// not cache credentials that never change. Credentials that are loaded are remembered in `last`.
    async fn config(&self, last: LastCredentials) -> SdkConfig {
        let region = Region::new(self.settings.region.clone());
        let config = match &self.credentials {
            CallerCredentials::Fixed(provider) => SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(region)
                .http_client(self.http.clone())
                .credentials_provider(SharedCredentialsProvider::new(CountedCredentials::new(
                    provider.clone(),
                    None,
                    last,
                )))
                .identity_cache(aws_config::identity::IdentityCache::no_cache())
                .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
                    aws_smithy_async::rt::sleep::TokioSleep::new(),
                ))
                .time_source(aws_smithy_async::time::SharedTimeSource::default())
                .build(),
            CallerCredentials::Environment => {
                let config = aws_config::defaults(BehaviorVersion::latest()).region(region);
                let config = config.http_client(self.http.clone()).load().await;
                let Some(provider) = config.credentials_provider() else { return without_retries(config) };
                let counted = CountedCredentials::new(provider, Some(self.metrics.credential_refreshes.clone()), last);
                config.into_builder().credentials_provider(SharedCredentialsProvider::new(counted)).build()
            }
        };
        without_retries(config)
    }
}

impl Endpoint {
    fn url(&self) -> Option<String> {
        match self {
            Endpoint::Fixed(url) => Some(url.clone()),
            Endpoint::Discovered(url) => url.clone(),
        }
    }
}

fn without_retries(config: SdkConfig) -> SdkConfig {
    // A call is small and has a time limit as a whole, so watching the speed of its bodies gains nothing.
    let unwatched = StalledStreamProtectionConfig::disabled();
    config.into_builder().retry_config(RetryConfig::disabled()).stalled_stream_protection(unwatched).build()
}

fn timeouts(call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // There is only one attempt, so separate limits for the attempt and its answer would be the same.
        .operation_timeout(call)
        .build()
}

/// Discovers an endpoint. Gives the client that uses it, and the task that keeps it fresh: the caller spawns the task,
/// and it ends with the client. The SDK's resolver checks the expiry only in this task.
async fn discover<C, R>(
    discovery: impl Future<Output = Result<(C, R), BoxError>> + Send + 'static,
) -> Result<(C, R), Error>
where
    C: Send + 'static,
    R: Send + 'static,
{
    // In a task of its own, because the SDK panics when Timestream names no endpoint.
    let discovered = tokio::spawn(discovery).await;
    let discovered = discovered
        .map_err(|_| Error::new(Kind::Unavailable, "EndpointDiscoveryError", "Timestream named no endpoint"))?;
    discovered.map_err(|error| service_error::from_discovery(&*error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_output_shows_a_key() {
        assert!(!format!("{:?}", CallerClients::for_tests()).contains("hidden"));
    }

    #[tokio::test]
    async fn many_calls_that_fail_at_once_give_up_one_client_only() {
        let clients = CallerClients::for_tests();
        let moved = || Error::new(Kind::Moved, "InvalidEndpointException", "moved");
        let (_, first) = clients.write().await.unwrap();
        assert!(clients.renew_write(first, moved()).await.kind().is_retryable());
        let (_, second) = clients.write().await.unwrap();
        clients.renew_write(first, moved()).await;
        let (_, third) = clients.write().await.unwrap();
        assert_eq!((first, second, third), (0, 1, 1));
    }

    #[tokio::test]
    async fn the_expired_keys_of_a_caller_are_refused_and_not_renewed() {
        let clients = CallerClients::for_tests();
        let (_, generation) = clients.write().await.unwrap();
        let expired = Error::new(Kind::CredentialsExpired, "ExpiredTokenException", "expired");
        assert_eq!(clients.renew_write(generation, expired).await.kind(), Kind::CredentialsExpired);
        assert_eq!(clients.write().await.unwrap().1, generation);
    }
}
