//! The calls of one caller that are not full yet.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::group::{GroupKey, Groups};
use crate::sink::call::Part;
use crate::sink::pending::PendingWrite;
use crate::sink::record::Record;

/// Records per WriteRecords call (Timestream quota).
const MAX_RECORDS_PER_CALL: usize = 100;

/// Fewer records than this of one group are not worth a call of their own: a call costs more, in CPU and in the unit
/// that Timestream rounds up to, than they would save by sharing more.
const MIN_RECORDS_OF_A_GROUP: usize = 12;

/// Samples of one caller, gathered into calls by group.
#[derive(Debug, Default)]
pub struct Gathering {
    /// No call is empty.
    calls: HashMap<GroupKey, GatheringCall, RandomState>,
}

#[derive(Debug, Default)]
struct GatheringCall {
    parts: Vec<Part>,
    records: usize,
}

impl Gathering {
    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Adds the samples of a request. Each call that becomes full goes to `deliver`.
    pub fn add(&mut self, write: &Arc<PendingWrite>, groups: &Groups, mut deliver: impl FnMut(Vec<Part>)) {
        for (key, mut records) in groups.iter() {
            while !records.is_empty() {
                let gathered = self.calls.entry(key).or_default();
                let (now, later) = records.split_at(records.len().min(MAX_RECORDS_PER_CALL - gathered.records));
                gathered.add(write, now);
                records = later;
                if gathered.records == MAX_RECORDS_PER_CALL
                    && let Some(full) = self.calls.remove(&key)
                {
                    deliver(full.parts);
                }
            }
        }
    }

    /// Delivers all that is left: larger groups in calls of their own, smaller ones together.
    pub fn depart(self, mut deliver: impl FnMut(Vec<Part>)) {
        let mut shared = GatheringCall::default();
        for (_, call) in self.calls {
            if call.records >= MIN_RECORDS_OF_A_GROUP {
                deliver(call.parts);
                continue;
            }
            if shared.records + call.records > MAX_RECORDS_PER_CALL {
                deliver(std::mem::take(&mut shared).parts);
            }
            shared.records += call.records;
            shared.parts.extend(call.parts);
        }
        if shared.records > 0 {
            deliver(shared.parts);
        }
    }
}

impl GatheringCall {
    fn add(&mut self, write: &Arc<PendingWrite>, records: &[Record]) {
        self.records += records.len();
        self.parts.push(Part { write: write.clone(), records: records.to_vec() });
    }
}
