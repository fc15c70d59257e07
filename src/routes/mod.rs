//! Routes requests, and adds the headers that every answer carries.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT, WWW_AUTHENTICATE};
use hyper::http::Extensions;
use hyper::service::Service;
use hyper::{HeaderMap, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::batcher::Queue;
use crate::budget::Budget;
use crate::door::{self, Door};
use crate::error::{Direction, Error, Kind};
use crate::http::answer::{AnswerBody, OnePiece, attempt, empty, error_answer, full, text};
use crate::http::places::Places;
use crate::http::server::{HangUp, RequestBody};
use crate::ingest::content_type;
use crate::ingest::write::{WriteError, Writer};
use crate::ingest::written_headers::WrittenHeaders;
use crate::paths::{self, AdminPath, Found, PagePath, Path, Paths};
use crate::query::ReadAnswer;
use crate::sink::clients::Clients;
use crate::telemetry::Metrics;
use crate::telemetry::health::Readiness;
use crate::telemetry::metrics::Handler;
use crate::telemetry::rate_limit::RateLimit;
use crate::telemetry::request_id::RequestId;

pub mod admin;
pub mod caller;
pub mod page;
pub mod read;

use admin::Admin;
use page::Page;
use read::ReadHandler;

/// The content type of streamed chunks (prometheus/prometheus, storage/remote/read_handler.go).
const STREAMED_CHUNKS: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything that answers requests.
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
    /// The paths.
    pub paths: Paths,
    /// Whether traffic may come.
    pub readiness: Readiness,
    /// The memory that write requests hold.
    pub budget: Budget,
    /// The queue before the batcher.
    pub queue: Queue,
    /// Keeps failed reads from filling the log.
    pub read_failures: RateLimit,
    /// Keeps write requests with unsupported content from filling the log.
    pub refused_content: RateLimit,
    /// The page for people.
    pub page: Arc<Page>,
    /// Places for answers about the connector.
    pub places: Places,
    /// Cancelled when a request stops the program, as the `fail-on-…` options say.
    pub fatal: CancellationToken,
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

impl Routes {
    /// The answer to a request; all errors become answers.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let found = self.paths.find(request.uri().path());
        let handler = found.map_or(Handler::Other, |found| found.path.handler());
        let under_way = self.metrics.http.begin(handler);
        let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let id = RequestId::of(given);
        let handling = async {
            let answer = self.admit(found, request).await;
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

    /// Lets a request in, or refuses it.
    async fn admit<B>(&self, found: Option<Found>, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let access = self.door.access();
        let (mut answer, challenge) = match access.admit(request.headers()).await {
            Ok(()) => (self.route(found, request).await, caller::CHALLENGE),
            Err(error) => (refusal(&error, &request), door::CHALLENGE),
        };
        if answer.status() == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        access.add_headers(answer.headers_mut());
        answer
    }

    async fn route<B>(&self, found: Option<Found>, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let Some(Found { path, methods }) = found else {
            let message =
                format!("no such path; there are /write, /read, {}, /-/healthy, /-/ready", self.paths.telemetry());
            return error_answer(&Error::new(Kind::NotFound, "NotFound", message), Direction::Read, 0);
        };
        if !methods.contains(request.method()) {
            let allowed = methods.iter().map(hyper::Method::as_str).collect::<Vec<_>>().join(", ");
            let message = format!("{} takes {allowed}, not {}", request.uri().path(), request.method());
            let mut answer =
                error_answer(&Error::new(Kind::MethodNotAllowed, "MethodNotAllowed", message), Direction::Read, 0);
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_str(&allowed).unwrap_or(HeaderValue::from_static("GET")));
            return answer;
        }
        match path {
            Path::Write => self.write(request).await,
            Path::Read => self.read(request).await,
            // The answer is only a word, so it needs no place.
            Path::Admin(path @ (AdminPath::Healthy | AdminPath::Ready)) => {
                self.admin.answer(request.method(), path, None).await
            }
            Path::Metrics => self.placed(async { self.metrics() }).await,
            Path::Page(path) => self.placed(async { self.page(path, request.uri().query()) }).await,
            Path::Admin(path) => self.placed(self.admin.answer(request.method(), path, request.uri().query())).await,
            Path::Sql => self.placed(self.sql(request)).await,
        }
    }

    /// An answer about the connector, if a place for one is free.
    async fn placed(&self, answer: impl Future<Output = Response<AnswerBody>>) -> Response<AnswerBody> {
        match self.places.take() {
            Ok(place) => place.hold(answer.await),
            Err(error) => error_answer(&error, Direction::Read, 0),
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
        let mut written = WrittenHeaders::default();
        let result = async {
            let caller = caller::caller(&self.clients, &head.headers)?;
            let content =
                content_type::negotiate(&head.headers).inspect_err(|error| self.warn_of(error, &head.headers))?;
            self.writer.write(caller, content, body, answer_by, &mut written).await
        };
        let mut answer = match result.await {
            Ok(()) => empty(StatusCode::NO_CONTENT),
            Err(WriteError::Answer(error)) => error_answer(&error, Direction::Write, attempt),
            Err(WriteError::Stop(error)) => {
                self.fatal.cancel();
                error_answer(&error, Direction::Write, attempt)
            }
        };
        if answer.status().is_client_error() || content_type::is_version_2(&head.headers) {
            written.put(answer.headers_mut());
        }
        answer
    }

    /// Warns about a sender whose content can't be read: all its samples are lost, and it may not report that.
    fn warn_of(&self, error: &Error, headers: &HeaderMap) {
        if let Some(suppressed) = self.refused_content.check() {
            let sender = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("unknown");
            warn!(error = %error, sender, suppressed, "write request refused");
        }
    }

    async fn read<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let (head, body) = request.into_parts();
        cancel_on_hang_up(&head.extensions);
        let (attempt, one_piece) = (attempt(&head.headers), head.extensions.get().copied());
        let caller = match caller::caller(&self.clients, &head.headers) {
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

    fn metrics(&self) -> Response<AnswerBody> {
        self.metrics.memory.set(self.budget.in_use() as f64);
        self.metrics.memory_limit.set(self.budget.limit() as f64);
        self.metrics.queue.set(self.queue.len() as f64);
        self.metrics.elected.set(self.writer.elected());
        self.metrics.ready.set(f64::from(self.readiness.waiting_for().is_empty()));
        text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics.render())
    }

    fn page(&self, path: PagePath, query: Option<&str>) -> Response<AnswerBody> {
        self.metrics.elected.set(self.writer.elected());
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
        cancel_on_hang_up(&head.extensions);
        let rows = async {
            let caller = caller::caller(&self.clients, &head.headers)?;
            self.page.query(&self.reader, &caller, &head.headers, body).await
        };
        let mut answer = match rows.await {
            Ok(json) => text(StatusCode::OK, "application/json", json),
            Err(error) => error_answer(&error, Direction::Read, attempt(&head.headers)),
        };
        page::put_headers(answer.headers_mut());
        answer
    }
}

/// Cancels a query in Timestream when its reader is gone, since it would cost money.
fn cancel_on_hang_up(extensions: &Extensions) {
    if let Some(hang_up) = extensions.get::<HangUp>() {
        hang_up.cancels();
    }
}

/// The answer to a request that is not let in.
pub(crate) fn refusal<B>(error: &Error, request: &Request<B>) -> Response<AnswerBody> {
    let direction = if paths::is_write(request.uri().path()) { Direction::Write } else { Direction::Read };
    let mut answer = error_answer(error, direction, attempt(request.headers()));
    let counts = answer.status().is_client_error() || content_type::is_version_2(request.headers());
    if direction == Direction::Write && counts {
        WrittenHeaders::default().put(answer.headers_mut());
    }
    answer
}
