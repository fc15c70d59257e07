//! A Timestream endpoint that accepts every record after a while, to see how the connector's calls overlap.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A running endpoint. Ends with the test's process.
pub struct SlowEndpoint {
    pub address: SocketAddr,
    calls: Arc<AtomicUsize>,
    records: Arc<AtomicUsize>,
}

impl SlowEndpoint {
    /// Starts an endpoint that answers each call after `delay`.
    pub fn start(delay: Duration) -> Self {
        let (calls, records) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counts, (sender, address)) = ((calls.clone(), records.clone()), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let counts = counts.clone();
                    let service = service_fn(move |request| answer(request, delay, counts.clone()));
                    tokio::spawn(
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                    );
                }
            });
        });
        SlowEndpoint { address: address.recv().unwrap(), calls, records }
    }

    /// WriteRecords calls, and their records, so far.
    pub fn counts(&self) -> (usize, usize) {
        (self.calls.load(Ordering::SeqCst), self.records.load(Ordering::SeqCst))
    }
}

async fn answer(
    request: Request<Incoming>,
    delay: Duration,
    (calls, records): (Arc<AtomicUsize>, Arc<AtomicUsize>),
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let count = body["Records"].as_array().unwrap().len();
    calls.fetch_add(1, Ordering::SeqCst);
    records.fetch_add(count, Ordering::SeqCst);
    tokio::time::sleep(delay).await;
    let ingested = format!("{{\"RecordsIngested\":{{\"Total\":{count},\"MemoryStore\":{count},\"MagneticStore\":0}}}}");
    Ok(Response::new(Full::new(ingested.into())))
}
