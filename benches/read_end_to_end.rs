//! Reads of 100 thousand and of a million samples through the connector's binary and the embedded Timestream, in both
//! forms: time, and peak memory above idle. Fails when a streamed answer takes 64 MB or more, or ten times the rows more
//! than eleven times the time.
//!
//! `cargo bench --bench read_end_to_end`

#![allow(unreachable_pub, missing_docs, reason = "the modules of a bench are its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a bench a panic is the report")]

#[path = "../tests/common/cases.rs"]
#[allow(dead_code, reason = "only its types are needed here")]
mod cases;
#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/daemon/connector.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod connector;
#[path = "../tests/daemon/output.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod output;
#[path = "../tests/daemon/remote.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod remote;

use std::time::{Duration, Instant};

use common::{metrics, scratch, waiting};
use connector::{Connector, Scratch};
use remote::{Series, eq, packed, query, series, write};
use timestream_prometheus_connector::proto;

const SERIES: usize = 1000;
const SAMPLES: i64 = 1000;
const LIMIT_MB: f64 = 64.0;
const ROUNDS: usize = 3;

fn main() {
    // Cargo asks a bench for its tests too, and those who list them must get none.
    if std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let scratch = Scratch::new();
    let start = remote::now_ms() - SAMPLES * 1000;
    fill(&Connector::embedded(scratch.path(), &[]), start);
    println!("{:>8} {:>20} {:>9} {:>12} {:>14}", "samples", "form", "seconds", "answer MB", "peak MB > idle");
    for (form, accepted) in [("STREAMED_XOR_CHUNKS", vec![1]), ("SAMPLES", vec![0])] {
        let mut times = Vec::new();
        for share in [10, 1] {
            // A fresh process each, so that the peak is this read's.
            let connector = Connector::embedded(scratch.path(), &[]);
            let idle = connector.memory_mb("VmRSS");
            let range = query(start, start + (SAMPLES / share) * 1000 - 1, &[eq("__name__", "read")]);
            let request = proto::ReadRequest { queries: vec![range], accepted_response_types: accepted.clone() };
            let (mut fastest, mut bytes) = (Duration::MAX, 0);
            for _ in 0..ROUNDS {
                let begun = Instant::now();
                let answer = remote::post(&format!("http://{}/read", connector.address), &[], &packed(&request));
                fastest = fastest.min(begun.elapsed());
                assert_eq!(answer.status, 200, "{}", answer.text());
                bytes = answer.body.len();
            }
            let samples = SERIES as i64 * SAMPLES / share;
            let read = connector.metric("timestream_connector_read_samples_total");
            assert_eq!(read, (samples * ROUNDS as i64) as f64);
            let peak = connector.memory_mb("VmHWM") - idle;
            println!(
                "{samples:>8} {form:>20} {:>9.2} {:>12.1} {peak:>14.1}",
                fastest.as_secs_f64(),
                bytes as f64 / 1e6
            );
            assert!(form == "SAMPLES" || peak < LIMIT_MB, "a streamed answer took {peak} MB");
            times.push(fastest.as_secs_f64());
        }
        let ratio = times[1] / times[0];
        println!("{form}: ten times the rows in {ratio:.1} times the time");
        assert!(ratio <= 11.0, "{ratio}");
    }
}

fn fill(connector: &Connector, start: i64) {
    for time in (0..SAMPLES).step_by(20) {
        let batch: Vec<Series> = (0..SERIES)
            .map(|index| {
                let samples: Vec<(f64, i64)> =
                    (time..time + 20).map(|time| ((index as i64 * time) as f64 / 8.0, start + time * 1000)).collect();
                let (instance, pod) = (format!("10.0.{}.{}:9100", index / 250, index % 250), format!("pod-{index:05}"));
                let labels = [
                    ("__name__", "read"),
                    ("instance", &instance),
                    ("job", "node-exporter"),
                    ("namespace", "monitoring"),
                    ("pod", &pod),
                    ("service", "node-exporter"),
                    ("cluster", "eu-west-1"),
                    ("endpoint", "http-metrics"),
                ];
                series(&labels, &samples)
            })
            .collect();
        let answer = write(&connector.address, &batch);
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
}
