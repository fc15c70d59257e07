//! Prometheus' `/api/v1/series` through the connector, which reads no sample for it.

use std::path::Path;

use serde_json::Value;

use super::connector::{Connector, Scratch};
use super::differential::write_to_both;
use super::prometheus_server::{INSTALLED, Prometheus, prometheus3};
use super::remote::{Series, now_ms, series};

/// Samples of a series.
const SAMPLES: i64 = 200;

#[test]
fn prometheus_2_finds_the_series_that_its_own_storage_finds() {
    compare(Path::new(INSTALLED));
}

#[test]
fn prometheus_3_finds_the_series_that_its_own_storage_finds() {
    if let Some(binary) = prometheus3() {
        compare(&binary);
    }
}

fn compare(binary: &Path) {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let storage =
        Prometheus::start_binary(binary, scratch.path(), "storage", "", &["--web.enable-remote-write-receiver"]);
    let config = format!("remote_read:\n- url: http://{}/read\n  read_recent: true\n", connector.address);
    let reader = Prometheus::start_binary(binary, scratch.path(), "reader", &config, &[]);

    // Three spans of time, each with series of its own.
    let first = now_ms() - 3_000_000;
    let spans = [0, 1, 2].map(|span| first + span * 1_000_000);
    let all: Vec<Series> = spans.iter().enumerate().flat_map(|(span, start)| of_span(span, *start)).collect();
    write_to_both(&connector, &storage, &all);

    let second = |ms: i64| ms as f64 / 1000.0;
    let within = |from: usize, to: usize| {
        format!("&start={}&end={}", second(spans[from] - 1000), second(spans[to] + SAMPLES * 1000))
    };
    let mut found = Vec::new();
    for times in [
        String::new(),
        within(0, 0),
        within(1, 2),
        format!("&start={}", second(spans[1] - 1000)),
        format!("&end={}", second(spans[1] - 1000)),
        format!("&start={}", second(now_ms() + 1_000_000)),
    ] {
        for matches in [
            &["metric"][..],
            &["{__name__=~\"m.*|job:.*\"}"],
            &["{__name__=~\".+\",job!=\"b\"}"],
            &["{span=\"1\"}", "{job=\"b\"}"],
            &["{job=~\"a|b\",instance=\"\"}"],
            &["nothing"],
        ] {
            let selectors: String = matches.iter().map(|one| format!("match%5B%5D={}&", encoded(one))).collect();
            let path = format!("/api/v1/series?{}{times}", selectors.trim_end_matches('&'));
            let rows = || connector.metric("timestream_connector_read_rows_total");
            let before = rows();
            let (own, read) = (series_of(&storage, &path), series_of(&reader, &path));
            assert_eq!(own, read, "{matches:?} {times}");
            // A row for each series of each selector.
            if matches.len() == 1 {
                assert_eq!(rows() - before, own.len() as f64, "{matches:?} {times}");
            }
            found.push(own.len());
        }
    }
    println!("series found: {found:?}");
    assert!(found.iter().filter(|series| **series > 3).count() > 10 && found.contains(&21), "{found:?}");
    assert_eq!(connector.metric("timestream_connector_read_samples_total"), 0.0);
}

/// Eight series of a span of time, one sample a second.
fn of_span(span: usize, start: i64) -> Vec<Series> {
    let samples: Vec<(f64, i64)> = (0..SAMPLES).map(|index| (index as f64, start + index * 1000)).collect();
    let span = span.to_string();
    let with = |labels: &[(&str, &str)]| series(&[labels, &[("span", span.as_str())]].concat(), &samples);
    vec![
        with(&[("__name__", "metric")]),
        with(&[("__name__", "metric"), ("job", "a")]),
        with(&[("__name__", "metric"), ("job", "a"), ("instance", "1")]),
        with(&[("__name__", "metric"), ("job", "b"), ("Zone", "z")]),
        with(&[("Zone", "y"), ("__name__", "metric"), ("instance", "1")]),
        with(&[("__name__", "job:rate:sum"), ("job", "b")]),
        with(&[("__name__", "m"), ("_x", "é"), ("time", "t")]),
        with(&[("__name__", "up"), ("job", "c"), ("z", "z")]),
    ]
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// The series that a Prometheus finds, in a fixed order.
fn series_of(server: &Prometheus, path: &str) -> Vec<String> {
    let answer: Value = serde_json::from_slice(&server.get(path).body).unwrap();
    assert_eq!(answer["status"], "success", "{answer}");
    assert!(answer.get("warnings").is_none(), "{answer}");
    let mut series: Vec<String> = answer["data"].as_array().unwrap().iter().map(Value::to_string).collect();
    series.sort();
    series
}
