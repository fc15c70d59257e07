//! Our decode of remote write requests against prost's, in one run: the ratio is the figure.

#![allow(missing_docs, unreachable_pub, reason = "a bench is a program of its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a bench a panic is the report")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prost::Message;
use timestream_prometheus_connector::ingest::{decode_v1, decode_v2};
use timestream_prometheus_connector::proto::WriteRequest;

mod workload;

use workload::Kind;

/// Series and samples of each.
const REQUESTS: [(usize, u64); 3] = [(2000, 1), (500, 1), (200, 10)];

fn decode(criterion: &mut Criterion) {
    let all = workload::series(Kind::Mixed, 16_000, 1);
    for (series, samples) in REQUESTS {
        let series = &workload::requests(&all, series)[0];
        let name = format!("{} series of {samples}", series.len());
        let elements = Throughput::Elements(series.len() as u64 * samples);

        let request = workload::encode_samples(series, 0, samples);
        let mut group = criterion.benchmark_group(format!("1.0, {name}"));
        group.throughput(elements.clone());
        group.bench_function("ours", |bencher| {
            let decode = |request| decode_v1::decode(black_box(request)).unwrap();
            bencher.iter_batched(|| request.clone(), decode, BatchSize::LargeInput);
        });
        group.bench_function("prost", |bencher| {
            bencher.iter_with_large_drop(|| WriteRequest::decode(black_box(request.as_slice())).unwrap());
        });
        group.finish();

        let request = workload::encode_v2(series, 0, samples);
        let mut group = criterion.benchmark_group(format!("2.0, {name}"));
        group.throughput(elements);
        group.bench_function("ours", |bencher| {
            let decode = |request: Vec<u8>| {
                let survey = decode_v2::Survey::of(black_box(&request)).unwrap();
                decode_v2::decode(request, &survey).unwrap()
            };
            bencher.iter_batched(|| request.clone(), decode, BatchSize::LargeInput);
        });
        group.bench_function("prost", |bencher| {
            bencher.iter_with_large_drop(|| workload::labels_by_prost(black_box(&request)));
        });
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
