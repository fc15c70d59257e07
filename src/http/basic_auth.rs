//! A user and a password from the basic auth header of a request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::error::{Error, Kind};

/// A user and a password from HTTP basic auth.
pub struct BasicAuth {
    text: Zeroizing<String>,
    colon: usize,
}

impl std::fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BasicAuth(..)")
    }
}

impl BasicAuth {
    /// Reads the Authorization header.
    ///
    /// # Errors
    /// `ParseBasicAuthHeaderError` (401) when it is missing or not basic auth.
    pub fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let header =
            headers.get(AUTHORIZATION).ok_or_else(|| bad("no Authorization header; HTTP basic auth is needed"))?;
        let encoded = header.to_str().ok().and_then(|text| text.split_once(' '));
        let encoded = encoded.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let (_, encoded) = encoded.ok_or_else(|| bad("the Authorization header is not HTTP basic auth"))?;
        let mut decoded = Zeroizing::new(Vec::new());
        let well = STANDARD.decode_vec(encoded.trim(), &mut decoded);
        well.map_err(|_| bad("the basic auth header is not base64"))?;
        let text = std::str::from_utf8(&decoded).map_err(|_| bad("the basic auth header is not UTF-8"))?;
        let colon = text.find(':').ok_or_else(|| bad("the basic auth header has no colon"))?;
        Ok(BasicAuth { text: Zeroizing::new(text.to_owned()), colon })
    }

    #[cfg(test)]
    pub(crate) fn new(user: &str, password: &str) -> Self {
        BasicAuth { text: Zeroizing::new(format!("{user}:{password}")), colon: user.len() }
    }

    /// The part before the first colon.
    pub fn user(&self) -> &str {
        &self.text[..self.colon]
    }

    /// The part behind it.
    pub fn password(&self) -> &str {
        &self.text[self.colon + 1..]
    }
}

/// The error of a basic auth header that is missing or can't be used.
pub(crate) fn bad(message: &'static str) -> Error {
    Error::new(Kind::Unauthenticated, "ParseBasicAuthHeaderError", message)
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

    proptest::proptest! {
        #[test]
        fn any_user_and_password_come_back(user in "[^:]{0,20}", password in "\\PC{0,20}") {
            let auth = BasicAuth::of(&basic(&format!("{user}:{password}"))).unwrap();
            proptest::prop_assert_eq!((auth.user(), auth.password()), (user.as_str(), password.as_str()));
        }

        #[test]
        fn no_header_makes_it_panic(header in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..100)) {
            for header in [header.clone(), [b"Basic ", header.as_slice()].concat()] {
                if let Ok(value) = hyper::header::HeaderValue::from_bytes(&header) {
                    let _ = BasicAuth::of(&HeaderMap::from_iter([(AUTHORIZATION, value)]));
                }
            }
        }
    }

    #[test]
    fn no_debug_output_shows_a_password() {
        assert!(!format!("{:?}", BasicAuth::new("user", "hidden")).contains("hidden"));
    }

    #[test]
    fn what_is_missing_or_malformed_is_unauthenticated() {
        for headers in [HeaderMap::new(), headers("Bearer x"), headers("Basic"), headers("Basic ???"), basic("user")] {
            let error = BasicAuth::of(&headers).unwrap_err();
            assert_eq!((error.kind(), error.name()), (Kind::Unauthenticated, "ParseBasicAuthHeaderError"));
        }
    }
}
