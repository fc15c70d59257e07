//! Samples that come twice in a request: the same series and time, with the same value or another.
//!
//! Timestream would take the first and reject any other value for that time. Here the last one wins, as if the sender
//! had corrected itself; the ones before it are ignored and counted. Across requests Timestream decides: the same value
//! is accepted again, another value is rejected as a duplicate.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use super::validate::DESCRIPTION_LIMIT;
use crate::write_request::{BySpan, Label, Series, Span, WriteRequest};

/// Takes out every sample whose series and time come again later in the request. Gives their number and a first
/// example, if there are any.
pub(super) fn drop_repeated(request: &mut WriteRequest) -> Option<(usize, String)> {
    let repeated = repeated(request);
    let first = *repeated.first()?;
    let series = request.series().iter().find(|series| series.sample_indexes().contains(&first))?;
    let example = request.describe_sample(series, request.sample_at(first), DESCRIPTION_LIMIT);
    let mut gone = repeated.iter().copied().peekable();
    let mut kept = 0;
    for series in &mut request.series {
        let first_kept = kept;
        for index in series.sample_indexes() {
            if gone.next_if_eq(&index).is_none() {
                request.samples[kept as usize] = request.samples[index as usize];
                kept += 1;
            }
        }
        series.samples = (first_kept, kept);
    }
    request.samples.truncate(kept as usize);
    Some((repeated.len(), example))
}

/// The indexes of such samples, in order.
fn repeated(request: &WriteRequest) -> Vec<u32> {
    let mut hash = SeriesHash { state: RandomState::default(), labels: BySpan::new() };
    let mut first_of_hash: HashMap<u64, u32, _> =
        HashMap::with_capacity_and_hasher(request.series().len(), RandomState::default());
    // Series that occur in several places, by the first place, and series whose own times do not rise.
    let mut to_check: HashMap<u32, Vec<u32>, RandomState> = HashMap::default();
    for (index, series) in (0u32..).zip(request.series()) {
        if series.sample_count() == 0 {
            continue;
        }
        let first = *first_of_hash.entry(hash.of(request, series)).or_insert(index);
        if first != index && same_series(request, request.series_at(first), series) {
            to_check.entry(first).or_insert_with(|| vec![first]).push(index);
        } else if !times_rise(request, series) {
            to_check.entry(index).or_insert_with(|| vec![index]);
        }
    }
    let mut repeated = Vec::new();
    for places in to_check.values() {
        let samples = places.iter().flat_map(|&place| request.series_at(place).sample_indexes());
        let mut by_time: Vec<(i64, u32)> = samples.map(|index| (request.sample_at(index).timestamp, index)).collect();
        by_time.sort_unstable();
        repeated.extend(by_time.array_windows().filter(|[one, next]| one.0 == next.0).map(|[one, _]| one.1));
    }
    repeated.sort_unstable();
    repeated
}

fn times_rise(request: &WriteRequest, series: &Series) -> bool {
    let mut times = series.sample_indexes().map(|index| request.sample_at(index).timestamp);
    times.try_fold(i64::MIN, |last, time| (time > last).then_some(time)).is_some()
}

/// Hashes series by the hashes of their labels, most of which are known already.
struct SeriesHash {
    state: RandomState,
    labels: BySpan<Label, u64, 256>,
}

impl SeriesHash {
    fn of(&mut self, request: &WriteRequest, series: &Series) -> u64 {
        let SeriesHash { state, labels } = self;
        let mut hash = text_hash(request, state, [Span::default(), series.name]);
        for label in request.labels(series) {
            let of_label = || text_hash(request, state, [label.name, label.value]);
            // An odd number without a pattern is enough: senders can't predict the hashes that it mixes.
            hash =
                (hash.rotate_left(23) ^ labels.get(*label, label.value, of_label)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        hash
    }
}

fn text_hash(request: &WriteRequest, state: &RandomState, texts: [Span; 2]) -> u64 {
    let mut hasher = state.build_hasher();
    for span in texts {
        hasher.write_usize(span.len());
        hasher.write(request.bytes(span));
    }
    hasher.finish()
}

fn same_series(request: &WriteRequest, one: &Series, other: &Series) -> bool {
    let (labels, others) = (request.labels(one), request.labels(other));
    let same = |a, b| a == b || request.bytes(a) == request.bytes(b);
    same(one.name, other.name)
        && labels.len() == others.len()
        && labels.iter().zip(others).all(|(a, b)| same(a.name, b.name) && same(a.value, b.value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::ingest::decode_v1;
    use crate::proto;

    type Sent = Vec<(u8, Vec<(f64, i64)>)>;

    /// A request of series that differ by one label.
    fn request(series: &Sent) -> WriteRequest {
        let label = |name: &str, value: String| proto::Label { name: name.into(), value };
        let timeseries = series.iter().map(|(job, samples)| proto::TimeSeries {
            labels: vec![label("__name__", "up".into()), label("job", job.to_string())],
            samples: samples
                .iter()
                .map(|&(value, timestamp)| proto::Sample { value: Some(value), timestamp })
                .collect(),
            ..Default::default()
        });
        let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] };
        decode_v1::decode(request.encode_to_vec()).unwrap()
    }

    fn samples(request: &WriteRequest) -> Vec<(String, i64, f64)> {
        let series = request.series().iter().flat_map(|series| {
            let job = request.text(request.labels(series)[0].value).into_owned();
            series.sample_indexes().map(move |index| {
                let sample = request.sample_at(index);
                (job.clone(), sample.timestamp, sample.value)
            })
        });
        series.collect()
    }

    #[test]
    fn the_last_of_a_series_and_time_wins() {
        let mut request =
            request(&vec![(1, vec![(1.0, 5), (2.0, 5), (3.0, 6)]), (2, vec![(4.0, 5)]), (1, vec![(3.0, 6), (5.0, 4)])]);
        let (dropped, example) = drop_repeated(&mut request).unwrap();
        assert_eq!((dropped, example.as_str()), (2, "up{job=\"1\"} 1 at 5 ms"));
        let left: Vec<_> = samples(&request).into_iter().map(|(_, time, value)| (time, value)).collect();
        assert_eq!(left, [(5, 2.0), (5, 4.0), (6, 3.0), (4, 5.0)]);
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_a_map_would_hold(
            sent in prop::collection::vec((0u8..4, prop::collection::vec((0..9, 0i64..5), 0..6)), 0..8)
        ) {
            let sent: Sent = sent.into_iter().map(|(job, samples)| {
                (job, samples.into_iter().map(|(value, time)| (f64::from(value), time)).collect())
            }).collect();
            let mut expected = BTreeMap::new();
            for (job, samples) in &sent {
                expected.extend(samples.iter().map(|&(value, time)| ((job.to_string(), time), value)));
            }
            let mut request = request(&sent);
            let before = request.sample_count();
            let dropped = drop_repeated(&mut request);
            prop_assert_eq!(before - request.sample_count(), dropped.map_or(0, |(dropped, _)| dropped));
            let left = samples(&request);
            prop_assert_eq!(left.len(), expected.len());
            let left: BTreeMap<_, _> = left.into_iter().map(|(job, time, value)| ((job, time), value)).collect();
            prop_assert_eq!(left, expected);
        }
    }
}
