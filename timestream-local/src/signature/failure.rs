//! What a request is answered whose signature is not taken.

use crate::error::{ApiError, ErrorKind};

/// A signature of which a part is missing.
pub(super) fn incomplete(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::IncompleteSignature, message)
}

/// A signature that is not right, or not of now.
pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::InvalidSignature, message)
}

/// A signature with an unknown key.
pub(super) fn unrecognized() -> ApiError {
    ApiError::new(ErrorKind::UnrecognizedClient, "The security token included in the request is invalid.")
}
