//! Figures that do not depend on the machine: allocations of the decoder and of bodies, and their speed as a multiple of
//! prost's and the SDK's.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use prost::Message;
use timestream_prometheus_connector::ingest::{decode_v1, decode_v2};
use timestream_prometheus_connector::sink::body::write_records_body;

#[path = "../benches/calls/mod.rs"]
mod calls;
#[path = "../benches/sdk/mod.rs"]
mod sdk;
#[path = "../benches/workload/mod.rs"]
mod workload;

use workload::Kind;

fn request(series: usize) -> Vec<u8> {
    let all = workload::series(Kind::Mixed, series, 1);
    workload::encode(&all.iter().collect::<Vec<_>>(), 0)
}

#[test]
fn decoding_allocates_for_its_tables_and_for_no_series() {
    let allocations = |series: usize| {
        let request = request(series);
        let mut decoded = None;
        let counted = allocation_counter::measure(|| decoded = Some(decode_v1::decode(request).unwrap()));
        assert_eq!(decoded.unwrap().series().len(), series);
        counted.count_total
    };
    let (few, many) = (allocations(1000), allocations(16_000));
    // A table of sixteen times the size has doubled four times more.
    assert!(many - few <= 3 * 4, "{few} allocations for 1,000 series, {many} for 16,000");
    assert!(many <= 60, "{many}");
}

fn request_v2(series: usize) -> Vec<u8> {
    let all = workload::series(Kind::Mixed, series, 1);
    workload::encode_v2(&all.iter().collect::<Vec<_>>(), 0, 1)
}

fn decode_v2(request: Vec<u8>) -> timestream_prometheus_connector::write_request::WriteRequest {
    let survey = decode_v2::Survey::of(&request).unwrap();
    decode_v2::decode(request, &survey).unwrap()
}

#[test]
fn decoding_remote_write_2_allocates_each_table_once() {
    for series in [1000, 16_000] {
        let request = request_v2(series);
        let mut decoded = None;
        let counted = allocation_counter::measure(|| decoded = Some(decode_v2(request)));
        assert_eq!(decoded.unwrap().series().len(), series);
        // Symbols, series, labels and samples.
        assert_eq!(counted.count_total, 4, "{series} series");
    }
}

#[test]
fn a_body_allocates_for_itself_and_for_no_record() {
    let series = workload::series(Kind::NodeExporter, 100, 1);
    let message = workload::message(&series.iter().collect::<Vec<_>>(), 0, 1);
    let call = calls::one_call(&message.encode_to_vec());
    let ours = allocation_counter::measure(|| drop(write_records_body("database", "table", &call))).count_total;
    let serializer = sdk::Serializer::new();
    let sdk = allocation_counter::measure(|| drop(serializer.body(sdk::input("database", "table", message))));
    let sdk = sdk.count_total;
    eprintln!("allocations for a body of 100 records: ours {ours}, the SDK's {sdk}");
    assert!(ours <= 10, "{ours}");
    assert!(sdk >= 100 * ours, "{sdk}, {ours}");
}

/// These are meaningful in an optimized build only: `CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test --test ratios --
/// --test-threads=1`, or one with `--release`.
#[cfg(optimized)]
mod optimized {
    use std::time::{Duration, Instant};

    use timestream_prometheus_connector::proto::WriteRequest;

    use super::*;

    fn fastest(mut run: impl FnMut()) -> Duration {
        let times = (0..40).map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        });
        times.min().unwrap_or(Duration::MAX)
    }

    /// The first of several ratios that is large enough, or the last. Other programs may take the core from one side of a
    /// comparison, but hardly each time.
    fn ratio(least: f64, mut compare: impl FnMut() -> f64) -> f64 {
        let mut last = 0.0;
        for _ in 0..5 {
            last = compare();
            if last >= least {
                break;
            }
        }
        last
    }

    #[test]
    fn decoding_is_several_times_as_fast_as_prost() {
        let request = request(2000);
        // Six to seven were seen in a release, and from 5.9 to fifteen with assertions, which slow prost more on some
        // processors than on others. Less than this is no noise.
        let least = 4.5;
        let ratio = ratio(least, || {
            let mut copies: Vec<Vec<u8>> = vec![request.clone(); 40];
            let ours = fastest(|| drop(decode_v1::decode(copies.pop().unwrap()).unwrap()));
            let prost = fastest(|| drop(WriteRequest::decode(request.as_slice()).unwrap()));
            eprintln!("prost {prost:?}, ours {ours:?}");
            prost.as_secs_f64() / ours.as_secs_f64()
        });
        assert!(ratio >= least, "{ratio}");
    }

    #[test]
    fn decoding_remote_write_2_is_several_times_as_fast_as_prost() {
        let request = request_v2(2000);
        // Thirteen to nineteen were seen, more than in the bench, which leaves out the time to drop what was read.
        let least = 8.0;
        let ratio = ratio(least, || {
            let mut copies: Vec<Vec<u8>> = vec![request.clone(); 40];
            let ours = fastest(|| drop(decode_v2(copies.pop().unwrap())));
            let prost = fastest(|| drop(workload::labels_by_prost(&request)));
            eprintln!("2.0: prost {prost:?}, ours {ours:?}");
            prost.as_secs_f64() / ours.as_secs_f64()
        });
        assert!(ratio >= least, "{ratio}");
    }

    #[test]
    fn a_body_is_written_several_times_as_fast_as_by_the_sdk() {
        let series = workload::series(Kind::NodeExporter, 100, 1);
        let message = workload::message(&series.iter().collect::<Vec<_>>(), 0, 1);
        let call = calls::one_call(&message.encode_to_vec());
        let serializer = sdk::Serializer::new();
        // Eight and more were seen in a release, and twenty with assertions.
        let least = 3.0;
        let ratio = ratio(least, || {
            let ours = fastest(|| drop(write_records_body("database", "table", &call)));
            let sdk = fastest(|| drop(serializer.body(sdk::input("database", "table", message.clone()))));
            eprintln!("SDK {sdk:?}, ours {ours:?}");
            sdk.as_secs_f64() / ours.as_secs_f64()
        });
        assert!(ratio >= least, "{ratio}");
    }
}
