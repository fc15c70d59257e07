//! Builds the rooms, runs until a signal, and drains.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::batcher;
use crate::budget::Budget;
use crate::error::{Error, Kind};
use crate::ingest::body::BodyLimits;
use crate::ingest::server;
use crate::ingest::validate::Policy;
use crate::ingest::write::{WriteSettings, Writer};
use crate::options::Options;
use crate::probe;
use crate::read::ReadHandler;
use crate::routes::{Routes, RoutesService};
use crate::sink::clients::{self, ClientSettings, Clients, CredentialsSource};
use crate::sink::{Sink, SinkSettings};
use crate::telemetry::Metrics;
use crate::telemetry::health::Readiness;
use crate::web_config::{self, Reloader, Sources};

/// How long answers that say 503 may take to leave once the grace period is over.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// How long one page of a query may take.
const QUERY_CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A connector that listens.
pub struct Daemon {
    options: Options,
    listener: TcpListener,
    address: SocketAddr,
    tls: watch::Receiver<Option<TlsAcceptor>>,
    reloader: Reloader,
    hangup: Signal,
    routes: Arc<Routes>,
    readiness: Readiness,
    abandon: CancellationToken,
    fatal: CancellationToken,
    batcher: JoinHandle<()>,
    #[cfg(feature = "embedded")]
    embedded: Option<timestream_local::Server>,
}

impl Daemon {
    /// Starts all rooms. When it returns, the connector listens; it answers once [`Daemon::run`] is called.
    ///
    /// # Errors
    /// An address in use, a certificate that can't be read, the embedded Timestream's data in use, and the like.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let starting = Readiness::default();
        let metrics = Arc::new(Metrics::new());
        let hangup = signal(SignalKind::hangup()).map_err(|error| start_error("can't wait for SIGHUP", &error))?;
        let sources = Sources { config_file: options.web.config_file.clone(), tls: options.web.tls.clone() };
        let pass_through = matches!(credentials(&options), CredentialsSource::Callers);
        let (door, tls, reloader) = web_config::open(sources, pass_through, metrics.clone())?;
        let address = &options.web.listen_address;
        let listener =
            server::listen(address).await.map_err(|e| start_error(&format!("can't listen on {address}"), &e))?;
        let local = listener.local_addr().map_err(|error| start_error("no local address", &error))?;

        #[cfg(feature = "embedded")]
        let (options, embedded) = crate::embedded::start(options).await?;
        #[cfg(not(feature = "embedded"))]
        if options.embedded.is_some() {
            let message = "this binary was built without the embedded Timestream";
            return Err(Error::invalid("ParseOptionError", message));
        }

