//! What the connector does with bytes from outside: one function for each kind, which must not panic, and must not claim
//! what is not so. The fuzz targets of `fuzz/` run these, and the tests beside run them for a bounded time.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use prost::Message;
use timestream_prometheus_connector::budget::{Budget, Limit};
use timestream_prometheus_connector::door::file::WebConfigFile;
use timestream_prometheus_connector::http::basic_auth::BasicAuth;
use timestream_prometheus_connector::http::{body, zstd};
use timestream_prometheus_connector::ingest::content_type;
use timestream_prometheus_connector::ingest::histogram;
use timestream_prometheus_connector::ingest::validate::{self, Policy};
use timestream_prometheus_connector::ingest::{decode_v1, decode_v2};
use timestream_prometheus_connector::openmetrics::TextWriter;
use timestream_prometheus_connector::openmetrics::parse::{self, LineError, Measured, SeriesParts};
use timestream_prometheus_connector::options::Options;
use timestream_prometheus_connector::query::matcher::Matcher;
use timestream_prometheus_connector::query::regex::{Pattern, Values};
use timestream_prometheus_connector::routes::caller;
use timestream_prometheus_connector::run::lambda::Function;
use timestream_prometheus_connector::write_request::WriteRequest;
use timestream_prometheus_connector::{dimension, proto};
use tokio::runtime::Runtime;

const MAX_DECODED: Limit = Limit::new("the limit", 1 << 20);
const MAX_EXPANDED_BYTES: usize = 16 << 20;

fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut reservation = Budget::new(Limit::new("the limit", 64 << 20)).reserve(bytes.len()).await.ok()?;
        let unpacked = match body::decompress(bytes, MAX_DECODED, 4, &mut reservation).await {
            Ok(unpacked) => unpacked,
            Err(_) => zstd::decompress(bytes, MAX_DECODED, 4, &mut reservation).await.ok()?,
        };
        assert!(unpacked.len() <= MAX_DECODED.bytes && unpacked.capacity() <= reservation.bytes());
        Some(unpacked)
    })
}

/// The body of a write request of version 1.0.
pub fn write_v1(bytes: &[u8]) {
    if let Some(unpacked) = unpack(bytes) {
        write_v1_unpacked(&unpacked);
    }
}

/// The same, as it is behind the compression.
pub fn write_v1_unpacked(bytes: &[u8]) {
    let decoded = decode_v1::decode(bytes.to_vec());
    if let Ok(theirs) = proto::WriteRequest::decode(bytes) {
        // What prost reads is read, unless it is refused for its memory.
        let samples: usize = theirs.timeseries.iter().map(|series| series.samples.len()).sum();
        assert!(decoded.as_ref().map_or(true, |ours| ours.sample_count() == samples));
    }
    if let Ok(request) = decoded {
        check(request);
    }
}

/// What is decoded is validated, and no sample gets lost.
fn check(mut request: WriteRequest) {
    let plan = histogram::plan(&request, MAX_EXPANDED_BYTES);
    histogram::expand(&mut request, &plan);
    {
        let received = request.sample_count() as u64;
        let dropped = validate::validate(&mut request, Policy::default()).unwrap();
        let rejected: u64 = dropped.rejected.iter().map(|(_, count, _)| count).sum();
        assert_eq!(received, request.sample_count() as u64 + dropped.ignored_count() + rejected);
    }
}

/// The body of a write request of version 2.0.
pub fn write_v2(bytes: &[u8]) {
    if let Some(unpacked) = unpack(bytes) {
        write_v2_unpacked(&unpacked);
    }
}

/// The same, as it is behind the compression.
pub fn write_v2_unpacked(bytes: &[u8]) {
    let Ok(survey) = decode_v2::Survey::of(bytes) else { return };
    if survey.table_bytes() > MAX_EXPANDED_BYTES {
        return;
    }
    if let Ok(request) = decode_v2::decode(bytes.to_vec(), &survey) {
        check(request);
    }
}

/// The body of a read request.
pub fn read(bytes: &[u8]) {
    let unpacked = unpack(bytes);
    for bytes in [Some(bytes.to_vec()), unpacked].into_iter().flatten() {
        let Ok(request) = proto::ReadRequest::decode(bytes.as_slice()) else { continue };
        for matcher in request.queries.into_iter().flat_map(|query| query.matchers) {
            if let Ok(matcher) = Matcher::new(matcher) {
                matcher.accepts("");
                matcher.accepts("value");
            }
        }
    }
}

/// The Authorization header.
pub fn basic_auth(bytes: &[u8]) {
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    for header in [bytes.to_vec(), [b"Basic ", bytes].concat(), format!("basic {encoded}").into_bytes()] {
        let Ok(value) = HeaderValue::from_bytes(&header) else { continue };
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        if let Ok(auth) = BasicAuth::of(&headers) {
            assert!(!auth.user().contains(':'));
            let both = !auth.user().is_empty() && !auth.password().is_empty();
            assert_eq!(caller::keys(&headers).is_ok(), both);
        }
    }
}

/// `--web.config.file`.
pub fn web_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(file) = WebConfigFile::parse(text) else { return };
    if let Some(tls) = file.tls_server_config {
        let _ = tls.client_auth();
        let _ = tls.groups();
        if let Ok(versions) = tls.versions() {
            assert!(!versions.is_empty());
        }
        if let Ok(suites) = tls.cipher_suites() {
            assert!(!suites.is_empty());
        }
    }
}

