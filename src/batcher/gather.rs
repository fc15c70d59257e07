//! The calls of one caller that are not full yet.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::group::{GroupKey, Groups, Within};
use crate::sink::call::Part;
use crate::sink::pending::PendingWrite;
use crate::sink::record::Record;

/// Records per WriteRecords call (Timestream quota).
const MAX_RECORDS_PER_CALL: usize = 100;

/// Fewer records than this of one target or object are not worth a call of their own: a call costs more, in CPU and in
/// the unit that Timestream rounds up to, than they would save by sharing more.
const MIN_RECORDS_OF_A_GROUP: usize = 12;
/// The same of one metric of a target, whose records share only a name more than those of the target.
const MIN_RECORDS_OF_A_METRIC: usize = 40;

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
        for (key, records) in groups.iter() {
            let gathered = self.calls.entry(key).or_default();
            gathered.add(write, records, &mut deliver);
            if gathered.records == 0 {
                self.calls.remove(&key);
            }
        }
    }

    /// Delivers all that is left: larger groups in calls of their own, smaller ones together. What is left of a target
    /// stays together as long as it is large enough.
    pub fn depart(self, mut deliver: impl FnMut(Vec<Part>)) {
        let mut targets: HashMap<u64, GatheringCall, RandomState> = HashMap::default();
        for (key, call) in self.calls {
            let least = match key.within {
                Within::Object(_) => MIN_RECORDS_OF_A_GROUP,
                Within::Metric(_) => MIN_RECORDS_OF_A_METRIC,
                Within::Target => usize::MAX,
            };
            if call.records >= least {
                deliver(call.parts);
            } else {
                targets.entry(key.target).or_default().join(call, &mut deliver);
            }
        }
        let mut shared = GatheringCall::default();
        for call in targets.into_values() {
            if call.records >= MIN_RECORDS_OF_A_GROUP {
                deliver(call.parts);
            } else {
                shared.join(call, &mut deliver);
            }
        }
        if shared.records > 0 {
            deliver(shared.parts);
        }
    }
}

impl GatheringCall {
    /// Adds records of a request. Each time that the call is full it goes to `deliver`, and begins anew.
    fn add(&mut self, write: &Arc<PendingWrite>, mut records: &[Record], deliver: &mut impl FnMut(Vec<Part>)) {
        while !records.is_empty() {
            let (now, later) = records.split_at(records.len().min(MAX_RECORDS_PER_CALL - self.records));
            self.records += now.len();
            self.parts.push(Part { write: write.clone(), records: now.to_vec() });
            records = later;
            if self.records == MAX_RECORDS_PER_CALL {
                deliver(std::mem::take(self).parts);
            }
        }
    }

    /// Adds all records of another call.
    fn join(&mut self, other: GatheringCall, deliver: &mut impl FnMut(Vec<Part>)) {
        if self.records + other.records < MAX_RECORDS_PER_CALL {
            self.records += other.records;
            self.parts.extend(other.parts);
            return;
        }
        for part in other.parts {
            self.add(&part.write, &part.records, deliver);
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::group::Grouper;
    use super::*;
    use crate::ingest::decode_v1;
    use crate::proto;

    /// A request with a series for each target and object. Objects have long names.
    fn write(series: &[(&str, Option<u32>)]) -> Arc<PendingWrite> {
        let label = |name: &str, value: String| proto::Label { name: name.into(), value };
        let timeseries = series.iter().zip(0..).map(|((target, object), number)| proto::TimeSeries {
            labels: [label("__name__", format!("metric_{number}")), label("instance", (*target).into())]
                .into_iter()
                .chain(object.map(|object| label("id", format!("/kubepods.slice/{object:0>80}"))))
                .collect(),
            samples: vec![proto::Sample { value: Some(1.0), timestamp: 1_700_000_000_000 }],
            ..Default::default()
        });
        let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] };
        PendingWrite::for_tests(decode_v1::decode(request.encode_to_vec()).unwrap())
    }

    /// The calls of requests, each as the places of its records in the requests' series, in order.
    fn calls(requests: &[&[(&'static str, Option<u32>)]]) -> Vec<Vec<(&'static str, Option<u32>)>> {
        let (grouper, mut gathering, mut calls) = (Grouper::new(true), Gathering::default(), Vec::new());
        let writes: Vec<_> = requests.iter().map(|series| write(series)).collect();
        let mut deliver = |parts: Vec<Part>| {
            let of_part = |part: &Part| {
                let request = writes.iter().position(|write| Arc::ptr_eq(write, &part.write)).unwrap();
                part.records.iter().map(|record| requests[request][record.series as usize]).collect::<Vec<_>>()
            };
            calls.push(parts.iter().flat_map(of_part).collect::<Vec<_>>());
        };
        for write in &writes {
            gathering.add(write, &grouper.groups(write.request()), &mut deliver);
        }
        gathering.depart(&mut deliver);
        calls.iter_mut().for_each(|call| call.sort_unstable());
        calls.sort_unstable();
        calls
    }

    fn times<T: Clone>(what: T, count: usize) -> impl Iterator<Item = T> {
        std::iter::repeat_n(what, count)
    }

    #[test]
    fn an_object_with_many_series_gets_calls_of_its_own_and_the_rest_of_a_target_stays_together() {
        let of = |object: Option<u32>| ("node", object);
        // Each request has half of the series of each object.
        let half: Vec<_> = times(of(Some(1)), 60)
            .chain(times(of(Some(2)), 10))
            .chain(times(of(Some(3)), 3))
            .chain(times(of(None), 30))
            .collect();
        let rest: Vec<_> = times(of(None), 60).chain(times(of(Some(3)), 6)).collect();
        let full = times(of(Some(1)), 100).collect::<Vec<_>>();
        let mut expected = vec![rest, full, times(of(Some(1)), 20).collect(), times(of(Some(2)), 20).collect()];
        expected.sort_unstable();
        assert_eq!(calls(&[&half, &half]), expected);
    }

    #[test]
    fn small_targets_share_calls_which_are_filled() {
        let series: Vec<_> = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
            .into_iter()
            .flat_map(|target| times((target, None), 11))
            .collect();
        assert_eq!(calls(&[&series]).iter().map(Vec::len).collect::<std::collections::BTreeSet<_>>(), [10, 100].into());
        let objects: Vec<_> = (0..70).flat_map(|object| times(("node", Some(object)), 2)).collect();
        assert_eq!(
            calls(&[&objects]).iter().map(Vec::len).collect::<std::collections::BTreeSet<_>>(),
            [40, 100].into()
        );
    }
}
