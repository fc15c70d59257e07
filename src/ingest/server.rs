//! The HTTP server: connections within limits, over TCP or TLS, drained on shutdown.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::options::ListenAddress;

/// Requests of one HTTP/2 connection at once.
const MAX_STREAMS: u32 = 100;
/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How often an idle HTTP/2 connection is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long to pause when the system has no file descriptor or memory for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The body of an answer.
pub type AnswerBody = BoxBody<Bytes, io::Error>;

/// Limits of the server.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// Connections at once; more wait in the system's backlog.
    pub max_connections: usize,
    /// How long a TLS handshake, and then the head of a request, may take.
    pub read_timeout: Duration,
}

/// Listens at `address`: without a host on all interfaces, IPv6 and IPv4 where the system has both.
///
/// # Errors
/// The address is not one of this machine, or in use.
pub async fn listen(address: &ListenAddress) -> io::Result<TcpListener> {
    match &address.host {
        Some(host) => TcpListener::bind((host.as_str(), address.port)).await,
        None => match TcpListener::bind(("::", address.port)).await {
            Ok(listener) => Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
            Err(_) => TcpListener::bind(("0.0.0.0", address.port)).await,
        },
    }
}

/// Serves until `stop` is cancelled, then finishes the requests under way and returns when all connections are closed.
pub async fn serve<S>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    settings: ServerSettings,
    service: S,
    stop: CancellationToken,
) where
    S: AnswerService,
    S::Future: Send,
{
    let places = Arc::new(Semaphore::new(settings.max_connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, place)) => {
                let (tls, service, stop) = (tls.clone(), service.clone(), stop.clone());
                connections.spawn(async move {
                    if let Err(error) = connection(stream, tls, settings, service, stop).await {
                        debug!(error, "connection ended");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                warn!(error = %error, "can't accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// What answers requests.
pub trait AnswerService:
    Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible> + Clone + Send + 'static
{
}

impl<S> AnswerService for S where
    S: Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible> + Clone + Send + 'static
{
}

async fn connection<S>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    settings: ServerSettings,
    service: S,
    stop: CancellationToken,
) -> Result<(), String>
where
    S: AnswerService,
    S::Future: Send,
{
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let Some(tls) = tls else {
        return http1(TokioIo::new(stream), settings, service, stop).await;
    };
    let handshake = tokio::time::timeout(settings.read_timeout, tls.accept(stream)).await;
    let stream = handshake.map_err(|_| "TLS handshake took too long".to_owned())?.map_err(|error| error.to_string())?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return http2(TokioIo::new(stream), service, stop).await;
    }
    http1(TokioIo::new(stream), settings, service, stop).await
}

async fn http1<S, I>(io: I, settings: ServerSettings, service: S, stop: CancellationToken) -> Result<(), String>
where
    S: AnswerService,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.read_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(|error| error.to_string())
}

async fn http2<S, I>(io: I, service: S, stop: CancellationToken) -> Result<(), String>
where
    S: AnswerService,
    S::Future: Send,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(|error| error.to_string())
}
