//! Signature version 4 of WriteRecords calls (AWS General Reference, "Create a signed AWS API request").
//!
//! The SDK derives the key anew for each call, and puts the request together for signing from its parts. Here all calls
//! have the same few headers, so that what is signed differs only by the body's hash within a second. The key is that of
//! the day.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use ring::digest::{self, SHA256, SHA256_OUTPUT_LEN};
use ring::hmac::{self, HMAC_SHA256};

/// The `x-amz-…` headers that are signed. A request with any other is refused.
pub(super) const SIGNED: [&str; 3] = ["x-amz-date", "x-amz-security-token", "x-amz-target"];

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "timestream";
const SECONDS_OF_DAY: u64 = 86_400;

/// Signs calls to one host with one caller's credentials.
pub(super) struct Signer {
    credentials: Credentials,
    region: String,
    /// The first lines of what is signed, up to the time, and all behind it up to the body's hash.
    before_date: String,
    after_date: String,
    signed_headers: &'static str,
    /// What the calls of the last second had in common.
    last: Mutex<Option<Arc<Second>>>,
}

/// What the signatures of one second have in common.
struct Second {
    number: u64,
    date: String,
    /// The hash of what is signed, up to the body's hash.
    request: digest::Context,
    /// The key of the day, and the signature of what is signed with it up to the request's hash.
    key: Arc<hmac::Key>,
    signature: hmac::Context,
    /// `authorization` up to the signature.
    authorization: String,
}

/// The headers that a signature adds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// `x-amz-date`.
    pub(super) date: String,
    /// `authorization`.
    pub(super) authorization: String,
}

impl Signer {
    /// Signs calls of a target and content type at the root of `host`.
    pub(super) fn new(credentials: Credentials, region: &str, host: &str, content_type: &str, target: &str) -> Self {
        let token = credentials.session_token().map(|token| format!("x-amz-security-token:{token}\n"));
        let signed_headers = match token {
            Some(_) => "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
            None => "content-type;host;x-amz-date;x-amz-target",
        };
        let token = token.unwrap_or_default();
        Signer {
            region: region.to_owned(),
            before_date: format!("POST\n/\n\ncontent-type:{content_type}\nhost:{host}\nx-amz-date:"),
            after_date: format!("\n{token}x-amz-target:{target}\n\n{signed_headers}\n"),
            signed_headers,
            credentials,
            last: Mutex::new(None),
        }
    }

    /// Signs a body.
    pub(super) fn sign(&self, body: &[u8], now: SystemTime) -> Signature {
        let second = self.second(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        let mut hash = [0; 2 * SHA256_OUTPUT_LEN];
        let mut request = second.request.clone();
        request.update(hex_of(digest::digest(&SHA256, body).as_ref(), &mut hash));
        let mut signature = second.signature.clone();
        signature.update(hex_of(request.finish().as_ref(), &mut hash));
        let signature = signature.sign();
        let mut authorization = String::with_capacity(second.authorization.len() + hash.len());
        authorization.push_str(&second.authorization);
        authorization.extend(hex_of(signature.as_ref(), &mut hash).iter().map(|&digit| char::from(digit)));
        Signature { date: second.date.clone(), authorization }
    }

    fn second(&self, number: u64) -> Arc<Second> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(second) = &*last
            && second.number == number
        {
            return Arc::clone(second);
        }
        let Signer { region, before_date, after_date, signed_headers, credentials, .. } = self;
        let date = date_of(number);
        let (day, _) = date.split_at(8);
        let key = match &*last {
            Some(last) if last.number / SECONDS_OF_DAY == number / SECONDS_OF_DAY => Arc::clone(&last.key),
            _ => Arc::new(self.key_of(day)),
        };
        let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
        let mut request = digest::Context::new(&SHA256);
        request.update(format!("{before_date}{date}{after_date}").as_bytes());
        let mut signature = hmac::Context::with_key(&key);
        signature.update(format!("{ALGORITHM}\n{date}\n{scope}\n").as_bytes());
        let access_key = credentials.access_key_id();
        let authorization =
            format!("{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={signed_headers}, Signature=");
        let second = Arc::new(Second { number, request, key, signature, authorization, date });
        *last = Some(Arc::clone(&second));
        second
    }

    fn key_of(&self, day: &str) -> hmac::Key {
        let secret = zeroize::Zeroizing::new(format!("AWS4{}", self.credentials.secret_access_key()));
        let first = hmac::Key::new(HMAC_SHA256, secret.as_bytes());
        [day, &self.region, SERVICE, "aws4_request"]
            .iter()
            .fold(first, |key, part| hmac::Key::new(HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()))
    }
}

/// `bytes`, which are those of a hash, in hexadecimal.
fn hex_of<'a>(bytes: &[u8], text: &'a mut [u8; 2 * SHA256_OUTPUT_LEN]) -> &'a [u8] {
    // It fails for other lengths only.
    let _ = hex::encode_to_slice(bytes, text);
    text
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

/// `20260101T000000Z` of seconds since the epoch.
fn date_of(seconds: u64) -> String {
    let time = DateTime::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)).fmt(Format::DateTime);
    // It fails after the year 9999.
    time.unwrap_or_default().replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The key that the documentation derives (IAM user guide, "Create a signed AWS API request", examples).
    #[test]
    fn a_signature_is_made_of_the_documented_parts() {
        let credentials = |token: Option<&str>| {
            Credentials::new(
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                token.map(str::to_owned),
                None,
                "test",
            )
        };
        let signer = |token| {
            Signer::new(credentials(token), "us-east-1", "localhost:1", "application/x-amz-json-1.0", "T.WriteRecords")
        };
        // 2015-08-30 12:36:00
        let at = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let plain = signer(None).sign(b"{}", at);
        assert_eq!(plain.date, "20150830T123600Z");
        let start = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/timestream/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
        assert!(plain.authorization.starts_with(start), "{}", plain.authorization);
        let with_token = signer(Some("token")).sign(b"{}", at);
        assert!(with_token.authorization.contains(";x-amz-security-token;x-amz-target, "));
        // Another body, second or day is signed otherwise, and the same again alike.
        let one = signer(None);
        let mut seen: Vec<String> = [(&b"{}"[..], 0), (b"[]", 0), (b"{}", 1), (b"{}", 86_400)]
            .map(|(body, later)| one.sign(body, at + Duration::from_secs(later)).authorization)
            .into();
        assert_eq!(seen[0], plain.authorization);
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), one.sign(b"{}", at)), (4, plain));
        assert!(!format!("{one:?}").contains("wJalr"));
    }
}
