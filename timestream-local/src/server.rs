//! The HTTP server: AWS JSON 1.0 over HTTP/1.1.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::api::Api;
use crate::error::{ApiError, ErrorKind};
use crate::storage::{OpenError, Storage, Writer};

/// The largest request: 100 records of 2 KB take less even when every byte is escaped.
const MAX_BODY_BYTES: usize = 4 << 20;
/// How long the head, and then the body, of a request may take.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections at once; more wait in the system's backlog.
const MAX_CONNECTIONS: usize = 4096;
/// How long what is in flight may take to finish on shutdown.
const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TARGET_PREFIX: &str = "Timestream_20181101.";

/// Where the data is and where to listen.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that holds the data; made where it is missing.
    pub data_dir: PathBuf,
    /// The address of the API; port 0 lets the system choose.
    pub listen_address: SocketAddr,
}

impl Config {
    /// A configuration.
    pub fn new(data_dir: PathBuf, listen_address: SocketAddr) -> Self {
        Config { data_dir, listen_address }
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data can't be opened.
    #[error(transparent)]
    Storage(#[from] OpenError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    writer: Writer,
}

impl Server {
    /// Opens the data and serves on the current tokio runtime.
    ///
    /// # Errors
    /// Data in use by another process or written by a newer version, or an address in use.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        let Config { data_dir, listen_address } = config;
        let listen = |source| StartError::Listen { address: listen_address, source };
        let listener = TcpListener::bind(listen_address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (storage, writer) = Storage::open(&data_dir)?;
        let api = Arc::new(Api::new(storage, address));
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, api, stopped));
        Ok(Server { address, stop, serving, writer })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets what is in flight finish for ten seconds, and closes the data.
    pub async fn shutdown(self) {
        let Server { stop, serving, writer, .. } = self;
        // The receiver is gone only when serving has ended.
        let _ = stop.send(true);
        let _ = serving.await;
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    }
}

async fn serve(listener: TcpListener, api: Arc<Api>, mut stopped: watch::Receiver<bool>) {
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
                    let (api, stopped) = (api.clone(), stopped.clone());
                    connections.spawn(async move {
                        connection(stream, api, stopped).await;
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

async fn connection(stream: TcpStream, api: Arc<Api>, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(answer(&api, request).await) }
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

async fn answer(api: &Api, request: Request<Incoming>) -> Response<Full<Bytes>> {
    static REQUESTS: AtomicU64 = AtomicU64::new(1);
    let (status, body) = match handle(api, request).await {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, error.to_json().to_string().into_bytes())
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response.headers_mut().insert(REQUEST_ID, HeaderValue::from(REQUESTS.fetch_add(1, Ordering::Relaxed)));
    response
}

async fn handle(api: &Api, request: Request<Incoming>) -> Result<Vec<u8>, ApiError> {
    let target = request.headers().get(TARGET).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix(TARGET_PREFIX).map(str::to_owned);
    let operation = operation.ok_or_else(|| {
        ApiError::new(
            ErrorKind::UnknownOperation,
            format!("X-Amz-Target is {target:?}; it must begin with {TARGET_PREFIX}"),
        )
    })?;
    let body = tokio::time::timeout(READ_TIMEOUT, Limited::new(request.into_body(), MAX_BODY_BYTES).collect()).await;
    let body = body.map_err(|_| ApiError::new(ErrorKind::Serialization, "The body did not arrive in time."))?;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let message = format!("The request is larger than {MAX_BODY_BYTES} bytes.");
            return ApiError::new(ErrorKind::RequestEntityTooLarge, message);
        }
        ApiError::new(ErrorKind::Serialization, format!("The body broke off: {error}"))
    })?;
    api.call(&operation, &body.to_bytes()).await
}
