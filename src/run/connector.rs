//! Builds the connector: the rooms that a request passes. They are the same in the daemon and in AWS Lambda.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::batcher::{self, BatcherThread};
use crate::budget::{Budget, Limit};
use crate::door::Door;
use crate::error::{Error, Kind};
use crate::http::places::Places;
use crate::ingest::write::Writer;
use crate::options::Options;
use crate::paths::Paths;
use crate::query::with_points;
use crate::routes::Routes;
use crate::routes::admin::{Admin, AdminSettings};
use crate::routes::page::{Page, PageSettings};
use crate::routes::read::ReadHandler;
use crate::sink::Sink;
use crate::sink::clients::{self, Clients};
use crate::sink::settings::CredentialsSource;
use crate::telemetry::Metrics;
use crate::telemetry::health::Readiness;
use crate::telemetry::rate_limit::RateLimit;

/// Everything that answers requests, and the ways to end it.
pub(crate) struct Connector {
    pub(crate) routes: Arc<Routes>,
    /// Ends when the routes are dropped.
    pub(crate) batcher: BatcherThread,
    /// Cancelled to answer all requests in flight with 503.
    pub(crate) abandon: CancellationToken,
    /// Cancelled when a request stops the program, as the `fail-on-…` options say.
    pub(crate) fatal: CancellationToken,
}

impl Connector {
    /// Builds the rooms. Nothing is sent to Timestream before the first request.
    ///
    /// # Errors
    /// The system can't start a thread.
    pub(crate) fn build(
        options: &Options,
        clients: Arc<Clients>,
        door: Door,
        metrics: Arc<Metrics>,
        readiness: Readiness,
    ) -> Result<Self, Error> {
        let abandon = CancellationToken::new();
        let destination = &options.destination;
        let sink = Sink::new(options.sink, destination.clone(), Handle::current(), metrics.clone(), abandon.clone());
        let (queue, batcher) =
            batcher::start(options.batcher, sink).map_err(|error| start_error("can't start the batcher", &error))?;
        metrics.queue_limit.set(options.batcher.queue_capacity as f64);
        let budget = Budget::new(Limit::new("--write.memory-limit", options.write_memory_limit));
        let fatal = CancellationToken::new();
        let admin = Admin::new(admin(options), door.clone(), readiness.clone(), budget.clone(), queue.clone());
        let page = Page::new(page(options), metrics.clone(), readiness.clone(), queue.clone(), budget.clone());
        let reader = ReadHandler::new(
            options.read,
            options.web.body,
            destination.clone(),
            metrics.read.clone(),
            abandon.clone(),
            options.write.ha.as_ref().map(|ha| ha.replica_label.clone()),
        );
        let routes = Routes {
            door,
            admin,
            writer: Writer::new(options.write.clone(), budget.clone(), queue.clone(), metrics.clone()),
            reader,
            clients,
            metrics,
            paths: Paths::new(options.web.telemetry_path.clone(), options.embedded.is_some()),
            readiness,
            budget,
            queue,
            read_failures: RateLimit::default(),
            refused_content: RateLimit::default(),
            page: Arc::new(page),
            places: Places::default(),
            fatal: fatal.clone(),
        };
        Ok(Connector { routes: Arc::new(routes), batcher, abandon, fatal })
    }
}

fn admin(options: &Options) -> AdminSettings {
    AdminSettings {
        flags: options.flags.clone(),
        may_change: options.web.enable_lifecycle,
        logs: options.log.enabled,
        queue_limit: options.batcher.queue_capacity,
    }
}

fn page(options: &Options) -> PageSettings {
    PageSettings {
        destination: options.destination.clone(),
        region: options.embedded.is_none().then(|| options.clients.region.clone()),
        telemetry_path: options.web.telemetry_path.clone(),
        callers_bring_keys: takes_keys(options),
    }
}

/// The clients for Timestream that `options` describe.
pub(crate) fn clients(options: &Options, metrics: Arc<Metrics>) -> Arc<Clients> {
    clients_over(clients::http_client(), options, metrics)
}

/// The same over an HTTP client.
pub(super) fn clients_over(http: SharedHttpClient, options: &Options, metrics: Arc<Metrics>) -> Arc<Clients> {
    Arc::new(Clients::new(options.clients.clone(), credentials(options), with_points(http), metrics))
}

/// The source of the credentials for calls.
fn credentials(options: &Options) -> CredentialsSource {
    if options.embedded.is_some() {
        // The embedded Timestream checks no signature, but the SDK needs keys to sign.
        let fixed = Credentials::new("embedded", "embedded", None, None, "Embedded");
        return CredentialsSource::Fixed(SharedCredentialsProvider::new(fixed));
    }
    if options.enable_sigv4_auth { CredentialsSource::Environment } else { CredentialsSource::Callers }
}

/// Whether the basic auth of a request carries the AWS keys for its calls.
pub(crate) fn takes_keys(options: &Options) -> bool {
    matches!(credentials(options), CredentialsSource::Callers)
}

/// An error that ends the start.
pub(crate) fn start_error(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Unavailable, "StartError", format!("{what}: {error}"))
}
