//! Reads lines of OpenMetrics text with the grammar of Prometheus' parser (prometheus/prometheus, model/textparse,
//! openmetricslex.l), quoted names of Prometheus 3 included.
//!
//! It takes more than that parser in four ways. A name without quotes may have characters of Prometheus 3, since
//! `promtool tsdb dump-openmetrics` writes such names without quotes. Empty lines and any comment are passed over. What is
//! behind `# {` is taken for an exemplar without a look at it. Go's escapes in values are resolved (`append`).

use memchr::{memchr, memchr2};

use super::number::{self, NoTime};

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A sample, or what should be one.
    Sample,
    /// `# EOF`.
    End,
    /// Metadata, another comment, or nothing.
    Comment,
}

/// A part of a line, in bytes: a name, or what is between a value's quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Whether it has escapes.
    pub is_escaped: bool,
}

/// Where the parts of a line's series stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SeriesParts {
    /// The metric name.
    pub name: Part,
    /// Names and values of the labels, in the order of the line. A name may stand twice, and a value be empty.
    pub labels: Vec<(Part, Part)>,
    /// Where the series ends and the blank before the value stands.
    pub end: usize,
}

/// The rest of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Whether an exemplar follows.
    pub has_exemplar: bool,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Something else must stand there.
    #[error("no {what} at byte {at} of the line")]
    Missing {
        /// What must.
        what: &'static str,
        /// Where, in bytes.
        at: usize,
    },
    /// Braces without a metric name in them or before.
    #[error("no metric name")]
    NoMetricName,
    /// A second metric name in the braces.
    #[error("two metric names")]
    TwoMetricNames,
    /// The value is no number.
    #[error("{0:?} is not a value: accepted are decimal numbers, +Inf, -Inf and NaN")]
    Value(String),
    /// Nothing stands behind the value.
    #[error("no timestamp behind the value: without one nobody knows when the sample was taken")]
    NoTimestamp,
    /// The timestamp is no number.
    #[error("{0:?} is not a timestamp: accepted are seconds since 1970, such as 1700000000.123")]
    Timestamp(String),
    /// The timestamp does not fit.
    #[error("the timestamp {0} is too large")]
    TimestampTooLarge(String),
}

/// How many characters of a text an error shows.
const SHOWN: usize = 40;

/// What a line is.
pub fn kind(line: &str) -> Kind {
    match line.as_bytes() {
        b"# EOF" => Kind::End,
        [] | [b'#', ..] => Kind::Comment,
        _ => Kind::Sample,
    }
}

/// Finds the parts of a line's series.
///
/// # Errors
/// The line does not begin with a series.
pub fn series(line: &str, found: &mut SeriesParts) -> Result<(), LineError> {
    let line = line.as_bytes();
    found.labels.clear();
    let name_end = plain_name_end(line, 0);
    found.name = Part { start: 0, end: name_end, is_escaped: false };
    found.end = match line.get(name_end) {
        Some(b'{') => braces(line, name_end + 1, found)?,
        _ if name_end == 0 => return Err(LineError::Missing { what: "metric name", at: 0 }),
        _ => name_end,
    };
    if found.name.start == found.name.end { Err(LineError::NoMetricName) } else { Ok(()) }
}

/// Reads labels and a quoted metric name up to the closing brace. Gives the place behind it.
fn braces(line: &[u8], mut at: usize, found: &mut SeriesParts) -> Result<usize, LineError> {
    loop {
        let name = match line.get(at) {
            Some(b'}') => return Ok(at + 1),
            Some(b'"') => quoted(line, at)?,
            _ => match plain_name_end(line, at) {
                end if end > at => Part { start: at, end, is_escaped: false },
                _ => return Err(LineError::Missing { what: "label name or }", at }),
            },
        };
        let is_quoted = name.start > at;
        at = name.end + usize::from(is_quoted);
        match line.get(at) {
            Some(b'=') => {
                let value = quoted(line, at + 1)?;
                found.labels.push((name, value));
                at = value.end + 1;
            }
            Some(b',' | b'}') if is_quoted => {
                if found.name.start != found.name.end {
                    return Err(LineError::TwoMetricNames);
                }
                found.name = name;
            }
            _ => return Err(LineError::Missing { what: "=", at }),
        }
        match line.get(at) {
            Some(b',') => at += 1,
            Some(b'}') => {}
            _ => return Err(LineError::Missing { what: "comma or }", at }),
        }
    }
}

