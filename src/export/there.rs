//! The words in which receivers refuse samples that they have, or that are not later than what they have of a series.

/// What begins a series or a value in a text: from here on it may hold any words.
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// Words of the errors of samples. VictoriaMetrics refuses no sample that it has.
const WORDS: [&str; 8] = [
    // Prometheus (storage/interface.go), and Cortex and Thanos, which quote it.
    "out of order sample",
    "duplicate sample for timestamp",
    "too old sample",
    // Grafana Mimir (pkg/util/globalerror/user.go).
    "(err-mimir-sample-out-of-order)",
    "(err-mimir-sample-duplicate-timestamp)",
    "(err-mimir-sample-timestamp-too-old)",
    // Cortex before 1.14 (pkg/ingester).
    "sample timestamp out of order",
    "sample with repeated timestamp but different value",
];

/// Words of a 409 of Thanos (pkg/receive/handler.go), which has several receivers asked and tells the error of one.
const CONFLICTS: [&str; 2] = ["conflict", "code = AlreadyExists"];

/// Whether a receiver that answers so may have refused the samples because it has them.
pub(super) fn may_have_them(status: u16, text: &str) -> bool {
    let own = text.split(QUOTES).next().unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|words| own.contains(words));
    match status {
        400 => has(&WORDS),
        409 => has(&WORDS) || (has(&CONFLICTS) && !own.contains("out of bounds")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_of_receivers_count_and_only_outside_of_series() {
        for (status, text) in [
            (400, "out of order sample\n"),
            (400, "duplicate sample for timestamp\n"),
            (400, "duplicate sample for timestamp; overrides not allowed: existing 1, new value 2\n"),
            (400, "too old sample\n"),
            (400, "out of order sample for series {__name__=\"up\"}"),
            (
                400,
                "send data to ingesters: failed pushing to ingester mimir-ingester-0: user=anonymous: the sample has been \
                 rejected because another sample with a more recent timestamp has already been ingested and out-of-order \
                 samples are not allowed (err-mimir-sample-out-of-order). The affected sample has timestamp \
                 2025-03-07T13:04:02.887Z and is from series up{job=\"x\"}",
            ),
            (
                400,
                "the sample has been rejected because another sample with the same timestamp, but a different value, has \
                 already been ingested (err-mimir-sample-duplicate-timestamp). The affected sample",
            ),
            (
                400,
                "the sample has been rejected because its timestamp is too old (err-mimir-sample-timestamp-too-old). The",
            ),
            (400, "user=x: err: out of order sample. timestamp=2026-01-01T00:00:00Z, series={__name__=\"up\"}"),
            (
                400,
                "user=x: sample timestamp out of order; last timestamp: 2, incoming timestamp: 1, for series {a=\"b\"}",
            ),
            (409, "add 10 samples: out of order sample\n"),
            (409, "conflict\n"),
            (409, "forwarding request to endpoint 1.2.3.4:10901: rpc error: code = AlreadyExists desc = store locally"),
        ] {
            assert!(may_have_them(status, text), "{status} {text}");
        }
        for (status, text) in [
            (400, "out of bounds\n"),
            (400, "label name \"out of order sample\" is not valid"),
            (400, "received a series duplicate_samples_total{a=\"b\"} whose number of labels exceeds the limit"),
            (400, "invalid value 'x (err-mimir-sample-out-of-order)'"),
            (400, "conflict"),
            (409, "add 10 samples: out of bounds: conflict"),
            (401, "out of order sample"),
            (422, "duplicate sample for timestamp"),
            (400, ""),
        ] {
            assert!(!may_have_them(status, text), "{status} {text}");
        }
    }
}
