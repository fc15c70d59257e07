//! Builds the rooms, runs until a signal, and drains.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

#[cfg(feature = "embedded")]
use crate::embedded::Embedded;
use crate::error::Error;
use crate::ingest::server;
use crate::options::Options;
use crate::page;
use crate::probe;
use crate::rooms::{self, Rooms, start_error};
use crate::routes::RoutesService;
use crate::telemetry::Metrics;
use crate::telemetry::health::Readiness;
use crate::telemetry::summary;
use crate::web_config::{self, Reloader, Sources};

/// How long answers that say 503 may take to leave once the grace period is over.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// A connector that listens.
pub struct Daemon {
    options: Options,
    listener: TcpListener,
    address: SocketAddr,
    tls: watch::Receiver<Option<TlsAcceptor>>,
    reloader: Reloader,
    hangup: Signal,
    readiness: Readiness,
    rooms: Rooms,
    #[cfg(feature = "embedded")]
    embedded: Option<Embedded>,
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
        let pass_through = rooms::takes_keys(&options);
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

        let clients = rooms::clients(&options, metrics.clone());
        #[cfg(feature = "embedded")]
        if embedded.is_some() {
            crate::embedded::create_table(&clients, &options.destination).await?;
        }
        let readiness = starting;
        let rooms = Rooms::build(&options, clients, door, metrics, readiness.clone())?;
        probe::start(&options, &readiness, rooms.abandon.clone());
        Ok(Daemon {
            options,
            listener,
            address: local,
            tls,
            reloader,
            hangup,
            readiness,
            rooms,
            #[cfg(feature = "embedded")]
            embedded,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled, or a request stops the program as the `fail-on-…` options ask. In the first case
    /// goes on serving for the shutdown delay, not ready any more. Then takes no new work, lets what is in flight finish
    /// for the grace period, and answers the rest 503.
    pub async fn run(self, stop: CancellationToken) -> ExitCode {
        let settings = self.options.web.server;
        self.announce();
        let Rooms { routes, batcher, abandon, fatal } = self.rooms;
        let ending = server::Ending::default();
        tokio::spawn(self.reloader.run(self.hangup, ending.stop.clone()));
        let told = CancellationToken::new();
        let summary = tokio::spawn(summary::run(routes.metrics.clone(), told.clone()));
        tokio::spawn(page::keep_history(Arc::downgrade(&routes.page)));
        let service = RoutesService(routes.clone());
        let server = tokio::spawn(server::serve(self.listener, self.tls, settings, service, ending.clone()));
        #[cfg(feature = "embedded")]
        if self.options.demo {
            tokio::spawn(crate::demo::run(self.address, ending.leaving.clone()));
        }
        let code = tokio::select! {
            () = stop.cancelled() => ExitCode::SUCCESS,
            () = fatal.cancelled() => ExitCode::FAILURE,
        };
        let _draining = self.readiness.hold("draining");
        ending.leaving.cancel();
        let delay = self.options.shutdown_delay;
        if !delay.is_zero() && code == ExitCode::SUCCESS {
            info!(?delay, "stopping: not ready any more, and serving until the delay is over");
            tokio::time::sleep(delay).await;
        }
        info!(grace_period = ?self.options.shutdown_grace_period, "stopping: finishing what is in flight");
        ending.stop.cancel();
        let mut server = server;
        if tokio::time::timeout(self.options.shutdown_grace_period, &mut server).await.is_err() {
            warn!("the grace period is over: what is still in flight is answered 503");
            abandon.cancel();
            if tokio::time::timeout(LAST_ANSWERS, &mut server).await.is_err() {
                server.abort();
            }
        }
        abandon.cancel();
        // The last queue handle goes with the routes, and the batcher ends.
        drop(routes);
        if tokio::task::spawn_blocking(move || batcher.join()).await.is_err() {
            error!("the batcher did not end well");
        }
        told.cancel();
        if summary.await.is_err() {
            error!("the last counts are not told");
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
