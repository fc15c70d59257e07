//! Which samples of a request belong together: those of one scrape target.
//!
//! Attributes that all records of a call share are metered once, so a call is cheap when its series share many labels.
//! The series of a target share all labels that service discovery and relabelling gave them. `job` and `instance` tell
//! targets apart (Prometheus documentation, "Jobs and instances"; OpenTelemetry maps its service names to them), so
//! only these two are read. docs/performance.md says how much this saves; other ways of grouping have not been measured
//! against it.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

use crate::sink::record::Record;
use crate::write_request::{Series, WriteRequest};

/// Tells groups apart. If two groups get the same key by chance, their call only costs more.
pub type GroupKey = u64;

/// The samples of a request, group by group.
#[derive(Debug)]
pub struct Groups {
    records: Vec<Record>,
    /// Key and end within `records` of each group.
    ends: Vec<(GroupKey, usize)>,
}

/// Groups requests. All requests of one batcher must be grouped by the same grouper.
#[derive(Debug, Clone, Default)]
pub struct Grouper {
    state: RandomState,
}

impl Grouper {
    /// The samples of `request`, group by group; within a group in the request's order.
    pub fn groups(&self, request: &WriteRequest) -> Groups {
        // Series mostly come target by target, so the last group is tried first.
        let mut groups: Vec<(GroupKey, usize)> = Vec::new();
        let mut index_of: HashMap<GroupKey, u32, RandomState> = HashMap::default();
        let mut group_of_series = Vec::with_capacity(request.series().len());
        let mut last: Option<(GroupKey, u32)> = None;
        for series in request.series() {
            let key = self.key(request, series);
            let group = match last {
                Some((last_key, group)) if last_key == key => group,
                _ => *index_of.entry(key).or_insert_with(|| {
                    groups.push((key, 0));
                    groups.len() as u32 - 1
                }),
            };
            last = Some((key, group));
            groups[group as usize].1 += series.sample_count();
            group_of_series.push(group);
        }
        // The size of each group is known now: a counting sort puts the groups one behind the other.
        let mut starts = Vec::with_capacity(groups.len());
        let mut total = 0;
        for (_, count) in &mut groups {
            starts.push(total);
            total += *count;
            *count = total;
        }
        let mut records = vec![Record { series: 0, sample: 0 }; total];
        for ((series, one), group) in (0u32..).zip(request.series()).zip(group_of_series) {
            let at = &mut starts[group as usize];
            for sample in one.sample_indexes() {
                records[*at] = Record { series, sample };
                *at += 1;
            }
        }
        Groups { records, ends: groups }
    }

    fn key(&self, request: &WriteRequest, series: &Series) -> GroupKey {
        let mut hasher = self.state.build_hasher();
        for label in request.labels(series) {
            if matches!(request.bytes(label.name), b"job" | b"instance") {
                hasher.write(request.bytes(label.value));
            }
        }
        hasher.finish()
    }
}

impl Groups {
    /// Each group's key and records.
    pub fn iter(&self) -> impl Iterator<Item = (GroupKey, &[Record])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts.zip(&self.ends).map(|(start, &(key, end))| (key, &self.records[start..end]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::ingest::decode_v1;
    use crate::proto;

    fn request(series: &[(u8, u8, usize)]) -> WriteRequest {
        let label = |name: &str, value: String| proto::Label { name: name.into(), value };
        let timeseries = series.iter().map(|&(job, instance, samples)| proto::TimeSeries {
            labels: vec![
                label("__name__", "up".into()),
                label("instance", instance.to_string()),
                label("job", job.to_string()),
            ],
            samples: vec![proto::Sample { value: Some(1.0), timestamp: 1_700_000_000_000 }; samples],
            ..Default::default()
        });
        let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] };
        decode_v1::decode(request.encode_to_vec()).unwrap()
    }

    proptest! {
        #[test]
        fn every_sample_is_in_the_group_of_its_target_once(
            series in prop::collection::vec((0u8..3, 0u8..3, 0usize..4), 0..30)
        ) {
            let request = request(&series);
            let groups = Grouper::default().groups(&request);
            let mut seen = vec![false; request.sample_count()];
            let mut targets = std::collections::HashSet::new();
            for (_, records) in groups.iter() {
                let target = |record: &Record| { let (job, instance, _) = series[record.series as usize]; (job, instance) };
                prop_assert!(records.iter().all(|record| target(record) == target(&records[0])));
                prop_assert!(records.is_sorted_by_key(|record| record.sample), "in the request's order");
                if let Some(first) = records.first() {
                    prop_assert!(targets.insert(target(first)), "a target has one group");
                }
                for record in records {
                    prop_assert!(request.series_at(record.series).sample_indexes().contains(&record.sample));
                    prop_assert!(!std::mem::replace(&mut seen[record.sample as usize], true));
                }
            }
            prop_assert!(seen.into_iter().all(|seen| seen));
        }
    }
}
