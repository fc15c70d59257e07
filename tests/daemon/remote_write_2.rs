//! Remote write 2.0: what docs/remote-write-2.md says of the connector.

use prost::Message;
use timestream_prometheus_connector::proto::{self, v2};

use super::connector::{Connector, Scratch};
use super::remote::{self, WRITE_HEADERS, eq, now_ms, packed, post, query, series, write_request};
use super::timestream::{Fault, Timestream};
use super::v2::{Builder, HEADERS, histograms, samples, written};

const UP: &[(&str, &str)] = &[("__name__", "up"), ("job", "a")];

fn exemplar(now: i64) -> v2::Exemplar {
    v2::Exemplar { labels_refs: vec![], value: 1.0, timestamp: now }
}

#[test]
fn a_request_that_is_stored_whole_is_answered_204_without_a_body_and_with_its_counts() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let metadata = v2::Metadata { r#type: 1, help_ref: 0, unit_ref: 0 };
    let request = Builder::default()
        .series(UP, v2::TimeSeries { metadata: Some(metadata), ..samples(&[(1.0, now - 1), (-0.0, now)]) })
        .series(&[("__name__", "x"), ("job", "a"), ("zone", "ä")], samples(&[(2.5, now)]));
    let answer = request.send(&connector.address);
    assert_eq!((answer.status, answer.body.len(), written(&answer)), (204, 0, Some([3, 0, 0])), "{}", answer.text());
    let queries = [query(now - 1, now, &[eq("__name__", "up")]), query(now, now, &[eq("zone", "ä")])];
    let read = remote::read(&connector.address, &queries);
    assert_eq!(read[0], [series(UP, &[(1.0, now - 1), (-0.0, now)])]);
    assert_eq!(read[1], [series(&[("__name__", "x"), ("job", "a"), ("zone", "ä")], &[(2.5, now)])]);
    // Sent again, it is accepted again.
    assert_eq!(written(&request.send(&connector.address)), Some([3, 0, 0]));
    assert_eq!(connector.assert_conserved(), (6.0, 6.0));
}

#[test]
fn unsorted_labels_are_sorted_and_empty_values_left_out() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let unsorted = [("zone", "z"), ("job", "a"), ("empty", ""), ("__name__", "up")];
    let answer = Builder::default().series(&unsorted, samples(&[(1.0, now)])).send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([1, 0, 0])), "{}", answer.text());
    let read = remote::read(&connector.address, &[query(now, now, &[eq("job", "a")])]);
    assert_eq!(read[0], [series(&[("__name__", "up"), ("job", "a"), ("zone", "z")], &[(1.0, now)])]);
}

#[test]
fn the_created_timestamp_is_taken_in_both_of_its_places() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--native-histograms=expand"]);
    let now = now_ms();
    let candidate_3 = v2::TimeSeries { created_timestamp: now - 9, ..samples(&[(1.0, now)]) };
    let mut candidate_4 = samples(&[(1.0, now)]);
    candidate_4.samples[0].start_timestamp = now - 9;
    let histogram = v2::Histogram { timestamp: now, start_timestamp: now - 9, ..Default::default() };
    let answer = Builder::default()
        .series(&[("__name__", "three")], candidate_3)
        .series(&[("__name__", "four")], candidate_4)
        .series(&[("__name__", "h")], histograms(&[histogram]))
        .send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([2, 1, 0])), "{}", answer.text());
}

#[test]
fn what_a_rule_ignores_is_counted_in_the_headers_and_is_no_error() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let long = "l".repeat(61);
    let answer = Builder::default()
        .series(UP, samples(&[(1.0, now), (f64::NAN, now + 1), (f64::INFINITY, now + 2), (stale, now + 3)]))
        .series(UP, samples(&[(1.0, now)]))
        .series(&[("__name__", "long"), (&long, "v")], samples(&[(1.0, now)]))
        .send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([6, 0, 0])), "{}", answer.text());
    assert_eq!(connector.samples("ignored", "stale_marker"), 1.0);
    assert_eq!(connector.samples("ignored", "repeated"), 1.0);
    assert_eq!(connector.assert_conserved(), (6.0, 1.0));
}

