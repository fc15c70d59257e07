//! From an HTTP request to an API call, and from its outcome to an HTTP response.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::api::{Api, Caller};
use crate::error::{ApiError, ErrorKind};
use crate::faults::{Fate, FaultHandle};
use crate::signature::{self, AccessKey};

/// The largest request: 100 records of 2 KB take less even when every byte is escaped.
const MAX_BODY_BYTES: usize = 4 << 20;
/// Memory for all bodies that are read or handled at once, in KiB. Further calls wait for their turn.
const MAX_BODIES_KIB: u32 = 128 << 10;
/// How long the head, and then the body, of a request may take.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const SDK_AGENT: HeaderName = HeaderName::from_static("x-amz-user-agent");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TARGET_PREFIX: &str = "Timestream_20181101.";

/// What all connections share to answer their calls.
pub(super) struct Calls {
    api: Api,
    /// The keys whose signatures are taken. Without keys, anybody may call.
    access_keys: Vec<AccessKey>,
    faults: FaultHandle,
    /// They come over HTTPS.
    are_secure: bool,
    bodies: Semaphore,
}

impl Calls {
    pub(super) fn new(api: Api, access_keys: Vec<AccessKey>, faults: FaultHandle, are_secure: bool) -> Self {
        Calls { api, access_keys, faults, are_secure, bodies: Semaphore::new(MAX_BODIES_KIB as usize) }
    }

    /// Reserves memory for a body until the permit is dropped. A body of unknown length takes as much as the largest.
    async fn room(&self, body: &impl Body) -> Result<SemaphorePermit<'_>, ApiError> {
        let length =
            body.size_hint().upper().map_or(MAX_BODY_BYTES, |upper| usize::try_from(upper).unwrap_or(usize::MAX));
        let kib = u32::try_from(length.min(MAX_BODY_BYTES).div_ceil(1024)).unwrap_or(MAX_BODIES_KIB);
        match tokio::time::timeout(READ_TIMEOUT, self.bodies.acquire_many(kib)).await {
            Ok(Ok(room)) => Ok(room),
            _ => Err(ApiError::new(ErrorKind::Throttling, "Too many calls are under way.")),
        }
    }
}

/// There is no answer: a fault that was asked for, or a server that has stopped.
#[derive(Debug, thiserror::Error)]
#[error("the call was dropped")]
pub struct Dropped;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call has no successful answer.
enum Failure {
    Answered(ApiError),
    Dropped,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Failure::Answered(error)
    }
}

/// Answers one request.
pub(super) async fn answer<B>(calls: &Calls, request: Request<B>) -> Result<Response<Bytes>, Dropped>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    static REQUESTS: AtomicU64 = AtomicU64::new(1);
    let (status, body) = match handle(calls, request).await {
        Ok(body) => (StatusCode::OK, body),
        Err(Failure::Answered(error)) => {
            let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, error.to_json().to_string().into())
        }
        Err(Failure::Dropped) => return Err(Dropped),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response.headers_mut().insert(REQUEST_ID, HeaderValue::from(REQUESTS.fetch_add(1, Ordering::Relaxed)));
    Ok(response)
}

async fn handle<B>(calls: &Calls, request: Request<B>) -> Result<Bytes, Failure>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (head, body) = request.into_parts();
    let _room = calls.room(&body).await?;
    let body = read(body).await?;
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let target = text(TARGET).unwrap_or_default();
    let operation = target.strip_prefix(TARGET_PREFIX).ok_or_else(|| {
        let message = format!("X-Amz-Target is {target:?}; it must begin with {TARGET_PREFIX}");
        ApiError::new(ErrorKind::UnknownOperation, message)
    })?;
    if !calls.access_keys.is_empty() {
        signature::verify(&calls.access_keys, &head, &body, OffsetDateTime::now_utc())?;
    }
    let decision = calls.faults.decide(operation);
    if let Some(delay) = decision.delay {
        tokio::time::sleep(delay).await;
    }
    let caller = Caller {
        host: text(HOST),
        user_agent: text(USER_AGENT),
        sdk_agent: text(SDK_AGENT),
        is_secure: calls.are_secure,
    };
    match decision.fate {
        Fate::Handle => Ok(calls.api.call(operation, caller, &body).await?),
        Fate::HandleThenDrop => {
            let _ = calls.api.call(operation, caller, &body).await;
            Err(Failure::Dropped)
        }
        Fate::Fail(error) => Err(error.into()),
        Fate::Drop => Err(Failure::Dropped),
    }
}

async fn read<B>(body: B) -> Result<Bytes, ApiError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let body = tokio::time::timeout(READ_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    let body = body.map_err(|_| ApiError::new(ErrorKind::Serialization, "The body did not arrive in time."))?;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let message = format!("The request is larger than {MAX_BODY_BYTES} bytes.");
            return ApiError::new(ErrorKind::RequestEntityTooLarge, message);
        }
        ApiError::new(ErrorKind::Serialization, format!("The body broke off: {error}"))
    })?;
    Ok(body.to_bytes())
}
