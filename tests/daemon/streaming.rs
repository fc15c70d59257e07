//! Streamed answers over the wire: the same as SAMPLES, in order, broken off rather than short.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use timestream_prometheus_connector::proto;
use timestream_prometheus_connector::proto::label_matcher::Type;

use super::chunks::read_chunks;
use super::connector::{Connector, Scratch};
use super::remote::{Series, eq, matcher, now_ms, packed, query, read, series, write};
use super::waiting::eventually;

fn read_url(connector: &Connector) -> String {
    format!("http://{}/read", connector.address)
}

/// Series whose order by column differs from their order by label.
fn odd_series(now: i64) -> Vec<Series> {
    let samples: Vec<(f64, i64)> = (0..130).map(|index| (index as f64 * 0.1, now - 130 + index)).collect();
    let with = |labels: &[(&str, &str)]| {
        let mut all = vec![("__name__", "m")];
        all.extend(labels);
        series(&all, &samples)
    };
    vec![
        with(&[]),
        with(&[("a", "1")]),
        with(&[("a", "1"), ("c", "1")]),
        with(&[("a", "2")]),
        with(&[("b", "1")]),
        with(&[("c", "1")]),
        with(&[("Z", "1")]),
        with(&[("Z", "1"), ("a", "1")]),
        with(&[("_x", "1"), ("z", "1")]),
        with(&[("time", "1")]),
        with(&[("é", "1")]),
        with(&[("a", "\u{10ffff}")]),
        with(&[("a", "\u{e000}")]),
        with(&[("a", "\u{1}")]),
        with(&[("a", "1\u{1}")]),
    ]
}

#[test]
fn chunks_hold_what_samples_hold_in_the_order_of_prometheus() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let sent = odd_series(now);
    assert_eq!(write(&connector.address, &sent).status, 204);
    let mut expected = sent.clone();
    for (labels, _) in &mut expected {
        labels.sort();
    }
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    let queries = [
        query(now - 1000, now, &[eq("__name__", "m")]),
        query(now - 100, now - 50, &[matcher(Type::Neq, "a", "")]),
        query(0, now, &[eq("a", ""), matcher(Type::Re, "__name__", "m|n")]),
        query(0, now, &[eq("nowhere", "x")]),
        query(0, now, &[]),
    ];
    let chunks = read_chunks(&read_url(&connector), &queries);
    assert_eq!(chunks[0], expected);
    assert_eq!(chunks[4], expected);
    assert!(chunks[1].len() == 8 && chunks[1].iter().all(|(_, samples)| samples.len() == 51));
    assert!(chunks[3].is_empty());
    assert_eq!(chunks, read(&connector.address, &queries));
    connector.assert_conserved();
}

#[test]
fn the_first_known_response_type_is_taken() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    for (accepted, status, content_type) in [
        (vec![], 200, "application/x-protobuf"),
        (vec![0, 1], 200, "application/x-protobuf"),
        (vec![9, 1, 0], 200, "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"),
        (vec![9], 400, "text/plain; charset=utf-8"),
    ] {
        let request =
            proto::ReadRequest { queries: vec![query(0, 1, &[eq("a", "b")])], accepted_response_types: accepted };
        let answer = super::remote::post(&read_url(&connector), &[], &packed(&request));
        assert_eq!((answer.status, answer.header("content-type")), (status, Some(content_type)), "{}", answer.text());
    }
}

/// Writes so much that an answer has several pieces, shared among these jobs: values that do not compress.
pub fn write_much(connector: &Connector, jobs: &[&str]) -> i64 {
    let now = now_ms();
    let mut random = 1_u64;
    for start in (0..300_000).step_by(10_000) {
        let samples: Vec<(f64, i64)> = (start..start + 10_000)
            .map(|index| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                ((random >> 12) as f64, now - 300_000 + index)
            })
            .collect();
        let job = jobs[start as usize * jobs.len() / 300_000];
        let answer = write(&connector.address, &[series(&[("__name__", "much"), ("job", job)], &samples)]);
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    now
}

/// Sends a read request by hand and gives back the connection, its answer's head read.
fn begin(connector: &Connector, accepted: Vec<i32>) -> TcpStream {
    let request = packed(&proto::ReadRequest {
        queries: vec![query(0, now_ms(), &[eq("__name__", "much")])],
        accepted_response_types: accepted,
    });
    let mut stream = TcpStream::connect(&connector.address).unwrap();
    let head = format!("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", request.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&request).unwrap();
    stream
}

/// Waits until one more query is cancelled, and sees that no page is fetched any more.
fn wait_for_cancel(connector: &Connector, before: f64) {
    eventually("the query is cancelled", || connector.metric("timestream_connector_read_cancels_total") > before);
    let pages = || connector.metric("timestream_connector_read_pages_total");
    let seen = pages();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(pages(), seen, "a page was fetched");
}

#[test]
fn a_long_answer_comes_in_pieces_and_one_that_fails_is_broken_off() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--read.max-samples=290000"]);
    let now = write_much(&connector, &["a", "b", "c"]);
    let whole = [query(now - 280_000, now, &[eq("__name__", "much")])];
    let answer = read_chunks(&read_url(&connector), &whole);
    assert_eq!(answer[0].iter().map(|(_, samples)| samples.len()).sum::<usize>(), 280_000);

    let mut stream = begin(&connector, vec![1]);
    let mut bytes = Vec::new();
    // The connection ends; what HTTP ends an answer with is missing.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("transfer-encoding: chunked"), "{text:.200}");
    assert!(bytes.len() > 1 << 20);
    assert!(!bytes.ends_with(b"\r\n0\r\n\r\n"), "a part looks like the whole");
    assert_eq!(connector.metric("timestream_connector_read_aborts_total"), 1.0);

    // Whoever hangs up midway, or before anything came, cancels the query.
    for accepted in [vec![1], vec![0]] {
        let cancels = connector.metric("timestream_connector_read_cancels_total");
        let pages = connector.metric("timestream_connector_read_pages_total");
        let mut stream = begin(&connector, accepted.clone());
        if accepted == [1] {
            stream.read_exact(&mut [0; 1000]).unwrap();
        } else {
            eventually("a page has come", || connector.metric("timestream_connector_read_pages_total") > pages);
        }
        drop(stream);
        wait_for_cancel(&connector, cancels);
    }
}
