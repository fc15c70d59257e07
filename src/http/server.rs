//! The HTTP server: connections within limits, over TCP or TLS, drained on shutdown.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::activity::{Activity, Cut, Patience};
use super::connections::{Connections, Place};
pub use super::watched::{AnswerService, HangUp, RequestBody};
use super::watched::{WatchedAnswer, WatchedService, WatchedStream};
use crate::telemetry::rate_limit::RateLimit;

/// How often an idle HTTP/2 connection is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How many bytes an HTTP/2 client may send ahead of what has been read, on the connection and on each stream.
const HTTP2_WINDOW: u32 = 256 * 1024;
/// The smallest buffer that hyper takes for an HTTP/1 connection, in bytes.
const LEAST_BUFFER: usize = 8192;
/// How long to pause when the system has no file descriptor or memory for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long the close of an idle connection may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How the server is told to end.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// Once cancelled, everything is served as before, but connections are told to go: HTTP/1 by `Connection: close` on
    /// their next answer, HTTP/2 by GOAWAY. Clients that connect later do not know yet, so they are served and told
    /// too.
    pub leaving: CancellationToken,
    /// Once cancelled, no connection is accepted, and each is closed when its requests are answered.
    pub stop: CancellationToken,
    /// Once cancelled, connections are closed even if their requests are not answered.
    pub cut: CancellationToken,
}

/// Limits of the server.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// Connections at once. Beyond, connections that do nothing are closed; if all are at work, new ones wait in the
    /// system's backlog.
    pub max_connections: usize,
    /// Requests of one connection, which is then closed in good order.
    pub max_requests: usize,
    /// Bytes of a request's head.
    pub max_head_bytes: usize,
    /// Header fields of a request.
    pub max_headers: usize,
    /// Requests of one HTTP/2 connection at once.
    pub max_streams: usize,
    /// Streams that an HTTP/2 client may reset before they are handled; more close the connection.
    pub max_resets: usize,
    /// How long a TLS handshake, and then the head of a request, may take.
    pub read_timeout: Duration,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// How long an answer may wait for its client to take some of it.
    pub write_timeout: Duration,
}

/// Serves until `ending.stop` is cancelled, then finishes the requests under way and returns when all connections are closed.
/// Each new connection uses the TLS settings of its time.
pub async fn serve<S>(
    listener: TcpListener,
    tls: watch::Receiver<Option<TlsAcceptor>>,
    settings: ServerSettings,
    service: S,
    ending: Ending,
) where
    S: AnswerService,
    S::Future: Send,
{
    let places = Connections::new(settings.max_connections);
    let tasks = TaskTracker::new();
    let warnings = RateLimit::default();
    loop {
        let accepted = async {
            let place = places.place().await;
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = ending.stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, place)) => {
                let tls = tls.borrow().clone();
                let (service, ending) = (service.clone(), ending.clone());
                tasks.spawn(async move {
                    if let Err(why) = connection(stream, place, tls, settings, service, ending).await {
                        debug!(why, "connection ended");
                    }
                });
            }
            Err(error) => {
                if let Some(suppressed) = warnings.check() {
                    warn!(error = %error, suppressed, "can't accept connections");
                }
                places.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn connection<S>(
    stream: TcpStream,
    mut place: Place,
    tls: Option<TlsAcceptor>,
    settings: ServerSettings,
    service: S,
    ending: Ending,
) -> Result<(), String>
where
    S: AnswerService,
    S::Future: Send,
{
    let ServerSettings { read_timeout, idle_timeout, write_timeout, max_requests, .. } = settings;
    let patience = Patience { head: read_timeout, idle: idle_timeout, answer: write_timeout };
    let activity = Arc::new(Activity::new(patience));
    place.take(activity.clone());
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let leaving = ending.leaving.clone();
    let service = WatchedService { service, activity: activity.clone(), max_requests, leaving };
    let Some(tls) = tls else {
        return http1(WatchedStream::new(stream, activity.clone()), settings, service, &activity, ending).await;
    };
    let handshake = tokio::select! {
        handshake = tokio::time::timeout(read_timeout, tls.accept(stream)) => handshake,
        () = activity.evicted.cancelled() => return Err("its place is needed".to_owned()),
        () = ending.stop.cancelled() => return Ok(()),
    };
    let stream = handshake.map_err(|_| "TLS handshake took too long".to_owned())?.map_err(|error| error.to_string())?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = WatchedStream::new(stream, activity.clone());
    if is_http2 {
        http2(stream, settings, service, &activity, ending).await
    } else {
        http1(stream, settings, service, &activity, ending).await
    }
}

async fn http1<S, I>(
    stream: I,
    settings: ServerSettings,
    service: WatchedService<S>,
    activity: &Activity,
    ending: Ending,
) -> Result<(), String>
where
    S: AnswerService,
    S::Future: Send,
    I: AsyncRead + AsyncWrite + Unpin,
{
    // The time that a head takes is watched by the activity, which knows an idle connection from a slow one.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(settings.max_head_bytes.max(LEAST_BUFFER))
        .max_header_size(settings.max_head_bytes)
        .max_headers(settings.max_headers)
        .serve_connection(TokioIo::new(stream), service);
    drive(connection, activity, ending).await
}

async fn http2<S, I>(
    stream: I,
    settings: ServerSettings,
    service: WatchedService<S>,
    activity: &Activity,
    ending: Ending,
) -> Result<(), String>
where
    S: AnswerService,
    S::Future: Send,
    I: AsyncRead + AsyncWrite + Unpin,
{
    activity.set_http2();
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .initial_connection_window_size(HTTP2_WINDOW)
        .initial_stream_window_size(HTTP2_WINDOW)
        .max_concurrent_streams(u32::try_from(settings.max_streams).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(settings.max_resets)
        .max_local_error_reset_streams(settings.max_resets)
        .max_header_list_size(u32::try_from(settings.max_head_bytes).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(stream), service);
    drive(connection, activity, ending).await
}

/// A connection that can be told to take no further requests.
trait Closable: Future<Output = hyper::Result<()>> {
    fn close(self: Pin<&mut Self>);
}

impl<I, S> Closable for http1::Connection<I, S>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = WatchedAnswer>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Closable for http2::Connection<I, S, TokioExecutor>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = WatchedAnswer>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn drive(connection: impl Closable, activity: &Activity, ending: Ending) -> Result<(), String> {
    let mut connection = std::pin::pin!(connection);
    let mut cut = std::pin::pin!(activity.cut());
    let (mut leaving, mut closing, mut stopping) = (false, false, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended.map_err(|error| error.to_string()),
            cut = cut.as_mut() => {
                if cut == Cut::Idle {
                    connection.as_mut().close();
                    let _ = tokio::time::timeout(FAREWELL, connection).await;
                }
                return Err(format!("{cut:?}"));
            }
            // HTTP/1 is told by its next answer: a request may be on its way, and closing now would lose it.
            () = ending.leaving.cancelled(), if !leaving => {
                leaving = true;
                if activity.is_http2() && !activity.is_untouched() {
                    closing = true;
                    connection.as_mut().close();
                }
            }
            () = ending.stop.cancelled(), if !stopping => {
                if activity.is_untouched() {
                    return Ok(());
                }
                (stopping, closing) = (true, true);
                connection.as_mut().close();
            }
            () = ending.cut.cancelled() => return Err("the process ends".to_owned()),
            () = activity.spent.notified(), if !closing => {
                closing = true;
                connection.as_mut().close();
            }
        }
    }
}