#[test]
fn what_is_valid_is_written_and_the_rest_is_answered_400_with_exact_counts() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let answer = Builder::default()
        .series(UP, samples(&[(1.0, now)]))
        .series(&[("job", "nameless")], samples(&[(1.0, now)]))
        .series(&[("__name__", "twice"), ("a", "1"), ("a", "2")], samples(&[(1.0, now)]))
        .series(&[("__name__", "ahead")], samples(&[(1.0, now), (2.0, now + 3_600_000)]))
        .send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (400, Some([2, 0, 0])), "{}", answer.text());
    assert!(answer.text().contains("of 5 samples 2 written, 0 ignored, 3 rejected, 0 failed"), "{}", answer.text());
    assert_eq!(connector.assert_conserved(), (5.0, 2.0));
}

#[test]
fn exemplars_are_counted_as_judged_and_are_no_error() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let with_exemplars = v2::TimeSeries { exemplars: vec![exemplar(now); 2], ..samples(&[(1.0, now)]) };
    let answer = Builder::default().series(UP, with_exemplars).send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([1, 0, 2])), "{}", answer.text());
    assert_eq!(connector.metric("timestream_connector_received_exemplars_total"), 2.0);
    assert_eq!(connector.metric("timestream_connector_ignored_exemplars_total"), 2.0);
    assert_eq!(connector.assert_conserved(), (1.0, 1.0));
}

/// In both versions: text that is not UTF-8, and in 2.0 references that lead nowhere.
#[test]
fn a_series_that_can_not_be_read_costs_only_itself() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let damage = |mut body: Vec<u8>| {
        let at = body.windows(4).position(|word| word == b"torn").unwrap();
        body[at] = 0xff;
        snap::raw::Encoder::new().compress_vec(&body).unwrap()
    };
    let good = series(&[("__name__", "good"), ("job", "a")], &[(1.0, now)]);
    let torn = series(&[("__name__", "bad"), ("job", "torn")], &[(1.0, now), (2.0, now + 1)]);
    let unpacked = snap::raw::Decoder::new().decompress_vec(&write_request(&[torn, good])).unwrap();
    let answer = post(&format!("http://{}/write", connector.address), WRITE_HEADERS, &damage(unpacked));
    assert_eq!((answer.status, written(&answer)), (400, Some([1, 0, 0])), "{}", answer.text());
    assert!(answer.text().starts_with("InvalidSeries: a label is not UTF-8 in bad{}"), "{}", answer.text());

    let symbols = ["", "__name__", "good", "bad", "job", "b", "torn"];
    let of =
        |references: &[u32], samples: v2::TimeSeries| v2::TimeSeries { labels_refs: references.to_vec(), ..samples };
    let request = v2::Request {
        symbols: symbols.map(str::to_owned).to_vec(),
        timeseries: vec![
            of(&[1, 3, 4, 6], samples(&[(1.0, now)])),
            of(&[1, 3, 4, 99], samples(&[(1.0, now)])),
            of(&[1, 2, 4, 5], samples(&[(1.0, now)])),
            of(&[1, 3, 4], samples(&[(1.0, now)])),
        ],
    };
    let headers = &[("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")];
    let answer = post(&format!("http://{}/write", connector.address), headers, &damage(request.encode_to_vec()));
    assert_eq!((answer.status, written(&answer)), (400, Some([1, 0, 0])), "{}", answer.text());
    assert!(answer.text().contains("of 4 samples 1 written, 0 ignored, 3 rejected, 0 failed"), "{}", answer.text());
    assert_eq!(connector.samples("rejected", "invalid"), 5.0);
    assert_eq!(connector.assert_conserved(), (7.0, 2.0));
}

#[test]
fn a_series_of_samples_and_histograms_loses_neither() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--native-histograms=expand"]);
    let now = now_ms();
    let histogram = v2::Histogram { timestamp: now, ..Default::default() };
    let mixed = v2::TimeSeries { histograms: vec![histogram], ..samples(&[(1.0, now)]) };
    let answer = Builder::default().series(&[("__name__", "h")], mixed).send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([1, 1, 0])), "{}", answer.text());
}

