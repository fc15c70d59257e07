//! Finds the caller of a request: the clients with the credentials for its calls to Timestream.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};

use crate::error::Error;
use crate::http::basic_auth::{BasicAuth, bad};
use crate::sink::caller_clients::CallerClients;
use crate::sink::caller_keys::CallerKeys;
use crate::sink::clients::Clients;

/// The challenge to a caller whose keys are missing.
pub(super) const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"IAM access key and secret key\", charset=\"UTF-8\"");

/// The header that carries the session token of temporary credentials.
const SESSION_TOKEN_HEADER: &str = "x-amz-security-token";

/// The clients that answer a request with these headers.
///
/// # Errors
/// `ParseBasicAuthHeaderError` (401) if callers bring their own keys and this one does not.
pub(super) fn caller(clients: &Clients, headers: &HeaderMap) -> Result<Arc<CallerClients>, Error> {
    match clients.fixed() {
        Some(fixed) => Ok(fixed.clone()),
        None => keys(headers).map(|keys| clients.of_caller(keys)),
    }
}

/// IAM keys from HTTP basic auth: the access key as user, the secret key as password.
///
/// # Errors
/// `ParseBasicAuthHeaderError` (401) when the header is missing or not basic auth with both parts.
pub fn keys(headers: &HeaderMap) -> Result<CallerKeys, Error> {
    let auth = BasicAuth::of(headers).map_err(|error| match headers.contains_key(AUTHORIZATION) {
        true => error,
        false => bad("no Authorization header; send an IAM access key and secret key as HTTP basic auth"),
    })?;
    if auth.user().is_empty() || auth.password().is_empty() {
        return Err(bad("the access key or the secret key of the basic auth header is empty"));
    }
    let token = headers.get(SESSION_TOKEN_HEADER).map(|token| token.to_str()).transpose();
    let token = token.map_err(|_| bad("the X-Amz-Security-Token header is not text"))?;
    Ok(CallerKeys::new(auth.user(), auth.password(), token))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::error::Kind;

    fn basic(user_and_password: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(user_and_password));
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
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
    fn keys_that_are_missing_or_empty_are_unauthenticated() {
        for headers in [HeaderMap::new(), basic("AKIA"), basic(":x"), basic("x:")] {
            let error = keys(&headers).unwrap_err();
            assert_eq!((error.kind(), error.name()), (Kind::Unauthenticated, "ParseBasicAuthHeaderError"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_it_panic(header in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..100)) {
            for header in [header.clone(), [b"Basic ", header.as_slice()].concat()] {
                if let Ok(value) = HeaderValue::from_bytes(&header) {
                    let _ = keys(&HeaderMap::from_iter([(AUTHORIZATION, value)]));
                }
            }
        }
    }
}
