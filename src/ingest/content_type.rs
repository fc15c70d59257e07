//! Content negotiation: which version of remote write a request's headers name, and how its body is compressed.
//!
//! Before version 3 Prometheus' own receiver did not read these headers, so some senders send other types, or none. A
//! request that can only be remote write 1.0 is read as such.
//!
//! Media types are read as RFC 9110, sections 5.6 and 8.3, writes them: optional space around `;`, any case of type and
//! parameter names, values as tokens or quoted. A protobuf name is case-sensitive, as protobuf has it.

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use crate::error::{Error, Kind};

/// The message of remote write 1.0.
pub const MESSAGE_V1: &str = "prometheus.WriteRequest";
/// The message of remote write 2.0.
pub const MESSAGE_V2: &str = "io.prometheus.write.v2.Request";

const VERSION_HEADER: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// A version of remote write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.0, of `prometheus.WriteRequest`.
    V1,
    /// 2.0, of `io.prometheus.write.v2.Request`.
    V2,
}

impl Version {
    /// The name of its protobuf message.
    pub fn message(self) -> &'static str {
        match self {
            Version::V1 => MESSAGE_V1,
            Version::V2 => MESSAGE_V2,
        }
    }
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// A snappy block, as the specifications have it.
    Snappy,
    /// zstd, which vmagent sends first.
    Zstd,
}

/// What the headers of a request say of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// The version of remote write.
    pub version: Version,
    /// How it is compressed.
    pub compression: Compression,
}

/// The version and compression that a request names. It is 1.0 without a content type, or with any `application/…` that
/// names no other message and is not JSON. It is snappy without a content encoding.
///
/// # Errors
/// `UnsupportedMediaType` (415) for another media type, message or encoding, or a header that can't be read.
pub fn negotiate(headers: &HeaderMap) -> Result<Content, Error> {
    let unsupported = |what: String| Error::new(Kind::UnsupportedMedia, "UnsupportedMediaType", what);
    let encoding = single(headers, &CONTENT_ENCODING).map_err(unsupported)?.unwrap_or_default();
    let compression = match encoding.to_ascii_lowercase().as_str() {
        "" | "snappy" => Compression::Snappy,
        "zstd" => Compression::Zstd,
        _ => return Err(unsupported(format!("the content encoding {encoding:?} is neither snappy nor zstd"))),
    };
    let content_type = single(headers, &CONTENT_TYPE).map_err(unsupported)?.unwrap_or_default();
    let version = version(content_type).ok_or_else(|| {
        unsupported(format!(
            "the content type {content_type:?} is not application/x-protobuf with proto={MESSAGE_V1} or proto={MESSAGE_V2}"
        ))
    })?;
    Ok(Content { version, compression })
}

/// Whether every answer to the request must carry the written headers: the content type names 2.0, or it can't be read
/// and the version header says 2.
pub fn is_version_2(headers: &HeaderMap) -> bool {
    let content_type = single(headers, &CONTENT_TYPE).ok().flatten();
    match content_type.map(version) {
        Some(Some(version)) => version == Version::V2,
        None => false,
        Some(None) => headers.get(VERSION_HEADER).is_some_and(|version| version.as_bytes().starts_with(b"2.")),
    }
}

/// The value of a header that may occur once, without space around it.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("the header {name} stands twice"));
    }
    value.to_str().map(|text| Some(text.trim_matches(OWS))).map_err(|_| format!("the header {name} is not text"))
}

const OWS: [char; 2] = [' ', '\t'];

fn version(content_type: &str) -> Option<Version> {
    if content_type.is_empty() {
        return Some(Version::V1);
    }
    let (media_type, mut rest) = content_type.split_at(content_type.find(';').unwrap_or(content_type.len()));
    if !may_be_protobuf(&media_type.trim_matches(OWS).to_ascii_lowercase()) {
        return None;
    }
    let mut message: Option<String> = None;
    while !rest.is_empty() {
        rest = rest.strip_prefix(';')?.trim_start_matches(OWS);
        let Some((name, value, after)) = parameter(rest)? else { continue };
        rest = after.trim_start_matches(OWS);
        if name.eq_ignore_ascii_case("proto") && message.replace(value).is_some() {
            return None;
        }
    }
    match message.as_deref() {
        None | Some(MESSAGE_V1) => Some(Version::V1),
        Some(MESSAGE_V2) => Some(Version::V2),
        Some(_) => None,
    }
}

/// Whether a media type, in lower case, may stand for protobuf.
fn may_be_protobuf(media_type: &str) -> bool {
    let subtype = media_type.strip_prefix("application/").filter(|subtype| token(subtype) == Some((subtype, "")));
    subtype.is_some_and(|subtype| subtype != "json" && !subtype.ends_with("+json"))
}