#[test]
fn metadata_and_nothing_else_is_accepted() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let metadata = v2::Metadata { r#type: 2, help_ref: 1, unit_ref: 0 };
    let series = v2::TimeSeries { metadata: Some(metadata), ..Default::default() };
    let answer = Builder::default().series(UP, series).send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([0, 0, 0])), "{}", answer.text());
    assert_eq!(written(&Builder::default().send(&connector.address)), Some([0, 0, 0]));
}

#[test]
fn what_is_wrong_with_a_request_is_said_and_nothing_of_it_written() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--web.max-decoded-bytes=20000"]);
    let url = format!("http://{}/write", connector.address);
    let good = Builder::default().series(UP, samples(&[(1.0, now_ms())])).0;
    let symbols = |symbols: &[&str]| {
        let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
        packed(&v2::Request { symbols, ..good.clone() })
    };
    let mut odd = good.clone();
    odd.timeseries[0].labels_refs.push(1);
    let v1 = write_request(&[series(UP, &[(1.0, now_ms())])]);
    let framed = [b"\xff\x06\x00\x00sNaPpY".as_slice(), &[0; 8]].concat();
    let snappy = HEADERS[0];
    let (v2_type, version) = (HEADERS[1], HEADERS[2]);
    for (what, headers, body, status, name) in [
        ("a first symbol that is not empty", HEADERS, symbols(&["a", "b", "c", "d", "e"]), 400, "ProtobufError"),
        ("a reference out of range", HEADERS, symbols(&["", "__name__", "up"]), 400, "InvalidSeries"),
        ("a label without a value", HEADERS, packed(&odd), 400, "InvalidSeries"),
        ("remote write 1.0 under the name of 2.0", HEADERS, v1, 400, "ProtobufError"),
        ("not protobuf", HEADERS, snap::raw::Encoder::new().compress_vec(&[0xff; 9]).unwrap(), 400, "ProtobufError"),
        ("snappy in frames", HEADERS, framed, 400, "SnappyError"),
        ("too large", HEADERS, vec![0xff, 0xff, 0xff, 0xff, 0x0f], 413, "RequestTooLarge"),
        ("gzip", &[("Content-Encoding", "gzip"), v2_type], vec![], 415, "UnsupportedMediaType"),
        ("json", &[("Content-Type", "application/json"), version, snappy], vec![], 415, "UnsupportedMediaType"),
        (
            "a message of the future",
            &[("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v3.Request"), version],
            vec![],
            415,
            "UnsupportedMediaType",
        ),
    ] {
        let answer = post(&url, headers, &body);
        assert_eq!((answer.status, written(&answer)), (status, Some([0, 0, 0])), "{what}: {}", answer.text());
        assert!(answer.text().starts_with(name), "{what}: {}", answer.text());
    }
    let answer = post(&url, WRITE_HEADERS, &packed(&good));
    assert_eq!(answer.status, 400, "remote write 2.0 under the name of 1.0");
    assert_eq!(connector.assert_conserved(), (2.0, 0.0));
}

/// Prometheus 3 reads the headers of any answer, and takes all samples of a 4xx without them for lost.
#[test]
fn an_answer_of_remote_write_1_has_written_headers_only_when_it_is_a_4xx() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[]);
    let now = now_ms();
    let answered = |headers: &[(&str, &str)], body: &[u8]| {
        let answer = post(&format!("http://{}/write", connector.address), headers, body);
        (answer.status, written(&answer))
    };
    assert_eq!(answered(WRITE_HEADERS, &write_request(&[series(UP, &[(1.0, now)])])), (204, None));
    assert_eq!(answered(&[], &write_request(&[series(UP, &[(1.0, now)])])), (204, None));
    let exemplars = proto::TimeSeries { exemplars: vec![proto::Exemplar::default()], ..Default::default() };
    let request = proto::WriteRequest { timeseries: vec![exemplars], metadata: vec![] };
    assert_eq!(answered(WRITE_HEADERS, &packed(&request)), (204, None));
    let nameless = series(&[("job", "a")], &[(1.0, now)]);
    let judged = series(UP, &[(1.0, now + 1), (f64::NAN, now + 2)]);
    assert_eq!(answered(WRITE_HEADERS, &write_request(&[nameless, judged])), (400, Some([2, 0, 0])));
    assert_eq!(answered(WRITE_HEADERS, b"hello"), (400, Some([0, 0, 0])));
    assert_eq!(answered(&[("Content-Type", "application/json")], b""), (415, Some([0, 0, 0])));
}

