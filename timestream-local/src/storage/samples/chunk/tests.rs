//! Chunks come back bit for bit, damaged ones never pass, and usual ones are small.

use proptest::collection::vec;
use proptest::prelude::*;

mod given;

use given::*;

use super::{Damaged, Sample, VERSION, checksum, decode_range, encode};

const MOST: usize = 1000;

fn decode(bytes: &[u8], most: usize) -> Result<Vec<Sample>, Damaged> {
    let mut samples = Vec::new();
    decode_range(bytes, most, i64::MIN, i64::MAX, &mut samples)?;
    Ok(samples)
}

fn bits(samples: &[Sample]) -> Vec<(i64, u64)> {
    samples.iter().map(|sample| (sample.time, sample.value.to_bits())).collect()
}

/// Encodes and decodes, and returns the size.
fn round_trip(samples: &[Sample]) -> usize {
    let bytes = encode(samples);
    assert_eq!(bits(&decode(&bytes, samples.len()).unwrap()), bits(samples));
    if !samples.is_empty() {
        assert_eq!(decode(&bytes, samples.len() - 1), Err(Damaged::TooMany));
    }
    bytes.len()
}

/// Adds the checksum that makes arbitrary bytes get past it.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend_from_slice(&checksum::crc32(&bytes).to_le_bytes());
    bytes
}

proptest! {
    #[test]
    fn any_samples_come_back(times in any_times(), values in vec(any_value(), 100)) {
        round_trip(&samples(times, values));
    }

    #[test]
    fn usual_samples_come_back(values in usual_values(), jitter in vec(0..41_i64, 200), missed in vec(0..100, 200)) {
        let slots = missed.iter().scan(0, |slot, missed| { *slot += if *missed == 0 { 2 } else { 1 }; Some(*slot) });
        let times: Vec<i64> = slots.zip(jitter).map(|(slot, jitter)| START + (slot * 15_000 + jitter) * MILLISECOND).collect();
        round_trip(&samples(times, values));
    }

    #[test]
    fn a_range_is_what_it_is_of_all(values in usual_values(), from in -10..210_i64, to in -10..210_i64) {
        let all = samples(exact(200), values);
        let time = |index: i64| START + index * 15_000 * MILLISECOND + index % 2;
        let (from, to) = (time(from), time(to));
        let first = Sample { time: 0, value: 0.0 };
        let mut part = vec![first];
        decode_range(&encode(&all), MOST, from, to, &mut part).unwrap();
        let within = all.iter().filter(|sample| from <= sample.time && sample.time <= to);
        let expected: Vec<Sample> = std::iter::once(first).chain(within.copied()).collect();
        prop_assert_eq!(bits(&part), bits(&expected));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), count in 0..1500_u64) {
        prop_assert!(decode(&bytes, MOST).is_err());
        let mut head = vec![VERSION];
        super::bits::put_varint(count, &mut head);
        let bytes = sealed([head, bytes].concat());
        prop_assert!(decode(&bytes, MOST).is_ok_and(|samples| samples.len() <= MOST) || decode(&bytes, MOST).is_err());
    }

    #[test]
    fn changed_chunks_never_panic(values in usual_values(), changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = encode(&samples(jittery(200), values));
        bytes.truncate(bytes.len() - 4);
        changes.iter().for_each(|(index, byte)| { let index = index.index(bytes.len()); bytes[index] = *byte; });
        let decoded = decode(&sealed(bytes), MOST);
        prop_assert!(decoded.is_err() || decoded.is_ok_and(|samples| samples.len() <= MOST));
    }
}

#[test]
fn the_checksum_is_the_usual_one() {
    assert_eq!(checksum::crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(checksum::crc32(b""), 0);
}

#[test]
fn truncated_and_changed_chunks_are_damaged() {
    let bytes = encode(&samples(jittery(120), cents(120)));
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length], MOST).is_err(), "{length}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&changed, MOST).is_err(), "{bit}");
    }
    assert!(decode(&sealed(bytes), MOST).is_err(), "bytes after the values");
}

#[test]
fn times_that_do_not_ascend_are_damaged() {
    let mut bytes = vec![VERSION];
    super::bits::put_varint(2, &mut bytes);
    super::series::write(&[5, 5], &mut bytes);
    super::values::write(&[1.0, 2.0], &mut bytes);
    let mut kept = Vec::new();
    assert_eq!(decode_range(&sealed(bytes), MOST, 0, 9, &mut kept), Err(Damaged::Invalid));
    assert!(kept.is_empty());
}

#[test]
fn edges_come_back() {
    round_trip(&[]);
    round_trip(&samples([i64::MIN], [f64::NAN]));
    round_trip(&samples([i64::MIN, 0, i64::MAX], [-0.0, f64::MIN, f64::MAX]));
    round_trip(&samples([i64::MIN, i64::MAX], [f64::from_bits(1), f64::from_bits(u64::MAX)]));
    round_trip(&samples(exact(65_535), seconds(65_535)));
    let mut values = cents(240);
    values[7] = f64::from_bits(0x7FF0_0000_0000_0002);
    values[9] = -0.0;
    let plain = round_trip(&samples(exact(240), cents(240)));
    assert!(round_trip(&samples(exact(240), values)) < plain + 30);
}

#[test]
fn usual_chunks_are_small() {
    let size = |times: &[i64], values: &[f64]| round_trip(&samples(times.iter().copied(), values.iter().copied()));
    let (jittery, exact) = (jittery(240), exact(240));
    let mut missed = jittery.clone();
    missed.iter_mut().skip(100).for_each(|time| *time += 15_000 * MILLISECOND);
    let ceilings = [
        ("counter with jitter", size(&jittery, &cents(240)), 520),
        ("gauge with jitter", size(&jittery, &whole(240)), 410),
        ("counter with jitter and a missed scrape", size(&missed, &cents(240)), 540),
        ("counter of 17 digits", size(&jittery, &seconds(240)), 1500),
        ("constant with jitter", size(&jittery, &[0.1; 240]), 220),
        ("constant of 17 digits", size(&exact, &[1.0 / 3.0; 240]), 45),
        ("constant", size(&exact, &[1.0; 240]), 35),
        ("pages", size(&exact, &whole(240).iter().map(|value| value * 4096.0).collect::<Vec<f64>>()), 235),
        ("counter", size(&exact, &cents(240)), 330),
    ];
    for (name, size, ceiling) in ceilings {
        println!("{name}: {size}");
        assert!(size <= ceiling, "{name}: {size}");
    }
}
