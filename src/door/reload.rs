//! Reads the web configuration again when its files change, or on SIGHUP. A bad new state keeps the old one.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::access::{Access, Builder, Loaded};
use super::file;
use super::sources::{Content, Fingerprint, Sources};
use crate::error::{Error, Kind};
use crate::http::tls::Validity;
use crate::telemetry::Metrics;

/// How often the files are checked.
const INTERVAL: Duration = Duration::from_secs(3);
/// How often to warn that the certificate expires.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// The last part of a certificate's life in which it should have been renewed, and the longest such time in seconds.
const LAST_PART: i64 = 5;
const LONGEST_LAST_PART: i64 = 14 * 86_400;

/// Where new states go.
pub(super) struct Senders {
    pub(super) access_sender: watch::Sender<Arc<Access>>,
    pub(super) tls_sender: watch::Sender<Option<TlsAcceptor>>,
    pub(super) last_reload_sender: watch::Sender<LastReload>,
}

/// Gets the result of a request to read the files again.
pub(super) type Ask = oneshot::Sender<Result<(), Error>>;

/// How the files were read last, and what they hold.
#[derive(Debug, Clone)]
pub struct LastReload {
    /// Whether the last reading was taken over.
    pub successful: bool,
    /// When the files were last taken over, in seconds since 1970.
    pub succeeded_at: i64,
    /// The web configuration in force, without secrets.
    pub config: Arc<serde_json::Value>,
}

impl LastReload {
    pub(super) fn of(config: serde_json::Value) -> Self {
        LastReload { successful: true, succeeded_at: now(), config: Arc::new(config) }
    }
}

/// Watches the files.
pub struct Reloader {
    sources: Sources,
    builder: Builder,
    fingerprint: Fingerprint,
    validity: Option<Validity>,
    senders: Senders,
    metrics: Arc<Metrics>,
    asked: mpsc::Receiver<Ask>,
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reloader(..)")
    }
}

impl Reloader {
    pub(super) fn new(
        sources: Sources,
        builder: Builder,
        fingerprint: Fingerprint,
        validity: Option<Validity>,
        senders: Senders,
        metrics: Arc<Metrics>,
        asked: mpsc::Receiver<Ask>,
    ) -> Self {
        let reloader = Reloader { sources, builder, fingerprint, validity, senders, metrics, asked };
        reloader.tell(true);
        reloader
    }

    /// Watches until `stop` is cancelled.
    pub async fn run(mut self, mut hangup: Signal, stop: CancellationToken) {
        let mut expiry_due = Instant::now();
        let has_files = self.sources.config_file.is_some() || self.sources.tls.is_some();
        loop {
            if Instant::now() >= expiry_due {
                self.warn_of_expiry();
                expiry_due = Instant::now() + EXPIRY_INTERVAL;
            }
            let (asked, answer) = tokio::select! {
                () = tokio::time::sleep(INTERVAL), if has_files => (false, None),
                Some(()) = hangup.recv() => (true, None),
                Some(answer) = self.asked.recv() => (true, Some(answer)),
                () = stop.cancelled() => return,
            };
            let looked = if has_files {
                self.look(asked).await
            } else {
                info!("there is no file to read again");
                Ok(false)
            };
            if let Ok(true) = looked {
                expiry_due = Instant::now();
            }
            if let Some(answer) = answer {
                // The one who asked may have gone.
                let _ = answer.send(looked.map(|_| ()));
            }
        }
    }

    /// Takes a new state over, if there is one. Says whether there was one.
    async fn look(&mut self, asked: bool) -> Result<bool, Error> {
        let sources = self.sources.clone();
        // Reading may take long: a file may be on a network.
        let Ok((fingerprint, content)) = tokio::task::spawn_blocking(move || sources.read()).await else {
            return Err(Error::new(Kind::Unavailable, "InternalError", "reading the files was aborted"));
        };
        let is_new = fingerprint != self.fingerprint;
        if !is_new && !asked {
            return Ok(false);
        }
        self.fingerprint = fingerprint;
        match content.and_then(|content| self.take_over(content)) {
            Ok(()) => {
                self.tell(true);
                info!(changed = is_new, "certificates and web configuration read again");
                Ok(true)
            }
            Err(error) => {
                self.tell(false);
                warn!(error = %error, "the new certificates or web configuration are not used; the old ones stay");
                Err(error)
            }
        }
    }

    fn take_over(&mut self, content: Content) -> Result<(), Error> {
        let last_reload = LastReload::of(content.file.shown());
        let Loaded { access, tls } = self.builder.build(content)?;
        if tls.is_some() != self.validity.is_some() {
            return Err(file::bad("TLS can't be switched on or off without a restart".to_owned()));
        }
        self.validity = tls.as_ref().map(|served| served.validity);
        self.senders.access_sender.send_replace(Arc::new(access));
        self.senders.tls_sender.send_replace(tls.map(|served| served.acceptor));
        self.senders.last_reload_sender.send_replace(last_reload);
        Ok(())
    }

    fn tell(&self, success: bool) {
        self.metrics.config_reload_successful.set(f64::from(success));
        self.senders.last_reload_sender.send_modify(|last| last.successful = success);
        if success {
            self.metrics.config_reload_time.set(now() as f64);
            self.metrics.certificate_expiry.set(self.validity.map_or(0.0, |validity| validity.not_after as f64));
        }
    }

    fn warn_of_expiry(&self) {
        let Some(validity) = self.validity else { return };
        match state(validity, now()) {
            State::Valid => {}
            State::NotYet => warn!(not_before = validity.not_before, "the TLS certificate is not valid yet"),
            State::Expired => warn!(not_after = validity.not_after, "the TLS certificate has expired"),
            State::Expiring(days) => warn!(not_after = validity.not_after, days, "the TLS certificate expires soon"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    NotYet,
    Valid,
    /// In this many whole days.
    Expiring(i64),
    Expired,
}

fn state(Validity { not_before, not_after }: Validity, now: i64) -> State {
    let last_part = (not_after.saturating_sub(not_before) / LAST_PART).min(LONGEST_LAST_PART);
    match not_after.saturating_sub(now) {
        _ if now < not_before => State::NotYet,
        left if left <= 0 => State::Expired,
        left if left < last_part => State::Expiring(left / 86_400),
        _ => State::Valid,
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_near_in_the_last_fifth_of_a_life_but_two_weeks_at_most() {
        const DAY: i64 = 86_400;
        let year = Validity { not_before: 0, not_after: 365 * DAY };
        assert_eq!(state(year, -1), State::NotYet);
        assert_eq!(state(year, 350 * DAY), State::Valid);
        assert_eq!(state(year, 352 * DAY), State::Expiring(13));
        assert_eq!(state(year, 365 * DAY), State::Expired);
        let short = Validity { not_before: 0, not_after: DAY };
        assert_eq!(state(short, DAY / 2), State::Valid);
        assert_eq!(state(short, DAY - 3600), State::Expiring(0));
    }
}
