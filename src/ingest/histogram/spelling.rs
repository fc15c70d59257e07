//! Spells each bucket bound as Prometheus 3 and the expanded histograms write it.
//!
//! Senders spell the same bound in different ways: `le="1"` and `le="1.0"`, `le="0.0000001"` and `le="1e-07"`. Stored
//! side by side they would be two series of one bucket, which PromQL adds up.

use std::collections::HashMap;

use super::{BOUND_BYTES, BOUND_LABEL, BUCKET, append, bounds};
use crate::write_request::{Series, Span, WriteRequest};

/// A longer text is no bound that anybody writes, and could be that of all series.
const LONGEST: usize = 64;

/// The bytes that the bounds of a request take at most once they are spelt alike, and the memory to remember them.
pub(super) fn cost(request: &WriteRequest) -> usize {
    let mut respelt = 0;
    each_bound(request, |_, text| respelt += usize::from(!is_usual(text)));
    respelt * BOUND_BYTES
}

/// Spells the bounds of the request's classic buckets.
pub(super) fn respell(request: &mut WriteRequest) {
    let mut places = Vec::new();
    each_bound(request, |label, text| {
        if !is_usual(text) {
            places.push(label);
        }
    });
    let mut spelt: HashMap<Vec<u8>, Span> = HashMap::new();
    for label in places {
        let text = request.buffer[request.labels[label].value.range()].to_vec();
        let value = match spelt.get(&text) {
            Some(value) => *value,
            None => {
                let Some(bound) = bound(&text) else { continue };
                let value = append(&mut request.buffer, bounds::text(bound).as_bytes());
                spelt.insert(text, value);
                value
            }
        };
        request.labels[label].value = value;
    }
}

/// Hands the number and the value of each `le` label of a classic bucket to `found`.
fn each_bound(request: &WriteRequest, mut found: impl FnMut(usize, &[u8])) {
    let is_bucket = |series: &&Series| request.buffer[series.name.range()].ends_with(BUCKET.as_bytes());
    for series in request.series.iter().filter(is_bucket) {
        let (first, end) = (series.labels.0 as usize, series.labels.1 as usize);
        let labels = &request.labels[first..end];
        // Sorted by name.
        let at = labels.partition_point(|label| request.buffer[label.name.range()] < *BOUND_LABEL);
        if let Some(label) = labels.get(at).filter(|label| request.buffer[label.name.range()] == *BOUND_LABEL)
            && label.value.len() <= LONGEST
        {
            found(first + at, &request.buffer[label.value.range()]);
        }
    }
}

/// Whether a bound has the usual spelling: a point between digits, no needless zeros, and not so many digits that it
/// would have an exponent.
fn is_usual(text: &[u8]) -> bool {
    if text == b"+Inf" {
        return true;
    }
    let Some(point) = text.iter().position(|byte| *byte == b'.') else { return false };
    let (whole, behind) = (&text[..point], &text[point + 1..]);
    let are_digits = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    are_digits(whole)
        && are_digits(behind)
        && whole.len() <= 6
        && behind.len() <= 4
        && (whole == b"0" || whole[0] != b'0')
        && (behind == b"0" || behind.last() != Some(&b'0'))
}

/// The number of a bound; `None` if it is not a number: then it is left as it is.
fn bound(text: &[u8]) -> Option<f64> {
    let bound: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!bound.is_nan()).then_some(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(text: &str) -> String {
        bound(text.as_bytes()).map_or(text.to_owned(), bounds::text)
    }

    #[test]
    fn what_is_usual_is_spelt_as_it_should_be() {
        for text in ["0.005", "0.0001", "1.0", "10.0", "0.0", "2.5", "+Inf", "999999.0", "123456.5"] {
            assert!(is_usual(text.as_bytes()), "{text}");
            assert_eq!(spelt(text), text);
        }
        for (text, expected) in [
            ("1", "1.0"),
            ("-1", "-1.0"),
            ("0", "0.0"),
            ("0.0000001", "1e-07"),
            ("1e+06", "1e+06"),
            ("1000000", "1e+06"),
            ("1000000.0", "1e+06"),
            ("0.00001", "1e-05"),
            ("0.10", "0.1"),
            ("01.5", "1.5"),
            ("Inf", "+Inf"),
            ("+inf", "+Inf"),
            ("many", "many"),
            ("NaN", "NaN"),
            ("", ""),
        ] {
            assert!(!is_usual(text.as_bytes()), "{text}");
            assert_eq!(spelt(text), expected);
        }
    }

    proptest::proptest! {
        /// A bound that is left as it is would be spelt the same.
        #[test]
        fn the_quick_look_is_right(text in "[0-9]{0,8}\\.?[0-9]{0,6}") {
            if is_usual(text.as_bytes()) {
                proptest::prop_assert_eq!(spelt(&text), text);
            }
        }
    }
}
