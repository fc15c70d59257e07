//! Bad input gets the documented status and a message, and the process lives.

use timestream_prometheus_connector::proto;

use super::connector::{Connector, Scratch};
use super::remote::{self, Answer, WRITE_HEADERS, eq, now_ms, packed, post, query, series, write, write_request};
use super::timestream::Timestream;

fn post_write(connector: &Connector, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    post(&format!("http://{}/write", connector.address), headers, body)
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let scratch = Scratch::new();
    let connector =
        Connector::embedded(scratch.path(), &["--web.max-body-bytes=10000", "--web.max-decoded-bytes=20000"]);
    let snappy = |bytes: &[u8]| snap::raw::Encoder::new().compress_vec(bytes).unwrap();
    let noise: Vec<u8> = (0..10_001u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (what, headers, body, status, name) in [
        ("not snappy", WRITE_HEADERS, b"hello".to_vec(), 400, "SnappyError"),
        ("not protobuf", WRITE_HEADERS, snappy(&[0xff; 30]), 400, "ProtobufError"),
        (
            "an oversize body",
            WRITE_HEADERS,
            noise,
            413,
            "RequestTooLarge: the request body is over --web.max-body-bytes, 10000 bytes",
        ),
        (
            "an oversize decoded body",
            WRITE_HEADERS,
            snappy(&[0; 20_001]),
            413,
            "RequestTooLarge: the body is over --web.max-decoded-bytes, 20000 bytes once decompressed",
        ),
        ("a bomb", WRITE_HEADERS, vec![0xff, 0xff, 0xff, 0xff, 0x0f], 413, "RequestTooLarge"),
        ("gzip", &[("Content-Encoding", "gzip")], vec![], 415, "UnsupportedMediaType"),
        ("json", &[("Content-Type", "application/json")], vec![], 415, "UnsupportedMediaType"),
    ] {
        let answer = post_write(&connector, headers, &body);
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.text().starts_with(name), "{what}: {}", answer.text());
    }
    let answer = post(&format!("http://{}/read", connector.address), &[], &snappy(b"\xff\xff"));
    assert_eq!((answer.status, answer.text().starts_with("ProtobufError")), (400, true));
    let unknown = proto::LabelMatcher { r#type: 9, name: "a".into(), value: String::new() };
    let request = proto::ReadRequest { queries: vec![query(0, 1, &[unknown])], accepted_response_types: vec![] };
    let answer = post(&format!("http://{}/read", connector.address), &[], &packed(&request));
    assert_eq!((answer.status, answer.text().starts_with("UnknownMatcherError")), (400, true), "{}", answer.text());

    assert_eq!(connector.get("/nowhere").status, 404);
    let answer = connector.get("/write");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(post(&format!("http://{}/metrics", connector.address), &[], b"").status, 405);

    assert_eq!(
        write(&connector.address, &[series(&[("__name__", "up"), ("job", "a")], &[(1.0, now_ms())])]).status,
        204
    );
    assert_eq!(connector.assert_conserved(), (1.0, 1.0));
}

#[test]
fn a_bad_series_costs_itself_only() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let long = "l".repeat(61);
    let answer = write(
        &connector.address,
        &[
            series(&[("__name__", "good"), ("job", "a")], &[(1.0, now)]),
            series(&[("job", "nameless")], &[(1.0, now)]),
            series(&[("__name__", "twice"), ("a", "1"), ("a", "2")], &[(1.0, now)]),
            series(&[("__name__", "long"), (&long, "1")], &[(1.0, now), (2.0, now + 1)]),
            series(&[("__name__", "future"), ("job", "a")], &[(1.0, now + 3_600_000)]),
        ],
    );
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("of 6 samples 1 written, 2 ignored, 3 rejected, 0 failed"), "{}", answer.text());
    assert_eq!(connector.samples("ignored", "long_label_name"), 2.0);
    assert_eq!(connector.samples("rejected", "invalid"), 2.0);
    assert_eq!(connector.samples("rejected", "retention_window"), 1.0);
    assert_eq!(connector.assert_conserved(), (6.0, 1.0));
    assert_eq!(remote::read(&connector.address, &[query(now, now, &[eq("__name__", "good")])])[0].len(), 1);
}

