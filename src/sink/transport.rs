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
use serde::Deserialize;

use super::prepared::{Learnt, PreparedCall};
use super::{interceptors, service_error};
use crate::error::Error;

/// What Timestream did with a call that it accepted.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// All records are stored.
    All,
    /// All records but these, in the order of the call, are stored.
    Partly(Vec<Rejection>),
}

/// A record that Timestream rejected.
#[derive(Debug, Deserialize)]
pub(crate) struct Rejection {
    /// Its number in the call.
    #[serde(rename = "RecordIndex")]
    pub(crate) index: usize,
    /// Timestream's words.
    #[serde(rename = "Reason", default = "no_reason")]
    pub(crate) reason: String,
}

fn no_reason() -> String {
    "no reason given".to_owned()
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
        match self.learnt.prepared() {
            Some(call) => {
                let sending = tokio::time::timeout(self.timeout, send_prepared(&call, body, count));
                sending.await.unwrap_or_else(|_| Err(service_error::timeout()))
            }
            None => self.send_by_sdk(body, count).await,
        }
    }

    async fn send_by_sdk(&self, body: Bytes, count: usize) -> Result<Accepted, Error> {
        let sent = interceptors::BODY.scope(body, self.sdk.write_records().send()).await;
        let error = match sent {
            Ok(_) => return Ok(Accepted::All),
            Err(error) => error,
        };
        if let SdkError::ServiceError(context) = &error
            && let WriteRecordsError::RejectedRecordsException(exception) = context.err()
        {
            let records = exception.rejected_records.as_deref().unwrap_or_default();
            let rejections = records.iter().filter_map(|record| {
                let index = usize::try_from(record.record_index).ok()?;
                Some(Rejection { index, reason: record.reason.clone().unwrap_or_else(no_reason) })
            });
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
    let exception: Exception = serde_json::from_slice(&body).unwrap_or_default();
    let code = code.or(exception.code);
    let code = code.as_deref().map(without_namespace);
    if code == Some("RejectedRecordsException")
        && let Some(partly) = partly(exception.rejected_records, count)
    {
        return Ok(partly);
    }
    Err(service_error::from_exception(code, exception.message.as_deref()))
}

async fn body_of(mut answer: HttpResponse) -> Result<Bytes, ConnectorError> {
    let body = ByteStream::new(answer.take_body()).collect().await;
    Ok(body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes())
}

/// An exception of the AWS JSON protocol (Smithy, "AWS JSON 1.0 protocol", operation error serialization).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Exception {
    #[serde(rename = "__type", alias = "code")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
    #[serde(rename = "RejectedRecords")]
    rejected_records: Vec<Rejection>,
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
        let text = r#"{"__type":"a#RejectedRecordsException","Message":"some","RejectedRecords":
            [{"RecordIndex":1,"ExistingVersion":7},{"RecordIndex":0,"Reason":"r"}]}"#;
        let exception: Exception = serde_json::from_str(text).unwrap();
        assert_eq!(exception.message.as_deref(), Some("some"));
        let Some(Accepted::Partly(rejections)) = partly(exception.rejected_records, 2) else { panic!("two") };
        let found: Vec<_> = rejections.iter().map(|one| (one.index, one.reason.as_str())).collect();
        assert_eq!(found, [(0, "r"), (1, "no reason given")]);
        assert!(partly(rejections, 1).is_none() && partly(Vec::new(), 1).is_none());
        assert!(serde_json::from_str::<Exception>("<html>").is_err());
    }
}
