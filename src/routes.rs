//! Which request goes where, and how an answer or an error is said over HTTP.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::service::Service;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::admin::{self, Admin};
use crate::batcher::Queue;
use crate::budget::Budget;
use crate::error::{Direction, Error, Kind};
use crate::held::Places;
use crate::ingest::auth;
use crate::ingest::content_type;
use crate::ingest::server::{AnswerBody, RequestBody};
use crate::ingest::write::{WriteError, Writer};
use crate::ingest::written::Written;
use crate::page::{self, Page};
use crate::query::ReadAnswer;
use crate::read::ReadHandler;
use crate::sink::caller_clients::CallerClients;
use crate::sink::clients::Clients;
use crate::telemetry::Metrics;
use crate::telemetry::health::Readiness;
use crate::telemetry::metrics::Handler;
use crate::telemetry::rate_limit::RateLimit;
use crate::telemetry::request_id::RequestId;
use crate::web_config::{self, Door};

/// The content type of streamed chunks (prometheus/prometheus, storage/remote/read_handler.go).
const STREAMED_CHUNKS: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RETRY_ATTEMPT: HeaderName = HeaderName::from_static("retry-attempt");

/// All that answers requests.
#[derive(Debug)]
pub struct Routes {
    /// Who is let in.
    pub door: Door,
    /// Operators.
    pub admin: Admin,
    /// Write requests.
    pub writer: Writer,
    /// Read requests.
    pub reader: ReadHandler,
    /// Clients of all callers.
    pub clients: Arc<Clients>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Path of the metrics.
    pub telemetry_path: String,
    /// Whether traffic may come.
    pub readiness: Readiness,
    /// The memory that write requests hold.
    pub budget: Budget,
    /// The queue before the batcher.
    pub queue: Queue,
    /// Keeps failed reads from filling the log.
    pub read_failures: RateLimit,
    /// The page for people.
    pub page: Arc<Page>,
    /// Places for answers about the connector.
    pub places: Places,
    /// Cancelled when a request stops the program, as `fail-on-…` options ask.
    pub fatal: CancellationToken,
}

/// An extension of a request whose answer leaves in one piece, as in AWS Lambda.
#[derive(Debug, Clone, Copy)]
pub struct OnePiece {
    /// When it must be answered at the latest, whatever the time-out options allow.
    pub by: Instant,
}

/// [`Routes`] as a service. Cloning shares them.
#[derive(Debug, Clone)]
pub struct RoutesService(pub Arc<Routes>);

impl Service<Request<RequestBody>> for RoutesService {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<RequestBody>) -> Self::Future {
        let routes = self.0.clone();
        Box::pin(async move { Ok(routes.answer(request).await) })
    }
}

/// Whether a path has a meaning already, so that the metrics can't have it.
pub fn is_taken(path: &str) -> bool {
    fixed_handler(path).is_some()
}

/// The handler of a path that no option moves.
fn fixed_handler(path: &str) -> Option<Handler> {
    match path {
        "/write" => Some(Handler::Write),
        "/read" => Some(Handler::Read),
        path if page::PATHS.contains(&path) || path == page::QUERY_PATH => Some(Handler::Page),
        path => admin::methods(path).map(|_| Handler::Admin),
    }
}

