//! One error type for everything a caller can be told, and the one place where it becomes an HTTP status.
//!
//! An [`Error`] has a [`Kind`], which says where it came from and whether a retry can help, a name that users look up
//! in the troubleshooting table (a Timestream exception or a connector error), and a message for people.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use hyper::StatusCode;

/// What went wrong, by who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed or Timestream refuses its content.
    Invalid,
    /// Credentials are missing or malformed.
    Unauthenticated,
    /// Timestream refuses the caller's credentials.
    Forbidden,
    /// The path, database or table does not exist.
    NotFound,
    /// The path exists, the method does not fit it.
    MethodNotAllowed,
    /// The client did not send its request in time.
    RequestTimeout,
    /// Timestream reports a conflicting change.
    Conflict,
    /// The request is larger than a configured limit.
    TooLarge,
    /// The content type or encoding is not one the connector reads.
    UnsupportedMedia,
    /// An account quota of Timestream is used up.
    QuotaExceeded,
    /// Timestream throttles; the same request may succeed later.
    Throttled,
    /// A limit of the connector is reached, Timestream failed, or it can't be reached; may succeed later.
    Unavailable,
}

/// Which protocol a status is for: remote write drops data on most 4xx, remote read shows the status to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Answers of the write path.
    Write,
    /// Answers of the read path and of everything else.
    Read,
}

impl Kind {
    /// Whether the same request may succeed later without anybody changing it.
    pub fn is_retryable(self) -> bool {
        matches!(self, Kind::Throttled | Kind::Unavailable | Kind::QuotaExceeded)
    }

    /// The HTTP status for the caller.
    ///
    /// Prometheus drops the data of a write on any 4xx (429 included, unless it is told otherwise), so whatever may
    /// pass later is a 503 there.
    pub fn status(self, direction: Direction) -> StatusCode {
        match self {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::QuotaExceeded | Kind::Throttled if direction == Direction::Write => StatusCode::SERVICE_UNAVAILABLE,
            Kind::QuotaExceeded => StatusCode::PAYMENT_REQUIRED,
            Kind::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An error on its way to a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    name: Cow<'static, str>,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of `kind`, with the name that documentation lists it under and a message for people. Neither may hold
    /// a secret: both are logged and sent.
    pub fn new(kind: Kind, name: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Error { kind, name: name.into(), message: message.into(), retry_after: None }
    }

    /// The caller's request is wrong: `message` names what.
    pub fn invalid(name: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(Kind::Invalid, name, message)
    }

    /// The same error with a time after which to send again.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Where it came from and what may help.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name in the troubleshooting table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// After which time to send again: as set, or one second for whatever may succeed later.
    pub fn retry_after_hint(&self) -> Option<Duration> {
        self.retry_after.or_else(|| self.kind.is_retryable().then_some(Duration::from_secs(1)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_retry_may_save_is_never_a_4xx_on_the_write_path() {
        for kind in [Kind::Throttled, Kind::Unavailable, Kind::QuotaExceeded] {
            assert!(kind.is_retryable());
            assert_eq!(kind.status(Direction::Write), StatusCode::SERVICE_UNAVAILABLE);
        }
    }

    #[test]
    fn a_reader_sees_the_status_that_timestream_means() {
        assert_eq!(Kind::Throttled.status(Direction::Read), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(Kind::QuotaExceeded.status(Direction::Read), StatusCode::PAYMENT_REQUIRED);
        assert_eq!(Kind::Unavailable.status(Direction::Read), StatusCode::SERVICE_UNAVAILABLE);
    }
}
