//! A remote write receiver: requests are sent one after the other, and again until they are taken.

use std::path::Path;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::settings::{Auth, ReceiverSettings};
use crate::error::Error;

/// How long a connection, and the answer to a request, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Attempts for a request, and the waits between them, which double. The last attempt is about four minutes after the first,
/// or later if the receiver asks for that.
const ATTEMPTS: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest wait that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// How much of an answer's text is told, in bytes.
const TOLD: usize = 1000;

/// A receiver.
pub(super) struct Receiver {
    connector: Connector,
    url: String,
    headers: Vec<(&'static str, String)>,
}

/// What a receiver says to a request.
enum Answer {
    Taken,
    /// It may take it later; after how long, if it says so.
    Later(Option<Duration>, Error),
    Refused(Error),
}

impl Receiver {
    /// Reads what the receiver is to let the export in for.
    ///
    /// # Errors
    /// `ReceiverAuthError`: a file can't be read, or can't be sent in a header.
    pub(super) fn new(settings: &ReceiverSettings) -> Result<Self, Error> {
        let basic = |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let authorization = match &settings.auth {
            Auth::None => None,
            Auth::Basic { user, password } => Some(basic(user, password)),
            Auth::BasicFile { user, password } => Some(basic(user, &secret(password)?)),
            Auth::BearerFile(token) => {
                let secret = secret(token)?;
                if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(bad_secret(token, &"it has characters that no bearer token has"));
                }
                Some(format!("Bearer {secret}"))
            }
        };
        let mut headers: Vec<(&str, String)> =
            authorization.into_iter().map(|value| ("authorization", value)).collect();
        if let Some(tenant) = &settings.tenant {
            headers.extend(["x-scope-orgid", "thanos-tenant"].map(|name| (name, tenant.clone())));
        }
        let times =
            HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(ANSWER_TIMEOUT).build();
        let connector =
            Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).connector_settings(times).build();
        Ok(Receiver { connector, url: settings.url.clone(), headers })
    }

    /// Sends a request of remote write 1.0, compressed, until it is taken.
    ///
    /// # Errors
    /// `ReceiverError`: the receiver refuses it, in its words, or is not to be reached for minutes.
    pub(super) async fn send(&self, body: Bytes) -> Result<(), Error> {
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            match self.attempt(body.clone()).await {
                Answer::Taken => return Ok(()),
                Answer::Refused(error) => return Err(error),
                Answer::Later(_, error) if attempt == ATTEMPTS => return Err(error),
                Answer::Later(asked, error) => {
                    // Not all at once, should there be several.
                    let own = wait.mul_f64(0.5 + fastrand::f64() / 2.0);
                    let pause = asked.map_or(own, |asked| asked.min(LONGEST_ASKED));
                    tracing::warn!(error = %error, attempt, ?pause, "the receiver is asked again");
                    tokio::time::sleep(pause).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    attempt += 1;
                }
            }
        }
    }

    async fn attempt(&self, body: Bytes) -> Answer {
        let unreachable = |why: String| Answer::Later(None, receiver_error(&why));
        let mut request = HttpRequest::new(SdkBody::from(body));
        if request.set_method("POST").and_then(|()| request.set_uri(self.url.as_str())).is_err() {
            return Answer::Refused(receiver_error("its URL can't be asked"));
        }
        let fixed = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
            ("user-agent", concat!("timestream-prometheus-connector/", env!("CARGO_PKG_VERSION"))),
        ];
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in fixed.into_iter().chain(own) {
            if request.headers_mut().try_insert(name, value.to_owned()).is_err() {
                return Answer::Refused(receiver_error(&format!("the header {name} can't be sent")));
            }
        }
        let mut answer = match self.connector.call(request).await {
            Ok(answer) => answer,
            Err(error) => return unreachable(with_causes(&error)),
        };
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Answer::Taken;
        }
        let asked = answer.headers().get("retry-after").and_then(retry_after);
        let text = ByteStream::new(answer.take_body()).collect().await.map(|body| body.into_bytes());
        let text = text.unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(..TOLD).unwrap_or(&text));
        let why = format!("it answers {status}: {}", text.trim());
        match status {
            429 | 500.. => Answer::Later(asked, receiver_error(&why)),
            _ => Answer::Refused(receiver_error(&why)),
        }
    }
}

/// It has been tried again as often as helps.
fn receiver_error(why: &str) -> Error {
    Error::invalid("ReceiverError", format!("the receiver did not take the samples: {why}"))
}

/// The text of a file without the line break at its end.
fn secret(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| bad_secret(path, &error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn bad_secret(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::invalid("ReceiverAuthError", format!("{}: {why}", path.display()))
}

/// The wait of a Retry-After: seconds, or until a date.
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::from_str(value.trim(), Format::HttpDate).ok()?;
    let date = std::time::SystemTime::try_from(date).ok()?;
    Some(date.duration_since(std::time::SystemTime::now()).unwrap_or_default())
}

/// An error with its causes: its own text only says that the call failed.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
