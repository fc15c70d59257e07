//! What can't be done is answered with the daemon's status and the error's name, and the function goes on.

use std::slice::from_ref;

use serde_json::{Value, json};

use super::super::connector::Scratch;
use super::super::remote::{now_ms, series, write_request};
use super::super::v2;
use super::events::{KINDS, Kind, event};
use super::runtime_api::Lambda;
use super::{READ_HEADERS, WRITE_HEADERS, header, status, text, timestream, write_event};

fn good(name: &str) -> Value {
    write_event(Kind::HttpApi, &[series(&[("__name__", name), ("job", "a")], &[(1.0, now_ms())])])
}

fn assert_refused(lambda: &mut Lambda, event: &Value, expected: u64, name: &str) {
    let answer = lambda.invoke(event);
    assert_eq!(status(&answer), expected, "{name}: {answer}");
    assert!(text(&answer).starts_with(&format!("{name}: ")), "{name}: {answer}");
}

#[test]
fn a_bad_request_is_answered_with_the_status_of_the_daemon() {
    let scratch = Scratch::new();
    let (_connector, endpoint) = timestream(&scratch);
    let mut lambda = Lambda::with_role(&endpoint, &[("web_max_body_bytes", "2KB")]);
    let body = write_request(&[series(&[("__name__", "m"), ("job", "a")], &[(1.0, now_ms())])]);
    let without_version = &WRITE_HEADERS[..2];
    let gzip = [("Content-Encoding", "gzip"), ("X-Prometheus-Remote-Write-Version", "0.1.0")];
    for kind in KINDS {
        let post = |path, headers, body: &[u8]| event(kind, "POST", path, headers, body);
        let mut not_base64 = post("/write", WRITE_HEADERS, &body);
        not_base64["body"] = json!("?");
        for (event, expected, name) in [
            (post("/write", without_version, &body), 400, "MissingHeaderError"),
            (post("/read", without_version, &body), 400, "MissingHeaderError"),
            (post("/elsewhere", without_version, &body), 400, "MissingHeaderError"),
            (post("/read", WRITE_HEADERS, &body), 400, "MissingHeaderError"),
            (not_base64, 400, "InvalidEvent"),
            (post("/write", WRITE_HEADERS, b"not snappy"), 400, "SnappyError"),
            (post("/read", READ_HEADERS, b"not snappy"), 400, "SnappyError"),
            (post("/write", WRITE_HEADERS, b""), 400, "SnappyError"),
            (event(kind, "GET", "/write", WRITE_HEADERS, b""), 405, "MethodNotAllowed"),
            (post("/write", &gzip, &body), 415, "UnsupportedMediaType"),
            (post("/write", WRITE_HEADERS, &[0; 2001]), 413, "RequestTooLarge"),
        ] {
            assert_refused(&mut lambda, &event, expected, name);
        }
        // Where the path does not say, the header does.
        assert_eq!(status(&lambda.invoke(&post("/elsewhere", WRITE_HEADERS, &body))), 204);
    }
    for event in [json!(null), json!([]), json!("text"), json!({"Records": [{"s3": {}}]}), json!({"headers": 1})] {
        let answer = lambda.invoke(&event);
        assert_eq!(status(&answer), 400, "{answer}");
    }
    assert_eq!(status(&lambda.invoke(&good("after"))), 204);
}

#[test]
fn a_destination_that_is_missing_is_told_to_each_caller() {
    for (variables, name) in [
        (&[][..], "MissingDestinationError"),
        (&[("default_table", "tab")], "MissingDatabaseWithWriteError"),
        (&[("default_database", "dat"), ("default_table", "")], "MissingTableWithWriteError"),
    ] {
        let mut lambda = Lambda::start(variables);
        for _ in 0..2 {
            assert_refused(&mut lambda, &good("m"), 400, name);
        }
        let answer = lambda.invoke(&event(Kind::HttpApi, "POST", "/write", v2::HEADERS, b""));
        assert_eq!(header(&answer, "x-prometheus-remote-write-samples-written"), Some("0"), "{answer}");
        let line = lambda.log(name);
        assert_eq!(line["level"], "error");
    }
}

#[test]
fn a_bad_option_is_told_to_each_caller() {
    for (variable, value, name) in [
        ("enable_logging", "maybe", "ParseEnableLoggingError"),
        ("fail_on_long_label", "maybe", "ParseMetricLabelError"),
        ("fail_on_invalid_sample_value", "maybe", "ParseSampleOptionError"),
        ("MAX_WRITE_RETRIES", "many", "ParseRetriesError"),
        ("enable_sigv4_auth", "maybe", "ParseOptionError"),
        ("embedded", "true", "ParseOptionError"),
        ("ha_enable", "true", "ParseOptionError"),
        ("web_config_file", "/nowhere", "WebConfigError"),
    ] {
        let mut lambda = Lambda::start(&[("default_database", "dat"), ("default_table", "tab"), (variable, value)]);
        for _ in 0..2 {
            assert_refused(&mut lambda, &good("m"), 400, name);
        }
    }
}

#[test]
fn a_fail_on_option_refuses_the_request_and_the_function_goes_on() {
    let scratch = Scratch::new();
    let (_connector, endpoint) = timestream(&scratch);
    let options = [("fail_on_long_label", "true"), ("fail_on_invalid_sample_value", "true")];
    let mut lambda = Lambda::with_role(&endpoint, &options);
    let long = series(&[("__name__", "m"), (&"l".repeat(61), "a")], &[(1.0, now_ms())]);
    let infinite = series(&[("__name__", "m"), ("job", "a")], &[(f64::INFINITY, now_ms())]);
    for _ in 0..2 {
        assert_refused(&mut lambda, &write_event(Kind::HttpApi, from_ref(&long)), 400, "LongLabelNameError");
        assert_refused(&mut lambda, &write_event(Kind::HttpApi, from_ref(&infinite)), 400, "InvalidSampleValueError");
        assert_eq!(status(&lambda.invoke(&good("m"))), 204);
    }
}
