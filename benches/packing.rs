//! Ways to place samples in calls, against each other on the same data: write units, calls, bytes and time.
//!
//! ```sh
//! cargo bench --bench packing
//! ```
//!
//! Each way gets what arrives within one linger: eight requests of 2,000 series, of the shards of a Prometheus.

#![allow(missing_docs, unreachable_pub, reason = "a bench is a program of its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a bench a panic is the report")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use timestream_prometheus_connector::batcher::{Gathering, Grouper};
use timestream_prometheus_connector::sink::body::write_records_body;
use timestream_prometheus_connector::sink::call::{Call, Part};
use timestream_prometheus_connector::sink::pending::PendingWrite;
use timestream_prometheus_connector::sink::record::Record;
use timestream_prometheus_connector::write_request::{Series, WriteRequest};

mod calls;
mod workload;

use workload::Kind;

const SERIES: usize = 16_000;
const PER_REQUEST: usize = 2000;
const CALL: usize = 100;
const ROUNDS: usize = 7;

type Write = Arc<PendingWrite>;
/// A sample of one of the requests.
type Place = (usize, Record);
type Way = fn(&[Write]) -> Vec<Vec<Part>>;

const WAYS: [(&str, Way); 8] = [
    ("in the order of arrival", arrival),
    ("sorted by labels", by_labels),
    ("sorted, rare labels last", by_rarity),
    ("greedily", greedily),
    ("by target", by_target),
    ("by target and metric", by_metric),
    ("by target and longest value", by_longest_value),
    ("as the connector does", connector),
];

fn main() {
    println!(
        "{:<20} {:<28} {:>8} {:>8} {:>8} {:>14} {:>12} {:>12}",
        "", "", "units", "of plain", "calls", "bytes/sample", "place ns", "write ns"
    );
    for kind in Kind::ALL {
        let series = workload::series(kind, SERIES, 7);
        let requests: Vec<Vec<u8>> =
            workload::requests(&series, PER_REQUEST).iter().map(|request| workload::encode(request, 0)).collect();
        let writes = calls::pending(&requests);
        let caller = calls::caller();
        let plain = units_of_arrival_order(&writes);
        println!("{:<20} {:<28} {plain:>8}", kind.name(), "in order, nothing shared");
        for (name, place) in WAYS {
            let (mut placing, mut writing) = (Duration::MAX, Duration::MAX);
            let (mut units, mut bytes, mut count) = (0, 0, 0);
            for _ in 0..ROUNDS {
                let start = Instant::now();
                let calls = place(&writes);
                placing = placing.min(start.elapsed());
                let calls: Vec<Call> = calls.into_iter().map(|parts| Call { caller: caller.clone(), parts }).collect();
                assert_eq!(calls.iter().map(Call::record_count).sum::<usize>(), SERIES);
                (units, bytes, count) = (0, 0, calls.len());
                let start = Instant::now();
                for call in &calls {
                    let (body, metered) = write_records_body("database", "table", call);
                    units += metered.units();
                    bytes += body.len();
                }
                writing = writing.min(start.elapsed());
            }
            println!(
                "{:<20} {name:<28} {units:>8} {:>8.2} {count:>8} {:>14.0} {:>12.0} {:>12.0}",
                "",
                units as f64 / plain as f64,
                bytes as f64 / SERIES as f64,
                placing.as_nanos() as f64 / SERIES as f64,
                writing.as_nanos() as f64 / SERIES as f64,
            );
        }
    }
}

/// What calls of a hundred in the order of arrival cost whose records share nothing.
fn units_of_arrival_order(writes: &[Write]) -> u64 {
    let bytes = |request: &WriteRequest, series: &Series| {
        let labels = request.labels(series).iter().map(|label| label.name.len() + label.value.len());
        16 + series.name.len() + labels.sum::<usize>()
    };
    let all = places(writes);
    let of_call = |call: &[Place]| {
        let bytes = call.iter().map(|(write, record)| {
            let request = writes[*write].request();
            bytes(request, request.series_at(record.series))
        });
        bytes.sum::<usize>().div_ceil(1024) as u64
    };
    all.chunks(CALL).map(of_call).sum()
}

fn places(writes: &[Write]) -> Vec<Place> {
    let mut places = Vec::with_capacity(SERIES);
    for (index, write) in writes.iter().enumerate() {
        let request = write.request();
        for (number, series) in (0u32..).zip(request.series()) {
            places.extend(series.sample_indexes().map(|sample| (index, Record { series: number, sample })));
        }
    }
    places
}

/// Calls of these samples, in their order.
fn in_calls(writes: &[Write], places: &[Place]) -> Vec<Vec<Part>> {
    let parts = |call: &[Place]| {
        let mut parts: Vec<(usize, Part)> = Vec::new();
        for &(write, record) in call {
            match parts.iter_mut().find(|(known, _)| *known == write) {
                Some((_, part)) => part.records.push(record),
                None => parts.push((write, Part { write: writes[write].clone(), records: vec![record] })),
            }
        }
        parts.into_iter().map(|(_, part)| part).collect()
    };
    places.chunks(CALL).map(parts).collect()
}

fn arrival(writes: &[Write]) -> Vec<Vec<Part>> {
    in_calls(writes, &places(writes))
}

