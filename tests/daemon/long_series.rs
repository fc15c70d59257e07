//! A series too long for a frame as Prometheus' own server cuts them, read by real Prometheus servers.

use serde_json::Value;

use super::connector::{Connector, Scratch};
use super::prometheus_server::{Prometheus, prometheus3};
use super::streaming::write_much;

/// Prometheus 2 asks for SAMPLES, Prometheus 3 for STREAMED_XOR_CHUNKS, of which it takes each frame for a series.
#[test]
fn a_series_of_more_than_a_mebibyte_is_one_series() {
    let Some(binary) = prometheus3() else { return };
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let at = write_much(&connector, &["a"]) as f64 / 1000.0;
    let config = format!("remote_read:\n- url: http://{}/read\n  read_recent: true\n", connector.address);
    let streamed = Prometheus::start_binary(&binary, scratch.path(), "streamed", &config, &[]);
    let gathered = Prometheus::start(scratch.path(), "gathered", &config);
    let value = |answer: &Value| answer[0]["value"][1].as_str().map(str::to_owned);
    for (promql, expected) in [
        ("count_over_time(much[400s])", "300000"),
        ("count(much)", "1"),
        ("sum(count_over_time(much[400s]))", "300000"),
    ] {
        for server in [&streamed, &gathered] {
            let answer = server.query(promql, at);
            assert_eq!(value(&answer).as_deref(), Some(expected), "{promql} {answer}");
        }
    }
    // The versions extrapolate differently, by half an interval of a millisecond.
    let rate = |server: &Prometheus| value(&server.query("rate(much[400s])", at)).unwrap().parse::<f64>().unwrap();
    let (streamed, gathered) = (rate(&streamed), rate(&gathered));
    assert!((streamed / gathered - 1.0).abs() < 1e-5, "{streamed} {gathered}");
}
