//! A remote write receiver: requests are sent one after the other, and again until they are taken.

use std::path::Path;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper_util::client::legacy::Error as ClientError;
use tokio::time::Instant;

use super::settings::{Auth, ReceiverSettings};
use super::there;
use crate::error::{Error, with_causes};

/// How long a connection, and the answer to a request with what is told of its text, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Attempts for a request, and the waits between them, which double. The last attempt is about two minutes after the first,
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
    answer_timeout: Duration,
    first_wait: Duration,
}

/// What a receiver says to a request.
enum Answer {
    Taken,
    /// It may take it later.
    Later {
        error: Error,
        /// After how long, if it says so.
        asked: Option<Duration>,
        /// It may have taken it, and only the answer was lost.
        may_be_there: bool,
    },
    Refused {
        error: Error,
        /// The samples are refused, and not who sends them or how.
        is_of_samples: bool,
        /// That may be since it has them.
        may_have_them: bool,
    },
}

/// How it is known that a request was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Surely,
    /// An attempt may have been taken, and the receiver refuses the samples now as it refuses those that it has. It may
    /// also refuse all that are so old.
    Supposedly,
}

/// A request that was not taken.
#[derive(Debug)]
pub(super) struct NotTaken {
    pub(super) error: Error,
    /// An attempt had no answer, or none that says what became of the request, and none had one since.
    pub(super) may_be_there: bool,
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
        let (url, answer_timeout, first_wait) = (settings.url.clone(), ANSWER_TIMEOUT, FIRST_WAIT);
        Ok(Receiver { connector, url, headers, answer_timeout, first_wait })
    }

    /// Sends a request of remote write 1.0, compressed, until it is taken. If an attempt before, of this process or of an
    /// earlier one (`may_be_there`), may have been taken, a refusal of samples that are there already is supposed to say that it was.
    ///
    /// # Errors
    /// `ReceiverError`: the receiver refuses it, in its words, or is not to be reached for minutes.
    pub(super) async fn send(&self, body: Bytes, mut may_be_there: bool) -> Result<Taken, NotTaken> {
        let mut wait = self.first_wait;
        let mut attempt = 1;
        loop {
            match self.attempt(body.clone()).await {
                Answer::Taken => return Ok(Taken::Surely),
                Answer::Refused { error, may_have_them: true, .. } if may_be_there => {
                    tracing::info!(%error, "taken to be there already, from an attempt without an answer");
                    return Ok(Taken::Supposedly);
                }
                Answer::Refused { error, is_of_samples, .. } => {
                    return Err(NotTaken { error, may_be_there: may_be_there && !is_of_samples });
                }
                Answer::Later { error, asked, may_be_there: may_be } => {
                    may_be_there |= may_be;
                    if attempt == ATTEMPTS {
                        return Err(NotTaken { error, may_be_there });
                    }
                    // Not all at once, should there be several.
                    let own = wait.mul_f64(0.5 + fastrand::f64() / 2.0);
                    let pause = pause(own, asked);
                    tracing::warn!(error = %error, attempt, ?pause, "the receiver is asked again");
                    tokio::time::sleep(pause).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    attempt += 1;
                }
            }
        }
    }

    async fn attempt(&self, body: Bytes) -> Answer {
        let never_sent =
            |why: &str| Answer::Refused { error: receiver_error(why), is_of_samples: false, may_have_them: false };
        let mut request = HttpRequest::new(SdkBody::from(body));
        if request.set_method("POST").and_then(|()| request.set_uri(self.url.as_str())).is_err() {
            return never_sent("its URL can't be asked");
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
                return never_sent(&format!("the header {name} can't be sent"));
            }
        }
        let deadline = Instant::now() + self.answer_timeout;
        let mut answer = match self.connector.call(request).await {
            Ok(answer) => answer,
            Err(error) => {
                let (may_be_there, error) = (!is_of_connecting(&error), receiver_error(&with_causes(&error)));
                return Answer::Later { error, asked: None, may_be_there };
            }
        };
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Answer::Taken;
        }
        let asked = answer.headers().get("retry-after").and_then(retry_after);
        let text = told(answer.take_body(), deadline).await;
        let error = receiver_error(&format!("it answers {status}: {}", text.trim()));
        match status {
            // A proxy answers 5xx when the answer of a receiver is lost; a receiver may have taken a part.
            429 | 500.. => Answer::Later { error, asked, may_be_there: status != 429 },
            _ => Answer::Refused {
                error,
                is_of_samples: matches!(status, 400 | 409),
                may_have_them: there::may_have_them(status, &text),
            },
        }
    }
}

/// The longer of the own wait and what the receiver asks for. Shorter waits would use up all attempts within seconds.
fn pause(own: Duration, asked: Option<Duration>) -> Duration {
    asked.unwrap_or_default().min(LONGEST_ASKED).max(own)
}

/// Whether there was no connection, so that nothing was sent.
fn is_of_connecting(error: &ConnectorError) -> bool {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.filter_map(|cause| cause.downcast_ref::<ClientError>()).any(ClientError::is_connect)
}

/// The beginning of an answer's text, as far as it has come by `deadline`. The rest is not read: it may have no end.
async fn told(body: SdkBody, deadline: Instant) -> String {
    let (mut body, mut text) = (ByteStream::new(body), Vec::new());
    while text.len() < TOLD {
        let Ok(Some(Ok(part))) = tokio::time::timeout_at(deadline, body.next()).await else { break };
        text.extend_from_slice(part.get(..TOLD - text.len()).unwrap_or(&part));
    }
    String::from_utf8_lossy(&text).into_owned()
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

#[cfg(test)]
mod tests;
