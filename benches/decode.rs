//! Our decode of a remote write request against prost's, in one run: the ratio is the figure.

#![allow(missing_docs, unreachable_pub, reason = "a bench is a program of its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a bench a panic is the report")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prost::Message;
use timestream_prometheus_connector::ingest::decode_v1;
use timestream_prometheus_connector::proto::WriteRequest;

mod workload;

use workload::Kind;

fn decode(criterion: &mut Criterion) {
    for (name, samples) in [("2000 series", 1), ("2000 series of 10 samples", 10)] {
        let series = workload::series(Kind::Mixed, 16_000, 1);
        let request = workload::encode_samples(&workload::requests(&series, 2000)[0], 0, samples);
        let mut group = criterion.benchmark_group(format!("decode {name}"));
        group.throughput(Throughput::Elements(2000 * samples));
        group.bench_function("ours", |bencher| {
            bencher.iter_batched(
                || request.clone(),
                |request| decode_v1::decode(black_box(request)).unwrap(),
                BatchSize::LargeInput,
            );
        });
        group.bench_function("prost", |bencher| {
            bencher.iter_with_large_drop(|| WriteRequest::decode(black_box(request.as_slice())).unwrap());
        });
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
