//! Who calls: AWS credentials from the basic auth header of a request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::error::{Error, Kind};
use crate::sink::caller_keys::CallerKeys;

/// The header that carries the session token of temporary credentials.
pub const SESSION_TOKEN_HEADER: &str = "x-amz-security-token";

/// IAM keys from HTTP basic auth: the access key as user, the secret key as password.
///
/// # Errors
/// `ParseBasicAuthHeaderError` (401) when the header is missing or not basic auth with both parts.
pub fn keys(headers: &HeaderMap) -> Result<CallerKeys, Error> {
    let bad = |message: &'static str| Error::new(Kind::Unauthenticated, "ParseBasicAuthHeaderError", message);
    let header = headers
        .get(AUTHORIZATION)
        .ok_or_else(|| bad("no Authorization header; send an IAM access key and secret key as HTTP basic auth"))?;
    let encoded = header.to_str().ok().and_then(|text| text.split_once(' '));
    let encoded = encoded.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let (_, encoded) = encoded.ok_or_else(|| bad("the Authorization header is not HTTP basic auth"))?;
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| bad("the basic auth header is not base64"))?;
    let decoded = Zeroizing::new(decoded);
    let text = std::str::from_utf8(&decoded).map_err(|_| bad("the basic auth header is not UTF-8"))?;
    let (access_key, secret_key) = text.split_once(':').ok_or_else(|| bad("the basic auth header has no colon"))?;
    if access_key.is_empty() || secret_key.is_empty() {
        return Err(bad("the access key or the secret key of the basic auth header is empty"));
    }
    let token = headers.get(SESSION_TOKEN_HEADER).map(|token| token.to_str()).transpose();
    let token = token.map_err(|_| bad("the X-Amz-Security-Token header is not text"))?;
    Ok(CallerKeys::new(access_key, secret_key, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
    }

    fn basic(user_and_password: &str) -> HeaderMap {
        headers(&format!("Basic {}", STANDARD.encode(user_and_password)))
    }

    #[test]
    fn keys_come_from_basic_auth() {
        let key = keys(&basic("AKIA:se:cret")).unwrap();
        assert!(key.id() == CallerKeys::new("AKIA", "se:cret", None).id());
        let mut with_token = basic("AKIA:se:cret");
        with_token.insert(SESSION_TOKEN_HEADER, "token".parse().unwrap());
        assert!(keys(&with_token).unwrap().id() == CallerKeys::new("AKIA", "se:cret", Some("token")).id());
    }

    #[test]
    fn what_is_missing_or_malformed_is_unauthenticated() {
        for headers in [
            HeaderMap::new(),
            headers("Bearer x"),
            headers("Basic"),
            headers("Basic ???"),
            basic("AKIA"),
            basic(":x"),
            basic("x:"),
        ] {
            let error = keys(&headers).unwrap_err();
            assert_eq!((error.kind(), error.name()), (Kind::Unauthenticated, "ParseBasicAuthHeaderError"));
        }
    }
}
