//! The web configuration: HTTPS, users, headers and a rate limit, from `--web.config.file` and the TLS flags; read again
//! when its files change.

use std::sync::Arc;

use hyper::header::HeaderValue;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;

mod access;
pub mod file;
mod headers;
mod reload;
mod sources;
mod token_bucket;
mod users;

pub use access::Access;
pub use reload::{LastReload, Reloader};
pub use sources::Sources;

use crate::error::{Error, Kind};
use crate::telemetry::Metrics;
use access::{Builder, Loaded};
use users::PasswordChecks;

/// The challenge to a caller who is not a user.
pub const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"Timestream Prometheus Connector\", charset=\"UTF-8\"");

/// Who is let in and how, as it stands now. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Door {
    access: watch::Receiver<Arc<Access>>,
    last_reload: watch::Receiver<LastReload>,
    asks: mpsc::Sender<reload::Ask>,
}

impl Door {
    /// Who is let in now.
    pub fn access(&self) -> Arc<Access> {
        self.access.borrow().clone()
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// The fault in the files; then the state before stays. Unavailable while the process stops.
    pub async fn reload(&self) -> Result<(), Error> {
        let gone = || Error::new(Kind::Stopping, "Shutdown", "nothing is read again any more");
        let (answer, answered) = oneshot::channel();
        self.asks.send(answer).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// How the files were read last.
    pub fn last_reload(&self) -> LastReload {
        self.last_reload.borrow().clone()
    }
}

/// Reads the files for the first time: the door, what to serve TLS with, and what reads the files again.
///
/// # Errors
/// `WebConfigError` or `TlsError` with the file and what is wrong in it.
pub fn open(
    sources: Sources,
    pass_through: bool,
    metrics: Arc<Metrics>,
) -> Result<(Door, watch::Receiver<Option<TlsAcceptor>>, Reloader), Error> {
    let builder = Builder { checks: Arc::new(PasswordChecks::new()?), pass_through };
    let (fingerprint, content) = sources.read();
    let content = content?;
    let (last_reload_sender, last_reload) = watch::channel(LastReload::of(content.file.shown()));
    let Loaded { access, tls } = builder.build(content)?;
    // One asks at a time; others wait.
    let (asks, asked) = mpsc::channel(1);
    let (access_sender, access) = watch::channel(Arc::new(access));
    let (tls_sender, acceptor) = watch::channel(tls.as_ref().map(|served| served.acceptor.clone()));
    let validity = tls.map(|served| served.validity);
    let senders = reload::Senders { access_sender, tls_sender, last_reload_sender };
    let reloader = Reloader::new(sources, builder, fingerprint, validity, senders, metrics, asked);
    Ok((Door { access, last_reload, asks }, acceptor, reloader))
}

#[cfg(test)]
mod tests;