impl Routes {
    /// The answer to a request, which says everything that went wrong.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let handler = self.handler(request.uri().path());
        let under_way = self.metrics.http.begin(handler);
        let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let id = RequestId::of(given);
        let handling = async {
            let answer = self.admit(request).await;
            debug!(handler = handler.as_str(), status = answer.status().as_u16(), "request answered");
            answer
        };
        let mut answer = id.clone().scope(handling).await;
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
        under_way.end(answer.status().as_u16());
        answer
    }

    /// Lets a request in, or not.
    async fn admit<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let access = self.door.access();
        let mut answer = match access.admit(request.headers()).await {
            Ok(()) => self.route(request).await,
            Err(error) => refusal(&error, &request),
        };
        access.add_headers(answer.headers_mut());
        answer
    }

    fn handler(&self, path: &str) -> Handler {
        let other = if path == self.telemetry_path { Handler::Metrics } else { Handler::Other };
        fixed_handler(path).unwrap_or(other)
    }

    async fn route<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let path = request.uri().path();
        let methods = match path {
            "/write" | "/read" => [Method::POST].as_slice(),
            page::QUERY_PATH if self.page.is_embedded() => &[Method::POST],
            path if path == self.telemetry_path || page::PATHS.contains(&path) => &[Method::GET, Method::HEAD],
            path => match admin::methods(path) {
                Some(methods) => methods,
                None => {
                    let message =
                        format!("no such path; there are /write, /read, {}, /-/healthy, /-/ready", self.telemetry_path);
                    return error_answer(&Error::new(Kind::NotFound, "NotFound", message), Direction::Read, 0);
                }
            },
        };
        if !methods.contains(request.method()) {
            let allowed = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            let message = format!("{path} takes {allowed}, not {}", request.method());
            let mut answer =
                error_answer(&Error::new(Kind::MethodNotAllowed, "MethodNotAllowed", message), Direction::Read, 0);
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_str(&allowed).unwrap_or(HeaderValue::from_static("GET")));
            return answer;
        }
        match path {
            "/write" => self.write(request).await,
            "/read" => self.read(request).await,
            // A word is enough to answer them.
            "/-/healthy" | "/-/ready" => self.admin.answer(request.method(), path, None).await,
            _ => match self.places.take() {
                Ok(place) => place.hold(self.tell(request).await),
                Err(error) => error_answer(&error, Direction::Read, 0),
            },
        }
    }

    /// Answers about the connector.
    async fn tell<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        match request.uri().path() {
            page::QUERY_PATH => self.sql(request).await,
            path if path == self.telemetry_path => self.metrics(),
            path if page::PATHS.contains(&path) => self.page(path, request.uri().query()),
            path => self.admin.answer(request.method(), path, request.uri().query()).await,
        }
    }

    async fn write<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let (head, body) = request.into_parts();
        let attempt = attempt(&head.headers);
        let answer_by = head.extensions.get().map(|answer: &OnePiece| answer.by);
        let mut written = Written::default();
        let result = async {
            let caller = self.caller(&head.headers)?;
            let version = content_type::negotiate(&head.headers)?;
            self.writer.write(caller, version, body, answer_by, &mut written).await
        };
        let mut answer = match result.await {
            Ok(()) => empty(StatusCode::NO_CONTENT),
            Err(WriteError::Answer(error)) => error_answer(&error, Direction::Write, attempt),
            Err(WriteError::Stop(error)) => {
                self.fatal.cancel();
                error_answer(&error, Direction::Write, attempt)
            }
        };
        if content_type::is_version_2(&head.headers) {
            written.put_headers(answer.headers_mut());
        }
        answer
    }

    async fn read<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let (head, body) = request.into_parts();
        let (attempt, one_piece) = (attempt(&head.headers), head.extensions.get().copied());
        let caller = match self.caller(&head.headers) {
            Ok(caller) => caller,
            Err(error) => return error_answer(&error, Direction::Read, attempt),
        };
        match self.reader.read(&caller, &head.headers, body, one_piece).await {
            Ok(ReadAnswer::Samples(packed)) => {
                let mut answer = Response::new(full(packed));
                let headers = answer.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
                answer
            }
            Ok(ReadAnswer::Chunks(chunks)) => {
                let mut answer = Response::new(chunks.boxed());
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(STREAMED_CHUNKS));
                answer
            }
            Err(error) => {
                if let Some(suppressed) = self.read_failures.check() {
                    warn!(error = %error, suppressed, "read request failed");
                }
                error_answer(&error, Direction::Read, attempt)
            }
        }
    }

    fn caller(&self, headers: &HeaderMap) -> Result<Arc<CallerClients>, Error> {
        match self.clients.fixed() {
            Some(fixed) => Ok(fixed.clone()),
            None => auth::keys(headers).map(|keys| self.clients.of_caller(keys)),
        }
    }

    fn metrics(&self) -> Response<AnswerBody> {
        self.metrics.memory.set(self.budget.in_use() as f64);
        self.metrics.memory_limit.set(self.budget.limit() as f64);
        self.metrics.queue.set(self.queue.len() as f64);
        self.metrics.ready.set(f64::from(self.readiness.waiting_for().is_empty()));
        text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics.render())
    }

    fn page(&self, path: &str, query: Option<&str>) -> Response<AnswerBody> {
        let (content_type, body) = self.page.get(path, query);
        let mut answer = text(StatusCode::OK, content_type, body);
        page::put_headers(answer.headers_mut());
        answer
    }

    async fn sql<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let (head, body) = request.into_parts();
        let rows = async { self.page.query(&self.reader, &*self.caller(&head.headers)?, &head.headers, body).await };
        let mut answer = match rows.await {
            Ok(json) => text(StatusCode::OK, "application/json", json),
            Err(error) => error_answer(&error, Direction::Read, attempt(&head.headers)),
        };
        page::put_headers(answer.headers_mut());
        answer
    }
}

/// How often the sender says that it has tried this request before: Prometheus' `Retry-Attempt` header.
fn attempt(headers: &HeaderMap) -> u32 {
    let attempt = headers.get(RETRY_ATTEMPT).and_then(|value| value.to_str().ok());
    attempt.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The one place where an error becomes an answer, to a caller that has tried `attempt` times before.
pub(crate) fn error_answer(error: &Error, direction: Direction, attempt: u32) -> Response<AnswerBody> {
    let status = error.kind().status(direction);
    debug!(status = status.as_u16(), error = %error, "request answered with an error");
    let mut answer = text(status, "text/plain; charset=utf-8", format!("{error}\n"));
    let headers = answer.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"IAM access key and secret key\", charset=\"UTF-8\""),
        );
    }
    if let Some(seconds) = error.retry_after_seconds(attempt) {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// The answer to a request that is not let in.
pub(crate) fn refusal<B>(error: &Error, request: &Request<B>) -> Response<AnswerBody> {
    let direction = if request.uri().path() == "/write" { Direction::Write } else { Direction::Read };
    let mut answer = error_answer(error, direction, attempt(request.headers()));
    if let Some(realm) = answer.headers_mut().get_mut(WWW_AUTHENTICATE) {
        *realm = web_config::REALM;
    }
    if direction == Direction::Write && content_type::is_version_2(request.headers()) {
        Written::default().put_headers(answer.headers_mut());
    }
    answer
}

pub(crate) fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<AnswerBody> {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut answer = Response::new(full(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

fn full(body: impl Into<Bytes>) -> AnswerBody {
    Full::new(body.into()).map_err(|never| match never {}).boxed()
}