        let http = clients::http_client();
        let clients = Arc::new(Clients::new(client_settings(&options), credentials(&options), http));
        #[cfg(feature = "embedded")]
        if embedded.is_some() {
            crate::embedded::create_table(&clients, &options.destination).await?;
        }
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
        let budget = Budget::new(options.write.memory_limit_bytes);
        let limits = BodyLimits {
            max_body_bytes: options.web.max_body_bytes,
            max_decoded_bytes: options.web.max_decoded_bytes,
            read_timeout: options.web.server.read_timeout,
        };
        let policy = Policy {
            fail_on_long_label: options.fail_on_long_label,
            fail_on_invalid_sample_value: options.fail_on_invalid_sample_value,
            max_labels: options.write.max_labels,
        };
        let (max_series, native_histograms) = (options.write.max_series, options.native_histograms);
        let write = WriteSettings { limits, policy, max_series, native_histograms, timeout: options.write.timeout };
        let readiness = starting;
        probe::start(&options, &readiness, abandon.clone());
        let fatal = CancellationToken::new();
        let routes = Routes {
            door,
            writer: Writer::new(write, budget.clone(), queue.clone(), metrics.clone()),
            reader: ReadHandler::new(&options, limits, &metrics, abandon.clone()),
            clients,
            metrics,
            telemetry_path: options.web.telemetry_path.clone(),
            readiness: readiness.clone(),
            budget,
            queue,
            destination: options.destination.clone(),
            fatal: fatal.clone(),
        };
        Ok(Daemon {
            options,
            listener,
            address: local,
            tls,
            reloader,
            hangup,
            routes: Arc::new(routes),
            readiness,
            abandon,
            fatal,
            batcher,
            #[cfg(feature = "embedded")]
            embedded,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled, or a request stops the program as the `fail-on-…` options ask; then takes no
    /// new work, lets what is in flight finish for the grace period, and answers the rest 503.
    pub async fn run(self, stop: CancellationToken) -> ExitCode {
        let settings = self.options.web.server;
        self.announce();
        let accept = CancellationToken::new();
        tokio::spawn(self.reloader.run(self.hangup, accept.clone()));
        let service = RoutesService(self.routes.clone());
        let server = tokio::spawn(server::serve(self.listener, self.tls, settings, service, accept.clone()));
        let code = tokio::select! {
            () = stop.cancelled() => ExitCode::SUCCESS,
            () = self.fatal.cancelled() => ExitCode::FAILURE,
        };
        let _draining = self.readiness.hold("draining");
        info!(grace_period = ?self.options.shutdown_grace_period, "stopping: finishing what is in flight");
        accept.cancel();
        let mut server = server;
        if tokio::time::timeout(self.options.shutdown_grace_period, &mut server).await.is_err() {
            warn!("the grace period is over: what is still in flight is answered 503");
            self.abandon.cancel();
            if tokio::time::timeout(LAST_ANSWERS, &mut server).await.is_err() {
                server.abort();
            }
        }
        self.abandon.cancel();
        // The last queue handle goes with the routes, and the batcher ends.
        drop(self.routes);
        let batcher = self.batcher;
        if tokio::task::spawn_blocking(move || batcher.join()).await.is_err() {
            error!("the batcher did not end well");
        }
        #[cfg(feature = "embedded")]
        if let Some(embedded) = self.embedded {
            embedded.shutdown().await;
        }
        info!("stopped");
        code
    }

    fn announce(&self) {
        let Options { destination, region, embedded, web, .. } = &self.options;
        let scheme = if self.tls.borrow().is_some() { "https" } else { "http" };
        let host = match &web.listen_address.host {
            Some(host) if host.contains(':') => format!("[{host}]"),
            Some(host) => host.clone(),
            None => "localhost".to_owned(),
        };
        let base = format!("{scheme}://{host}:{}", self.address.port());
        info!(
            version = env!("CARGO_PKG_VERSION"),
            database = destination.database,
            table = destination.table,
            region = if embedded.is_some() { "embedded" } else { region.as_str() },
            write = format!("{base}/write"),
            read = format!("{base}/read"),
            "Timestream Prometheus Connector is ready"
        );
    }
}

fn client_settings(options: &Options) -> ClientSettings {
    ClientSettings {
        region: options.region.clone(),
        write: options.write_endpoint.clone(),
        query: options.query_endpoint.clone(),
        write_call_timeout: options.write.call_timeout,
        query_call_timeout: QUERY_CALL_TIMEOUT.min(options.read.timeout),
        max_concurrent_calls: options.write.max_concurrent_calls,
    }
}

fn credentials(options: &Options) -> CredentialsSource {
    if options.embedded.is_some() {
        // The embedded Timestream checks no signature; the SDK signs all the same.
        let fixed = Credentials::new("embedded", "embedded", None, None, "Embedded");
        return CredentialsSource::Fixed(SharedCredentialsProvider::new(fixed));
    }
    if options.enable_sigv4_auth { CredentialsSource::Environment } else { CredentialsSource::Callers }
}

/// An error that ends the start.
pub(crate) fn start_error(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Unavailable, "StartError", format!("{what}: {error}"))
}
