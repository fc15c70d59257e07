//! Bytes from outside: the fuzz targets of `fuzz/`, run for a bounded time without a fuzzer, and what they have found.
//!
//! Each target gets random bytes, pieces of its language put together at random, and good examples with some bytes
//! changed. Cases that once failed are files in `tests/inputs/cases/<target>/` and are run first.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]
#![allow(missing_docs, unreachable_pub, reason = "the modules of a test binary are its own")]

mod targets;

use std::path::Path;

use base64::Engine;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost::Message;
use serde_json::json;
use timestream_prometheus_connector::proto::{self, v2};

const CASES: u32 = 20_000;

/// Runs a target.
fn run(name: &str, target: fn(&[u8]), examples: &[Vec<u8>], pieces: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs/cases").join(name);
    for case in std::fs::read_dir(folder).into_iter().flatten() {
        target(&std::fs::read(case.unwrap().path()).unwrap());
    }
    examples.iter().for_each(|example| target(example));
    let random = prop::collection::vec(any::<u8>(), 0..200);
    let text = any::<String>().prop_map(String::into_bytes);
    let pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).chain(["".to_owned()]).collect();
    let joined =
        prop::collection::vec(prop::sample::select(pieces), 0..20).prop_map(|pieces| pieces.concat().into_bytes());
    let examples = if examples.is_empty() { vec![Vec::new()] } else { examples.to_vec() };
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    let changed = (prop::sample::select(examples), changes, any::<Option<prop::sample::Index>>());
    let changed = changed.prop_map(|(mut example, changes, cut)| {
        for (at, byte) in changes {
            if !example.is_empty() {
                let at = at.index(example.len());
                example[at] = byte;
            }
        }
        example.truncate(cut.map_or(usize::MAX, |cut| cut.index(example.len() + 1)));
        example
    });
    let input = prop_oneof![random, text, joined, changed];
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&input, |bytes| {
        target(&bytes);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{name}: {error}");
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

fn write_request() -> Vec<u8> {
    let label = |name: &str, value: &str| proto::Label { name: name.to_owned(), value: value.to_owned() };
    let series = |name: &str, values: &[f64]| proto::TimeSeries {
        labels: vec![label("__name__", name), label("job", "a"), label("_x", "b")],
        samples: values
            .iter()
            .map(|&value| proto::Sample { value: Some(value), timestamp: 1_700_000_000_000 })
            .collect(),
        ..Default::default()
    };
    let timeseries =
        vec![series("up", &[1.0, f64::NAN, f64::INFINITY]), series(&"m".repeat(300), &[1.0]), series("", &[])];
    proto::WriteRequest { timeseries, metadata: vec![proto::MetricMetadata::default()] }.encode_to_vec()
}

#[test]
fn write_requests_of_version_1() {
    let example = write_request();
    run("write_v1", targets::write_v1, &[packed(&example), vec![0xff, 0xff, 0xff, 0xff, 0x0f]], &[]);
    run("write_v1_unpacked", targets::write_v1_unpacked, &[example], &["\n", "\x12", "\x09", "\x0a\x00", "\x12\x00"]);
}

#[test]
fn write_requests_of_version_2() {
    let span = |offset, length| v2::BucketSpan { offset, length };
    let histogram = v2::Histogram {
        count: Some(v2::histogram::Count::CountInt(7)),
        zero_count: Some(v2::histogram::ZeroCount::ZeroCountInt(1)),
        positive_spans: vec![span(-2, 2), span(3, 1)],
        positive_deltas: vec![1, 1, -1],
        negative_spans: vec![span(0, 1)],
        negative_deltas: vec![2],
        timestamp: 1_700_000_000_000,
        ..Default::default()
    };
    let sample = v2::Sample { value: Some(1.0), timestamp: 1_700_000_000_000, start_timestamp: 0 };
    let series = v2::TimeSeries {
        labels_refs: vec![1, 2, 3, 4],
        samples: vec![sample],
        histograms: vec![histogram],
        exemplars: vec![v2::Exemplar::default()],
        ..Default::default()
    };
    let symbols = ["", "__name__", "up", "job", "a"].map(str::to_owned).to_vec();
    let example = v2::Request { symbols, timeseries: vec![series.clone(), series] }.encode_to_vec();
    run("write_v2", targets::write_v2, &[packed(&example)], &[]);
    run(
        "write_v2_unpacked",
        targets::write_v2_unpacked,
        &[example],
        &["\"\x00", "*\x02", "\x0a\x02\x01\x02", "\x12\x00"],
    );
}

#[test]
fn read_requests() {
    let matcher = |r#type, value: &str| proto::LabelMatcher { r#type, name: "job".to_owned(), value: value.to_owned() };
    let matchers = vec![matcher(0, "a"), matcher(2, "a.*|(b|c)+"), matcher(3, "[^a-z]{3}"), matcher(9, "")];
    let query = proto::Query { start_timestamp_ms: -1, end_timestamp_ms: i64::MAX, matchers, hints: None };
    let request = proto::ReadRequest { queries: vec![query], accepted_response_types: vec![0, 1] }.encode_to_vec();
    run("read", targets::read, &[packed(&request), request], &[]);
}

#[test]
fn chunks_of_the_embedded_timestream() {
    let chunk = |value: fn(i64) -> f64, jitter: i64| {
        let samples: Vec<_> = (0..60).map(|n| (n * 15_000_000_000 + n % 7 * jitter, value(n))).collect();
        timestream_local::fuzzing::example_chunk(&samples)
    };
    let examples = [
        chunk(|_| 1.0, 0),
        chunk(|n| n as f64 / 4.0, 1_000_000),
        chunk(|n| (n as f64).sqrt(), 1),
        chunk(|n| if n == 9 { -0.0 } else { (n % 5 * 4096) as f64 }, 0),
    ];
    run("chunk", targets::chunk, &examples, &["\x01", "\x03", "\0", "\x7f"]);
}

#[test]
fn basic_auth() {
    let example = b"AKIAEXAMPLE:secret/with+all=signs".to_vec();
    run("basic_auth", targets::basic_auth, &[example], &["Basic ", "basic", "Bearer ", ":", "=", " ", "QQ==", "OjE6"]);
}

#[test]
fn web_configurations() {
    let example = "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n  client_auth_type: NoClientCert\n  min_version: TLS12\n\
                   \x20 cipher_suites: [TLS_AES_128_GCM_SHA256]\nhttp_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n\
                   basic_auth_users:\n  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze\nrate_limit:\n  interval: 1s\n  burst: 2\n";
    let pieces = [
        "tls_server_config:",
        "basic_auth_users:",
        "rate_limit:",
        "http_server_config:",
        "cert_file:",
        "headers:",
        "burst:",
        "min_version:",
        "cipher_suites:",
        "\n",
        "\n  ",
        "\n    ",
        " ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a",
        "*a",
        "!!binary ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "#",
        "---\n",
        "...\n",
        "? ",
        ": ",
        "<<: *a",
        "~",
        "1",
        "true",
        "TLS13",
        "\t",
        "%YAML 1.2\n",
    ];
    run("web_config", targets::web_config, &[example.as_bytes().to_vec()], &pieces);
}

#[test]
fn openmetrics_text() {
    let examples = [
        "# TYPE up gauge\nup{job=\"a\",instance=\"b\"} 1 1700000000.123\nup +Inf 1.7e9 # {trace_id=\"c\"} 1 2\n# EOF\n",
        "{\"my.metric\",\"a.b\"=\"\\\\ \\\" \\n \\t\",c=\"\",} -1e-7 -0.001\n",
    ];
    let examples: Vec<_> = examples.iter().map(|text| text.as_bytes().to_vec()).collect();
    let pieces = [
        "up",
        "{",
        "}",
        "\"",
        "=",
        ",",
        " ",
        "\\",
        "\\n",
        "#",
        " # {",
        "# EOF",
        "a=\"b\"",
        "\"a\"",
        "1",
        ".",
        "e",
        "-",
        "NaN",
        "+Inf",
        "9999999999999999",
        "\n",
        "\r",
        "\t",
        "\0",
        "é",
        "__name__",
        " 1 2",
    ];
    run("openmetrics", targets::openmetrics, &examples, &pieces);
}

#[test]
fn label_names() {
    let examples = ["_x", "x_", "time", "ts_a", "z__z", "z__x_z", "z_Z5f_z", "ä", "measure_value::double", ""];
    let examples: Vec<_> = examples.iter().map(|name| name.as_bytes().to_vec()).collect();
    run(
        "label",
        targets::label,
        &examples,
        &["z_", "_z", "_", "Z", "5f", "x", "time", "ts_", "measure_name", "ä", "."],
    );
}

#[test]
fn regular_expressions() {
    let examples = ["a.*|(b|c)+\nabc", "(?i)a{2,5}?[^\\pL\\d]$\nAA", "\\Qa.b\\E|[[:alpha:]-z]\na.b", "(?P<n>a|)\n"];
    let examples: Vec<_> = examples.iter().map(|text| text.as_bytes().to_vec()).collect();
    let pieces = [
        "a",
        "b",
        "A",
        ".",
        "*",
        "+",
        "?",
        "|",
        "(",
        ")",
        "(?i)",
        "(?s)",
        "(?:",
        "(?P<n>",
        "[",
        "]",
        "[^",
        "-",
        "^",
        "$",
        "\\A",
        "\\z",
        "\\b",
        "\\d",
        "\\pL",
        "\\p{Greek}",
        "\\x{10FFFF}",
        "{2}",
        "{0,3}",
        "{1,}",
        "\\Q",
        "\\E",
        "[[:alpha:]]",
        "\n",
        "ä",
    ];
    run("regex", targets::regex, &examples, &pieces);
}

#[test]
fn sql() {
    let examples = [
        "SELECT job, avg(measure_value::double) OVER (PARTITION BY job) AS a FROM \"db\".\"t\" WHERE time > ago(5m) ORDER BY 2 DESC LIMIT 3",
        "WITH x AS (SELECT bin(time, 1h) AS b, count(*) AS c FROM db.t GROUP BY 1) SELECT * FROM x WHERE c BETWEEN 1 AND 2 OR b IS NULL",
        "SELECT CASE WHEN regexp_like(job, '(a|b)+') THEN 'x' ELSE cast(1 AS varchar) || 'y' END FROM db.t WHERE job IN ('a', @p)",
        "SHOW MEASURES FROM db.t",
    ];
    let examples: Vec<_> = examples.iter().map(|text| text.as_bytes().to_vec()).collect();
    let pieces = [
        "SELECT ",
        "FROM ",
        "db.t ",
        "job ",
        "time ",
        "* ",
        "( ",
        ") ",
        ", ",
        "WHERE ",
        "= ",
        "'a' ",
        "1 ",
        "5m ",
        "count(*) ",
        "GROUP BY ",
        "ORDER BY ",
        "AND ",
        "NOT ",
        "CASE ",
        "WHEN ",
        "END ",
        "+ ",
        "AS ",
        "JOIN ",
        "UNION ",
        "OVER ",
        "WITH ",
        "CAST ",
        "::",
        "\"",
        "'",
        "--",
        "/*",
        "@p ",
        "1e999 ",
        "ago(",
        "UNNEST(",
        "ARRAY[",
        "interpolate_linear(",
        "\0",
        "ä",
    ];
    run("sql", targets::sql, &examples, &pieces);
}

#[test]
fn content_types() {
    let example = b"application/x-protobuf;proto=prometheus.WriteRequestsnappy".to_vec();
    let pieces = [
        "application/x-protobuf",
        ";",
        " ",
        "proto=",
        "\"",
        "prometheus.WriteRequest",
        "io.prometheus.write.v2.Request",
        "snappy",
        "gzip",
        ",",
    ];
    run("content_type", targets::content_type, &[example], &pieces);
}

#[test]
fn events_of_lambda() {
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let headers = json!({"Content-Encoding": "snappy", "Authorization": format!("Basic {}", base64(b"AKIA:hidden-key")),
        "X-Prometheus-Remote-Write-Version": "0.1.0", "x-prometheus-remote-read-version": "0.1.0"});
    let body = base64(&packed(&write_request()));
    let version_2 = json!({"version": "2.0", "rawPath": "/dev/write", "headers": headers, "body": body, "isBase64Encoded": true,
        "requestContext": {"http": {"method": "POST", "path": "/dev/write"}, "stage": "dev"}});
    let multiple = json!({"x-prometheus-remote-read-version": ["0.1.0"], "authorization": [headers["Authorization"]]});
    let load_balancer = json!({"requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "POST", "path": "/read",
        "multiValueHeaders": multiple, "body": "\u{e}\u{34}\n\u{c}\u{8}\u{1}\u{10}\u{2}\u{1a}\u{6}\u{12}\u{1}a\u{1a}\u{1}b"});
    let examples = [version_2, load_balancer, json!({})].map(|event| event.to_string().into_bytes());
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "1",
        "\"\"",
        "\"POST\"",
        "\"/a/read/\"",
        "\"headers\":",
        "\"multiValueHeaders\":",
        "\"body\":",
        "\"isBase64Encoded\":",
        "\"httpMethod\":",
        "\"rawPath\":",
        "\"path\":",
        "\"requestContext\":",
        "\"http\":",
        "\"elb\":",
        "\"x-prometheus-remote-read-version\":",
        "\"\\ud800\"",
    ];
    run("lambda_event", targets::lambda_event, &examples, &pieces);
}
