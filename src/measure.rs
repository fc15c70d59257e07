//! Metric names as Timestream measure names, and back.
//!
//! Timestream accepts any measure name without a colon that is not `time` and does not begin with `ts_` or
//! `measure_value` (Timestream developer guide, quotas and naming constraints). A metric name within those rules is its
//! own measure name, so tables of other writers can be read. Any other is escaped, as label names are
//! ([`crate::dimension`]): `z_` + body + `_z`. The body has `Z3aZ` for each colon and `Z5aZ` for each `Z` (`job:up:sum`
//! ⇄ `z_jobZ3aZupZ3aZsum_z`, `time` ⇄ `z_time_z`).
//!
//! A metric name that begins with `z_` and ends with `_z` is escaped itself, so [`restore`] undoes [`escape`] for every
//! name. A measure name that is not an escape is restored as itself. These rules never look inside an escape, so that
//! SQL can express them too.

use std::borrow::Cow;

use crate::dimension::{PREFIX, SUFFIX};

/// The longest measure name in bytes (Timestream quota).
pub const MAX_NAME_BYTES: usize = 256;

/// The measure name for a metric name. It may be longer than [`MAX_NAME_BYTES`]; the caller checks.
pub fn escape(metric: &str) -> Cow<'_, str> {
    if is_plain(metric.as_bytes()) {
        Cow::Borrowed(metric)
    } else {
        Cow::Owned(format!("{PREFIX}{}{SUFFIX}", body(metric)))
    }
}

/// Whether a metric name is its own measure name. Nearly all are, and these need no copy.
pub fn is_plain(metric: &[u8]) -> bool {
    // Without a branch in the loop, so that it takes many bytes at a time.
    !metric.iter().fold(false, |found, byte| found | (*byte == b':'))
        && match metric.first() {
            Some(b't') => metric != b"time" && !metric.starts_with(b"ts_"),
            Some(b'm') => !metric.starts_with(b"measure_value"),
            Some(b'z') => !is_wrapped(metric),
            _ => true,
        }
}

/// The length of the measure name for a metric name, in bytes.
pub fn escaped_len(metric: &[u8]) -> usize {
    if is_plain(metric) {
        return metric.len();
    }
    let escaped = metric.iter().filter(|byte| matches!(byte, b':' | b'Z')).count();
    PREFIX.len() + metric.len() + escaped * (COLON.len() - 1) + SUFFIX.len()
}

/// The metric name that [`escape`] turned into `measure`, or `measure` itself if there is no such name.
pub fn restore(measure: &str) -> Cow<'_, str> {
    match escaped_metric(measure) {
        Some(metric) => Cow::Owned(metric),
        None => Cow::Borrowed(measure),
    }
}

/// The measure names that are restored as `metric`: the name itself, unless it is an escape of another, and its escape.
pub fn forms(metric: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let escaped = Some(escape(metric)).filter(|escaped| escaped != metric);
    let plain = Some(Cow::Borrowed(metric)).filter(|plain| restore(plain) == metric);
    plain.into_iter().chain(escaped)
}

/// The part between the prefix and the suffix of an escape. The body of a name's start is the start of the name's body.
pub(crate) fn body(metric: &str) -> String {
    // The colons' escapes have a `Z` of their own, so they come second.
    metric.replace('Z', Z).replace(':', COLON)
}

const COLON: &str = "Z3aZ";
const Z: &str = "Z5aZ";

fn is_wrapped(name: &[u8]) -> bool {
    name.len() >= PREFIX.len() + SUFFIX.len()
        && name.starts_with(PREFIX.as_bytes())
        && name.ends_with(SUFFIX.as_bytes())
}

/// The metric name whose escape is exactly `measure`.
fn escaped_metric(measure: &str) -> Option<String> {
    let body = measure.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let metric = decode(body)?;
    (!is_plain(metric.as_bytes())).then_some(metric)
}

