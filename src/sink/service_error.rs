//! Turns errors of the AWS SDK (Timestream's exceptions, time-outs and broken connections) into [`Error`]s. The
//! exceptions and their status codes are those of the service models timestream-write and timestream-query
//! (2018-11-01).

use std::error::Error as StdError;

use aws_sdk_timestreamquery::operation::describe_endpoints::DescribeEndpointsError as QueryDiscoveryError;
use aws_sdk_timestreamwrite::operation::describe_endpoints::DescribeEndpointsError as WriteDiscoveryError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, Kind, with_causes};

/// The error of a call, for its caller.
pub fn from_sdk<E, R>(error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(context) => from_exception(context.err().code(), context.err().message()),
        SdkError::TimeoutError(_) => timeout(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => timeout(),
        SdkError::ConstructionFailure(_) => before_sending(&with_causes(error)),
        // For a connection that broke before the answer, the SDK says "other" too, but also that it is transient.
        SdkError::DispatchFailure(failure) if failure.is_other() && failure.as_other().is_none() => {
            before_sending(&with_causes(error))
        }
        other => Error::new(
            Kind::Unreachable,
            "ConnectionError",
            format!("no answer from Timestream: {}", with_causes(other)),
        ),
    }
}

/// The error of a call that was sent past the SDK.
pub(super) fn from_connector(error: &ConnectorError) -> Error {
    if error.is_timeout() {
        return timeout();
    }
    Error::new(Kind::Unreachable, "ConnectionError", format!("no answer from Timestream: {}", with_causes(error)))
}

/// The error of endpoint discovery, which the SDK gives as a boxed error.
pub fn from_discovery(error: &(dyn StdError + Send + Sync + 'static)) -> Error {
    let write = error.downcast_ref::<SdkError<WriteDiscoveryError, HttpResponse>>();
    let query = error.downcast_ref::<SdkError<QueryDiscoveryError, HttpResponse>>();
    match (write, query) {
        (Some(error), _) => from_sdk(error),
        (_, Some(error)) => from_sdk(error),
        _ => Error::new(Kind::Unavailable, "EndpointDiscoveryError", format!("endpoint discovery failed: {error}")),
    }
}

/// An exception by its code. Some codes are not in the service models: AWS' front doors answer with them for
/// credentials. Unknown codes may pass.
pub fn from_exception(code: Option<&str>, message: Option<&str>) -> Error {
    let message = message.unwrap_or("Timestream gave no message").to_owned();
    let Some(code) = code else { return Error::new(Kind::Unavailable, "UnknownServiceError", message) };
    let kind = match code {
        "ValidationException" | "QueryExecutionException" | "SerializationException" => Kind::Invalid,
        "ServiceQuotaExceededException" => Kind::QuotaExceeded,
        "ResourceNotFoundException" => Kind::NotFound,
        "ConflictException" => Kind::Conflict,
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" => Kind::Throttled,
        "InvalidEndpointException" => Kind::Moved,
        "AccessDeniedException" | "OptInRequired" | "NotAuthorized" => Kind::Forbidden,
        "ExpiredToken" | "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidClientTokenId" => {
            Kind::CredentialsExpired
        }
        "RequestExpired" | "RequestTimeTooSkewed" => Kind::ClockSkewed,
        "InvalidSignatureException" | "SignatureDoesNotMatch" if is_about_time(&message) => Kind::ClockSkewed,
        "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => Kind::CredentialsRefused,
        _ => Kind::Unavailable,
    };
    Error::new(kind, code.to_owned(), message)
}

/// Whether a signature is refused because of its time. AWS has the same code for a wrong secret key; only the text
/// differs (AWS General Reference, "Troubleshoot Signature Version 4 signing", credential expiration).
fn is_about_time(message: &str) -> bool {
    ["Signature expired", "Signature not yet current"].iter().any(|start| message.starts_with(start))
}

/// The error of a call that took too long.
pub(super) fn timeout() -> Error {
    Error::new(Kind::TimedOut, "RequestTimeout", "Timestream did not answer in time")
}

/// A call that failed before it was sent: the environment has no credentials, or they can't be loaded now.
fn before_sending(causes: &str) -> Error {
    Error::new(Kind::NoCredentials, "CredentialsError", format!("the call to Timestream could not be made: {causes}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Direction;

    #[test]
    fn exceptions_keep_their_code_and_message() {
        let error = from_exception(Some("ResourceNotFoundException"), Some("The table t does not exist."));
        assert_eq!(error.kind(), Kind::NotFound);
        assert_eq!(error.to_string(), "ResourceNotFoundException: The table t does not exist.");
    }

    #[test]
    fn a_clock_that_is_wrong_is_told_from_a_key_that_is() {
        let kind = |message| from_exception(Some("InvalidSignatureException"), Some(message)).kind();
        let expired =
            "Signature expired: 20261128T120000Z is now earlier than 20261128T121000Z (20261128T121500Z - 5 min.)";
        assert_eq!(kind(expired), Kind::ClockSkewed);
        assert_eq!(
            kind("Signature not yet current: 20261128T130000Z is still later than 20261128T120500Z"),
            Kind::ClockSkewed
        );
        let wrong = "The request signature we calculated does not match the signature you provided.";
        assert_eq!(kind(wrong), Kind::CredentialsRefused);
    }

    #[test]
    fn what_nobody_listed_may_pass() {
        assert!(from_exception(Some("SomethingNew"), None).kind().is_retryable());
        assert!(from_exception(None, None).kind().is_retryable());
        assert!(from_exception(Some("InvalidEndpointException"), None).kind().is_retryable());
        assert!(from_exception(Some("InternalServerException"), None).kind().is_retryable());
    }

    #[test]
    fn who_may_not_is_told_apart_from_whom_nobody_knows() {
        for (code, kind) in [
            ("AccessDeniedException", Kind::Forbidden),
            ("UnrecognizedClientException", Kind::CredentialsExpired),
            ("ExpiredTokenException", Kind::CredentialsExpired),
            ("InvalidSignatureException", Kind::CredentialsRefused),
        ] {
            let error = from_exception(Some(code), None);
            assert_eq!((error.kind(), error.kind().status(Direction::Read).as_u16()), (kind, 403));
        }
    }
}
