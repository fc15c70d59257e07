//! The web configuration: HTTPS, users, headers and a rate limit, from `--web.config.file` and the TLS flags; read again
//! when its files change.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;

pub mod file;
mod headers;
mod reload;
mod sources;
mod token_bucket;
mod users;

pub use reload::{LastReload, Reloader};
pub use sources::Sources;

use crate::error::{Error, Kind};
use crate::ingest::auth::BasicAuth;
use crate::ingest::tls::Served;
use crate::telemetry::Metrics;
use sources::Content;
use token_bucket::TokenBucket;
use users::{PasswordChecks, Users};

/// The challenge to a caller who is none of the users.
pub const REALM: HeaderValue =
    HeaderValue::from_static("Basic realm=\"Timestream Prometheus Connector\", charset=\"UTF-8\"");

/// Who is let in and how, as it stands now. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Door {
    access: watch::Receiver<Arc<Access>>,
    last_reload: watch::Receiver<LastReload>,
    asks: mpsc::Sender<reload::Ask>,
}

/// Who is let in, and what their answers carry.
#[derive(Debug, Default)]
pub struct Access {
    users: Option<Users>,
    headers: Vec<(HeaderName, HeaderValue)>,
    rate_limit: Option<TokenBucket>,
}

impl Door {
    /// Who is let in now.
    pub fn access(&self) -> Arc<Access> {
        self.access.borrow().clone()
    }

    /// Has the files read again.
    ///
    /// # Errors
    /// What is wrong in them, so that the state before stays; unavailable while the process stops.
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

impl Access {
    /// Lets a request in.
    ///
    /// # Errors
    /// 401 for whom is no user, where there are users; throttled over the rate limit; unavailable where too many
    /// passwords wait to be checked.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<(), Error> {
        if let Some(limit) = &self.rate_limit {
            limit.take()?;
        }
        match &self.users {
            Some(users) => users.admit(&BasicAuth::of(headers)?).await,
            None => Ok(()),
        }
    }

    /// Adds the configured headers to those of an answer.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }
}

/// What one state of the files means.
struct Loaded {
    access: Access,
    tls: Option<Served>,
}

/// Builds what the files hold.
struct Builder {
    checks: Arc<PasswordChecks>,
    /// Whether basic auth of a request carries the caller's AWS keys.
    pass_through: bool,
}

impl Builder {
    fn build(&self, content: Content) -> Result<Loaded, Error> {
        let Content { file, tls } = content;
        let http = file.http_server_config.unwrap_or_default();
        let users = file.basic_auth_users.filter(|users| !users.is_empty());
        if users.is_some() && self.pass_through {
            let message = "basic_auth_users of --web.config.file can't be used without --enable-sigv4-auth: the basic auth \
                           of a request carries its AWS keys then; set --enable-sigv4-auth, or take basic_auth_users out";
            return Err(file::bad(message.to_owned()));
        }
        let tls = tls.map(|mut settings| {
            settings.http2 = http.http2.unwrap_or(true);
            settings.serve()
        });
        let access = Access {
            users: users.map(|users| Users::new(users, self.checks.clone())).transpose()?,
            headers: headers::headers(&http.headers.unwrap_or_default())?,
            rate_limit: file.rate_limit.as_ref().map(TokenBucket::new).transpose()?.flatten(),
        };
        Ok(Loaded { access, tls: tls.transpose()? })
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
