//! An HTTP answer as Lambda passes it on.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Response};
use serde::Serialize;

use crate::error::{Direction, Error, Kind};
use crate::http::answer::{AnswerBody, error_answer};

/// The largest answer that Lambda accepts from a function (Lambda Developer Guide, "Lambda quotas": 6 MB).
const MAX_BYTES: usize = 6 << 20;
/// The largest that an Application Load Balancer passes on (Elastic Load Balancing, "Lambda functions as targets": 1 MB).
const MAX_LOAD_BALANCER_BYTES: usize = 1_000_000;
/// Bytes for the rest of an answer, besides its body.
const HEAD_BYTES: usize = 8 << 10;

/// How an event is answered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Form {
    /// An Application Load Balancer wants a status description, and accepts less.
    pub(super) is_load_balancer: bool,
    /// The event has only multi-value headers, so the answer must have them too.
    pub(super) multi_value: bool,
}

impl Form {
    /// Bytes that a body may have once written as base64.
    fn max_body_bytes(self) -> usize {
        (if self.is_load_balancer { MAX_LOAD_BALANCER_BYTES } else { MAX_BYTES }) - HEAD_BYTES
    }
}

/// An answer in the form that API Gateway, function URLs and load balancers read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    body: String,
    is_base64_encoded: bool,
}

impl Answer {
    /// The answer, once its body is complete. If it is too large or breaks off, it becomes an error answer.
    pub(super) async fn new(answer: Response<AnswerBody>, form: Form) -> Self {
        let (head, body) = answer.into_parts();
        match collect(body, form.max_body_bytes() / 4 * 3).await {
            Ok(body) => Answer::of(head.status, &head.headers, body, form),
            Err(error) => {
                tracing::warn!(error = %error, "request failed");
                let (head, body) = error_answer(&error, Direction::Read, 0).into_parts();
                let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
                Answer::of(head.status, &head.headers, body, form)
            }
        }
    }

    fn of(status: hyper::StatusCode, headers: &HeaderMap, body: Vec<u8>, form: Form) -> Self {
        let is_text = headers.get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/"));
        let text = if is_text { String::from_utf8(body).map_err(|error| error.into_bytes()) } else { Err(body) };
        let (body, is_base64_encoded) = match text {
            Ok(text) => (text, false),
            Err(bytes) => (STANDARD.encode(bytes), true),
        };
        // Each of our headers occurs once.
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let (headers, multi_value_headers) = if form.multi_value {
            (None, Some(headers.map(|(name, value)| (name, vec![value])).collect()))
        } else {
            (Some(headers.collect()), None)
        };
        let status_description = form.is_load_balancer.then(|| status.to_string());
        Answer {
            status_code: status.as_u16(),
            status_description,
            headers,
            multi_value_headers,
            body,
            is_base64_encoded,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status_code
    }
}

async fn collect(mut body: AnswerBody, limit: usize) -> Result<Vec<u8>, Error> {
    let mut collected = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => Error::new(Kind::Unavailable, "InternalError", format!("the answer broke off: {error}")),
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if collected.len() + data.len() > limit {
            let message = format!(
                "the answer is over {limit} bytes, the most that AWS Lambda or the load balancer passes on; narrow the \
                 query's matchers or its range"
            );
            return Err(Error::new(Kind::TooLarge, "AnswerSizeLimitError", message));
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected)
}
