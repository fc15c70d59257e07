//! The kinds of faults.

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call waits before it is handled.
    Delay,
    /// The connection is closed before the call is handled.
    Drop,
    /// A ThrottlingException; the call is not handled.
    Throttle,
    /// An InternalServerException; the call is not handled.
    Error,
    /// An InvalidEndpointException; the call is not handled.
    Endpoint,
    /// A ValidationException; the call is not handled.
    Validation,
    /// A record of a WriteRecords call is rejected; counted by record, not by call.
    Reject,
    /// The call is handled, and the connection is closed instead of answering.
    DropAfter,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Fault; 8] = [
        Fault::Delay,
        Fault::Drop,
        Fault::Throttle,
        Fault::Error,
        Fault::Endpoint,
        Fault::Validation,
        Fault::Reject,
        Fault::DropAfter,
    ];

    /// Its name in the text of a plan.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Delay => "delay",
            Fault::Drop => "drop",
            Fault::Throttle => "throttle",
            Fault::Error => "error",
            Fault::Endpoint => "endpoint",
            Fault::Validation => "validation",
            Fault::Reject => "reject",
            Fault::DropAfter => "drop-after",
        }
    }
}
