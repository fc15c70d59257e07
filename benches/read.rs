//! The read path's work per row: grouping rows into series, and encoding samples in both forms of answer.
//!
//! `cargo bench --bench read`

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "in a bench a panic is the report")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_timestreamquery::types::{ColumnInfo, Datum, Row, Type};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use timestream_prometheus_connector::proto::{Label, Sample, TimeSeries};
use timestream_prometheus_connector::query::{
    Columns, FrameWriter, Points, Schema, SeriesRuns, SeriesSet, SeriesSink, pack,
};

const SERIES: usize = 1000;
const START_MS: i64 = 1_700_000_000_000;
const DIMENSIONS: [&str; 8] = ["cluster", "container", "endpoint", "instance", "job", "namespace", "pod", "service"];

fn columns() -> Columns {
    let names = DIMENSIONS.into_iter().chain(["measure_name", "time", "measure_value::double"]);
    let info = names.map(|name| ColumnInfo::builder().name(name).r#type(Type::builder().build()).build());
    Columns::new(&info.collect::<Vec<_>>(), &Schema::of_dimensions(DIMENSIONS)).unwrap()
}

fn row(series: usize, time: usize) -> Row {
    let text = |text: String| Datum::builder().scalar_value(text).build();
    let labels = DIMENSIONS.iter().map(|name| text(format!("{name}-of-series-{series:04}")));
    let time = format!(
        "2023-11-{:02} {:02}:{:02}:{:02}.000000000",
        1 + time / 86_400,
        time / 3600 % 24,
        time / 60 % 60,
        time % 60
    );
    let values = [text("http_requests_total".to_owned()), text(time), text(format!("{}", series as f64 * 1.5))];
    Row::builder().set_data(Some(labels.chain(values).collect())).build().unwrap()
}

/// Feeds `rows` rows in pages of a thousand and counts only the time that `add` takes.
fn feed(rows: usize, page: impl Fn(usize) -> Vec<Row>, mut add: impl FnMut(Vec<Row>)) -> Duration {
    let mut spent = Duration::ZERO;
    for number in 0..rows / 1000 {
        let page = page(number);
        let start = Instant::now();
        add(page);
        spent += start.elapsed();
    }
    spent
}

fn grouping(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows of 1000 series");
    group.sample_size(10);
    for rows in [100_000, 1_000_000] {
        group.throughput(Throughput::Elements(rows as u64));
        // In the order of time, a row of each series a page.
        group.bench_function(BenchmarkId::new("grouped by hash", rows), |bencher| {
            bencher.iter_custom(|rounds| {
                let round = |_| {
                    let mut set = SeriesSet::new(columns(), Arc::new([]), usize::MAX);
                    let page = |number| (0..SERIES).map(|series| row(series, number)).collect();
                    let spent = feed(rows, page, |rows| set.add_page(rows, Points::default()).unwrap());
                    let start = Instant::now();
                    assert_eq!(black_box(set.finish()).len(), SERIES);
                    spent + start.elapsed()
                };
                (0..rounds).map(round).sum()
            });
        });
        // Series by series.
        let per_series = rows / SERIES;
        group.bench_function(BenchmarkId::new("streamed as frames", rows), |bencher| {
            bencher.iter_custom(|rounds| {
                let round = |_| {
                    let mut runs = SeriesRuns::new(columns(), Arc::new([]), usize::MAX, FrameWriter::new(0));
                    let page = |number| {
                        let rows = number * 1000..(number + 1) * 1000;
                        rows.map(|index| row(index / per_series, index % per_series)).collect()
                    };
                    feed(rows, page, |rows| {
                        runs.add_page(rows, Points::default()).unwrap();
                        black_box(runs.sink().take());
                    })
                };
                (0..rounds).map(round).sum()
            });
        });
    }
    group.finish();
}

fn labels(series: usize) -> Vec<Label> {
    let label = |name: &&str| Label { name: (*name).to_owned(), value: format!("{name}-of-series-{series:04}") };
    DIMENSIONS.iter().map(label).collect()
}

/// A counter that grows by odd amounts, every 15 seconds.
fn samples(count: usize) -> Vec<(i64, f64)> {
    let mut value = 0.0;
    (0..count as i64)
        .map(|index| {
            value += (index * 7919 % 97) as f64 / 8.0;
            (START_MS + index * 15_000, value)
        })
        .collect()
}

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("samples of 1000 series");
    group.sample_size(10);
    for count in [100_000, 1_000_000] {
        group.throughput(Throughput::Elements(count as u64));
        let samples = samples(count / SERIES);
        group.bench_function(BenchmarkId::new("encoded as XOR chunks", count), |bencher| {
            bencher.iter(|| {
                let mut frames = FrameWriter::new(0);
                let mut bytes = 0;
                for series in 0..SERIES {
                    frames.start_series(&labels(series)).unwrap();
                    samples.iter().for_each(|(time, value)| frames.push(*time, *value).unwrap());
                    frames.end_series().unwrap();
                    bytes += black_box(frames.take()).concat().len();
                }
                bytes
            });
        });
        let sample = |&(timestamp, value): &(i64, f64)| Sample { value: Some(value), timestamp };
        let series = |series| TimeSeries {
            labels: labels(series),
            samples: samples.iter().map(sample).collect(),
            ..TimeSeries::default()
        };
        let all: Vec<TimeSeries> = (0..SERIES).map(series).collect();
        group.bench_function(BenchmarkId::new("encoded as SAMPLES", count), |bencher| {
            bencher.iter_batched(
                || vec![all.clone()],
                |results| black_box(pack(results).unwrap()).len(),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, grouping, encoding);
criterion_main!(benches);
