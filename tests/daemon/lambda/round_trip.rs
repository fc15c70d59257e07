//! What is written comes back, through each kind of event.

use std::process::Command;

use serde_json::json;

use super::super::connector::Scratch;
use super::super::remote::{eq, now_ms, query, read, series};
use super::events::{KINDS, Kind, event};
use super::runtime_api::Lambda;
use super::{READ_HEADERS, header, read_event, series_of, status, timestream, write_event};

#[test]
fn what_is_written_comes_back_through_each_kind_of_event() {
    let scratch = Scratch::new();
    let (connector, endpoint) = timestream(&scratch);
    let mut lambda = Lambda::with_role(&endpoint, &[("log_level", "debug")]);
    let now = now_ms();
    for kind in KINDS {
        let name = format!("{kind:?}");
        let sent = series(&[("__name__", &name), ("_x", "1"), ("job", "a")], &[(0.1 + 0.2, now), (f64::NAN, now + 1)]);
        let answer = lambda.invoke(&write_event(kind, &[sent]));
        assert_eq!(status(&answer), 204, "{kind:?}: {answer}");
        assert_eq!(answer["body"], "");
        assert!(header(&answer, "x-request-id").unwrap().starts_with("8476a536-e9f4-"));
        let balanced = matches!(kind, Kind::LoadBalancer | Kind::LoadBalancerMultiValue);
        assert_eq!(answer["statusDescription"], if balanced { json!("204 No Content") } else { json!(null) });

        let metrics = lambda.metrics();
        let counted = ["Received", "Written", "Ignored", "Rejected", "Failed", "Read"]
            .map(|outcome| metrics[format!("{outcome}Samples")].as_u64().unwrap());
        assert_eq!(counted, [2, 1, 1, 0, 0, 0]);
        assert_eq!(metrics["FunctionName"], "connector");

        let asked = query(now - 10, now + 10, &[eq("__name__", &name)]);
        let answer = lambda.invoke(&read_event(kind, asked.clone()));
        let stored = series(&[("__name__", &name), ("_x", "1"), ("job", "a")], &[(0.1 + 0.2, now)]);
        assert_eq!(series_of(&answer), std::slice::from_ref(&stored), "{kind:?}");
        let multi_value = kind == Kind::LoadBalancerMultiValue;
        assert_eq!(
            (answer.get("headers").is_none(), answer.get("multiValueHeaders").is_some()),
            (multi_value, multi_value)
        );
        let metrics = lambda.metrics();
        assert_eq!((&metrics["ReceivedSamples"], &metrics["ReadSamples"]), (&json!(0), &json!(1)));
        // The daemon reads what the function wrote.
        assert_eq!(read(&connector.address, &[asked])[0], [stored]);
    }
    assert!(lambda.is_silent());
    let line = lambda.log("write request");
    assert_eq!(line["request_id"], "8476a536-e9f4-11e8-9739-000000000001", "{line}");
    assert_eq!(line["level"], "debug");
}

#[test]
fn a_body_that_is_text_is_taken_as_it_is() {
    let scratch = Scratch::new();
    let (_connector, endpoint) = timestream(&scratch);
    let mut lambda = Lambda::with_role(&endpoint, &[]);
    // Short enough that snappy writes it in ASCII.
    let mut event = event(Kind::LoadBalancer, "POST", "/read", READ_HEADERS, b"");
    event["body"] = json!("\u{e}\u{34}\n\u{c}\u{8}\u{1}\u{10}\u{2}\u{1a}\u{6}\u{12}\u{1}a\u{1a}\u{1}b");
    event["isBase64Encoded"] = json!(false);
    assert!(series_of(&lambda.invoke(&event)).is_empty());
}

#[test]
fn a_reader_that_takes_chunks_only_gets_them() {
    use timestream_prometheus_connector::proto::{ReadRequest, read_request::ResponseType};

    let scratch = Scratch::new();
    let (_connector, endpoint) = timestream(&scratch);
    let mut lambda = Lambda::with_role(&endpoint, &[]);
    let now = now_ms();
    let sent = series(&[("__name__", "m"), ("job", "a")], &[(1.0, now)]);
    assert_eq!(status(&lambda.invoke(&write_event(Kind::HttpApi, &[sent]))), 204);
    let request = ReadRequest {
        queries: vec![query(now, now, &[eq("job", "a")])],
        accepted_response_types: vec![ResponseType::StreamedXorChunks.into()],
    };
    let body = super::packed(&request);
    let answer = lambda.invoke(&event(Kind::HttpApi, "POST", "/read", READ_HEADERS, &body));
    assert_eq!(status(&answer), 200, "{answer}");
    let content_type = header(&answer, "content-type").unwrap();
    assert!(content_type.starts_with("application/x-streamed-protobuf"), "{content_type}");
    assert_eq!(answer["isBase64Encoded"], true);
}

#[test]
fn a_binary_named_bootstrap_serves_lambda_and_nothing_else() {
    let scratch = Scratch::new();
    let (_connector, endpoint) = timestream(&scratch);
    let bootstrap = scratch.path().join("bootstrap");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_timestream-prometheus-connector"), &bootstrap).unwrap();

    let output = Command::new(&bootstrap).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("StartError: not in AWS Lambda: AWS_LAMBDA_RUNTIME_API is not set"), "{error}");

    let mut command = Command::new(&bootstrap);
    command.env_clear();
    // Upper case, as consoles and templates often have variables.
    let mut lambda = Lambda::start_command(
        command,
        &[
            ("DEFAULT_DATABASE", "prometheus"),
            ("DEFAULT_TABLE", "metrics"),
            ("WRITE_BASE_ENDPOINT", &endpoint),
            ("AWS_ACCESS_KEY_ID", "ASIAROLE"),
            ("AWS_SECRET_ACCESS_KEY", "hidden-key"),
        ],
    );
    let sent = series(&[("__name__", "m"), ("job", "a")], &[(1.0, now_ms())]);
    assert_eq!(status(&lambda.invoke(&write_event(Kind::FunctionUrl, &[sent]))), 204);
}