fn pairs(writes: &[Write], (write, record): Place) -> Vec<(&[u8], &[u8])> {
    let request = writes[write].request();
    let series = request.series_at(record.series);
    let labels = request.labels(series).iter();
    let mut pairs: Vec<_> = labels.map(|label| (request.bytes(label.name), request.bytes(label.value))).collect();
    pairs.push((b"__name__", request.bytes(series.name)));
    pairs
}

/// Sorted by their labels as they are, names first.
fn by_labels(writes: &[Write]) -> Vec<Vec<Part>> {
    let mut keyed: Vec<_> = places(writes).into_iter().map(|place| (pairs(writes, place), place)).collect();
    keyed.sort_by(|one, other| one.0.cmp(&other.0));
    let places: Vec<Place> = keyed.into_iter().map(|(_, place)| place).collect();
    in_calls(writes, &places)
}

/// Sorted by their labels, those that most samples have first.
fn by_rarity(writes: &[Write]) -> Vec<Vec<Part>> {
    let all = places(writes);
    let mut count: HashMap<(&[u8], &[u8]), usize> = HashMap::new();
    for &place in &all {
        for pair in pairs(writes, place) {
            *count.entry(pair).or_default() += pair.0.len() + pair.1.len();
        }
    }
    let mut keyed: Vec<_> = all
        .into_iter()
        .map(|place| {
            let mut pairs = pairs(writes, place);
            pairs.sort_by_key(|pair| (std::cmp::Reverse(count[pair]), *pair));
            (pairs, place)
        })
        .collect();
    keyed.sort_by(|one, other| one.0.cmp(&other.0));
    let places: Vec<Place> = keyed.into_iter().map(|(_, place)| place).collect();
    in_calls(writes, &places)
}

/// Each sample goes to the open call of which it would share the most bytes; eight are open.
fn greedily(writes: &[Write]) -> Vec<Vec<Part>> {
    const OPEN: usize = 8;
    struct Open<'a> {
        shared: Vec<(&'a [u8], &'a [u8])>,
        places: Vec<Place>,
    }
    let bytes = |pairs: &[(&[u8], &[u8])]| pairs.iter().map(|pair| pair.0.len() + pair.1.len()).sum::<usize>();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut full: Vec<Place> = Vec::new();
    let mut rest: Vec<Place> = Vec::new();
    for place in places(writes) {
        let pairs = pairs(writes, place);
        let best = open
            .iter()
            .enumerate()
            .map(|(index, call)| {
                let common: Vec<_> = call.shared.iter().copied().filter(|pair| pairs.contains(pair)).collect();
                // What all records of the call stop sharing is paid by each of them.
                let lost = (bytes(&call.shared) - bytes(&common)) * call.places.len();
                (bytes(&common) as i64 - lost as i64, index, common)
            })
            .max_by_key(|(gain, ..)| *gain);
        match best {
            Some((gain, index, common)) if gain > 0 || open.len() == OPEN => {
                let call = &mut open[index];
                call.shared = common;
                call.places.push(place);
                if call.places.len() == CALL {
                    full.extend(open.swap_remove(index).places);
                }
            }
            _ => open.push(Open { shared: pairs, places: vec![place] }),
        }
    }
    for call in open {
        rest.extend(call.places);
    }
    full.extend(rest);
    in_calls(writes, &full)
}

/// By a key, and then by a second one. Groups of the second that have at least as many samples as a call of their own is
/// worth go in such calls, and what is left of the first in others.
fn by<K: Ord>(writes: &[Write], least: usize, key: impl Fn(&WriteRequest, &Series) -> K) -> Vec<Vec<Part>> {
    let target = |request: &WriteRequest, series: &Series| {
        let labels = request.labels(series).iter();
        let of_target = labels.filter(|label| matches!(request.bytes(label.name), b"job" | b"instance"));
        of_target.map(|label| request.bytes(label.value).to_vec()).collect::<Vec<_>>()
    };
    let mut groups: BTreeMap<_, BTreeMap<_, Vec<Place>>> = BTreeMap::new();
    for place @ (write, record) in places(writes) {
        let request = writes[write].request();
        let series = request.series_at(record.series);
        let of_target = groups.entry(target(request, series)).or_default();
        of_target.entry(key(request, series)).or_default().push(place);
    }
    let mut calls = Vec::new();
    for of_target in groups.into_values() {
        let mut rest = Vec::new();
        for mut group in of_target.into_values() {
            let own = if group.len() % CALL < least { group.len() - group.len() % CALL } else { group.len() };
            rest.extend(group.split_off(own));
            calls.extend(in_calls(writes, &group));
        }
        calls.extend(in_calls(writes, &rest));
    }
    calls
}

fn by_target(writes: &[Write]) -> Vec<Vec<Part>> {
    by(writes, 1, |_, _| ())
}

fn by_metric(writes: &[Write]) -> Vec<Vec<Part>> {
    by(writes, 40, |request, series| request.bytes(series.name).to_vec())
}

fn by_longest_value(writes: &[Write]) -> Vec<Vec<Part>> {
    by(writes, 12, |request, series| {
        let values = request.labels(series).iter().map(|label| request.bytes(label.value));
        values.max_by_key(|value| value.len()).unwrap_or_default().to_vec()
    })
}

fn connector(writes: &[Write]) -> Vec<Vec<Part>> {
    let grouper = Grouper::new(true);
    let (mut gathering, mut calls) = (Gathering::default(), Vec::new());
    for write in writes {
        gathering.add(write, &grouper.groups(write.request()), |parts| calls.push(parts));
    }
    gathering.depart(|parts| calls.push(parts));
    calls
}
