//! Connections: accepted up to a limit, and let finish on shutdown.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::calls::{self, Calls, READ_TIMEOUT};

/// Connections at once; more wait in the system's backlog.
const MAX_CONNECTIONS: usize = 4096;
/// How long what is in flight may take to finish on shutdown.
pub(super) const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

/// Serves until `stopped` changes.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    calls: Arc<Calls>,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        tokio::select! {
            accepted = accepted => match accepted {
                Ok((stream, place)) => {
                    let (tls, calls, stopped) = (tls.clone(), calls.clone(), stopped.clone());
                    connections.spawn(async move {
                        connection(stream, tls, calls, stopped).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "can't accept connections");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // What is left is aborted with the set.
    let _ = tokio::time::timeout(SHUTDOWN_TIME, all).await;
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, calls: Arc<Calls>, stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return talk(stream, calls, stopped).await };
    match tokio::time::timeout(READ_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, calls, stopped).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

async fn talk<S>(stream: S, calls: Arc<Calls>, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let calls = calls.clone();
        async move { calls::answer(&calls, request).await.map(|answer| answer.map(Full::new)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
