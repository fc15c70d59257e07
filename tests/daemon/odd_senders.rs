//! What senders in use do that the specifications do not ask for, and what must be refused all the same.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::connector::{Connector, Scratch};
use super::remote::{self, Series, WRITE_HEADERS, eq, now_ms, post, query, series, write_request};
use super::timestream::Timestream;

fn one(job: &str, now: i64) -> Series {
    series(&[("__name__", "up"), ("job", job)], &[(1.0, now)])
}

fn assert_stored(connector: &Connector, job: &str, now: i64) {
    let found = remote::read(&connector.address, &[query(now, now, &[eq("job", job)])]);
    assert_eq!(found[0], [one(job, now)], "{job}");
}

#[test]
fn types_that_can_only_mean_remote_write_1_are_taken() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let url = format!("http://{}/write", connector.address);
    let now = now_ms();
    let snappy = ("Content-Encoding", "snappy");
    for (job, headers) in [
        ("nothing", &[][..]),
        ("no encoding", &[("Content-Type", "application/x-protobuf")]),
        ("empty encoding", &[("Content-Type", "application/x-protobuf"), ("Content-Encoding", "")]),
        ("google", &[("Content-Type", "application/vnd.google.protobuf"), snappy]),
        ("octets", &[("Content-Type", "application/octet-stream"), snappy]),
    ] {
        let answer = post(&url, headers, &write_request(&[one(job, now)]));
        assert_eq!(answer.status, 204, "{job}: {}", answer.text());
        assert_stored(&connector, job, now);
    }
    connector.assert_conserved();
}

#[test]
fn other_types_are_refused_and_the_log_names_their_sender() {
    let scratch = Scratch::new();
    let mut connector = Connector::embedded(scratch.path(), &[]);
    let url = format!("http://{}/write", connector.address);
    for headers in [
        &[("Content-Type", "application/json"), ("User-Agent", "odd-sender/7")][..],
        &[("Content-Type", "text/plain")],
        &[("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v3.Request")],
        &[("Content-Encoding", "gzip")],
    ] {
        let answer = post(&url, headers, &write_request(&[one("a", now_ms())]));
        assert_eq!(answer.status, 415, "{headers:?}: {}", answer.text());
    }
    let line = connector.wait_for_log("write request refused");
    assert!(line.contains("level=warn") && line.contains("sender=odd-sender/7"), "{line}");
}

#[test]
fn zstd_is_taken_in_both_versions() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--web.max-decoded-bytes=1MB"]);
    let url = format!("http://{}/write", connector.address);
    let now = now_ms();
    let zstd = |series: &[Series]| {
        let plain = snap::raw::Decoder::new().decompress_vec(&write_request(series)).unwrap();
        zstd::bulk::compress(&plain, 3).unwrap()
    };
    let headers = &[("Content-Type", "application/x-protobuf"), ("Content-Encoding", "zstd")];
    let answer = post(&url, headers, &zstd(&[one("zstd", now)]));
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_stored(&connector, "zstd", now);

    let request = super::v2::Builder::default()
        .series(&[("__name__", "up"), ("job", "zstd 2")], super::v2::samples(&[(1.0, now)]));
    let plain = prost::Message::encode_to_vec(&request.0);
    let headers_2 = &[
        ("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
        ("Content-Encoding", "zstd"),
    ];
    let answer = post(&url, headers_2, &zstd::bulk::compress(&plain, 3).unwrap());
    assert_eq!((answer.status, super::v2::written(&answer)), (204, Some([1, 0, 0])), "{}", answer.text());
    assert_stored(&connector, "zstd 2", now);

    let bomb = zstd::bulk::compress(&vec![0; 2_000_000], 3).unwrap();
    for (body, status, name) in [(&bomb[..], 413, "RequestTooLarge"), (b"no zstd", 400, "ZstdError")] {
        let answer = post(&url, headers, body);
        assert_eq!((answer.status, answer.text().starts_with(name)), (status, true), "{}", answer.text());
    }
    connector.assert_conserved();
}

#[test]
fn a_slash_at_the_end_of_the_path_makes_no_difference() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let answer =
        post(&format!("http://{}/write/", connector.address), WRITE_HEADERS, &write_request(&[one("slash", now)]));
    assert_eq!(answer.status, 204, "{}", answer.text());
    let request = timestream_prometheus_connector::proto::ReadRequest {
        queries: vec![query(now, now, &[eq("job", "slash")])],
        accepted_response_types: vec![],
    };
    let answer = post(&format!("http://{}/read/", connector.address), &[], &remote::packed(&request));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// A client that has sent its request may close the way that it sends on.
#[test]
fn a_client_that_closes_its_sending_side_gets_its_answer() {
    let timestream = Timestream::slow(std::time::Duration::from_millis(500));
    let arguments = timestream.arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--enable-sigv4-auth"]).collect();
    let keys = &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];
    let connector = Connector::start(&arguments, keys);
    let body = write_request(&[one("half", now_ms())]);
    let mut stream = TcpStream::connect(&connector.address).unwrap();
    let head = format!("POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer:?}");
    assert_eq!(timestream.records("test").len(), 1);
    connector.assert_conserved();
}
