//! The error of an answer that Timestream never gives.

use crate::error::{Error, Kind};

/// The error of an answer that can't be read, and why.
pub(super) fn unexpected(what: String) -> Error {
    Error::new(Kind::Unavailable, "UnexpectedAnswerError", format!("Timestream's answer can't be read: {what}"))
}