fn decode(body: &str) -> Option<String> {
    if body.contains(':') {
        return None;
    }
    let mut metric = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('Z') {
        let (plain, escaped) = rest.split_at(at);
        metric.push_str(plain);
        if let Some(after) = escaped.strip_prefix(COLON) {
            metric.push(':');
            rest = after;
        } else {
            metric.push('Z');
            rest = escaped.strip_prefix(Z)?;
        }
    }
    metric.push_str(rest);
    Some(metric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn legal_names_pass_unchanged() {
        for name in
            ["up", "A1", "_x", "x_", "timer", "ts", "measure_name", "z_", "z_a", "a_z", "z_z", "Zeta", "é.b c", ""]
        {
            assert_eq!((escape(name).as_ref(), restore(name).as_ref()), (name, name));
        }
        for name in ["z__z", "z_up_z", "z_aZb_z", "z_Z3aZb:_z", "z_upZ5aZ_z", "z_Zz_z"] {
            assert_eq!(restore(name), name, "no name is escaped like this");
        }
    }

    #[test]
    fn names_that_timestream_refuses_are_escaped_as_documented() {
        for (metric, measure) in [
            ("job:up:sum", "z_jobZ3aZupZ3aZsum_z"),
            (":", "z_Z3aZ_z"),
            ("Z:é", "z_Z5aZZ3aZé_z"),
            ("Z3aZ:", "z_Z5aZ3aZ5aZZ3aZ_z"),
            ("time", "z_time_z"),
            ("ts_a", "z_ts_a_z"),
            ("ts_non_existent_col", "z_ts_non_existent_col_z"),
            ("measure_value", "z_measure_value_z"),
            ("measure_valueZ", "z_measure_valueZ5aZ_z"),
            ("z_time_z", "z_z_time_z_z"),
            ("z_up_z", "z_z_up_z_z"),
        ] {
            assert_eq!(escape(metric), measure);
            assert_eq!(restore(measure), metric);
        }
    }

    #[test]
    fn a_metric_is_found_under_its_own_name_and_its_escape() {
        for (metric, expected) in [
            ("up", vec!["up"]),
            ("a:b", vec!["a:b", "z_aZ3aZb_z"]),
            ("time", vec!["time", "z_time_z"]),
            ("z_up_z", vec!["z_up_z", "z_z_up_z_z"]),
            // As it stands it is the escape of `time`.
            ("z_time_z", vec!["z_z_time_z_z"]),
            ("", vec![""]),
        ] {
            assert_eq!(forms(metric).collect::<Vec<_>>(), expected);
        }
    }

    const NAMES: &str = "\\PC{0,20}|[zZ_:a35]{0,12}|(z_){0,3}(time|ts_|measure_value|Z3aZ|Z5aZ|[_Z:a35]){0,4}(_z){0,3}";

    proptest! {
        #[test]
        fn restore_undoes_escape(metric in NAMES) {
            let measure = escape(&metric);
            prop_assert!(!measure.contains(':') && measure != "time", "{measure}");
            prop_assert!(!measure.starts_with("ts_") && !measure.starts_with("measure_value"), "{measure}");
            prop_assert_eq!(is_plain(metric.as_bytes()), measure == metric);
            prop_assert_eq!(escaped_len(metric.as_bytes()), measure.len());
            prop_assert_eq!(restore(&measure), metric.as_str());
        }

        #[test]
        fn no_two_metrics_share_a_measure(a in NAMES, b in NAMES) {
            prop_assert_eq!(a == b, escape(&a) == escape(&b));
        }

        #[test]
        fn the_forms_of_a_metric_are_what_is_restored_as_it(measure in NAMES, other in NAMES) {
            let metric = restore(&measure).into_owned();
            prop_assert!(forms(&metric).any(|form| form == measure));
            prop_assert_eq!(metric == other, forms(&other).any(|form| form == measure));
        }

        #[test]
        fn the_body_of_a_start_is_the_start_of_the_body(start in NAMES, rest in NAMES) {
            let expected = format!("{PREFIX}{}", body(&start));
            let whole = format!("{start}{rest}");
            prop_assert!(is_plain(whole.as_bytes()) || escape(&whole).starts_with(&expected));
        }
    }
}
