//! Wraps the bytes, requests and answers of a connection, so that its [`Activity`] is known.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::Service;
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::answer::AnswerBody;

/// What answers requests.
pub trait AnswerService:
    Service<Request<RequestBody>, Response = Response<AnswerBody>, Error = Infallible> + Clone + Send + 'static
{
}

impl<S> AnswerService for S where
    S: Service<Request<RequestBody>, Response = Response<AnswerBody>, Error = Infallible> + Clone + Send + 'static
{
}

/// The bytes of a connection.
pub(super) struct WatchedStream<S> {
    stream: S,
    activity: Arc<Activity>,
    /// Whether the client has closed its side.
    ended: bool,
}

impl<S> WatchedStream<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        WatchedStream { stream, activity, ended: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            let (before, room) = (buffer.filled().len(), buffer.remaining() > 0);
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            if buffer.filled().len() > before {
                self.activity.bytes_read();
            }
            self.ended = room && buffer.filled().len() == before;
        }
        // hyper drops a request as soon as it hears that its client has closed.
        if self.ended && self.activity.holds_end(cx.waker()) { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.bytes_written(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.activity.bytes_written(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.activity.bytes_written(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.activity.bytes_written(shut.is_pending());
        shut
    }
}

/// A service whose requests are watched and counted.
pub(super) struct WatchedService<S> {
    pub(super) service: S,
    pub(super) activity: Arc<Activity>,
    /// Requests that the connection may make.
    pub(super) max_requests: usize,
    /// Cancelled when connections are to go.
    pub(super) leaving: CancellationToken,
}

impl<S> Service<Request<Incoming>> for WatchedService<S>
where
    S: AnswerService,
    S::Future: Send,
{
    type Response = Response<WatchedAnswer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let requests = self.activity.request_begins();
        let in_flight = InFlight(self.activity.clone());
        let is_last = requests >= self.max_requests;
        if is_last || self.leaving.is_cancelled() {
            self.activity.spent.notify_one();
        }
        // HTTP/2 says it with GOAWAY instead. In HTTP/1 the next request may be read already.
        let is_http1 = !self.activity.is_http2();
        let leaving = self.leaving.clone();
        let mut request = request.map(|body| RequestBody::new(body, self.activity.clone()));
        request.extensions_mut().insert(HangUp(self.activity.clone()));
        let answer = self.service.call(request);
        Box::pin(async move {
            let mut answer = answer.await?.map(|body| WatchedAnswer::new(body, in_flight));
            if is_http1 && (is_last || leaving.is_cancelled()) {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        })
    }
}

/// An extension of each request: what happens when its client closes its side of the connection. By default the request
/// is still answered, since the client may have closed only its sending side.
#[derive(Debug, Clone)]
pub struct HangUp(Arc<Activity>);

impl HangUp {
    /// Drops the request when that happens.
    pub fn cancels(&self) {
        self.0.hang_up_cancels();
    }
}

struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.request_ends();
    }
}

/// The body of a request.
pub struct RequestBody {
    body: Incoming,
    arriving: Option<Arriving>,
}

struct Arriving(Arc<Activity>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.body_ends();
    }
}

impl RequestBody {
    fn new(body: Incoming, activity: Arc<Activity>) -> Self {
        let arriving = (!body.is_end_stream()).then(|| {
            activity.body_begins();
            Arriving(activity)
        });
        RequestBody { body, arriving }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let (Poll::Pending, Some(arriving)) = (&frame, &self.arriving) {
            arriving.0.body_waits(cx.waker());
        }
        let frame = ready!(frame);
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.arriving = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer. It is polled when the client has room for more.
pub(super) struct WatchedAnswer {
    body: AnswerBody,
    in_flight: InFlight,
    waits: bool,
}

impl WatchedAnswer {
    fn new(body: AnswerBody, in_flight: InFlight) -> Self {
        in_flight.0.answer_waits();
        WatchedAnswer { body, in_flight, waits: true }
    }

    fn set_waits(&mut self, waits: bool) {
        if std::mem::replace(&mut self.waits, waits) != waits {
            if waits { self.in_flight.0.answer_waits() } else { self.in_flight.0.answer_taken() }
        }
    }
}

impl Body for WatchedAnswer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        // From here on the client waits for the answer.
        self.set_waits(false);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.set_waits(frame.is_some());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedAnswer {
    fn drop(&mut self) {
        self.set_waits(false);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::activity::Patience;
    use super::super::answer::text;
    use super::*;

    /// The answer to a client that has sent `sent` and closed its sending side before anything of it was read. The body
    /// is read after `pause` by a task of its own if it is to be `elsewhere`.
    async fn answer_to(sent: &str, pause: Duration, elsewhere: bool) -> String {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        client.write_all(sent.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let long = Duration::from_secs(60);
        let activity = Arc::new(Activity::new(Patience { head: long, idle: long, answer: long }));
        let service = service_fn(move |request: Request<RequestBody>| async move {
            let read = async move {
                tokio::time::sleep(pause).await;
                request.into_body().collect().await.map(|body| body.to_bytes().len())
            };
            let read = if elsewhere { tokio::spawn(read).await.unwrap() } else { read.await };
            tokio::time::sleep(Duration::from_millis(20)).await;
            let status = if read.is_ok() { hyper::StatusCode::OK } else { hyper::StatusCode::BAD_REQUEST };
            Ok::<_, Infallible>(text(status, "text/plain", format!("{:?}", read.ok())))
        });
        let leaving = CancellationToken::new();
        let service = WatchedService { service, activity: activity.clone(), max_requests: 9, leaving };
        let stream = TokioIo::new(WatchedStream::new(server, activity));
        let connection = http1::Builder::new().serve_connection(stream, service);
        let served = tokio::time::timeout(Duration::from_secs(20), connection).await;
        assert!(served.is_ok(), "the connection ends with its client's");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_client_that_has_closed_its_sending_side_is_answered_however_early_that_is_seen() {
        for pause in [0, 50].map(Duration::from_millis) {
            for elsewhere in [false, true] {
                let whole = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde";
                let answer = answer_to(whole, pause, elsewhere).await;
                assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("Some(5)"), "{answer:?}");
                let chunked =
                    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
                let answer = answer_to(chunked, pause, elsewhere).await;
                assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("Some(5)"), "{answer:?}");
                let none = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
                let answer = answer_to(none, pause, elsewhere).await;
                assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("Some(0)"), "{answer:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_is_cut_short_is_an_error_and_not_a_wait() {
        for pause in [0, 50].map(Duration::from_millis) {
            for elsewhere in [false, true] {
                for cut in ["Content-Length: 5\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\nc"] {
                    let answer = answer_to(&format!("POST / HTTP/1.1\r\nHost: a\r\n{cut}"), pause, elsewhere).await;
                    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer:?}");
                }
            }
        }
    }
}
