//! What stops a start, and what a started daemon says of itself.

use std::process::Command;

use super::connector::{Connector, Scratch};

pub fn failing(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_timestream-prometheus-connector"))
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_a_destination_the_start_fails() {
    assert!(failing(&[], &[]).starts_with("MissingDestinationError: "));
}

#[test]
fn a_bad_option_stops_the_start_with_its_name() {
    assert!(failing(&["--embedded", "--log.level=loud"], &[]).contains("--log.level is \"loud\""));
    assert!(
        failing(&["--embedded"], &[("enable_logging", "maybe")]).starts_with("ParseEnableLoggingError: enable_logging")
    );
}

#[test]
fn an_address_in_use_stops_the_start() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let taken = format!("--web.listen-address={}", connector.address);
    assert!(failing(&["--default-database=dat", "--default-table=tab", &taken], &[]).contains("can't listen on"));
}

#[test]
fn health_readiness_metrics_and_the_landing_page_answer() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--web.telemetry-path=/telemetry"]);
    assert_eq!(connector.get("/-/healthy").status, 200);
    assert_eq!(connector.get("/-/ready").text(), "ready\n");
    assert!(connector.get("/telemetry").text().contains("timestream_connector_received_samples_total 0"));
    assert_eq!(connector.get("/metrics").status, 404);
    assert!(connector.get("/").text().contains("prometheus.metrics"));
}

#[test]
fn a_connector_that_cannot_reach_timestream_is_not_ready() {
    let endpoint = "--write-base-endpoint=http://127.0.0.1:1";
    let mut connector = Connector::listening(&["--default-database=dat", "--default-table=tab", endpoint], &[]);
    connector.wait_for_log("can't be reached");
    let answer = connector.get("/-/ready");
    assert_eq!(answer.status, 503);
    let text = answer.text();
    assert!(text.starts_with("not ready: Timestream can't be reached at 127.0.0.1:1: "), "{text}");
}
