//! The errors for signatures that are not accepted.

use crate::error::{ApiError, ErrorKind};

/// A signature that lacks a part.
pub(super) fn incomplete(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::IncompleteSignature, message)
}

/// A signature that is wrong, or was made at another time.
pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::InvalidSignature, message)
}

/// A signature with an unknown key.
pub(super) fn unrecognized() -> ApiError {
    ApiError::new(ErrorKind::UnrecognizedClient, "The security token included in the request is invalid.")
}
