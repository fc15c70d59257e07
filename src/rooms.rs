//! The rooms that a request passes, built once: the same ones behind the daemon's listener and in AWS Lambda.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::batcher;
use crate::budget::{Budget, Limit};
use crate::error::{Error, Kind};
use crate::held::Places;
use crate::ingest::body::BodyLimits;
use crate::ingest::validate::Policy;
use crate::ingest::write::{WriteSettings, Writer};
use crate::options::Options;
use crate::page::Page;
use crate::read::ReadHandler;
use crate::routes::Routes;
use crate::sink::clients::{self, ClientSettings, Clients, CredentialsSource};
use crate::sink::{Sink, SinkSettings};
use crate::telemetry::Metrics;
use crate::telemetry::health::Readiness;
use crate::telemetry::rate_limit::RateLimit;
use crate::web_config::Door;

/// How long one page of a query may take.
const QUERY_CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// All that answers requests, and what ends it.
pub(crate) struct Rooms {
    pub(crate) routes: Arc<Routes>,
    /// Ends when the routes are dropped.
    pub(crate) batcher: JoinHandle<()>,
    /// Cancelled to answer what is in flight 503.
    pub(crate) abandon: CancellationToken,
    /// Cancelled when a request stops the program, as `fail-on-…` options ask.
    pub(crate) fatal: CancellationToken,
}

impl Rooms {
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
        let sink_settings = SinkSettings {
            database: options.destination.database.clone(),
            table: options.destination.table.clone(),
            max_retries: options.max_write_retries,
        };
        let sink = Sink::new(sink_settings, Handle::current(), metrics.clone(), abandon.clone());
        let (queue, batcher) = batcher::start(options.write.queue_capacity, options.write.linger, sink)
            .map_err(|error| start_error("can't start the batcher", &error))?;
        metrics.queue_limit.set(options.write.queue_capacity as f64);
        let budget = Budget::new(Limit::new("--write.memory-limit", options.write.memory_limit_bytes));
        let limits = BodyLimits {
            max_body_bytes: Limit::new("--web.max-body-bytes", options.web.max_body_bytes),
            max_decoded_bytes: Limit::new("--web.max-decoded-bytes", options.web.max_decoded_bytes),
            read_timeout: options.web.server.read_timeout,
        };
        let policy = Policy {
            fail_on_long_label: options.fail_on_long_label,
            fail_on_invalid_sample_value: options.fail_on_invalid_sample_value,
            max_labels: options.write.max_labels,
        };
        let (max_series, native_histograms) = (options.write.max_series, options.native_histograms);
        let write = WriteSettings { limits, policy, max_series, native_histograms, timeout: options.write.timeout };
        let fatal = CancellationToken::new();
        let admin = Admin::new(options, door.clone(), readiness.clone(), budget.clone(), queue.clone());
        let page = Page::new(options, metrics.clone(), readiness.clone(), queue.clone(), budget.clone());
        let routes = Routes {
            door,
            admin,
            writer: Writer::new(write, budget.clone(), queue.clone(), metrics.clone()),
            reader: ReadHandler::new(options, limits, &metrics, abandon.clone()),
            clients,
            metrics,
            telemetry_path: options.web.telemetry_path.clone(),
            readiness,
            budget,
            queue,
            read_failures: RateLimit::default(),
            page: Arc::new(page),
            places: Places::default(),
            fatal: fatal.clone(),
        };
        Ok(Rooms { routes: Arc::new(routes), batcher, abandon, fatal })
    }
}

/// The clients for Timestream that `options` describe.
pub(crate) fn clients(options: &Options, metrics: Arc<Metrics>) -> Arc<Clients> {
    let settings = ClientSettings {
        region: options.region.clone(),
        write: options.write_endpoint.clone(),
        query: options.query_endpoint.clone(),
        write_call_timeout: options.write.call_timeout,
        query_call_timeout: QUERY_CALL_TIMEOUT.min(options.read.timeout),
        max_concurrent_calls: options.write.max_concurrent_calls,
    };
    Arc::new(Clients::new(settings, credentials(options), clients::http_client(), metrics))
}

/// Whose credentials calls are made with.
fn credentials(options: &Options) -> CredentialsSource {
    if options.embedded.is_some() {
        // The embedded Timestream checks no signature; the SDK signs all the same.
        let fixed = Credentials::new("embedded", "embedded", None, None, "Embedded");
        return CredentialsSource::Fixed(SharedCredentialsProvider::new(fixed));
    }
    if options.enable_sigv4_auth { CredentialsSource::Environment } else { CredentialsSource::Callers }
}

/// Whether the basic auth of a request carries the keys that its calls are made with.
pub(crate) fn takes_keys(options: &Options) -> bool {
    matches!(credentials(options), CredentialsSource::Callers)
}

/// An error that ends the start.
pub(crate) fn start_error(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Unavailable, "StartError", format!("{what}: {error}"))
}
