//! Bucket bounds of native histograms, and how Prometheus writes them in an `le` label.
//!
//! Since a bound becomes part of a series' identity, each is computed with integers: the same bits on every machine.
//! Bounds and the special case of the last bucket: prometheus/prometheus, model/histogram; text: model/labels.

use std::sync::LazyLock;

/// 2^(i/256) for i below 256: the bounds between 1 and 2 of the finest schema, 8. The next coarser one has half of
/// them.
static BOUNDS: LazyLock<[f64; 256]> = LazyLock::new(|| {
    // Numbers from 1 to 2 with 63 bits behind the point.
    let mut roots = [0u128; 8];
    let mut root = 2u128 << 63;
    for place in roots.iter_mut().rev() {
        root = (root << 63).isqrt();
        *place = root;
    }
    std::array::from_fn(|index| {
        let mut product = 1u128 << 63;
        for (bit, root) in roots.iter().enumerate() {
            if index & (1 << bit) != 0 {
                // Rounded, so that each of the 256 comes out as the nearest number.
                product = (product * root + (1 << 62)) >> 63;
            }
        }
        product as f64 / (1u64 << 63) as f64
    })
});

/// The upper bound of the positive bucket of number `index` in an exponential schema from -4 to 8: 2^(index·2^-schema).
/// If the bound is above all numbers, the first such bucket ends at the greatest number, and the next ones at infinity.
pub(super) fn exponential(index: i64, schema: i32) -> f64 {
    // In 256ths of powers of two.
    let index = index.saturating_mul(1 << (8 - schema).clamp(0, 12));
    let (exponent, fraction) = (index.div_euclid(256), index.rem_euclid(256) as usize);
    if (exponent, fraction) == (1024, 0) {
        return f64::MAX;
    }
    // Below the smallest number a bound is zero. The exponent is split, so that neither factor is out of range.
    let exponent = exponent.clamp(-1200, 1100) as i32;
    let half = exponent / 2;
    BOUNDS[fraction] * power_of_two(half) * power_of_two(exponent - half)
}

/// 2^exponent for an exponent from -1022 to 1023.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// A bound as Prometheus 3 writes it: as Go's `%g`, and with `.0` where it would look like a whole number.
pub(super) fn text(bound: f64) -> String {
    if bound.is_infinite() {
        return if bound > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    // Rust's shortest digits are Go's; only where the exponent is written differs.
    let scientific = format!("{bound:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if bound != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = format!("{bound}");
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_powers_of_two_and_their_roots() {
        for (index, schema, bound) in [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (-3, 0, 0.125),
            (1, -4, 65536.0),
            (-1, -1, 0.25),
            (1, 1, std::f64::consts::SQRT_2),
            (-1, 1, std::f64::consts::FRAC_1_SQRT_2),
            (3, 3, 1.2968395546510096),
            (1, 8, 1.0027112750502025),
            (255, 8, 1.9945921121709402),
            (1024, 0, f64::MAX),
            (64, -4, f64::MAX),
            (262_144, 8, f64::MAX),
            (1025, 0, f64::INFINITY),
            (i64::from(i32::MAX), 8, f64::INFINITY),
            (-1074, 0, f64::from_bits(1)),
            (-1080, 0, 0.0),
            (i64::from(i32::MIN), -4, 0.0),
        ] {
            assert_eq!(exponential(index, schema), bound, "{index} of schema {schema}");
        }
    }

    #[test]
    fn each_bound_is_the_nearest_number() {
        for index in 0..256 {
            let (ours, libm) = (exponential(index, 8), (index as f64 / 256.0).exp2());
            assert!(ours.to_bits().abs_diff(libm.to_bits()) <= 1, "{index}: {ours} {libm}");
        }
    }

    #[test]
    fn text_is_as_prometheus_writes_it() {
        for (bound, expected) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (-1.0, "-1.0"),
            (10.0, "10.0"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.000025, "-2.5e-05"),
            (2.938735877055719e-39, "2.938735877055719e-39"),
            (123_456.0, "123456.0"),
            (100_000.0, "100000.0"),
            (1_000_000.0, "1e+06"),
            (12_345_678.5, "1.23456785e+07"),
            (1e300, "1e+300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(bound), expected);
        }
    }
}
