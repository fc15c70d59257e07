//! Speaks remote write and remote read, as Prometheus would.

use base64::Engine;
use prost::Message;
use timestream_prometheus_connector::proto;

use super::output;
use super::waiting::PATIENCE;

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// How much of an answer is searched for secrets.
const SEARCHED_BYTES: usize = 1 << 20;

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}

fn answer(response: ureq::http::Response<ureq::Body>) -> Answer {
    let (head, mut body) = response.into_parts();
    let body = body.with_config().limit(1 << 30).read_to_vec().unwrap();
    output::check(&format!("{:?}", head.headers));
    // Larger ones are series, and only of use to measure by.
    if body.len() <= SEARCHED_BYTES {
        output::check(&String::from_utf8_lossy(&body));
    }
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

pub fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(agent().get(url), |request, (name, value)| request.header(*name, *value));
    answer(request.call().unwrap())
}

pub fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_post(url, headers, body).unwrap()
}

/// A WriteRecords call to the embedded Timestream, past the connector.
pub fn write_records(timestream: &str, records: &[serde_json::Value]) {
    let call = serde_json::json!({"DatabaseName": "prometheus", "TableName": "metrics", "Records": records});
    let headers = [
        ("X-Amz-Target", "Timestream_20181101.WriteRecords"),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/timestream/aws4_request"),
    ];
    let answer = post(&format!("http://{timestream}/"), &headers, call.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

pub fn put(url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(agent().put(url), |request, (name, value)| request.header(*name, *value));
    answer(request.send(&[][..]).unwrap())
}

pub fn try_post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ureq::Error> {
    let request = headers.iter().fold(agent().post(url), |request, (name, value)| request.header(*name, *value));
    request.send(body).map(answer)
}

pub use super::cases::Series;

pub fn series(labels: &[(&str, &str)], samples: &[(f64, i64)]) -> Series {
    (labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), samples.to_vec())
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

pub fn packed(message: &impl Message) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).unwrap()
}

pub fn write_request(series: &[Series]) -> Vec<u8> {
    let timeseries = series.iter().map(|(labels, samples)| proto::TimeSeries {
        labels: labels.iter().map(|(name, value)| proto::Label { name: name.clone(), value: value.clone() }).collect(),
        samples: samples.iter().map(|&(value, timestamp)| proto::Sample { value: Some(value), timestamp }).collect(),
        ..Default::default()
    });
    packed(&proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] })
}

pub const WRITE_HEADERS: &[(&str, &str)] = &[
    ("Content-Encoding", "snappy"),
    ("Content-Type", "application/x-protobuf"),
    ("X-Prometheus-Remote-Write-Version", "0.1.0"),
];

/// The header of HTTP basic auth.
pub fn basic_auth(user: &str, password: &str) -> String {
    output::must_be_marked(password);
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// Sends series to `/write` of the connector at `address`.
pub fn write(address: &str, series: &[Series]) -> Answer {
    post(&format!("http://{address}/write"), WRITE_HEADERS, &write_request(series))
}

pub fn eq(name: &str, value: &str) -> proto::LabelMatcher {
    matcher(proto::label_matcher::Type::Eq, name, value)
}

pub fn matcher(kind: proto::label_matcher::Type, name: &str, value: &str) -> proto::LabelMatcher {
    proto::LabelMatcher { r#type: kind.into(), name: name.to_owned(), value: value.to_owned() }
}

pub fn query(start: i64, end: i64, matchers: &[proto::LabelMatcher]) -> proto::Query {
    proto::Query { start_timestamp_ms: start, end_timestamp_ms: end, matchers: matchers.to_vec(), hints: None }
}

/// Sends queries to `/read` of the connector at `address`; the series of each query.
pub fn read(address: &str, queries: &[proto::Query]) -> Vec<Vec<Series>> {
    read_url(&format!("http://{address}/read"), queries)
}

/// Sends queries to a path for remote read; the series of each query.
pub fn read_url(url: &str, queries: &[proto::Query]) -> Vec<Vec<Series>> {
    let request = proto::ReadRequest { queries: queries.to_vec(), accepted_response_types: vec![] };
    let answer = post(url, &[("Content-Encoding", "snappy")], &packed(&request));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let unpacked = snap::raw::Decoder::new().decompress_vec(&answer.body).unwrap();
    let response = proto::ReadResponse::decode(unpacked.as_slice()).unwrap();
    series_of(response.results)
}

/// The series of each query.
pub fn series_of(results: Vec<proto::QueryResult>) -> Vec<Vec<Series>> {
    let results = results.into_iter().map(|result| {
        let timeseries = result.timeseries.into_iter().map(|series| {
            let labels = series.labels.into_iter().map(|label| (label.name, label.value)).collect();
            (labels, series.samples.iter().map(|sample| (sample.value(), sample.timestamp)).collect())
        });
        timeseries.collect()
    });
    results.collect()
}
