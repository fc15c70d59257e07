//! Samples as series have them, and others.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::Sample;

pub(super) const MILLISECOND: i64 = 1_000_000;
pub(super) const START: i64 = 1_790_000_000_000 * MILLISECOND;

pub(super) fn samples(times: impl IntoIterator<Item = i64>, values: impl IntoIterator<Item = f64>) -> Vec<Sample> {
    times.into_iter().zip(values).map(|(time, value)| Sample { time, value }).collect()
}

/// Pseudo-random numbers below a bound, the same in each run.
pub(super) fn numbers(bound: u64) -> impl FnMut() -> i64 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % bound) as i64
    }
}

/// Scrapes every 15 s, up to 20 ms early or late.
pub(super) fn jittery(count: i64) -> Vec<i64> {
    let mut jitter = numbers(41);
    (0..count).map(|index| START + (index * 15_000 + jitter() - 20) * MILLISECOND).collect()
}

pub(super) fn exact(count: i64) -> Vec<i64> {
    (0..count).map(|index| START + index * 15_000 * MILLISECOND).collect()
}

/// A counter with two decimals.
pub(super) fn cents(count: usize) -> Vec<f64> {
    let (mut step, mut sum) = (numbers(500), 12_345);
    (0..count)
        .map(|_| {
            sum += step();
            sum as f64 / 100.0
        })
        .collect()
}

/// A gauge of whole numbers.
pub(super) fn whole(count: usize) -> Vec<f64> {
    let (mut step, mut sum) = (numbers(61), 50_000);
    (0..count)
        .map(|_| {
            sum += step() - 30;
            sum as f64
        })
        .collect()
}

/// A counter of seconds, with 17 digits.
pub(super) fn seconds(count: usize) -> Vec<f64> {
    let (mut step, mut sum) = (numbers(1 << 30), 12_345.6);
    (0..count)
        .map(|_| {
            sum += step() as f64 / 3e8;
            sum
        })
        .collect()
}

pub(super) fn any_times() -> impl Strategy<Value = Vec<i64>> {
    let far = proptest::collection::btree_set(any::<i64>(), 0..100);
    let edges = proptest::sample::subsequence(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX], 0..=7);
    let near = (any::<i32>(), vec(1..2_000_000_000_i64, 0..100)).prop_map(|(first, steps)| {
        steps
            .iter()
            .scan(i64::from(first), |time, step| {
                *time += step;
                Some(*time)
            })
            .collect::<Vec<i64>>()
    });
    prop_oneof![far.prop_map(|times| times.into_iter().collect()), edges, near]
}

pub(super) fn any_value() -> impl Strategy<Value = f64> {
    let special = proptest::sample::select(vec![
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        0.1,
        1e15,
        1e16,
        9_007_199_254_740_991.0,
        9_007_199_254_740_993.0,
        -4_503_599_627_370_497.0,
        f64::from_bits(0x7FF0_0000_0000_0002),
    ]);
    prop_oneof![any::<u64>().prop_map(f64::from_bits), special]
}

/// Values as series have them: a kind of decimals or floats, with a few others among them.
pub(super) fn usual_values() -> impl Strategy<Value = Vec<f64>> {
    let decimals = (0..16_i32, vec(-1_000_000..1_000_000_i64, 1..200))
        .prop_map(|(e, numbers)| numbers.into_iter().map(|n| n as f64 / 10_f64.powi(e)).collect::<Vec<f64>>());
    let counter = (0..4_i32, vec(prop_oneof![30 => 0..2_000_i64, 1 => Just(-1)], 1..200)).prop_map(|(e, steps)| {
        let sums = steps.iter().scan(0, |sum, step| {
            *sum = if *step < 0 { 0 } else { *sum + step };
            Some(*sum)
        });
        sums.map(|sum| sum as f64 / 10_f64.powi(e)).collect()
    });
    let tenths = vec(0..50_usize, 1..200).prop_map(|steps| {
        steps
            .iter()
            .scan(0.0, |sum, step| {
                (0..*step).for_each(|_| *sum += 0.1);
                Some(*sum)
            })
            .collect()
    });
    let constant = (any_value(), 1..200_usize).prop_map(|(value, count)| vec![value; count]);
    let pages = vec(0..1_000_000_i64, 1..200).prop_map(|pages| pages.iter().map(|page| (page * 4096) as f64).collect());
    let kinds = prop_oneof![decimals, counter, tenths, constant, pages];
    (kinds, vec((any::<proptest::sample::Index>(), any_value()), 0..4)).prop_map(|(mut values, others)| {
        others.iter().for_each(|(index, other)| {
            let index = index.index(values.len());
            values[index] = *other;
        });
        values
    })
}
