//! Why samples are not written: the values of the `reason` label, each a fixed set.

/// Declares a fixed set of values of a label.
macro_rules! reasons {
    ($(#[$docs:meta])* $name:ident { $($(#[$reason_docs:meta])* $reason:ident = $text:literal,)+ }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$reason_docs])* $reason,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$reason,)+];

            /// The value of the label.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$reason => $text,)+ }
            }
        }
    };
}

pub(super) use reasons;

reasons! {
    /// Why a sample was left out, without an error for its request.
    Ignored {
        /// The metric name is over 256 bytes.
        LongMetricName = "long_metric_name",
        /// A label name is over 60 bytes as a dimension name.
        LongLabelName = "long_label_name",
        /// The value is NaN.
        NaN = "nan",
        /// The value is positive infinity.
        Infinity = "inf",
        /// The value is negative infinity.
        NegativeInfinity = "negative_inf",
        /// The value is Prometheus' stale marker.
        StaleMarker = "stale_marker",
        /// The same series and time come again later in the request.
        Repeated = "repeated",
        /// Another replica of the HA pair is listened to.
        HaReplica = "ha_replica",
    }
}

reasons! {
    /// Why a sample can never be stored, however often it is sent.
    Rejected {
        /// Timestream has another value of the same series and time.
        Duplicate = "duplicate",
        /// Timestream has a higher record version.
        Version = "version",
        /// The time is outside the table's retention, or outside what Timestream can hold.
        RetentionWindow = "retention_window",
        /// More dimensions or bytes than a record may have.
        TooLarge = "too_large",
        /// The series is malformed, or Timestream refuses its content.
        Invalid = "invalid",
        /// Timestream refuses the credentials.
        Unauthorized = "unauthorized",
        /// Timestream gave another reason.
        Other = "other",
    }
}

reasons! {
    /// Why a sample was not stored this time; it may be when sent again.
    Failed {
        /// Timestream throttled the calls until retries ended.
        Throttled = "throttled",
        /// Timestream failed, or could not be reached.
        Unavailable = "unavailable",
        /// No answer within the time limit; the sample may be stored or not.
        Timeout = "timeout",
        /// The queue was full.
        QueueFull = "queue_full",
        /// The memory limit was reached.
        MemoryLimit = "memory_limit",
        /// The connector was stopping.
        Shutdown = "shutdown",
        /// An account quota of Timestream is used up.
        QuotaExceeded = "quota_exceeded",
        /// The database or table does not exist.
        NotFound = "not_found",
        /// The credentials may not write there.
        AccessDenied = "access_denied",
        /// Timestream refused the signature because of its time.
        Clock = "clock",
        /// Timestream reported a conflicting change.
        Conflict = "conflict",
        /// The elected replica of the HA pair has not stored its own yet.
        HaReplica = "ha_replica",
    }
}
