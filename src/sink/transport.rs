//! One attempt of a WriteRecords call through the SDK.

use aws_sdk_timestreamwrite::Client;
use aws_sdk_timestreamwrite::error::SdkError;
use aws_sdk_timestreamwrite::operation::write_records::WriteRecordsError;
use bytes::Bytes;

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
#[derive(Debug)]
pub(crate) struct Rejection {
    /// Its number in the call.
    pub(crate) index: usize,
    /// Timestream's words.
    pub(crate) reason: String,
}

/// Sends `body` as a WriteRecords call of `count` records.
///
/// # Errors
/// The whole call failed or was refused.
pub(crate) async fn write_records(client: &Client, body: Bytes, count: usize) -> Result<Accepted, Error> {
    let sent = interceptors::BODY.scope(body, client.write_records().send()).await;
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
            let reason = record.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
            Some(Rejection { index, reason })
        });
        let mut rejections: Vec<_> = rejections.collect();
        rejections.sort_by_key(|rejection| rejection.index);
        rejections.dedup_by_key(|rejection| rejection.index);
        // If a rejection names no record of the call, it is not known which records are stored.
        if rejections.last().is_some_and(|last| last.index < count) {
            return Ok(Accepted::Partly(rejections));
        }
    }
    Err(service_error::from_sdk(&error))
}
