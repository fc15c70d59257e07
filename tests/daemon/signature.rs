//! Checks AWS signatures, written from AWS' description ("AWS Signature Version 4 for API requests"), not with the SDK.

use hyper::http::request::Parts;
use ring::{digest, hmac};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// Whether `secret` has signed the request.
pub fn is_signed_by(head: &Parts, body: &[u8], secret: &str) -> bool {
    let header = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).trim().to_owned();
    let authorization = header("authorization");
    let part = |name: &str| {
        let value = authorization.split(name).nth(1).expect("every call is signed");
        value.split([',', ' ']).next().unwrap().to_owned()
    };
    let (credential, signed, signature) = (part("Credential="), part("SignedHeaders="), part("Signature="));
    let is_signed = |name: &str| !name.starts_with("x-amz-") || signed.split(';').any(|one| one == name);
    assert!(head.headers.keys().all(|name| is_signed(name.as_str())), "what is sent as x-amz must be signed: {head:?}");
    let scope = credential.split_once('/').unwrap().1;
    let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let payload = hex(digest::digest(&digest::SHA256, body).as_ref());
    let canonical = format!("{}\n{}\n\n{headers}\n{signed}\n{payload}", head.method, head.uri.path());
    let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", header("x-amz-date"));
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac_sha256(&key, part));
    hex(&hmac_sha256(&key, &to_sign)) == signature
}