/// Where a name without quotes ends that begins at a place; the place itself if none does.
fn plain_name_end(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    let begins = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':' | 0x80..);
    if !rest.first().is_some_and(begins) {
        return at;
    }
    let ends = |byte: &u8| byte.is_ascii_control() || b" {}\",=#".contains(byte);
    at + rest.iter().position(ends).unwrap_or(rest.len())
}

/// What is between the quotes that begin at a place.
fn quoted(line: &[u8], at: usize) -> Result<Part, LineError> {
    if line.get(at) != Some(&b'"') {
        return Err(LineError::Missing { what: "opening quote", at });
    }
    let start = at + 1;
    let (mut from, mut is_escaped) = (start, false);
    loop {
        let next = line.get(from..).and_then(|rest| memchr2(b'"', b'\\', rest)).map(|found| from + found);
        match next {
            None => return Err(LineError::Missing { what: "closing quote", at: line.len() }),
            Some(end) if line[end] == b'"' => return Ok(Part { start, end, is_escaped }),
            Some(escape) => (from, is_escaped) = (escape + 2, true),
        }
    }
}

/// Reads what stands behind a line's series: a blank, the value, a blank, the timestamp, and perhaps an exemplar.
///
/// # Errors
/// Something of it is missing or malformed.
pub fn measured(line: &str, series_end: usize) -> Result<Measured, LineError> {
    let rest = line.get(series_end..).and_then(|rest| rest.strip_prefix(' '));
    let rest = rest.ok_or(LineError::Missing { what: "blank and value", at: series_end })?;
    let (value, rest) = token(rest);
    let value = number::value(value).ok_or_else(|| LineError::Value(shown(value)))?;
    if rest.is_empty() || rest.starts_with(EXEMPLAR) {
        return Err(LineError::NoTimestamp);
    }
    let (timestamp, rest) = token(&rest[1..]);
    let timestamp = number::milliseconds(timestamp).map_err(|why| match why {
        NoTime::Malformed => LineError::Timestamp(shown(timestamp)),
        NoTime::TooLarge => LineError::TimestampTooLarge(shown(timestamp)),
    })?;
    let has_exemplar = rest.starts_with(EXEMPLAR);
    if !rest.is_empty() && !has_exemplar {
        return Err(LineError::Missing { what: "end of the line or exemplar", at: line.len() - rest.len() });
    }
    Ok(Measured { value, timestamp, has_exemplar })
}

const EXEMPLAR: &str = " # {";

/// The text up to the next blank, and the rest with the blank.
fn token(text: &str) -> (&str, &str) {
    text.split_at(memchr(b' ', text.as_bytes()).unwrap_or(text.len()))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// Appends the text of a part of a line, with its escapes resolved: `\\`, `\"` and `\n`, and those of Go. A backslash that
/// begins none of them stays.
///
/// Prometheus' parser leaves Go's escapes as they are, but `promtool tsdb dump-openmetrics` writes values with them (Go's
/// `%q`): tabs, other control characters, and all that Go does not print, such as blanks that do not break. Writers of
/// OpenMetrics write each backslash twice, so nothing else is mistaken for them.
pub fn append(line: &[u8], part: Part, to: &mut Vec<u8>) {
    let mut rest = line.get(part.start..part.end).unwrap_or_default();
    if !part.is_escaped {
        to.extend_from_slice(rest);
        return;
    }
    while let Some(at) = memchr(b'\\', rest) {
        to.extend_from_slice(&rest[..at]);
        let behind = &rest[at + 1..];
        let (meant, length) = escape(behind).unwrap_or(('\\', 0));
        to.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &behind[length..];
    }
    to.extend_from_slice(rest);
}

/// What an escape means, and its length behind the backslash.
fn escape(text: &[u8]) -> Option<(char, usize)> {
    let digits = match text.first()? {
        b'n' => return Some(('\n', 1)),
        b'"' => return Some(('"', 1)),
        b'\\' => return Some(('\\', 1)),
        b'a' => return Some(('\x07', 1)),
        b'b' => return Some(('\x08', 1)),
        b't' => return Some(('\t', 1)),
        b'v' => return Some(('\x0b', 1)),
        b'f' => return Some(('\x0c', 1)),
        b'r' => return Some(('\r', 1)),
        b'x' => text.get(1..3)?,
        b'u' => text.get(1..5)?,
        b'U' => text.get(1..9)?,
        _ => return None,
    };
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    // Beyond ASCII, two digits are a byte of a text that is not UTF-8.
    let is_byte = digits.len() == 2 && code >= 0x80;
    char::from_u32(code).filter(|_| !is_byte).map(|meant| (meant, 1 + digits.len()))
}

#[cfg(test)]
mod tests;