/// The parameter that `text` begins with: its name, its value, and the rest of the text. `Some(None)` if it is left
/// out, as in `a/b;;c=d`; `None` if it is not a parameter.
#[expect(clippy::option_option, reason = "no parameter, an empty one, and one that can't be read are three things")]
fn parameter(text: &str) -> Option<Option<(&str, String, &str)>> {
    if text.is_empty() || text.starts_with(';') {
        return Some(None);
    }
    let (name, rest) = token(text)?;
    let rest = rest.strip_prefix('=')?;
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => token(rest).map(|(value, rest)| (value.to_owned(), rest))?,
    };
    Some(Some((name, value, rest)))
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// The text of a quoted string, which comes without its opening quote, and the rest after the closing quote.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn of_type(content_type: &str) -> Option<Version> {
        negotiate(&headers(&[(CONTENT_TYPE, content_type)])).ok().map(|content| content.version)
    }

    #[test]
    fn each_spelling_names_its_version() {
        for (content_type, version) in [
            ("", Version::V1),
            ("application/octet-stream", Version::V1),
            ("application/vnd.google.protobuf", Version::V1),
            ("application/x-www-form-urlencoded", Version::V1),
            ("application/protobuf; proto=io.prometheus.write.v2.Request", Version::V2),
            ("application/x-protobuf", Version::V1),
            ("Application/X-Protobuf", Version::V1),
            ("application/x-protobuf;", Version::V1),
            ("application/x-protobuf; charset=utf-8", Version::V1),
            ("application/x-protobuf;proto=prometheus.WriteRequest", Version::V1),
            ("application/x-protobuf ;\tproto=\"prometheus.WriteRequest\"", Version::V1),
            ("application/x-protobuf;proto=io.prometheus.write.v2.Request", Version::V2),
            ("application/x-protobuf; proto=io.prometheus.write.v2.Request", Version::V2),
            ("application/x-protobuf;PROTO=\"io.prometheus.write.v2.Request\"", Version::V2),
            ("application/x-protobuf;proto=\"io.prometheus.write.v2.Re\\quest\"", Version::V2),
            ("application/x-protobuf;;q=\"a;proto=b\\\"\" ; proto=io.prometheus.write.v2.Request;", Version::V2),
        ] {
            assert_eq!(of_type(content_type), Some(version), "{content_type}");
        }
    }

    #[test]
    fn anything_else_is_unsupported() {
        for content_type in [
            ";",
            "application/json",
            "Application/vnd.api+JSON; charset=utf-8",
            "application/",
            "application",
            "text/plain",
            "text/html; charset=utf-8",
            "image/png",
            "application/octet-stream;proto=prometheus.Write",
            "application/x-protobuf;proto=",
            "application/x-protobuf;proto",
            "application/x-protobuf;proto =prometheus.WriteRequest",
            "application/x-protobuf;proto=\"prometheus.WriteRequest",
            "application/x-protobuf;proto=io.prometheus.write.v3.Request",
            "application/x-protobuf;proto=prometheus.writerequest",
            "application/x-protobuf;proto=prometheus.WriteRequest proto=x",
            "application/x-protobuf;proto=prometheus.WriteRequest;proto=io.prometheus.write.v2.Request",
            "application/x-protobuf, application/x-protobuf",
        ] {
            assert_eq!(of_type(content_type), None, "{content_type}");
        }
        let twice = [(CONTENT_TYPE, "application/x-protobuf"), (CONTENT_TYPE, "application/x-protobuf")];
        let error = negotiate(&headers(&twice)).unwrap_err();
        assert_eq!((error.kind(), error.name()), (Kind::UnsupportedMedia, "UnsupportedMediaType"));
    }

    #[test]
    fn the_encoding_is_snappy_zstd_or_left_out() {
        for (encoding, expected) in [
            ("", Compression::Snappy),
            ("snappy", Compression::Snappy),
            ("SNAPPY", Compression::Snappy),
            (" snappy ", Compression::Snappy),
            ("zstd", Compression::Zstd),
            ("Zstd", Compression::Zstd),
        ] {
            assert_eq!(negotiate(&headers(&[(CONTENT_ENCODING, encoding)])).unwrap().compression, expected);
        }
        for encoding in ["gzip", "identity", "snappy, snappy", "snappy, zstd", "snappy-framed"] {
            let error = negotiate(&headers(&[(CONTENT_ENCODING, encoding)])).unwrap_err();
            assert_eq!(error.kind(), Kind::UnsupportedMedia, "{encoding}");
        }
        let content = Content { version: Version::V1, compression: Compression::Snappy };
        assert_eq!(negotiate(&HeaderMap::new()).unwrap(), content);
    }

    #[test]
    fn a_refused_request_is_of_version_2_if_it_says_so() {
        let v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
        let version = |value| (VERSION_HEADER, value);
        for (lines, expected) in [
            (&[][..], false),
            (&[version("2.0.0")], false),
            (&[(CONTENT_TYPE, v2), (CONTENT_ENCODING, "gzip")], true),
            (&[(CONTENT_TYPE, "application/x-protobuf"), version("2.0.0")], false),
            (&[(CONTENT_TYPE, "application/json"), version("2.0.0")], true),
            (&[(CONTENT_TYPE, "application/json"), version("0.1.0")], false),
        ] {
            assert_eq!(is_version_2(&headers(lines)), expected, "{lines:?}");
        }
    }

    proptest! {
        /// All spellings of a header are read alike, and a header that can't be read gives only 415.
        #[test]
        fn space_case_and_quotes_do_not_matter(
            spaces in prop::array::uniform4("[ \t]{0,2}"), upper in any::<bool>(), quoted in any::<bool>(),
            before in "(;a=b|;A=\"x;\\\\\"y\"|;){0,2}", v2 in any::<bool>(),
        ) {
            let message = if v2 { MESSAGE_V2 } else { MESSAGE_V1 };
            let value = if quoted { format!("\"{message}\"") } else { message.to_owned() };
            let (media, name) = if upper { ("APPLICATION/X-PROTOBUF", "PROTO") } else { ("application/x-protobuf", "proto") };
            let [a, b, c, d] = spaces;
            let text = format!("{a}{media}{b}{before};{c}{name}={value}{d}");
            prop_assert_eq!(of_type(&text), Some(if v2 { Version::V2 } else { Version::V1 }), "{}", text);
        }

        #[test]
        fn never_panics(text in "(application/x-protobuf)?[;=\" \\\\a-z,]{0,20}") {
            let _ = of_type(&text);
        }
    }
}
