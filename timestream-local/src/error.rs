//! The service's errors, as the AWS JSON 1.0 protocol carries them.

use serde_json::{Value, json};

/// An exception of the service's model. Statuses: botocore's service models and the API reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// A request that breaks a rule of the service.
    Validation,
    /// A query that fails while it runs.
    QueryExecution,
    /// A database, table or other resource that does not exist.
    ResourceNotFound,
    /// A resource that exists already, or is in use.
    Conflict,
    /// More of something than an account, table or resource may have.
    ServiceQuotaExceeded,
    /// Some records of a WriteRecords call were not stored.
    RejectedRecords,
    /// Too much at once; to be tried again later.
    Throttling,
    /// The caller must discover the endpoint again.
    InvalidEndpoint,
    /// A fault of the server's own, such as a full disk.
    InternalServer,
    /// A request without a signature.
    MissingAuthenticationToken,
    /// A signature that lacks a part.
    IncompleteSignature,
    /// A signature that is wrong, or was made at another time.
    InvalidSignature,
    /// A signature with an unknown key.
    UnrecognizedClient,
    /// An operation that the service does not have, or that this server does not support.
    UnknownOperation,
    /// A body that is not a JSON object of the expected shape.
    Serialization,
    /// A body over the server's limit.
    RequestEntityTooLarge,
}

impl ErrorKind {
    /// The name in `__type`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ErrorKind::Validation => "ValidationException",
            ErrorKind::QueryExecution => "QueryExecutionException",
            ErrorKind::ResourceNotFound => "ResourceNotFoundException",
            ErrorKind::Conflict => "ConflictException",
            ErrorKind::ServiceQuotaExceeded => "ServiceQuotaExceededException",
            ErrorKind::RejectedRecords => "RejectedRecordsException",
            ErrorKind::Throttling => "ThrottlingException",
            ErrorKind::InvalidEndpoint => "InvalidEndpointException",
            ErrorKind::InternalServer => "InternalServerException",
            ErrorKind::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            ErrorKind::IncompleteSignature => "IncompleteSignatureException",
            ErrorKind::InvalidSignature => "InvalidSignatureException",
            ErrorKind::UnrecognizedClient => "UnrecognizedClientException",
            ErrorKind::UnknownOperation => "UnknownOperationException",
            ErrorKind::Serialization => "SerializationException",
            ErrorKind::RequestEntityTooLarge => "RequestEntityTooLargeException",
        }
    }

    /// The HTTP status that goes with it.
    pub(crate) fn status(self) -> u16 {
        match self {
            ErrorKind::Validation
            | ErrorKind::QueryExecution
            | ErrorKind::MissingAuthenticationToken
            | ErrorKind::IncompleteSignature
            | ErrorKind::InvalidSignature
            | ErrorKind::UnrecognizedClient
            | ErrorKind::UnknownOperation
            | ErrorKind::Serialization => 400,
            ErrorKind::ServiceQuotaExceeded => 402,
            ErrorKind::ResourceNotFound => 404,
            ErrorKind::Conflict => 409,
            ErrorKind::RequestEntityTooLarge => 413,
            ErrorKind::RejectedRecords => 419,
            ErrorKind::InvalidEndpoint => 421,
            ErrorKind::Throttling => 429,
            ErrorKind::InternalServer => 500,
        }
    }

    /// Whether AWS' front door answers it, before Timestream sees the request.
    fn is_common(self) -> bool {
        matches!(
            self,
            ErrorKind::UnknownOperation
                | ErrorKind::Serialization
                | ErrorKind::RequestEntityTooLarge
                | ErrorKind::MissingAuthenticationToken
                | ErrorKind::IncompleteSignature
                | ErrorKind::InvalidSignature
                | ErrorKind::UnrecognizedClient
        )
    }
}

/// A record of a WriteRecords call that was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedRecord {
    /// Its place in the call's `Records`, from 0.
    pub index: usize,
    /// Why, in the service's words.
    pub reason: String,
    /// The version of the stored record that it conflicts with, if there is one.
    pub existing_version: Option<i64>,
}

/// An answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub(crate) struct ApiError {
    /// Which exception.
    pub kind: ErrorKind,
    /// The text for people.
    pub message: String,
    /// The records that a RejectedRecordsException rejects.
    pub rejected: Vec<RejectedRecord>,
}

impl ApiError {
    /// An error of a kind, with its message.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        ApiError { kind, message: message.into(), rejected: Vec::new() }
    }

    /// A ValidationException.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Validation, message)
    }

    /// A ResourceNotFoundException.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceNotFound, message)
    }

    /// An InternalServerException. The message goes to the caller: this server is the caller's own.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InternalServer, message)
    }

    /// A RejectedRecordsException.
    pub(crate) fn rejected(rejected: Vec<RejectedRecord>) -> Self {
        ApiError {
            kind: ErrorKind::RejectedRecords,
            message: "One or more records have been rejected. See RejectedRecords for details.".to_owned(),
            rejected,
        }
    }

    /// The body of the answer.
    pub(crate) fn to_json(&self) -> Value {
        let (namespace, message) = if self.kind.is_common() {
            ("com.amazon.coral.service", "message")
        } else {
            ("com.amazonaws.timestream.v20181101", "Message")
        };
        let mut body = json!({"__type": format!("{namespace}#{}", self.kind.name()), message: self.message});
        if self.kind == ErrorKind::RejectedRecords {
            body["RejectedRecords"] = self
                .rejected
                .iter()
                .map(|record| {
                    let mut entry = json!({"RecordIndex": record.index, "Reason": record.reason});
                    if let Some(version) = record.existing_version {
                        entry["ExistingVersion"] = version.into();
                    }
                    entry
                })
                .collect();
        }
        body
    }
}

impl From<rusqlite::Error> for ApiError {
    fn from(error: rusqlite::Error) -> Self {
        ApiError::internal(format!("storage: {error}"))
    }
}
