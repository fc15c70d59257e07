//! Classifies why Timestream rejects single records. It reads the text of the reason, since the service gives no code.

use crate::telemetry::reason::Rejected;

/// The class of a reason in a RejectedRecordsException.
pub(super) fn classify(reason: &str) -> Rejected {
    let reason = reason.to_ascii_lowercase();
    let says = |words: &str| reason.contains(words);
    if says("already exists") {
        Rejected::Duplicate
    } else if says("existing version") || says("lower than the existing") {
        Rejected::Version
    } else if says("time range") || says("retention") || says("timestamp") {
        Rejected::RetentionWindow
    } else {
        Rejected::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_that_timestream_gives_are_told_apart() {
        for (reason, class) in [
            (
                "A record already exists with the same time, dimensions, measure name, and record version. A higher record version must be specified in order to update the measure value.",
                Rejected::Duplicate,
            ),
            (
                "The record version 2 is lower than the existing version 200. A higher version is required to update the measure value.",
                Rejected::Version,
            ),
            (
                "The record timestamp is outside the time range [2026-01-01T00:00:00Z, 2026-01-02T00:00:00Z) of the memory store.",
                Rejected::RetentionWindow,
            ),
            ("something else", Rejected::Other),
        ] {
            assert_eq!(classify(reason), class, "{reason}");
        }
    }
}
