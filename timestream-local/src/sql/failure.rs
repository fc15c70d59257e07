//! Why a query is refused, and why a function has no answer.

use sqlparser::tokenizer::Location;

/// Why a query was refused. The message is Timestream's, where that is known. It begins with `line L:C:` where the place
/// in the text is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SqlError {
    /// What a client reads in its ValidationException.
    pub message: String,
}

impl SqlError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// `message` with the place in front, as Timestream puts it.
pub(crate) fn at(location: Location, message: impl std::fmt::Display) -> SqlError {
    if location.line == 0 {
        return SqlError::new(message.to_string());
    }
    SqlError::new(format!("line {}:{}: {message}", location.line, location.column))
}

/// `what` is not supported, with its place.
pub(crate) fn unsupported(location: Location, what: impl std::fmt::Display) -> SqlError {
    at(location, format!("{what} is not supported"))
}

/// Why a function could not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}