#[test]
fn another_value_for_the_same_time_is_rejected_and_the_same_value_accepted() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let up = |value| [series(&[("__name__", "up"), ("job", "a")], &[(value, 1_700_000_000_000)])];
    assert_eq!(write(&connector.address, &up(1.0)).status, 204);
    assert_eq!(write(&connector.address, &up(1.0)).status, 204);
    let answer = write(&connector.address, &up(2.0));
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().starts_with("RejectedRecordsException: ") && answer.text().contains("up{job=\"a\"}"),
        "{}",
        answer.text()
    );
    assert_eq!(connector.samples("rejected", "duplicate"), 1.0);
    assert_eq!(connector.assert_conserved(), (3.0, 2.0));
}

#[test]
fn native_histograms_are_answered_400_and_the_samples_beside_them_are_stored() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let name = proto::Label { name: "__name__".into(), value: "h".into() };
    let request = proto::WriteRequest {
        timeseries: vec![
            proto::TimeSeries {
                labels: vec![name.clone()],
                histograms: vec![proto::Histogram::default()],
                ..Default::default()
            },
            proto::TimeSeries {
                labels: vec![name],
                samples: vec![proto::Sample { value: Some(1.0), timestamp: now }],
                exemplars: vec![proto::Exemplar::default()],
                ..Default::default()
            },
        ],
        metadata: vec![],
    };
    let answer = post_write(&connector, WRITE_HEADERS, &packed(&request));
    assert_eq!(
        (answer.status, answer.text().starts_with("NativeHistogramsNotStored")),
        (400, true),
        "{}",
        answer.text()
    );
    assert_eq!(connector.assert_conserved(), (1.0, 1.0));
    assert_eq!(connector.metric("timestream_connector_rejected_histograms_total"), 1.0);
    assert_eq!(connector.metric("timestream_connector_ignored_exemplars_total"), 1.0);
    let metadata = proto::WriteRequest { timeseries: vec![], metadata: vec![proto::MetricMetadata::default()] };
    assert_eq!(post_write(&connector, WRITE_HEADERS, &packed(&metadata)).status, 204);
}

#[test]
fn callers_without_credentials_are_asked_for_them() {
    let endpoint = Timestream::slow(std::time::Duration::ZERO);
    let url = format!("--write-base-endpoint=http://{}", endpoint.address);
    let connector = Connector::start(&["--default-database=dat", "--default-table=tab", &url], &[]);
    let body = write_request(&[series(&[("__name__", "up"), ("job", "a")], &[(1.0, now_ms())])]);
    for path in ["/write", "/read"] {
        for headers in [&[][..], &[("Authorization", "Bearer x")], &[("Authorization", "Basic !")]] {
            let answer = post(&format!("http://{}{path}", connector.address), headers, &body);
            assert_eq!(answer.status, 401);
            assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")));
            assert!(answer.text().starts_with("ParseBasicAuthHeaderError: "));
        }
    }
    // AKIAEXAMPLE:secret
    let answer = post_write(&connector, &[("Authorization", "Basic QUtJQUVYQU1QTEU6c2VjcmV0")], &body);
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(endpoint.counts(), (1, 1));
    connector.assert_conserved();
}

#[test]
fn more_series_or_labels_than_allowed_are_refused_and_counted() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--write.max-series=2", "--write.max-labels=1"]);
    let now = now_ms();
    let one = |index: &str| series(&[("__name__", "m"), ("i", index)], &[(1.0, now)]);
    let many = series(&[("__name__", "m"), ("i", "2"), ("j", "3")], &[(1.0, now)]);
    let answer = write(&connector.address, &[one("0"), one("1"), one("2")]);
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("3 series, over --write.max-series, 2"), "{}", answer.text());
    let answer = write(&connector.address, &[one("0"), many]);
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("over 1 labels"), "{}", answer.text());
    assert_eq!((connector.samples("rejected", "too_large"), connector.assert_conserved()), (4.0, (5.0, 1.0)));
}
