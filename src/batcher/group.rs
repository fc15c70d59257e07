//! Which samples of a request belong together: those of one scrape target, and among these those of one object or of one
//! metric.
//!
//! Attributes that all records of a call share are metered once, so a call is cheap when its series share much.
//! - The series of a target share all labels that service discovery and relabelling gave them. `job` and `instance` tell
//!   targets apart (Prometheus documentation, "Jobs and instances"; OpenTelemetry maps its service names to them).
//! - A target such as cAdvisor has many series of each of many objects, here containers. A long label value names the
//!   object. Sharing it saves more than fuller calls do.
//! - The series of one metric share its name.
//!
//! docs/performance.md says how much this saves. `cargo bench --bench packing` compares it with other ways.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

use crate::sink::record::Record;
use crate::write_request::{Series, WriteRequest};

/// The shortest value of a label that tells objects apart, in bytes. With a shorter one, a call of some series would not
/// save the unit that Timestream rounds up to.
const LONG_VALUE: usize = 64;

/// Fewer samples of a metric than this in a request are not gathered by metric: they would hardly fill a call, and most
/// metrics have only one series of a target.
const MIN_SAMPLES_OF_A_METRIC: usize = 4;

/// Tells groups apart. If two groups get the same key by chance, their call only costs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupKey {
    /// The scrape target.
    pub target: u64,
    /// Which series of it.
    pub within: Within,
}

/// What the series of a group share beside their target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Within {
    /// The long value that names an object.
    Object(u64),
    /// The metric.
    Metric(u64),
    /// Nothing.
    Target,
}

/// The samples of a request, group by group.
#[derive(Debug)]
pub struct Groups {
    records: Vec<Record>,
    /// Key and end within `records` of each group.
    ends: Vec<(GroupKey, usize)>,
}

/// Groups requests. All requests of one batcher must be grouped by the same grouper.
#[derive(Debug, Clone)]
pub struct Grouper {
    state: RandomState,
    is_billed: bool,
}

impl Grouper {
    /// One for calls that each cost money, or not. If they don't, samples are grouped by target only, since fewer calls
    /// take less CPU.
    pub fn new(is_billed: bool) -> Self {
        Grouper { is_billed, state: RandomState::default() }
    }

    /// The samples of `request`, group by group; within a group in the request's order.
    pub fn groups(&self, request: &WriteRequest) -> Groups {
        // Series mostly come target by target and metric by metric, so the last group is tried first.
        let mut groups = Sizes::default();
        let mut group_of_series = Vec::with_capacity(request.series().len());
        let mut last: Option<(GroupKey, u32)> = None;
        // The labels of the others were not checked, and may have megabytes.
        let with_samples = || request.series().iter().zip(0u32..).filter(|(series, _)| series.sample_count() > 0);
        for (series, _) in with_samples() {
            let key = self.key(request, series);
            let group = match last {
                Some((last_key, group)) if last_key == key => group,
                _ => groups.index(key),
            };
            last = Some((key, group));
            groups.sizes[group as usize].1 += series.sample_count();
            group_of_series.push(group);
        }
        let moved = groups.move_rare_metrics();
        // The size of each group is known now: a counting sort puts the groups one behind the other.
        let mut ends = groups.sizes;
        let mut starts = Vec::with_capacity(ends.len());
        let mut total = 0;
        for (_, count) in &mut ends {
            starts.push(total);
            total += *count;
            *count = total;
        }
        let mut records = vec![Record { series: 0, sample: 0 }; total];
        for ((one, series), group) in with_samples().zip(group_of_series) {
            let at = &mut starts[moved[group as usize] as usize];
            for sample in one.sample_indexes() {
                records[*at] = Record { series, sample };
                *at += 1;
            }
        }
        Groups { records, ends }
    }

    fn key(&self, request: &WriteRequest, series: &Series) -> GroupKey {
        let mut target = self.state.build_hasher();
        let mut longest: &[u8] = b"";
        for label in request.labels(series) {
            let value = request.bytes(label.value);
            if matches!(request.bytes(label.name), b"job" | b"instance") {
                target.write(value);
            }
            if value.len() > longest.len() {
                longest = value;
            }
        }
        let within = if !self.is_billed {
            Within::Target
        } else if longest.len() >= LONG_VALUE {
            Within::Object(self.state.hash_one(longest))
        } else {
            Within::Metric(self.state.hash_one(request.bytes(series.name)))
        };
        GroupKey { target: target.finish(), within }
    }
}

