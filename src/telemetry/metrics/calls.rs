//! Calls to Timestream by operation and outcome.

use metrics::{Counter, Gauge};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::super::reason::reasons;
use super::definitions::{CALLS, CALLS_IN_FLIGHT};
use super::register::{counter, gauge};
use crate::error::{Error, Kind};

reasons! {
    /// The operations that the connector calls.
    Operation {
        /// Stores records.
        WriteRecords = "WriteRecords",
        /// Runs a query, or fetches a further page.
        Query = "Query",
        /// Ends a query.
        CancelQuery = "CancelQuery",
    }
}

reasons! {
    /// The outcome of a call.
    Code {
        /// It succeeded.
        Ok = "OK",
        /// Refused: the credentials may not do that.
        AccessDenied = "AccessDeniedException",
        /// A conflicting change.
        Conflict = "ConflictException",
        /// The credentials are no longer valid.
        ExpiredToken = "ExpiredTokenException",
        /// Timestream failed.
        InternalServer = "InternalServerException",
        /// The account has moved to another endpoint.
        InvalidEndpoint = "InvalidEndpointException",
        /// The query can't be executed.
        QueryExecution = "QueryExecutionException",
        /// Some records were rejected, the others stored.
        RejectedRecords = "RejectedRecordsException",
        /// No such database or table.
        ResourceNotFound = "ResourceNotFoundException",
        /// An account quota is used up.
        ServiceQuotaExceeded = "ServiceQuotaExceededException",
        /// Too many calls.
        Throttling = "ThrottlingException",
        /// The credentials are unknown.
        UnrecognizedClient = "UnrecognizedClientException",
        /// The content of the call is wrong.
        Validation = "ValidationException",
        /// No answer in time.
        Timeout = "Timeout",
        /// No connection, or it broke.
        Connection = "ConnectionError",
        /// Not sent, because credentials could not be loaded.
        Credentials = "CredentialsError",
        /// Nobody waited for the answer any more.
        Abandoned = "Abandoned",
        /// Anything else.
        Other = "Other",
    }
}

impl Code {
    /// The code of a call that ended in this error: for an exception the code of its name, if there is one.
    pub fn of_error(error: &Error) -> Self {
        match error.kind() {
            Kind::TimedOut => Code::Timeout,
            Kind::Unreachable => Code::Connection,
            Kind::NoCredentials => Code::Credentials,
            _ => *Code::ALL.iter().find(|code| code.as_str() == error.name()).unwrap_or(&Code::Other),
        }
    }
}

/// Counts calls. Cloning shares the counters.
#[derive(Clone)]
pub struct Calls {
    /// By operation, then by code.
    counters: Vec<Vec<Counter>>,
    in_flight: Gauge,
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calls(..)")
    }
}

impl Calls {
    pub(super) fn new(recorder: &PrometheusRecorder) -> Self {
        let of = |operation: &Operation, code: &Code| {
            counter(recorder, CALLS, &[("operation", operation.as_str()), ("code", code.as_str())])
        };
        let by_code = |operation| Code::ALL.iter().map(|code| of(operation, code)).collect();
        let counters = Operation::ALL.iter().map(by_code).collect();
        Calls { counters, in_flight: gauge(recorder, CALLS_IN_FLIGHT, &[]) }
    }

    /// Begins a call. It ends with [`Call::end`], or when it is dropped: a WriteRecords call is dropped at the time
    /// limit of its request, the others also when nobody waits for them any more.
    pub fn begin(&self, operation: Operation) -> Call<'_> {
        self.in_flight.increment(1.0);
        let dropped = if operation == Operation::WriteRecords { Code::Timeout } else { Code::Abandoned };
        Call { calls: self, operation, code: dropped }
    }
}

/// A call under way.
#[derive(Debug)]
#[must_use]
pub struct Call<'a> {
    calls: &'a Calls,
    operation: Operation,
    code: Code,
}

impl Call<'_> {
    /// Ends the call with this code.
    pub fn end(mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.in_flight.decrement(1.0);
        self.calls.counters[self.operation as usize][self.code as usize].increment(1);
    }
}