#[test]
fn an_answer_before_the_caller_is_known_has_the_headers_too() {
    let timestream = Timestream::slow(std::time::Duration::ZERO);
    let url = format!("--write-base-endpoint=http://{}", timestream.address);
    let connector = Connector::start(&["--default-database=dat", "--default-table=tab", &url], &[]);
    let answer = Builder::default().series(UP, samples(&[(1.0, now_ms())])).send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (401, Some([0, 0, 0])), "{}", answer.text());
}

#[test]
fn what_a_retry_may_save_is_answered_503_and_the_whole_request_may_be_sent_again() {
    let timestream = Timestream::start(|_, call| if call < 2 { Fault::Gateway(502) } else { Fault::None });
    let url = format!("--write-base-endpoint=http://{}", timestream.address);
    let arguments = ["--default-database=dat", "--default-table=tab", &url, "--max-write-retries=1"];
    let connector =
        Connector::start(&[&arguments[..], &["--native-histograms=expand", "--enable-sigv4-auth"]].concat(), KEYS);
    let now = now_ms();
    let request = Builder::default().series(UP, samples(&[(1.0, now)])).series(
        &[("__name__", "h"), ("job", "a")],
        histograms(&[v2::Histogram { timestamp: now, ..Default::default() }]),
    );
    let answer = request.send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (503, Some([0, 0, 0])), "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert_eq!(connector.assert_histograms_conserved(), [0.0, 0.0, 0.0, 1.0]);
    let answer = request.send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([1, 1, 0])), "{}", answer.text());
    assert_eq!(connector.assert_histograms_conserved(), [1.0, 0.0, 0.0, 1.0]);
    connector.assert_conserved();
}

/// A Timestream that rejects every so many records of each call, whatever they are: the headers say what it has.
#[test]
fn the_written_headers_are_exact() {
    for each in [2, 5, 7, 31] {
        let timestream = Timestream::start(move |_, _| Fault::Rejecting(each));
        let arguments = timestream.arguments();
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(["--native-histograms=expand", "--enable-sigv4-auth"]);
        let connector = Connector::start(&arguments, KEYS);
        let now = now_ms();
        let mut request = Builder::default();
        for index in 0..40 {
            let name = format!("h{index}");
            let histogram = v2::Histogram {
                count: Some(v2::histogram::Count::CountInt(1)),
                schema: -53,
                positive_spans: vec![v2::BucketSpan { offset: 0, length: 1 }],
                positive_deltas: vec![1],
                custom_values: vec![1.5; index % 2],
                timestamp: now,
                ..Default::default()
            };
            request = request
                .series(&[("__name__", &name), ("job", "a")], samples(&[(1.0, now), (2.0, now + 1)]))
                .series(&[("__name__", &name), ("job", "b")], histograms(&[histogram]));
        }
        let answer = request.send(&connector.address);
        assert_eq!(answer.status, 400, "{}", answer.text());
        let stored = timestream.records("AKIAEXAMPLE");
        let of_job = |job: &'static str| stored.keys().filter(move |(labels, _)| labels["job"] == job);
        let whole = (0..40).filter(|index| {
            let prefix = format!("h{index}_");
            of_job("b").filter(|(labels, _)| labels["__name__"].starts_with(&prefix)).count() == 3 + index % 2
        });
        let expected = [of_job("a").count() as u64, whole.count() as u64, 0];
        assert_eq!(written(&answer), Some(expected), "rejecting each {each}: {}", answer.text());
        assert!(expected[0] > 0 && (expected[1] > 0 || each == 2), "{expected:?}");
        let [written, _, rejected, failed] = connector.assert_histograms_conserved();
        assert_eq!((written, rejected, failed), (expected[1] as f64, 40.0 - expected[1] as f64, 0.0));
        connector.assert_conserved();
    }
}

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];
