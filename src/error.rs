//! The one error type for all answers, and the one place where it becomes an HTTP status.
//!
//! An [`Error`] has a [`Kind`], which says where it came from and whether a retry can help, a name that users look up
//! in the troubleshooting table (a Timestream exception or a connector error), and a message for people.

use std::borrow::Cow;
use std::fmt;

use hyper::StatusCode;

/// What went wrong, and whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed or Timestream refuses its content.
    Invalid,
    /// A query names a column that the table does not have.
    UnknownColumn,
    /// Timestream refuses a query, or can't execute it.
    QueryRefused,
    /// A row of a query's answer is larger than Timestream allows.
    RowTooLarge,
    /// Credentials are missing or malformed.
    Unauthenticated,
    /// The caller is known but may not do this.
    Forbidden,
    /// Timestream refuses a signature because of its time: a clock is wrong.
    ClockSkewed,
    /// Timestream refuses the caller's credentials.
    CredentialsRefused,
    /// Timestream does not know the caller's credentials, or they have expired; newer ones may work.
    CredentialsExpired,
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
    /// The table's columns changed while it was read; may succeed later.
    SchemaChanged,
    /// Timestream now serves the account at another endpoint; may succeed there.
    Moved,
    /// The credentials of the environment can't be loaded; may succeed later.
    NoCredentials,
    /// Timestream can't be reached, or broke the connection off; may succeed later.
    Unreachable,
    /// It was not done within its time limit; may succeed later.
    TimedOut,
    /// The connector is stopping; may succeed later, or at another connector.
    Stopping,
    /// A limit of the connector is reached, or Timestream failed; may succeed later.
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
    /// Whether the same call may succeed soon without any change, so that the connector itself tries again.
    pub fn is_retryable(self) -> bool {
        match self {
            Kind::QuotaExceeded
            | Kind::Throttled
            | Kind::SchemaChanged
            | Kind::Moved
            | Kind::NoCredentials
            | Kind::Unreachable
            | Kind::TimedOut
            | Kind::Stopping
            | Kind::Unavailable => true,
            Kind::Invalid
            | Kind::UnknownColumn
            | Kind::QueryRefused
            | Kind::RowTooLarge
            | Kind::Unauthenticated
            | Kind::Forbidden
            | Kind::ClockSkewed
            | Kind::CredentialsRefused
            | Kind::CredentialsExpired
            | Kind::NotFound
            | Kind::MethodNotAllowed
            | Kind::RequestTimeout
            | Kind::Conflict
            | Kind::TooLarge
            | Kind::UnsupportedMedia => false,
        }
    }

    /// The HTTP status for the caller.
    ///
    /// Prometheus drops the data of a write on any 4xx (also 429, unless it is configured otherwise). So a write that
    /// may succeed later is answered 503: also one that waits for a table, for a policy to spread or for a clock to be
    /// set.
    pub fn status(self, direction: Direction) -> StatusCode {
        match self {
            Kind::Forbidden
            | Kind::ClockSkewed
            | Kind::NotFound
            | Kind::RequestTimeout
            | Kind::Conflict
            | Kind::QuotaExceeded
            | Kind::Throttled
                if direction == Direction::Write =>
            {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Kind::Invalid | Kind::UnknownColumn | Kind::QueryRefused | Kind::RowTooLarge => StatusCode::BAD_REQUEST,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden | Kind::ClockSkewed | Kind::CredentialsRefused | Kind::CredentialsExpired => {
                StatusCode::FORBIDDEN
            }
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::QuotaExceeded => StatusCode::PAYMENT_REQUIRED,
            Kind::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Kind::SchemaChanged
            | Kind::Moved
            | Kind::NoCredentials
            | Kind::Unreachable
            | Kind::TimedOut
            | Kind::Stopping
            | Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An error on its way to a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    name: Cow<'static, str>,
    message: Cow<'static, str>,
}

impl Error {
    /// An error of `kind`, with the name that documentation lists it under and a message for people. Neither may hold
    /// a secret: both are logged and sent.
    pub fn new(kind: Kind, name: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Error { kind, name: name.into(), message: message.into() }
    }

    /// The caller's request is wrong: `message` names what.
    pub fn invalid(name: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(Kind::Invalid, name, message)
    }

    /// The same error, of another kind.
    pub fn as_kind(self, kind: Kind) -> Self {
        Error { kind, ..self }
    }

    /// Where it came from and what may help.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name in the documentation. It is for people; programs decide by the kind.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// After how many seconds to send again, if the request may succeed later. The time doubles with each attempt that
    /// the sender says it has made, up to half a minute. It is drawn from the upper half, so that senders that failed
    /// together do not come back together.
    pub fn retry_after_seconds(&self, direction: Direction, attempt: u32) -> Option<u64> {
        const LONGEST: u64 = 30;
        let longest = LONGEST.min(1 << attempt.min(5));
        let may_pass = self.kind.is_retryable() || self.kind.status(direction).is_server_error();
        may_pass.then(|| fastrand::u64(longest.div_ceil(2)..=longest))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Error {}

/// An error with its causes: its own text often says only that something failed.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_retry_may_save_is_never_a_4xx_on_the_write_path() {
        let retryable = [
            Kind::QuotaExceeded,
            Kind::Throttled,
            Kind::SchemaChanged,
            Kind::Moved,
            Kind::NoCredentials,
            Kind::Unreachable,
            Kind::TimedOut,
            Kind::Stopping,
            Kind::Unavailable,
        ];
        for kind in retryable {
            assert!(kind.is_retryable());
            assert_eq!(kind.status(Direction::Write), StatusCode::SERVICE_UNAVAILABLE);
        }
    }

    /// The connector does not try these again, but a sender must.
    #[test]
    fn what_somebody_may_mend_is_no_4xx_on_the_write_path_either() {
        for kind in [Kind::Forbidden, Kind::ClockSkewed, Kind::NotFound, Kind::Conflict, Kind::RequestTimeout] {
            assert!(!kind.is_retryable());
            assert_eq!(kind.status(Direction::Write), StatusCode::SERVICE_UNAVAILABLE, "{kind:?}");
            assert!(kind.status(Direction::Read).is_client_error(), "{kind:?}");
            let error = Error::new(kind, "Name", "message");
            assert!(error.retry_after_seconds(Direction::Write, 0).is_some());
            assert_eq!(error.retry_after_seconds(Direction::Read, 0), None);
        }
        for kind in [Kind::Unauthenticated, Kind::CredentialsRefused, Kind::CredentialsExpired, Kind::Invalid] {
            assert!(kind.status(Direction::Write).is_client_error(), "{kind:?}");
        }
    }

    #[test]
    fn the_time_until_the_next_attempt_grows_and_is_never_nothing() {
        let error = Error::new(Kind::Unavailable, "QueueFull", "full");
        for (attempt, within) in [(0, 1..=1), (1, 1..=2), (2, 2..=4), (4, 8..=16), (5, 15..=30), (u32::MAX, 15..=30)] {
            for _ in 0..100 {
                assert!(within.contains(&error.retry_after_seconds(Direction::Write, attempt).unwrap()), "{attempt}");
            }
        }
        assert_eq!(Error::invalid("SnappyError", "no").retry_after_seconds(Direction::Write, 3), None);
    }

    #[test]
    fn a_reader_sees_the_status_that_timestream_means() {
        assert_eq!(Kind::Throttled.status(Direction::Read), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(Kind::QuotaExceeded.status(Direction::Read), StatusCode::PAYMENT_REQUIRED);
        assert_eq!(Kind::Unavailable.status(Direction::Read), StatusCode::SERVICE_UNAVAILABLE);
    }
}
