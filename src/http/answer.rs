//! Answers over HTTP: their bodies, and the answers for errors.

use std::io;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;
use tracing::debug;

use crate::error::{Direction, Error};

const RETRY_ATTEMPT: HeaderName = HeaderName::from_static("retry-attempt");

/// The body of an answer.
pub type AnswerBody = BoxBody<Bytes, io::Error>;

/// An extension of a request whose answer leaves in one piece, as in AWS Lambda.
#[derive(Debug, Clone, Copy)]
pub struct OnePiece {
    /// When it must be answered at the latest, whatever the time-out options allow.
    pub by: Instant,
}

/// How often the sender says that it has tried this request before: Prometheus' `Retry-Attempt` header.
pub fn attempt(headers: &HeaderMap) -> u32 {
    let attempt = headers.get(RETRY_ATTEMPT).and_then(|value| value.to_str().ok());
    attempt.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The answer that says `error`, to a caller that has tried `attempt` times before.
pub fn error_answer(error: &Error, direction: Direction, attempt: u32) -> Response<AnswerBody> {
    let status = error.kind().status(direction);
    debug!(status = status.as_u16(), error = %error, "request answered with an error");
    let mut answer = text(status, "text/plain; charset=utf-8", format!("{error}\n"));
    if let Some(seconds) = error.retry_after_seconds(direction, attempt) {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// An answer with a body of this type.
pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<AnswerBody> {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut answer = Response::new(full(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

/// A body of one piece.
pub fn full(body: impl Into<Bytes>) -> AnswerBody {
    Full::new(body.into()).map_err(|never| match never {}).boxed()
}
