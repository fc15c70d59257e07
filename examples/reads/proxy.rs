//! A proxy between a connector and Timestream that counts the answers to queries, and may hold them back.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::common::endpoint;

type Failure = Box<dyn Error + Send + Sync>;

/// A running proxy. Ends with the process.
pub struct Proxy {
    pub address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    pages: AtomicU64,
    bytes: AtomicU64,
}

impl Proxy {
    /// Starts one in front of a Timestream, whose answers to queries come `delay` later.
    pub fn start(timestream: SocketAddr, delay: Duration) -> Self {
        let listener = endpoint::listen();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let idle: Arc<Mutex<Vec<SendRequest<Full<Bytes>>>>> = Arc::default();
        let counting = counts.clone();
        endpoint::serve(listener, None, move |request| {
            let (idle, counts) = (idle.clone(), counting.clone());
            async move {
                let is_query =
                    request.headers().get("x-amz-target").is_some_and(|target| target.as_bytes().ends_with(b".Query"));
                let known = idle.lock().unwrap().pop().filter(SendRequest::is_ready);
                let mut connection = match known {
                    Some(connection) => connection,
                    None => connect(timestream).await?,
                };
                let answer = forward(&mut connection, request).await?;
                idle.lock().unwrap().push(connection);
                if is_query {
                    counts.pages.fetch_add(1, Ordering::Relaxed);
                    counts.bytes.fetch_add(answer.body().len() as u64, Ordering::Relaxed);
                    tokio::time::sleep(delay).await;
                }
                Ok::<_, Failure>(answer.map(Full::new))
            }
        });
        Proxy { address, counts }
    }

    /// The answers to queries so far, and the bytes of their bodies as they came.
    pub fn counts(&self) -> (f64, f64) {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed) as f64;
        (count(&self.counts.pages), count(&self.counts.bytes))
    }
}

async fn connect(timestream: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(timestream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn forward(
    connection: &mut SendRequest<Full<Bytes>>,
    request: Request<Incoming>,
) -> Result<Response<Bytes>, Failure> {
    let (head, body) = request.into_parts();
    let body = Full::new(body.collect().await?.to_bytes());
    let (mut head, body) = connection.send_request(Request::from_parts(head, body)).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    // The body leaves in one piece, of which hyper says the length.
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, body))
}
