//! Turns an event of Lambda into its HTTP request: payloads 2.0 and 1.0 of API Gateway's HTTP APIs, REST APIs, function
//! URLs and Application Load Balancers.
//!
//! Fields as documented: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs" and "Input
//! format of a Lambda function for proxy integration"; Lambda Developer Guide, "Invoking Lambda function URLs"; Elastic
//! Load Balancing, "Lambda functions as targets".

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Uri};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::answer::Form;
use crate::error::Error;

const WRITE_VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");
const READ_VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-read-version");

/// The fields of an event that matter. All kinds of events that have a field have it under the same name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Event {
    request_context: Option<RequestContext>,
    http_method: Option<String>,
    raw_path: Option<String>,
    path: Option<String>,
    headers: Option<BTreeMap<String, Option<String>>>,
    multi_value_headers: Option<BTreeMap<String, Option<Vec<String>>>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RequestContext {
    http: Option<Http>,
    elb: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Http {
    method: Option<String>,
}

impl Event {
    /// # Errors
    /// `InvalidEvent`: it comes from another service, or is no service's event.
    pub(super) fn read(event: Value) -> Result<Self, Error> {
        if !event.is_object() {
            return Err(invalid("it is no object".to_owned()));
        }
        // The error may contain a value of the event, so only its kind is reported.
        Event::deserialize(event).map_err(|_| invalid("a field is of another type".to_owned()))
    }

    /// The form of its answer.
    pub(super) fn form(&self) -> Form {
        let is_load_balancer = self.request_context.as_ref().is_some_and(|context| context.elb.is_some());
        let multi_value = self.headers.is_none() && self.multi_value_headers.is_some();
        Form { is_load_balancer, multi_value }
    }

    /// The request, to `/write` or `/read`.
    ///
    /// # Errors
    /// `MissingHeaderError` if it does not say which of them, `InvalidEvent` if a field is wrong.
    pub(super) fn request(self) -> Result<Request<Full<Bytes>>, Error> {
        let method = self.request_context.and_then(|context| context.http).and_then(|http| http.method);
        let method = match method.or(self.http_method) {
            Some(method) => {
                Method::from_bytes(method.as_bytes()).map_err(|_| invalid("its method is none".to_owned()))?
            }
            // Invoked by hand.
            None => Method::POST,
        };
        let headers = headers(self.headers, self.multi_value_headers);
        let uri = uri(self.raw_path.or(self.path).as_deref().unwrap_or_default(), &headers)?;
        let body = self.body.unwrap_or_default();
        let body = if self.is_base64_encoded == Some(true) {
            STANDARD.decode(body).map_err(|error| invalid(format!("its body is not base64: {error}")))?
        } else {
            body.into_bytes()
        };
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn invalid(why: String) -> Error {
    Error::invalid("InvalidEvent", format!("the event is no HTTP request as Lambda passes it on: {why}"))
}

fn headers(
    single: Option<BTreeMap<String, Option<String>>>,
    multiple: Option<BTreeMap<String, Option<Vec<String>>>>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            // The map is full only with far more headers than Lambda accepts.
            let _ = headers.try_append(name, value);
        }
    };
    // Payload 1.0 has both, the single ones with the last value of each.
    match multiple.filter(|multiple| !multiple.is_empty()) {
        Some(multiple) => multiple.iter().for_each(|(name, values)| {
            values.iter().flatten().for_each(|value| add(name, value));
        }),
        None => single.iter().flatten().for_each(|(name, value)| {
            value.iter().for_each(|value| add(name, value));
        }),
    }
    headers
}

/// Where the request goes. The end of its path decides, after any stage or prefix, and the request must have the
/// version header of that protocol: a caller that may only read must not write by sending another header. With any
/// other path the headers decide.
fn uri(path: &str, headers: &HeaderMap) -> Result<Uri, Error> {
    let has = |name| headers.contains_key(name);
    let (write, read) = (has(WRITE_VERSION), has(READ_VERSION));
    match (path.trim_end_matches('/').rsplit('/').next(), write, read) {
        (Some("write"), true, _) => Ok(Uri::from_static("/write")),
        (Some("write"), false, _) => Err(missing("/write needs the header X-Prometheus-Remote-Write-Version")),
        (Some("read"), _, true) => Ok(Uri::from_static("/read")),
        (Some("read"), _, false) => Err(missing("/read needs the header X-Prometheus-Remote-Read-Version")),
        (_, true, false) => Ok(Uri::from_static("/write")),
        (_, false, true) => Ok(Uri::from_static("/read")),
        _ => Err(missing(
            "the request needs one of the headers X-Prometheus-Remote-Write-Version and X-Prometheus-Remote-Read-Version",
        )),
    }
}

fn missing(message: &'static str) -> Error {
    Error::invalid("MissingHeaderError", message)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    fn request(event: Value) -> Result<Request<Full<Bytes>>, Error> {
        Event::read(event)?.request()
    }

    fn target(path: &str, header: &[&str]) -> String {
        let headers: BTreeMap<_, _> = header.iter().map(|name| (*name, "0.1.0")).collect();
        match request(json!({"rawPath": path, "headers": headers})) {
            Ok(request) => request.uri().to_string(),
            Err(error) => error.name().to_owned(),
        }
    }

    #[test]
    fn the_end_of_the_path_and_the_header_say_where_it_goes() {
        let (write, read) = ("X-Prometheus-Remote-Write-Version", "x-prometheus-REMOTE-read-version");
        for path in ["/write", "/dev/write", "/a/b/write/"] {
            assert_eq!(target(path, &[write]), "/write", "{path}");
            assert_eq!(target(path, &[write, read]), "/write", "{path}");
            assert_eq!(target(path, &[read]), "MissingHeaderError", "{path}");
            assert_eq!(target(path, &[]), "MissingHeaderError", "{path}");
        }
        assert_eq!(target("/dev/read", &[read]), "/read");
        assert_eq!(target("/dev/read", &[write]), "MissingHeaderError");
        for path in ["", "/", "/dev", "/writer", "/WRITE", "//", "/dev/write/x"] {
            assert_eq!(target(path, &[write]), "/write", "{path}");
            assert_eq!(target(path, &[read]), "/read", "{path}");
            assert_eq!(target(path, &[write, read]), "MissingHeaderError", "{path}");
        }
    }

    #[tokio::test]
    async fn bodies_are_base64_or_not() {
        let event = |body: &str, encoded: bool| {
            let headers = json!({"X-Prometheus-Remote-Write-Version": "0.1.0"});
            json!({"path": "/write", "httpMethod": "POST", "headers": headers, "body": body, "isBase64Encoded": encoded})
        };
        for (body, encoded) in [("AAH/", true), ("text", false)] {
            let body = request(event(body, encoded)).unwrap().into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, if encoded { &[0, 1, 0xff][..] } else { b"text" });
        }
        assert_eq!(request(event("AAH", true)).unwrap_err().name(), "InvalidEvent");
    }

    #[test]
    fn values_of_a_header_come_all_and_null_is_nothing() {
        let event = json!({"requestContext": null, "headers": {"A": "2"}, "body": null, "isBase64Encoded": null,
            "multiValueHeaders": {"A": ["1", "2"], "b": null, "c d": ["x"], "e": ["\n"], "x-prometheus-remote-read-version": ["0.1.0"]}});
        let request = request(event).unwrap();
        assert_eq!(request.headers().get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(request.headers().len(), 3);
        assert_eq!(request.method(), Method::POST);
    }

    #[test]
    fn what_is_no_event_is_an_error_that_shows_nothing_of_it() {
        for event in [
            json!(null),
            json!([1]),
            json!("hidden-x"),
            json!({"headers": "hidden-x"}),
            json!({"body": {"hidden-x": 1}}),
        ] {
            let error = request(event).unwrap_err();
            assert_eq!(error.name(), "InvalidEvent");
            assert!(!error.message().contains("hidden-"), "{error}");
        }
    }
}
