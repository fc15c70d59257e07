//! Compares the encoder with an independent decoder.

use super::decode::decode;
use super::*;
use proptest::prelude::*;

/// The samples of a chunk, which fill its last byte.
fn decoded(data: &[u8]) -> Vec<(i64, u64)> {
    let (samples, rest) = decode(data);
    assert!(rest.len() < 8 && !rest.contains(&true), "{rest:?}");
    samples
}

fn encode(samples: &[(i64, u64)]) -> Chunk {
    let mut chunk = XorChunk::default();
    samples.iter().for_each(|(time, value)| chunk.push(*time, f64::from_bits(*value)));
    chunk.finish()
}

#[test]
fn the_bytes_are_those_of_prometheus() {
    // 0x1770 = 6000 ms in zigzag is 12000 = 0xe0 0x5d; 1.0 raw; then the same step and value: 15000 = 0x98 0x75.
    let samples = [(6000, 1.0), (21_000, 1.0), (36_000, 1.0), (51_001, 2.0)].map(|(t, v): (i64, f64)| (t, v.to_bits()));
    let chunk = encode(&samples);
    assert_eq!((chunk.min_time_ms, chunk.max_time_ms, chunk.r#type), (6000, 51_001, 1));
    assert_eq!(chunk.data[..14], [0, 4, 0xe0, 0x5d, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0x98, 0x75]);
    // 0: same value; 0 0: same step, same value; 10 and 14 bits: 1 ms more; 11, then 2 leading zeros before 10 bits or so.
    let rest: String = chunk.data[14..].iter().map(|byte| format!("{byte:08b}")).collect();
    assert!(rest.starts_with("000100000000000000111"), "{rest}");
}

#[test]
fn the_edges_of_each_width_come_back() {
    for edge in [1 << 13, 1 << 16, 1 << 19, 1 << 40] {
        for difference in [-edge - 1, -edge, 1 - edge, edge - 1, edge, edge + 1] {
            let start = 1 << 50;
            let samples = [(0, 0), (start, 1), (2 * start + difference, u64::MAX), (4 * start, 0)];
            assert_eq!(decoded(&encode(&samples).data), samples, "{difference}");
        }
    }
    assert_eq!(decoded(&encode(&[(i64::MIN, 7)]).data), [(i64::MIN, 7)]);
    assert!(decoded(&encode(&[]).data).is_empty());
}

/// Values as counters, gauges and noise have them, and any bits at all.
fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        (0..1000_u32).prop_map(|value| f64::from(value).to_bits()),
        (-1e6..1e6).prop_map(f64::to_bits),
        Just(0.0_f64.to_bits()),
        Just((-0.0_f64).to_bits()),
        any::<u64>(),
    ]
}

/// Steps between samples: mostly regular, at times any.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![Just(15_000), 14_990..15_010_i64, 1..300_000_i64, 1..(1_i64 << 40)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_encoded_comes_back(
        start in -(1_i64 << 41)..(1_i64 << 41),
        steps in prop::collection::vec((step(), value()), 1..usize::from(MAX_SAMPLES)),
    ) {
        let mut time = start;
        let samples: Vec<(i64, u64)> = steps.into_iter().map(|(step, value)| { time += step; (time, value) }).collect();
        let chunk = encode(&samples);
        prop_assert_eq!(chunk.min_time_ms, samples[0].0);
        prop_assert_eq!(chunk.max_time_ms, time);
        prop_assert_eq!(decoded(&chunk.data), samples);
    }
}
