//! Figures that do not depend on the machine: allocations of the decoder, and its speed as a multiple of prost's.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use timestream_prometheus_connector::ingest::decode_v1;

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

/// Meaningful in an optimized build only: `cargo test --profile ratios --test ratios`.
#[cfg(not(debug_assertions))]
#[test]
fn decoding_is_several_times_as_fast_as_prost() {
    use std::time::{Duration, Instant};

    use prost::Message;
    use timestream_prometheus_connector::proto::WriteRequest;

    let request = request(2000);
    let fastest = |mut decode: Box<dyn FnMut()>| {
        let times = (0..40).map(|_| {
            let start = Instant::now();
            decode();
            start.elapsed()
        });
        times.min().unwrap_or(Duration::MAX)
    };
    let bytes = request.clone();
    let mut copies: Vec<Vec<u8>> = vec![request; 40];
    let ours = fastest(Box::new(move || drop(decode_v1::decode(copies.pop().unwrap()).unwrap())));
    let prost = fastest(Box::new(move || drop(WriteRequest::decode(bytes.as_slice()).unwrap())));
    let ratio = prost.as_secs_f64() / ours.as_secs_f64();
    eprintln!("prost {prost:?}, ours {ours:?}: {ratio:.1}");
    // Six and more on a quiet machine; less than this is no noise.
    assert!(ratio >= 4.5, "{ratio}");
}
