//! Queries of both builds, in rounds in which they take turns.

use serde_json::Value;

use crate::filled::Filled;
use crate::opened::Opened;
use crate::server::Server;

const ROUNDS: usize = 5;
const HOUR_MS: i64 = 3_600_000;
const FROM: &str = r#"FROM "prometheus"."metrics""#;

/// All samples that a server has.
pub fn counted(server: &Server) -> Option<usize> {
    number(&server.query(&format!("SELECT count(*) {FROM}")).0)
}

fn number(rows: &[Value]) -> Option<usize> {
    rows.first()?["Data"][0]["ScalarValue"].as_str()?.parse().ok()
}

/// Milliseconds of counting all samples, which must be those that were sent.
pub fn count(opened: &[Opened; 2], both: [&Filled; 2]) -> [f64; 2] {
    let (took, rows) = medians(opened, both.map(|_| format!("SELECT count(*) {FROM}")));
    for (filled, rows) in both.iter().zip(&rows) {
        assert_eq!(number(rows), Some(filled.samples()), "samples that were answered for are there after kill -9");
    }
    took
}

/// Milliseconds of the mean of a metric for each minute of the last hour.
pub fn minutes(opened: &[Opened; 2], both: [&Filled; 2]) -> [f64; 2] {
    let (took, rows) = medians(opened, both.map(|filled| minutes_until(filled.end())));
    assert!(rows.iter().all(|rows| !rows.is_empty()), "the last hour has minutes");
    took
}

fn minutes_until(end: i64) -> String {
    format!(
        "SELECT bin(time, 1m) AS minute, avg(measure_value::double) AS mean {FROM} \
         WHERE measure_name = 'node_network_receive_bytes_total' AND time >= from_milliseconds({}) \
         AND time < from_milliseconds({end}) GROUP BY bin(time, 1m) ORDER BY 1",
        end - HOUR_MS
    )
}

/// The medians of the milliseconds, and the rows.
fn medians(opened: &[Opened; 2], texts: [String; 2]) -> ([f64; 2], [Vec<Value>; 2]) {
    let (mut times, mut rows): ([Vec<f64>; 2], [Vec<Value>; 2]) = Default::default();
    // The first round warms up.
    for round in 0..=ROUNDS {
        for side in 0..2 {
            let (found, took) = opened[side].server.query(&texts[side]);
            rows[side] = found;
            if round > 0 {
                times[side].push(took);
            }
        }
    }
    let medians = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    (medians, rows)
}
