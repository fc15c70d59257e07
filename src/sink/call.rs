//! One WriteRecords call on its way, with the samples of the requests that it carries.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::caller_clients::CallerClients;
use super::pending::PendingWrite;
use super::record::Record;

/// The records that one request has in a call.
#[derive(Debug)]
pub struct Part {
    /// The request.
    pub write: Arc<PendingWrite>,
    /// Its records, at least one.
    pub records: Vec<Record>,
}

/// One to a hundred records of one caller, of one or several requests.
#[derive(Debug)]
pub struct Call {
    /// The caller whose credentials it uses.
    pub caller: Arc<CallerClients>,
    /// Its records, by request.
    pub parts: Vec<Part>,
}

impl Call {
    /// The number of records.
    pub fn record_count(&self) -> usize {
        self.parts.iter().map(|part| part.records.len()).sum()
    }

    /// When its first request must be answered.
    pub fn deadline(&self) -> Instant {
        let deadlines = self.parts.iter().map(|part| part.write.deadline());
        deadlines.min().unwrap_or_else(Instant::now)
    }

    /// How long its first record has waited.
    pub fn waited(&self) -> Duration {
        self.parts.iter().map(|part| part.write.queued().elapsed()).max().unwrap_or_default()
    }

    /// Two calls of half the records each, in order; `None` if there is only one record.
    pub fn split(mut self) -> Option<(Call, Call)> {
        let count = self.record_count();
        if count < 2 {
            return None;
        }
        let mut left = count / 2;
        let at = self.parts.iter().position(|part| {
            let here = part.records.len() > left;
            if !here {
                left -= part.records.len();
            }
            here
        })?;
        let mut behind = self.parts.split_off(at);
        if left > 0
            && let Some(first) = behind.first_mut()
        {
            let rest = first.records.split_off(left);
            let records = std::mem::replace(&mut first.records, rest);
            self.parts.push(Part { write: first.write.clone(), records });
        }
        let second = Call { caller: self.caller.clone(), parts: behind };
        Some((self, second))
    }
}
