//! One attempt of a WriteRecords call.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_timestreamwrite::Client;
use aws_sdk_timestreamwrite::error::SdkError;
use aws_sdk_timestreamwrite::operation::write_records::WriteRecordsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use serde_json::Value;

use super::prepared::{Learnt, PreparedCall};
use super::{interceptors, service_error};
use crate::error::{Error, Kind};

/// What Timestream did with a call that it accepted.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// All records are stored.
    All,
    /// All records but these, in the order of the call, are stored.
    Partly(Vec<Rejection>),
}

/// A record that Timestream rejected.
#[derive(Debug)]
pub(crate) struct Rejection {
    /// Its number in the call.
    pub(crate) index: usize,
    /// Timestream's words.
    pub(crate) reason: String,
}

impl Rejection {
    /// `None` for a number that no record of a call can have.
    fn new(index: i64, reason: Option<&str>) -> Option<Self> {
        let index = usize::try_from(index).ok()?;
        Some(Rejection { index, reason: reason.unwrap_or("no reason given").to_owned() })
    }
}

/// Makes the WriteRecords calls of one caller: one a minute through the SDK, and the others as that one taught.
#[derive(Debug, Clone)]
pub(crate) struct WriteClient {
    /// For other calls too.
    pub(crate) sdk: Client,
    pub(super) learnt: Arc<Learnt>,
    /// The limit of a call, which the SDK keeps by itself.
    pub(super) timeout: Duration,
}

impl WriteClient {
    /// Sends `body` as a WriteRecords call of `count` records.
    ///
    /// # Errors
    /// The whole call failed or was refused.
    pub(crate) async fn write_records(&self, body: Bytes, count: usize) -> Result<Accepted, Error> {
        let Some(call) = self.learnt.prepared() else { return self.send_by_sdk(body, count).await };
        let sending = tokio::time::timeout(self.timeout, send_prepared(&call, body.clone(), count));
        let answer = sending.await.unwrap_or_else(|_| Err(service_error::timeout()));
        match &answer {
            // Whether it is right to refuse the caller, a call of the SDK tells.
            Err(error) if error.kind() == Kind::CredentialsRefused => {
                self.learnt.forget();
                let told = self.send_by_sdk(body, count).await;
                if told.is_ok() {
                    self.learnt.bar();
                }
                told
            }
            // The SDK also closes a connection that leads to a broken host.
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Unreachable | Kind::TimedOut) => {
                self.learnt.forget();
                answer
            }
            _ => answer,
        }
    }

    async fn send_by_sdk(&self, body: Bytes, count: usize) -> Result<Accepted, Error> {
        // Boxed: this is rare, and would make the future of every call many times as large.
        let sent = interceptors::BODY.scope(body, Box::pin(self.sdk.write_records().send())).await;
        let error = match sent {
            Ok(_) => return Ok(Accepted::All),
            Err(error) => error,
        };
        if let SdkError::ServiceError(context) = &error
            && let WriteRecordsError::RejectedRecordsException(exception) = context.err()
        {
            let records = exception.rejected_records.as_deref().unwrap_or_default();
            let rejections = records
                .iter()
                .filter_map(|record| Rejection::new(record.record_index.into(), record.reason.as_deref()));
            if let Some(partly) = partly(rejections.collect(), count) {
                return Ok(partly);
            }
        }
        Err(service_error::from_sdk(&error))
    }
}

/// An answer to a call that was partly rejected, if its rejections are of records of the call.
fn partly(mut rejections: Vec<Rejection>, count: usize) -> Option<Accepted> {
    rejections.sort_by_key(|rejection| rejection.index);
    rejections.dedup_by_key(|rejection| rejection.index);
    // If a rejection names no record of the call, it is not known which records are stored.
    rejections.last().is_some_and(|last| last.index < count).then_some(Accepted::Partly(rejections))
}

async fn send_prepared(call: &PreparedCall, body: Bytes, count: usize) -> Result<Accepted, Error> {
    let answer = call.send(body).await.map_err(|error| service_error::from_connector(&error))?;
    let status = answer.status();
    let code = answer.headers().get("x-amzn-errortype").map(str::to_owned);
    let body = body_of(answer).await.map_err(|error| service_error::from_connector(&error))?;
    if status.is_success() {
        return Ok(Accepted::All);
    }
    let exception: Value = serde_json::from_slice(&body).unwrap_or_default();
    let code = code.as_deref().or_else(|| text(&exception, CODES)).map(without_namespace);
    if code == Some("RejectedRecordsException")
        && let Some(partly) = partly(rejections(&exception), count)
    {
        return Ok(partly);
    }
    Err(service_error::from_exception(code, text(&exception, MESSAGES)))
}

async fn body_of(mut answer: HttpResponse) -> Result<Bytes, ConnectorError> {
    let body = ByteStream::new(answer.take_body()).collect().await;
    Ok(body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes())
}

/// Where an exception has its code and its message (Smithy, "AWS JSON 1.0 protocol", operation error serialization); the
/// first that is there counts, as for the SDK.
const CODES: &[&str] = &["code", "__type"];
const MESSAGES: &[&str] = &["message", "Message", "errorMessage"];

fn text<'a>(exception: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| exception.get(name)?.as_str())
}

fn rejections(exception: &Value) -> Vec<Rejection> {
    let records = exception.get("RejectedRecords").and_then(Value::as_array).into_iter().flatten();
    let rejection = |record: &Value| {
        Rejection::new(record.get("RecordIndex")?.as_i64()?, record.get("Reason").and_then(Value::as_str))
    };
    records.filter_map(rejection).collect()
}

/// `Name` of `com.amazonaws.timestream.v20181101#Name:http://…`.
fn without_namespace(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_read_as_the_sdk_reads_it() {
        for code in ["ThrottlingException", "com.amazonaws#ThrottlingException", "aws#ThrottlingException:http://x/#y"]
        {
            assert_eq!(without_namespace(code), "ThrottlingException");
        }
        let exception: Value = serde_json::from_str(
            r#"{"__type":"a","code":"RejectedRecordsException","Message":"some","errorMessage":"more","RejectedRecords":
            [{"RecordIndex":1,"Reason":null},{"RecordIndex":0,"Reason":"r"},{"RecordIndex":-1},{}]}"#,
        )
        .unwrap();
        assert_eq!(text(&exception, CODES), Some("RejectedRecordsException"));
        assert_eq!(text(&exception, MESSAGES), Some("some"));
        let Some(Accepted::Partly(found)) = partly(rejections(&exception), 2) else { panic!("two") };
        let shown: Vec<_> = found.iter().map(|one| (one.index, one.reason.as_str())).collect();
        assert_eq!(shown, [(0, "r"), (1, "no reason given")]);
        assert!(partly(found, 1).is_none() && partly(Vec::new(), 1).is_none());
        for other in ["null", "[]", r#"{"RejectedRecords":null,"message":1}"#] {
            let other: Value = serde_json::from_str(other).unwrap();
            assert!(text(&other, MESSAGES).is_none() && rejections(&other).is_empty());
        }
    }
}
