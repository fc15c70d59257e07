//! The connector on AWS Lambda: the real binary, invoked by a runtime API.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use serde_json::Value;
use timestream_prometheus_connector::proto;

use super::connector::{Connector, Scratch};
use super::remote::{self, Series, WRITE_HEADERS, packed, write_request};

mod callers;
mod events;
mod limits;
mod refusals;
mod round_trip;
mod runtime_api;

use events::{Kind, event};

const READ_HEADERS: &[(&str, &str)] = &[
    ("Content-Encoding", "snappy"),
    ("Content-Type", "application/x-protobuf"),
    ("Accept-Encoding", "snappy"),
    ("X-Prometheus-Remote-Read-Version", "0.1.0"),
];

/// An embedded Timestream, with a connector of its own, and where its API is.
fn timestream(scratch: &Scratch) -> (Connector, String) {
    let connector = Connector::embedded(scratch.path(), &[]);
    let url = format!("http://{}", connector.timestream);
    (connector, url)
}

/// An address that takes connections and never answers.
fn silent_endpoint() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn write_event(kind: Kind, series: &[Series]) -> Value {
    event(kind, "POST", "/write", WRITE_HEADERS, &write_request(series))
}

/// A read of samples, which takes chunks too, as Prometheus does.
fn read_event(kind: Kind, query: proto::Query) -> Value {
    use proto::read_request::ResponseType;
    let accepted = [ResponseType::StreamedXorChunks, ResponseType::Samples].map(i32::from).to_vec();
    let request = proto::ReadRequest { queries: vec![query], accepted_response_types: accepted };
    event(kind, "POST", "/read", READ_HEADERS, &packed(&request))
}

fn status(answer: &Value) -> u64 {
    answer["statusCode"].as_u64().unwrap()
}

fn header<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    let value = answer["headers"].get(name).or(answer["multiValueHeaders"][name].get(0))?;
    value.as_str()
}

/// The body as text, which is not base64.
fn text(answer: &Value) -> &str {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    answer["body"].as_str().unwrap()
}

/// The series of an answer to [`read_event`].
fn series_of(answer: &Value) -> Vec<Series> {
    assert_eq!(status(answer), 200, "{answer}");
    assert_eq!(answer["isBase64Encoded"], true);
    assert_eq!(header(answer, "content-type"), Some("application/x-protobuf"));
    assert_eq!(header(answer, "content-encoding"), Some("snappy"));
    let body = STANDARD.decode(answer["body"].as_str().unwrap()).unwrap();
    let unpacked = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let response = proto::ReadResponse::decode(unpacked.as_slice()).unwrap();
    remote::series_of(response.results).remove(0)
}
