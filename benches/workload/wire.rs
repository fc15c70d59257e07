//! Series as remote write sends them.

use std::collections::HashMap;

use prost::Message;
use timestream_prometheus_connector::proto::{self, v2};

use super::{Labels, SHARDS, START};

/// The series of each request, `per_request` each. The shards fill side by side, so the requests with the series of a
/// target come one behind the other.
pub fn requests(series: &[Labels], per_request: usize) -> Vec<Vec<&Labels>> {
    let scraped_together = series.chunks(per_request * SHARDS);
    let of_shards = scraped_together
        .flat_map(|scraped| (0..SHARDS).map(move |shard| scraped.iter().skip(shard).step_by(SHARDS).collect()));
    of_shards.filter(|request: &Vec<_>| !request.is_empty()).collect()
}

/// A remote write 1.0 request of one sample for each series, at scrape `scrape`, as protobuf.
pub fn encode(series: &[&Labels], scrape: u64) -> Vec<u8> {
    encode_samples(series, scrape, 1)
}

/// The same with `samples` samples for each series, as Prometheus sends them when it catches up.
pub fn encode_samples(series: &[&Labels], scrape: u64, samples: u64) -> Vec<u8> {
    message(series, scrape, samples).encode_to_vec()
}

/// The same, not yet encoded.
pub fn message(series: &[&Labels], scrape: u64, samples: u64) -> proto::WriteRequest {
    let mut random = fastrand::Rng::with_seed(scrape);
    let timeseries = series.iter().map(|labels| proto::TimeSeries {
        labels: labels.iter().map(|(name, value)| proto::Label { name: name.clone(), value: value.clone() }).collect(),
        samples: (0..samples)
            .map(|at| proto::Sample {
                value: Some(value(&mut random)),
                timestamp: START + 15_000 * (scrape * samples + at) as i64 + random.i64(0..1000),
            })
            .collect(),
        ..Default::default()
    });
    proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] }
}

/// The same as a remote write 2.0 request.
pub fn encode_v2(series: &[&Labels], scrape: u64, samples: u64) -> Vec<u8> {
    let mut symbols = vec![String::new()];
    let mut places: HashMap<String, u32> = HashMap::new();
    let mut symbol = |text: String| match places.get(&text) {
        Some(&place) => place,
        None => {
            let place = symbols.len() as u32;
            symbols.push(text.clone());
            places.insert(text, place);
            place
        }
    };
    let of_series = |series: proto::TimeSeries| v2::TimeSeries {
        labels_refs: series.labels.into_iter().flat_map(|label| [symbol(label.name), symbol(label.value)]).collect(),
        samples: series
            .samples
            .iter()
            .map(|sample| v2::Sample { value: sample.value, timestamp: sample.timestamp, start_timestamp: 0 })
            .collect(),
        ..Default::default()
    };
    let timeseries = message(series, scrape, samples).timeseries.into_iter().map(of_series).collect();
    v2::Request { symbols, timeseries }.encode_to_vec()
}

/// The labels of each series of a remote write 2.0 request by way of prost's form, which only has their numbers among
/// the symbols.
pub fn labels_by_prost(request: &[u8]) -> Vec<Vec<proto::Label>> {
    let request = v2::Request::decode(request).expect("the request was encoded by prost");
    let symbol = |number: u32| request.symbols[number as usize].clone();
    let of_series = |numbers: &[u32]| {
        numbers.chunks(2).map(|pair| proto::Label { name: symbol(pair[0]), value: symbol(pair[1]) }).collect()
    };
    request.timeseries.iter().map(|series| of_series(&series.labels_refs)).collect()
}

/// `encode`d and packed.
pub fn packed(series: &[&Labels], scrape: u64) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&encode(series, scrape)).expect("a request is far below 4 GiB")
}

/// Counters mostly whole, gauges with a few digits, some zeros.
pub fn value(random: &mut fastrand::Rng) -> f64 {
    match random.u8(0..10) {
        0..=1 => 0.0,
        2..=5 => random.u32(0..100_000_000).into(),
        6..=7 => f64::from(random.u32(0..1_000_000_000)) / 100.0,
        _ => random.f64() * 1e6,
    }
}
