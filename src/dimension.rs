//! Label names as Timestream dimension names, and back.
//!
//! Timestream accepts ASCII letters, digits and underscores. A name begins with a letter and does not end with an
//! underscore, and some names are reserved (Timestream developer guide, quotas and naming constraints). A label name
//! within those rules is its own dimension name, so tables of other writers can be read. Any other is escaped:
//! `z_` + body + `_z`. The body keeps letters, digits and underscores, and writes `Z` and each other character as
//! `Z<hex code point>Z` (`_x` ⇄ `z__x_z`, `time` ⇄ `z_time_z`, `é` ⇄ `z_Ze9Z_z`).
//!
//! A legal label name that happens to be the escape of another name is escaped itself, so [`restore`] undoes [`escape`]
//! for every name. A dimension name that is not an escape is restored as itself.

use std::borrow::Cow;

/// The longest dimension name in bytes (Timestream quota).
pub const MAX_NAME_BYTES: usize = 60;

/// The dimension of a series that has no label but its name, since Timestream wants at least one. It is the escape of
/// the empty label name, which no series has.
pub const PLACEHOLDER: &str = "z__z";

/// The value of [`PLACEHOLDER`]: Timestream refuses empty ones.
pub const PLACEHOLDER_VALUE: &str = "-";

/// What an escaped name begins with.
pub(crate) const PREFIX: &str = "z_";
/// What an escaped name ends with.
pub(crate) const SUFFIX: &str = "_z";

/// The dimension name for a label name. It may be longer than [`MAX_NAME_BYTES`]; the caller checks.
pub fn escape(label: &str) -> Cow<'_, str> {
    if needs_escape(label) { Cow::Owned(encode(label)) } else { Cow::Borrowed(label) }
}

/// Whether a label name is surely its own dimension name. Nearly all are, and these need no copy.
pub fn is_plain(label: &[u8]) -> bool {
    is_legal(label) && !label.starts_with(PREFIX.as_bytes())
}

/// The label name that [`escape`] turned into `dimension`, or `dimension` itself if there is no such name.
pub fn restore(dimension: &str) -> Cow<'_, str> {
    match escaped_label(dimension) {
        Some(label) => Cow::Owned(label),
        None => Cow::Borrowed(dimension),
    }
}

fn needs_escape(label: &str) -> bool {
    !is_legal(label.as_bytes()) || escaped_label(label).is_some()
}

/// The label whose escape is exactly `dimension`.
fn escaped_label(dimension: &str) -> Option<String> {
    let body = dimension.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let label = decode(body)?;
    // The label is shorter than the dimension, so this ends.
    (encode(&label) == dimension && needs_escape(&label)).then_some(label)
}

fn is_legal(name: &[u8]) -> bool {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return false };
    first.is_ascii_alphabetic()
        && *last != b'_'
        // Without a branch in the loop, so that it takes many bytes at a time.
        && name.iter().fold(true, |legal, byte| legal & (byte.is_ascii_alphanumeric() | (*byte == b'_')))
        && !is_reserved(name)
}

fn is_reserved(name: &[u8]) -> bool {
    match name.first() {
        Some(b't') => name == b"time" || name.starts_with(b"ts_"),
        Some(b'm') => name.starts_with(b"measure_name") || name.starts_with(b"measure_value"),
        _ => false,
    }
}

fn encode(label: &str) -> String {
    use std::fmt::Write;
    let mut name = String::with_capacity(label.len() + 8);
    name.push_str(PREFIX);
    for c in label.chars() {
        if c != 'Z' && (c.is_ascii_alphanumeric() || c == '_') {
            name.push(c);
        } else {
            // Writing to a String does not fail.
            let _ = write!(name, "Z{:x}Z", u32::from(c));
        }
    }
    name.push_str(SUFFIX);
    name
}

fn decode(body: &str) -> Option<String> {
    let mut label = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((plain, escaped)) = rest.split_once('Z') {
        let (hex, after) = escaped.split_once('Z')?;
        label.push_str(plain);
        label.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
        rest = after;
    }
    label.push_str(rest);
    Some(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn legal_names_pass_unchanged() {
        for name in ["job", "instance", "le", "a", "A1", "a_b", "z_a_z", "zZ", "timer", "ts"] {
            assert_eq!(escape(name), name);
            assert_eq!(restore(name), name);
        }
    }

    #[test]
    fn names_that_timestream_refuses_are_escaped_as_documented() {
        for (label, dimension) in [
            ("_x", "z__x_z"),
            ("x_", "z_x__z"),
            ("time", "z_time_z"),
            ("ts_a", "z_ts_a_z"),
            ("measure_name", "z_measure_name_z"),
            ("measure_value_x", "z_measure_value_x_z"),
            ("1a", "z_1a_z"),
            ("a.Z", "z_aZ2eZZ5aZ_z"),
            ("é", "z_Ze9Z_z"),
            ("", PLACEHOLDER),
        ] {
            assert_eq!(escape(label), dimension);
            assert_eq!(restore(dimension), label);
        }
    }

    #[test]
    fn the_escape_of_another_name_is_escaped_itself() {
        for name in ["z__x_z", "z_time_z", PLACEHOLDER, "z_z__x_z_z"] {
            assert_ne!(escape(name), name);
            assert_eq!(restore(&escape(name)), name);
        }
    }

    proptest! {
        #[test]
        fn restore_undoes_escape(label in "\\PC{0,20}|[zZ_a-f0-9]{0,12}|(z_){0,3}[_Zatime]{0,6}(_z){0,3}") {
            let dimension = escape(&label);
            prop_assert!(is_legal(dimension.as_bytes()), "{dimension}");
            prop_assert!(!is_plain(label.as_bytes()) || dimension == label);
            prop_assert_eq!(restore(&dimension), label.as_str());
        }

        #[test]
        fn no_two_labels_share_a_dimension(a in "[zZ_e9time]{0,12}", b in "[zZ_e9time]{0,12}") {
            prop_assert_eq!(a == b, escape(&a) == escape(&b));
        }
    }
}
