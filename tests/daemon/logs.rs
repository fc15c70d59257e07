//! What the log says of requests and samples.

use std::time::Instant;

use super::connector::{Connector, Scratch};
use super::remote::{Answer, WRITE_HEADERS, now_ms, post, series, write, write_request};

fn write_with_id(connector: &Connector, id: &str, value: f64) -> Answer {
    let one = series(&[("__name__", "m"), ("job", "a")], &[(value, now_ms())]);
    let headers = [WRITE_HEADERS, &[("X-Request-Id", id)]].concat();
    post(&format!("http://{}/write", connector.address), &headers, &write_request(&[one]))
}

#[test]
fn an_answer_and_the_lines_of_its_request_have_an_id_in_common() {
    let scratch = Scratch::new();
    let mut connector = Connector::embedded(scratch.path(), &["--log.level=debug"]);
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let answer = write_with_id(&connector, id, f64::NAN);
    assert_eq!((answer.status, answer.header("x-request-id")), (204, Some(id)));
    let line = connector.wait_for_log("samples ignored");
    assert!(line.ends_with(&format!(" request_id={id}")) && line.contains("example=\"m{job="), "{line}");
    let line = connector.wait_for_log("msg=\"write request\"");
    assert!(line.contains("received=1 written=0 ignored=1") && line.contains(id), "{line}");

    let made = write_with_id(&connector, "two words", 1.0);
    let made = made.header("x-request-id").unwrap().to_owned();
    assert_eq!(made.len(), 16, "{made}");
    assert!(connector.wait_for_log("msg=\"write request\"").contains(&made));
    assert!(connector.get("/-/healthy").header("x-request-id").is_some());
    assert!(connector.get("/nowhere").header("x-request-id").is_some());
}

#[test]
fn json_lines_hold_the_same() {
    let scratch = Scratch::new();
    let mut connector = Connector::embedded(scratch.path(), &["--log.format=json", "--log.level=debug"]);
    write_with_id(&connector, "one", 1.0);
    let line: serde_json::Value = serde_json::from_str(&connector.wait_for_log("\"write request\"")).unwrap();
    assert_eq!((&line["level"], &line["request_id"], &line["written"]), (&"debug".into(), &"one".into(), &"1".into()));
    assert!(line["ts"].as_str().unwrap().ends_with('Z') && line["caller"].as_str().unwrap().starts_with("stored.rs:"));
}

#[test]
fn samples_are_summed_up_and_repeated_warnings_are_not_repeated() {
    let scratch = Scratch::new();
    let start = Instant::now();
    let mut connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    for number in 0..20 {
        let labels = [("__name__", "m"), ("job", "a")];
        let sent = [series(&labels, &[(f64::NAN, now), (1.0, now + number)]), series(&labels[1..], &[(1.0, now)])];
        assert_eq!(write(&connector.address, &sent).status, 400);
    }
    connector.terminate();
    assert!(connector.wait().success());
    let lines = connector.log_lines();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    for outcome in ["ignored", "rejected"] {
        let most = 1 + start.elapsed().as_secs() as usize / 10;
        let told = count(&format!("msg=\"samples {outcome}\""));
        assert!((1..=most).contains(&told), "{told} lines, and one in ten seconds is enough: {lines:?}");
    }
    let summary = "level=info";
    let counts = "msg=\"samples since the last such line\" received=60 written=20 ignored=20 rejected=20 failed=0";
    assert!(lines.iter().any(|line| line.contains(summary) && line.contains(counts)), "{lines:?}");
}
