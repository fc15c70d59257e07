//! Headers that the web configuration adds to every answer.

use std::collections::BTreeMap;

use hyper::header::{HeaderName, HeaderValue};

use super::file::bad;
use crate::error::Error;

/// The headers of the format, each with the values that it may have; an empty list: any value.
const KNOWN: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

/// Reads the configured headers. One without a value is left out.
///
/// # Errors
/// `WebConfigError`: another header, or a value that the header can't have.
pub(super) fn headers(configured: &BTreeMap<String, String>) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let mut headers = Vec::new();
    for (name, value) in configured.iter().filter(|(_, value)| !value.is_empty()) {
        let names = || KNOWN.map(|(name, _)| name).join(", ");
        let (_, values) = KNOWN
            .iter()
            .find(|(known, _)| known == name)
            .ok_or_else(|| bad(format!("headers has {name:?}; accepted: {}", names())))?;
        if !values.is_empty() && !values.iter().any(|known| known.eq_ignore_ascii_case(value)) {
            return Err(bad(format!("the header {name} is {value:?}; accepted: {}", values.join(", "))));
        }
        let (Ok(header), Ok(text)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
        else {
            return Err(bad(format!("the header {name} has a value that no header can have")));
        };
        headers.push((header, text));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<usize, String> {
        let configured = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        headers(&configured).map(|headers| headers.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_headers_of_the_format_are_taken() {
        for (name, value) in [
            ("Content-Security-Policy", "default-src 'self'"),
            ("X-Frame-Options", "DENY"),
            ("X-Content-Type-Options", "nosniff"),
            ("Strict-Transport-Security", "max-age=31536000"),
        ] {
            assert_eq!(read(name, value), Ok(1));
        }
        assert_eq!(read("X-XSS-Protection", ""), Ok(0));
    }

    #[test]
    fn other_headers_and_values_are_named() {
        assert!(read("Server", "x").unwrap_err().contains("Server"));
        assert!(read("X-Frame-Options", "allow").unwrap_err().contains("sameorigin"));
        assert!(read("Content-Security-Policy", "a\nb").unwrap_err().contains("Content-Security-Policy"));
    }
}
