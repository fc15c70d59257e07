//! The body of a WriteRecords call of a hundred records: ours against the SDK's `Record` builders and its serializer; and
//! what writes the values in it.

#![allow(missing_docs, unreachable_pub, reason = "a bench is a program of its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a bench a panic is the report")]

use std::hint::black_box;
use std::io::Write;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prost::Message;
use timestream_prometheus_connector::sink::body::{number, write_records_body};

mod calls;
mod sdk;
mod workload;

use workload::Kind;

fn body(criterion: &mut Criterion) {
    let serializer = sdk::Serializer::new();
    for (name, samples) in [("100 series", 1), ("10 series of 10 samples", 10)] {
        // One target's series, as the batcher places them in a call.
        let series = workload::series(Kind::NodeExporter, 100 / samples as usize, 1);
        let request = workload::message(&series.iter().collect::<Vec<_>>(), 0, samples);
        let call = calls::one_call(&request.encode_to_vec());
        let mut group = criterion.benchmark_group(format!("body of {name}"));
        group.throughput(Throughput::Elements(100));
        group.bench_function("ours", |bencher| {
            bencher.iter_with_large_drop(|| write_records_body("database", "table", black_box(&call)));
        });
        group.bench_function("SDK", |bencher| {
            bencher.iter_batched(
                || request.clone(),
                |request| serializer.body(sdk::input("database", "table", request)),
                BatchSize::LargeInput,
            );
        });
        group.finish();
    }
}

fn numbers(criterion: &mut Criterion) {
    let mut random = fastrand::Rng::with_seed(1);
    let kinds: [(&str, Vec<f64>); 3] = [
        ("as scraped", (0..1000).map(|_| workload::value(&mut random)).collect()),
        ("whole", (0..1000).map(|_| f64::from(random.u32(0..100_000_000))).collect()),
        ("of 17 digits", (0..1000).map(|_| random.f64() * 1e6).collect()),
    ];
    for (name, values) in kinds {
        let mut group = criterion.benchmark_group(format!("numbers {name}"));
        group.throughput(Throughput::Elements(values.len() as u64));
        let mut bench = |writer: &str, write: fn(&mut Vec<u8>, f64)| {
            group.bench_function(writer, |bencher| {
                let mut text = Vec::with_capacity(32 * values.len());
                bencher.iter(|| {
                    text.clear();
                    for &value in black_box(&values) {
                        write(&mut text, value);
                    }
                    text.len()
                });
            });
        };
        bench("ours", number);
        bench("std", |text, value| write!(text, "{value}").unwrap());
        bench("ryu", |text, value| text.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes()));
        bench("zmij", |text, value| text.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes()));
        group.finish();
    }
}

criterion_group!(benches, body, numbers);
criterion_main!(benches);
