//! The values of a chunk: decimals as integers, or else their bits.
//!
//! Values are a form (byte), a series of integers, and perhaps exceptions. The form is an exponent e of 0 to 15, where
//! each value is its integer / 10^e, or [`BITS`], where the integers are the values' IEEE 754 bits. Exceptions are the
//! few values that are no such decimals, such as NaN: their number (varint), and for each the values skipped (varint)
//! and its bits (8 bytes, little endian).

use std::ops::Range;

use super::bits::{put_varint, take_byte, take_varint};
use super::failure::Damaged;
use super::series;

/// The form of values that are no decimals.
const BITS: u8 = 16;
/// The bit of the form for exceptions.
const EXCEPTIONS: u8 = 0x80;

/// The powers of ten that decimals are divided by. All are exact.
const SCALES: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The integer that gives exactly `value` when divided by `scale`, if there is one.
fn decimal(value: f64, scale: f64) -> Option<i64> {
    let scaled = value * scale;
    // From 2^52 on, all are integers. Below, adding a half rounds to the nearest when cut off.
    let half = if scaled.abs() < 4_503_599_627_370_496.0 { 0.5_f64.copysign(scaled) } else { 0.0 };
    let integer = (scaled + half) as i64;
    let exact = integer.unsigned_abs() < 1 << 53 && (integer as f64 / scale).to_bits() == value.to_bits();
    exact.then_some(integer)
}

/// The least exponent at which all but a few values are decimals: one of 16, or one of fewer than that.
fn exponent(values: &[f64]) -> Option<usize> {
    let mut allowed = (values.len() / 16).max(1);
    let mut least = [0; SCALES.len()];
    let mut others = 0;
    for value in values {
        match SCALES.iter().zip(&mut least).find(|(scale, _)| decimal(*value, **scale).is_some()) {
            Some((_, count)) => *count += 1,
            None if others == allowed => return None,
            None => others += 1,
        }
    }
    allowed -= others;
    // The exponent is the lowest one above which are no more than allowed.
    for (exponent, count) in least.iter().enumerate().rev() {
        match allowed.checked_sub(*count) {
            Some(left) => allowed = left,
            None => return Some(exponent),
        }
    }
    Some(0)
}

/// Appends values.
pub(super) fn write(values: &[f64], out: &mut Vec<u8>) {
    let Some((exponent, scale)) = exponent(values).and_then(|exponent| Some((exponent, SCALES.get(exponent)?))) else {
        out.push(BITS);
        let bits: Vec<i64> = values.iter().map(|value| value.to_bits() as i64).collect();
        return series::write(&bits, out);
    };
    let mut exceptions = Vec::new();
    let mut integers: Vec<i64> = Vec::with_capacity(values.len());
    for (position, value) in values.iter().enumerate() {
        let integer = decimal(*value, *scale);
        if integer.is_none() {
            exceptions.push((position, *value));
        }
        integers.push(integer.or(integers.last().copied()).unwrap_or(0));
    }
    out.push(exponent as u8 | if exceptions.is_empty() { 0 } else { EXCEPTIONS });
    series::write(&integers, out);
    if !exceptions.is_empty() {
        put_varint(exceptions.len() as u64, out);
        let mut next = 0;
        for (position, value) in exceptions {
            put_varint((position - next) as u64, out);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
            next = position + 1;
        }
    }
}

/// Takes `count` values off the front, and returns those at the positions of `range`, which must be within `count`.
pub(super) fn read(bytes: &mut &[u8], count: usize, range: Range<usize>) -> Result<Vec<f64>, Damaged> {
    let form = take_byte(bytes)?;
    let integers = series::read(bytes, count)?;
    let integers = integers.into_iter().skip(range.start).take(range.len());
    let kind = form & !EXCEPTIONS;
    let mut values: Vec<f64> = if kind == BITS {
        integers.map(|bits| f64::from_bits(bits as u64)).collect()
    } else {
        let scale = *SCALES.get(usize::from(kind)).ok_or(Damaged::Invalid)?;
        integers.map(|integer| integer as f64 / scale).collect()
    };
    if form & EXCEPTIONS != 0 {
        let mut position = 0usize;
        for _ in 0..take_varint(bytes)? {
            let skipped = usize::try_from(take_varint(bytes)?).unwrap_or(usize::MAX);
            position = position.saturating_add(skipped);
            if position >= count {
                return Err(Damaged::Invalid);
            }
            let (bits, rest) = bytes.split_first_chunk().ok_or(Damaged::CutShort)?;
            *bytes = rest;
            if let Some(value) = position.checked_sub(range.start).and_then(|position| values.get_mut(position)) {
                *value = f64::from_bits(u64::from_le_bytes(*bits));
            }
            position += 1;
        }
    }
    Ok(values)
}