/// How many samples each group of a request has.
#[derive(Default)]
struct Sizes {
    sizes: Vec<(GroupKey, usize)>,
    index_of: HashMap<GroupKey, u32, RandomState>,
}

impl Sizes {
    /// The place of a group in `sizes`.
    fn index(&mut self, key: GroupKey) -> u32 {
        *self.index_of.entry(key).or_insert_with(|| {
            self.sizes.push((key, 0));
            self.sizes.len() as u32 - 1
        })
    }

    /// Puts metrics of few samples together, by target. Gives the new group of each.
    fn move_rare_metrics(&mut self) -> Vec<u32> {
        let mut moved: Vec<u32> = (0..self.sizes.len() as u32).collect();
        for (from, to) in moved.iter_mut().enumerate() {
            let (GroupKey { target, within }, size) = self.sizes[from];
            if matches!(within, Within::Metric(_)) && size < MIN_SAMPLES_OF_A_METRIC {
                *to = self.index(GroupKey { target, within: Within::Target });
                self.sizes[*to as usize].1 += size;
                self.sizes[from].1 = 0;
            }
        }
        moved
    }
}

impl Groups {
    /// Each group's key and records, of which it has at least one.
    pub fn iter(&self) -> impl Iterator<Item = (GroupKey, &[Record])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        let groups = starts.zip(&self.ends).map(|(start, &(key, end))| (key, &self.records[start..end]));
        groups.filter(|(_, records)| !records.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::ingest::decode_v1;
    use crate::proto;

    /// Series of a job, a metric, an object if they are of one, and a number of samples.
    fn request(series: &[(u8, u8, Option<u8>, usize)]) -> WriteRequest {
        let label = |name: &str, value: String| proto::Label { name: name.into(), value };
        let timeseries = series.iter().map(|&(job, metric, object, samples)| proto::TimeSeries {
            labels: [label("__name__", format!("metric_{metric}"))]
                .into_iter()
                .chain(object.map(|object| label("id", format!("{object:0>64}"))))
                .chain([label("instance", "one".into()), label("job", job.to_string())])
                .collect(),
            samples: vec![proto::Sample { value: Some(1.0), timestamp: 1_700_000_000_000 }; samples],
            ..Default::default()
        });
        let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] };
        decode_v1::decode(request.encode_to_vec()).unwrap()
    }

    proptest! {
        #[test]
        fn every_sample_is_in_one_group_with_what_it_belongs_to(
            series in prop::collection::vec((0u8..3, 0u8..3, prop::option::of(0u8..3), 0usize..4), 0..40)
        ) {
            let request = request(&series);
            let groups = Grouper::new(true).groups(&request);
            let mut seen = vec![false; request.sample_count()];
            let mut kinds = std::collections::HashSet::new();
            for (key, records) in groups.iter() {
                prop_assert!(!records.is_empty());
                prop_assert!(records.is_sorted_by_key(|record| record.sample), "in the request's order");
                for record in records {
                    prop_assert!(request.series_at(record.series).sample_indexes().contains(&record.sample));
                    prop_assert!(!std::mem::replace(&mut seen[record.sample as usize], true));
                    let (job, metric, object, _) = series[record.series as usize];
                    let of_metric = series.iter().filter(|other| (other.0, other.1, other.2) == (job, metric, None));
                    let is_rare = of_metric.map(|other| other.3).sum::<usize>() < MIN_SAMPLES_OF_A_METRIC;
                    let (metric, object) = match key.within {
                        Within::Object(_) => (None, Some(object.unwrap())),
                        Within::Metric(_) => (Some(metric).filter(|_| object.is_none() && !is_rare), None),
                        Within::Target => { prop_assert!(object.is_none() && is_rare); (None, None) }
                    };
                    prop_assert!(metric.is_some() || !matches!(key.within, Within::Metric(_)));
                    kinds.insert((key, job, metric, object));
                }
            }
            prop_assert_eq!(kinds.len(), groups.iter().count(), "groups are of one kind each");
            prop_assert!(seen.into_iter().all(|seen| seen));
        }
    }
}
