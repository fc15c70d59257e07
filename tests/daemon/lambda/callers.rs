//! With whose credentials a function calls Timestream.

use super::super::remote::{WRITE_HEADERS, basic_auth, now_ms, series, write_request};
use super::super::timestream::{Fault, Timestream};
use super::events::{Kind, event};
use super::runtime_api::Lambda;
use super::{header, status, text, write_event};

fn secret_of(caller: &str) -> String {
    format!("hidden-key-of-{caller}")
}

fn token_of(caller: &str) -> Option<String> {
    caller.starts_with("ASIA").then(|| format!("hidden-token-of-{caller}"))
}

#[test]
fn a_function_calls_with_its_role() {
    let timestream = Timestream::verifying(|_, _| Fault::None, secret_of, token_of);
    let mut lambda = Lambda::with_role(&format!("http://{}", timestream.address), &[]);
    let body = write_request(&[series(&[("__name__", "m"), ("job", "a")], &[(1.0, now_ms())])]);
    // What the caller signs for API Gateway is not the function's.
    let mut headers = WRITE_HEADERS.to_vec();
    headers
        .push(("Authorization", "AWS4-HMAC-SHA256 Credential=AKIACALLER/20261124/us-east-1/execute-api/aws4_request"));
    headers.push(("X-Amz-Security-Token", "hidden-token-of-the-caller"));
    assert_eq!(status(&lambda.invoke(&event(Kind::HttpApi, "POST", "/write", &headers, &body))), 204);
    timestream.assert_sound();
    assert_eq!(timestream.records("ASIAROLE").len(), 1);
}

#[test]
fn a_function_without_credentials_says_so_and_may_be_asked_again() {
    let timestream = Timestream::start(|_, _| Fault::None);
    let url = format!("http://{}", timestream.address);
    let mut lambda = Lambda::start(&[
        ("default_database", "dat"),
        ("default_table", "tab"),
        ("write_base_endpoint", &url),
        ("max_write_retries", "0"),
    ]);
    let answer =
        lambda.invoke(&write_event(Kind::HttpApi, &[series(&[("__name__", "m"), ("job", "a")], &[(1.0, now_ms())])]));
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(text(&answer).starts_with("CredentialsError: "), "{answer}");
    assert!(header(&answer, "retry-after").is_some());
    assert_eq!(lambda.metrics()["FailedSamples"], 1);
}

#[test]
fn callers_with_keys_of_their_own_are_kept_apart() {
    let timestream = Timestream::verifying(|_, _| Fault::None, secret_of, token_of);
    let url = format!("http://{}", timestream.address);
    let mut lambda = Lambda::with_role(&url, &[("enable_sigv4_auth", "false")]);
    let now = now_ms();
    for round in 0..3 {
        for caller in ["AKIAONE", "ASIATWO", "AKIATHREE"] {
            let round = round.to_string();
            let body =
                write_request(&[series(&[("__name__", "m"), ("caller", caller), ("round", &round)], &[(1.0, now)])]);
            let (authorization, token) = (basic_auth(caller, &secret_of(caller)), token_of(caller));
            let mut headers = WRITE_HEADERS.to_vec();
            headers.push(("Authorization", &authorization));
            headers.extend(token.as_deref().map(|token| ("X-Amz-Security-Token", token)));
            let answer = lambda.invoke(&event(Kind::FunctionUrl, "POST", "/write", &headers, &body));
            assert_eq!(status(&answer), 204, "{answer}");
        }
        // Whoever brings no keys does not get those of the caller before, nor the role's.
        let body = write_request(&[series(&[("__name__", "m"), ("caller", "none")], &[(1.0, now)])]);
        let answer = lambda.invoke(&event(Kind::FunctionUrl, "POST", "/write", WRITE_HEADERS, &body));
        assert_eq!(status(&answer), 401, "{answer}");
        assert!(text(&answer).starts_with("ParseBasicAuthHeaderError: "));
        assert!(header(&answer, "www-authenticate").is_some());
    }
    timestream.assert_sound();
    for caller in ["AKIAONE", "ASIATWO", "AKIATHREE"] {
        let records = timestream.records(caller);
        assert_eq!(records.len(), 3, "{caller}");
        assert!(records.keys().all(|(dimensions, _)| dimensions["caller"] == caller));
    }
    assert!(timestream.records("ASIAROLE").is_empty());
}
