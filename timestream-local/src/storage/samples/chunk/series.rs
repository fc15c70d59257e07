//! A series of signed integers, such as times: what it follows, and a block of what it deviates by.
//!
//! A series is a form (byte), a base (varint, zigzag), a divisor (varint), a slope (varint, zigzag) and a block. The
//! divisor makes for small integers when all are, say, multiples of a page or of a millisecond. All arithmetic wraps
//! around at 64 bits, and so restores any integers.
//! - [`LINE`]: integer i is base + divisor × (slope × i + block's integer i).
//! - [`STEPS`]: the first integer is the base, and each next one is divisor × (slope + block's next, zigzag) more. The
//!   block has one integer less than the series.

use super::bits::{put_varint, take_byte, take_varint, unzigzag, varint_length, zigzag};
use super::divisor::Divisor;
use super::failure::Damaged;
use super::integers::{self, Plan};

/// Deviations from a line, as with gauges, and with scrapes at an interval.
const LINE: u8 = 0;
/// Deviations of the differences, as with counters.
const STEPS: u8 = 1;

/// One way to write a series.
struct Form {
    tag: u8,
    /// The base, as a multiple of the divisor after the first integer.
    base: i64,
    slope: i64,
    deviations: Vec<u64>,
    plan: Plan,
}

impl Form {
    /// Deviations from a line, above the lowest, unless these are longer than `most` bits.
    fn line(offsets: &[i64], slope: i64, most: u32) -> Option<Form> {
        let deviations =
            || offsets.iter().zip(0..).map(|(offset, index)| offset.wrapping_sub(slope.wrapping_mul(index)));
        let (base, top) = deviations().fold((i64::MAX, i64::MIN), |(base, top), next| (base.min(next), top.max(next)));
        if integers::length(top.wrapping_sub(base) as u64) > most {
            return None;
        }
        let deviations: Vec<u64> = deviations().map(|deviation| deviation.wrapping_sub(base) as u64).collect();
        Some(Form { tag: LINE, base, slope, plan: integers::plan(&deviations), deviations })
    }

    /// Deviations of the differences from their median.
    fn steps(offsets: &[i64]) -> Form {
        let steps: Vec<i64> =
            offsets.iter().skip(1).zip(offsets).map(|(next, offset)| next.wrapping_sub(*offset)).collect();
        let mut sorted = steps.clone();
        let middle = sorted.len() / 2;
        let slope = if sorted.is_empty() { 0 } else { *sorted.select_nth_unstable(middle).1 };
        let deviations: Vec<u64> = steps.into_iter().map(|step| zigzag(step.wrapping_sub(slope))).collect();
        Form { tag: STEPS, base: 0, slope, plan: integers::plan(&deviations), deviations }
    }

    /// The size in bits, but for what all forms have in common.
    fn bits(&self) -> usize {
        self.plan.bits + 8 * varint_length(zigzag(self.slope))
    }
}

/// The roundest slope from the first of `offsets` to the last, which it may miss by `most`.
fn round_slope(offsets: &[i64], most: u64) -> i64 {
    let rise = offsets.last().copied().unwrap_or(0);
    let steps = (offsets.len() as i64 - 1).max(1);
    let tens = (0..=9).rev().map(|exponent| 10_i64.pow(exponent));
    let slopes = tens.map(|ten| (rise / steps).saturating_add(ten / 2) / ten * ten);
    let mut near = slopes.filter(|slope| slope.wrapping_mul(steps).abs_diff(rise) <= most);
    near.next().unwrap_or(rise / steps)
}

/// Appends a series. An empty one takes nothing.
pub(super) fn write(series: &[i64], out: &mut Vec<u8>) {
    let Some(first) = series.first().copied() else { return };
    let offsets: Option<Vec<i64>> = series.iter().map(|integer| integer.checked_sub(first)).collect();
    let (divisor, offsets) = match offsets {
        Some(mut offsets) => {
            let divisor = Divisor::common(offsets.iter().map(|offset| offset.unsigned_abs()));
            offsets.iter_mut().for_each(|offset| *offset = divisor.exact(*offset));
            (divisor, offsets)
        }
        None => (Divisor::ONE, series.iter().map(|integer| integer.wrapping_sub(first)).collect()),
    };
    let steps = Form::steps(&offsets);
    let most = steps.plan.limit + 2;
    let flat = Form::line(&offsets, 0, most);
    let line = Form::line(&offsets, round_slope(&offsets, 1 << steps.plan.width.min(62)), most);
    let lines = flat.into_iter().chain(line);
    let best = lines.fold(steps, |best, form| if form.bits() < best.bits() { form } else { best });
    out.push(best.tag);
    put_varint(zigzag(first.wrapping_add(best.base.wrapping_mul(divisor.number as i64))), out);
    put_varint(divisor.number, out);
    put_varint(zigzag(best.slope), out);
    integers::write(&best.deviations, best.plan, out);
}

/// Takes a series of `count` integers off the front.
pub(super) fn read(bytes: &mut &[u8], count: usize) -> Result<Vec<i64>, Damaged> {
    let Some(steps) = count.checked_sub(1) else { return Ok(Vec::new()) };
    let form = take_byte(bytes)?;
    let mut next = unzigzag(take_varint(bytes)?);
    let divisor = take_varint(bytes)? as i64;
    let slope = unzigzag(take_varint(bytes)?).wrapping_mul(divisor);
    match form {
        LINE => {
            let deviations = integers::read(bytes, count)?.into_iter();
            let series = deviations.map(|deviation| {
                let integer = next.wrapping_add((deviation as i64).wrapping_mul(divisor));
                next = next.wrapping_add(slope);
                integer
            });
            Ok(series.collect())
        }
        STEPS => {
            let deviations = integers::read(bytes, steps)?.into_iter();
            let mut series: Vec<i64> = deviations
                .map(|deviation| {
                    let integer = next;
                    next = next.wrapping_add(unzigzag(deviation).wrapping_mul(divisor).wrapping_add(slope));
                    integer
                })
                .collect();
            series.push(next);
            Ok(series)
        }
        _ => Err(Damaged::Invalid),
    }
}
