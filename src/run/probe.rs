//! Probes whether Timestream can be reached, for readiness, with a TCP connection to its endpoint now and then. That
//! needs no credentials, which only the callers have if they bring their own.

use std::future::Future;
use std::time::Duration;

use hyper::Uri;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::sink::settings::{ClientSettings, Endpoint};
use crate::telemetry::health::{Latch, Readiness};

const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Probes until `stop` is cancelled. Traffic waits for the first success, and after a failure for the next success.
pub(crate) fn run(
    settings: &ClientSettings,
    readiness: &Readiness,
    stop: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let (host, port) = endpoint(settings);
    let readiness = readiness.clone();
    let mut waiting: Option<Latch> = Some(readiness.hold("Timestream was not reached yet"));
    async move {
        loop {
            let connected = tokio::time::timeout(TIMEOUT, TcpStream::connect((host.as_str(), port))).await;
            match connected {
                Ok(Ok(_)) => {
                    if waiting.take().is_some() {
                        info!(host, port, "Timestream can be reached");
                    }
                }
                failed => {
                    let why = failed
                        .map_or_else(|_| "time-out".to_owned(), |r| r.err().map_or(String::new(), |e| e.to_string()));
                    waiting = Some(readiness.hold(format!("Timestream can't be reached at {host}:{port}: {why}")));
                    warn!(host, port, error = why, "Timestream can't be reached");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

fn endpoint(settings: &ClientSettings) -> (String, u16) {
    let (Endpoint::Fixed(url) | Endpoint::Discovered(Some(url))) = &settings.write else {
        return (format!("ingest.timestream.{}.amazonaws.com", settings.region), 443);
    };
    let fixed: Option<Uri> = url.parse().ok();
    let host = fixed.as_ref().and_then(|uri| uri.host()).map(|host| host.trim_matches(['[', ']']).to_owned());
    let default_port = if fixed.as_ref().and_then(|uri| uri.scheme_str()) == Some("http") { 80 } else { 443 };
    let port = fixed.as_ref().and_then(|uri| uri.port_u16()).unwrap_or(default_port);
    (host.unwrap_or_default(), port)
}
