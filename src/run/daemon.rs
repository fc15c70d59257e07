//! The daemon: starts the connector, serves until a signal, and drains.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::connector::{self, Connector, start_error};
#[cfg(feature = "embedded")]
use super::embedded::{self, Embedded};
use super::probe;
use super::tasks::Tasks;
use crate::door::{self, Reloader};
use crate::error::Error;
use crate::http::{listen, server};
use crate::options::Options;
use crate::routes::{RoutesService, page};
use crate::telemetry::Metrics;
use crate::telemetry::health::Readiness;
use crate::telemetry::summary;

/// How long the last 503 answers may take to leave after the grace period.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// How long the remaining tasks may take to end after the last request.
const LAST_TASKS: Duration = Duration::from_secs(2);

/// A connector that listens.
pub struct Daemon {
    options: Options,
    listener: TcpListener,
    address: SocketAddr,
    tls: watch::Receiver<Option<TlsAcceptor>>,
    reloader: Reloader,
    hangup: Signal,
    readiness: Readiness,
    tasks: Tasks,
    connector: Connector,
    #[cfg(feature = "embedded")]
    embedded: Option<Embedded>,
}

impl Daemon {
    /// Starts all rooms. When it returns, the connector listens; it answers once [`Daemon::run`] is called.
    ///
    /// # Errors
    /// An address is in use, a certificate can't be read, the embedded Timestream's data is in use, and the like.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let readiness = Readiness::default();
        let metrics = Arc::new(Metrics::new());
        let hangup = signal(SignalKind::hangup()).map_err(|error| start_error("can't wait for SIGHUP", &error))?;
        let sources = options.web.sources.clone();
        let (door, tls, reloader) = door::open(sources, connector::takes_keys(&options), metrics.clone())?;
        let address = &options.web.listen_address;
        let listener =
            listen::listen(address).await.map_err(|e| start_error(&format!("can't listen on {address}"), &e))?;
        let local = listener.local_addr().map_err(|error| start_error("no local address", &error))?;

        #[cfg(feature = "embedded")]
        let (options, embedded) = embedded::start(options).await?;
        #[cfg(not(feature = "embedded"))]
        if options.embedded.is_some() {
            let message = "this binary was built without the embedded Timestream";
            return Err(Error::invalid("ParseOptionError", message));
        }

        let clients = connector::clients(&options, metrics.clone());
        #[cfg(feature = "embedded")]
        if embedded.is_some() {
            embedded::create_table(&clients, &options.destination).await?;
        }
        let connector = Connector::build(&options, clients, door, metrics, readiness.clone())?;
        let mut tasks = Tasks::default();
        tasks.spawn("probe", probe::run(&options.clients, &readiness, connector.abandon.clone()));
        Ok(Daemon {
            options,
            listener,
            address: local,
            tls,
            reloader,
            hangup,
            readiness,
            tasks,
            connector,
            #[cfg(feature = "embedded")]
            embedded,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled, a request stops the program as the `fail-on-…` options say, or a part of the
    /// connector fails. In the first case it is no longer ready, but goes on serving for the shutdown delay. Then it
    /// takes no new work, lets requests in flight finish for the grace period, answers the rest 503, and ends all
    /// connections.
    pub async fn run(self, stop: CancellationToken) -> ExitCode {
        let settings = self.options.web.server;
        self.announce();
        let mut tasks = self.tasks;
        let Connector { routes, batcher, abandon, fatal } = self.connector;
        let ending = server::Ending::default();
        let told = CancellationToken::new();
        tasks.spawn("reloader", self.reloader.run(self.hangup, ending.stop.clone()));
        tasks.spawn("summary", summary::run(routes.metrics.clone(), told.clone()));
        tasks.spawn("idle callers", Arc::clone(&routes.clients).drop_idle(told.clone()));
        tasks.spawn("history", page::keep_history(Arc::downgrade(&routes.page), told.clone()));
        #[cfg(feature = "embedded")]
        if self.options.demo {
            tasks.spawn("demo", super::demo::run(self.address, ending.leaving.clone()));
        }
        let service = RoutesService(routes.clone());
        let mut server = tokio::spawn(server::serve(self.listener, self.tls, settings, service, ending.clone()));
        let mut batcher = tokio::spawn(batcher.ended());
        let code = tokio::select! {
            () = stop.cancelled() => ExitCode::SUCCESS,
            () = fatal.cancelled() => ExitCode::FAILURE,
            failed = failed(&mut tasks, &mut server, &mut batcher) => {
                error!(task = failed, "a part of the connector has failed: stopping");
                ExitCode::FAILURE
            }
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
        if !ends_within(self.options.shutdown_grace_period, &mut server).await {
            warn!("the grace period is over: what is still in flight is answered 503");
            abandon.cancel();
            if !ends_within(LAST_ANSWERS, &mut server).await {
                warn!("connections are cut whose clients do not send or read on");
                ending.cut.cancel();
                let _ = ends_within(LAST_TASKS, &mut server).await;
            }
        }
        abandon.cancel();
        told.cancel();
        // The routes have the last handle of the queue, so the batcher ends.
        drop(routes);
        if !ends_within(LAST_TASKS, &mut batcher).await {
            error!("the batcher did not end");
        }
        tasks.end(LAST_TASKS).await;
        #[cfg(feature = "embedded")]
        if let Some(embedded) = self.embedded {
            embedded.shutdown().await;
        }
        info!("stopped");
        code
    }

    fn announce(&self) {
        let Options { destination, clients, embedded, web, .. } = &self.options;
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
            region = if embedded.is_some() { "embedded" } else { clients.region.as_str() },
            write = format!("{base}/write"),
            read = format!("{base}/read"),
            "Timestream Prometheus Connector is ready"
        );
    }
}

/// Waits until a part fails that the connector needs, and gives its name.
async fn failed<S, B>(tasks: &mut Tasks, server: &mut JoinHandle<S>, batcher: &mut JoinHandle<B>) -> &'static str {
    tokio::select! {
        name = tasks.panicked() => name,
        _ = server => "server",
        _ = batcher => "batcher",
    }
}

/// Whether a task ends in time. It may have ended already.
async fn ends_within<T>(patience: Duration, task: &mut JoinHandle<T>) -> bool {
    task.is_finished() || tokio::time::timeout(patience, task).await.is_ok()
}