/// The name of a label.
pub fn label(bytes: &[u8]) {
    let Ok(name) = std::str::from_utf8(bytes) else { return };
    let escaped = dimension::escape(name);
    assert_eq!(dimension::restore(&escaped), name, "{escaped}");
    assert!(escaped.is_ascii());
    dimension::restore(name);
}

/// A regular expression, and a value that it is asked of, behind a line break.
pub fn regex(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (text, value) = text.split_once('\n').unwrap_or((text, "value"));
    let Ok(pattern) = Pattern::parse(text) else { return };
    let matches = pattern.matches(value);
    pattern.java();
    match pattern.values() {
        Values::Any => assert!(matches || value.contains('\n')),
        Values::NotEmpty => assert!(matches != value.is_empty() || value.contains('\n')),
        Values::Exactly(values) => assert_eq!(matches, values.iter().any(|one| one == value), "{text:?} {value:?}"),
        Values::StartingWith(start) => assert!(!matches || value.starts_with(&start), "{text:?} {value:?}"),
    }
}

/// OpenMetrics text: what is read of a line is read of it again once it is written anew.
pub fn openmetrics(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    for line in lines.filter(|line| parse::kind(line) == parse::Kind::Sample) {
        let Ok((labels, Measured { value, timestamp, .. })) = sample(line) else { continue };
        let in_export = -10_000_000_000_000..10_000_000_000_000;
        let names = labels.iter().filter(|label| label.name == "__name__").count();
        if names > 1 || !in_export.contains(&timestamp) {
            continue;
        }
        let mut writer = TextWriter::default();
        writer.start_series(&labels);
        writer.push(timestamp, value);
        let written = String::from_utf8(writer.take()).unwrap();
        let (again, measured) = sample(written.trim_end_matches('\n')).unwrap();
        assert_eq!((again, measured.timestamp), (labels, timestamp), "{line:?} {written:?}");
        assert!(measured.value.to_bits() == value.to_bits() || measured.value.is_nan() && value.is_nan());
    }
}

/// The labels of a line, the metric name first, and the rest of it.
fn sample(line: &str) -> Result<(Vec<proto::Label>, Measured), LineError> {
    let mut parts = SeriesParts::default();
    parse::series(line, &mut parts)?;
    let measured = parse::measured(line, parts.end)?;
    let text = |part| {
        let mut text = Vec::new();
        parse::append(line.as_bytes(), part, &mut text);
        String::from_utf8(text).unwrap()
    };
    let name = proto::Label { name: "__name__".to_owned(), value: text(parts.name) };
    let others = parts.labels.iter().map(|(name, value)| proto::Label { name: text(*name), value: text(*value) });
    Ok((std::iter::once(name).chain(others).collect(), measured))
}

/// A query to the embedded Timestream.
pub fn sql(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        timestream_local::fuzzing::sql(text);
    }
}

/// A chunk of samples of the embedded Timestream.
pub fn chunk(bytes: &[u8]) {
    let samples = timestream_local::fuzzing::chunk(bytes);
    assert!(samples.is_none_or(|samples| samples <= 480), "more samples than a chunk may have");
}

/// An event of AWS Lambda: it gets an answer that its sender understands.
pub fn lambda_event(bytes: &[u8]) {
    static FUNCTION: LazyLock<(Runtime, Function)> = LazyLock::new(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let arguments = ["bootstrap", "--default-database=dat", "--default-table=tab", "--enable-sigv4-auth=false"];
        // Nobody listens there.
        let endpoints = ["--write-base-endpoint=http://127.0.0.1:1", "--query-base-endpoint=http://127.0.0.1:1"];
        let retries = ["--max-write-retries=0", "--max-read-retries=0"];
        let arguments = arguments.iter().chain(&endpoints).chain(&retries).map(|&argument| argument.to_owned());
        let options = Options::parse(arguments, |_| None).unwrap();
        let function = runtime.block_on(async { Function::new(Ok(options), "f") });
        (runtime, function)
    });
    let Ok(event) = serde_json::from_slice(bytes) else { return };
    let (runtime, function) = &*FUNCTION;
    let answer = runtime.block_on(function.answer(event, Duration::from_secs(10)));
    let answer = serde_json::to_value(&answer).unwrap();
    assert!((200..600).contains(&answer["statusCode"].as_u64().unwrap()), "{answer}");
    assert!(answer["headers"].is_object() != answer["multiValueHeaders"].is_object(), "{answer}");
    let body = answer["body"].as_str().unwrap();
    let encoded = answer["isBase64Encoded"].as_bool().unwrap();
    assert!(!encoded || base64::engine::general_purpose::STANDARD.decode(body).is_ok());
}

/// The headers that say what a body is.
pub fn content_type(bytes: &[u8]) {
    let (content_type, encoding) = bytes.split_at(bytes.len() / 2);
    let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).ok();
    let (Some(content_type), Some(encoding)) = (value(content_type), value(encoding)) else { return };
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type), (CONTENT_ENCODING, encoding)]);
    if let Ok(content) = content_type::negotiate(&headers) {
        assert_eq!(content_type::is_version_2(&headers), content.version == content_type::Version::V2);
    }
}
