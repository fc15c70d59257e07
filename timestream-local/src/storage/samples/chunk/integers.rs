//! A block of unsigned integers, most of which are small.
//!
//! A block is a tag and up to three parts. All integers have their low bits in the first part, of a width that the tag
//! states. The bits above are in one of two places: in unary, for each integer (a Rice code, whose parts are apart so
//! that the low bits can be read out of order), or nowhere. The few integers that have yet more bits are exceptions:
//! zero in the first parts, and stated in the last, by position and value.

use super::bits::{self, MAX_WIDTH, Packer};
use super::failure::Damaged;

/// The bits of the tag that state the width in bits: 0 to 57, or 58 for 64.
const WIDTH: u8 = 0x3F;
/// The bit of the tag for unary numbers.
const UNARY: u8 = 0x40;
/// The bit of the tag for exceptions.
const EXCEPTIONS: u8 = 0x80;

/// The most bits of a number that is written in unary: it is below 2^5.
const UNARY_BITS: u32 = 5;

/// How to write a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// The low bits of an integer: 0 to 57, or 64.
    pub(super) width: u32,
    /// The most bits of an integer that is no exception.
    pub(super) limit: u32,
    /// The size of the block, within a few bytes.
    pub(super) bits: usize,
}

/// The cheapest plan for integers.
pub(super) fn plan(integers: &[u64]) -> Plan {
    // How many integers have each length.
    let mut lengths = [0; 65];
    for integer in integers {
        if let Some(count) = lengths.get_mut(length(*integer) as usize) {
            *count += 1;
        }
    }
    let longest = length(integers.iter().fold(0, |all, integer| all | integer));
    let mut best = Plan { width: 64, limit: 64, bits: integers.len() * 64 };
    // The size of the exceptions at each limit. They add up from the widest limit down.
    let mut exceptions = [0; 65];
    let mut longer = 0;
    for ((limit, size), count) in (0..longest + 1).zip(&mut exceptions).zip(lengths).rev() {
        *size = longer;
        let bits = longer + integers.len() * limit as usize;
        if limit <= MAX_WIDTH && bits < best.bits {
            best = Plan { width: limit, limit, bits };
        }
        longer += count * exception_bits(limit);
    }
    // Unary numbers are best for a bit or two less than the median has.
    let mut shorter = 0;
    let median = lengths.iter().take_while(|count| {
        shorter += **count;
        shorter * 2 < integers.len()
    });
    let median = median.count() as u32;
    for width in [median.saturating_sub(2), median.saturating_sub(1)] {
        let limit = width + UNARY_BITS;
        let Some(exceptions) = exceptions.get(limit as usize).filter(|_| limit <= MAX_WIDTH) else { continue };
        let quotients = integers.iter().map(|integer| integer >> width);
        let unary: u64 = quotients.map(|quotient| if quotient >> UNARY_BITS == 0 { quotient } else { 0 }).sum();
        let bits = unary as usize + integers.len() * (width as usize + 1) + exceptions;
        if bits < best.bits {
            best = Plan { width, limit, bits };
        }
    }
    best
}

/// The bits that an integer has.
pub(super) fn length(integer: u64) -> u32 {
    u64::BITS - integer.leading_zeros()
}

/// The largest integer of some bits.
fn ones(length: u32) -> u64 {
    u64::MAX.checked_shr(u64::BITS - length).unwrap_or(0)
}

/// The size of an exception of some bits, if it is near the last one.
fn exception_bits(length: u32) -> usize {
    8 + 8 * length.div_ceil(7) as usize
}

/// Appends a block.
pub(super) fn write(integers: &[u64], plan: Plan, out: &mut Vec<u8>) {
    let Plan { width, limit, .. } = plan;
    let (mask, largest) = (ones(width), ones(limit));
    let exceptions = integers.iter().filter(|integer| **integer > largest).count();
    let kept = || integers.iter().map(|integer| if *integer > largest { 0 } else { *integer });
    out.push(
        width.min(MAX_WIDTH + 1) as u8
            | if limit > width { UNARY } else { 0 }
            | if exceptions > 0 { EXCEPTIONS } else { 0 },
    );
    let mut low = Packer::new(out);
    kept().for_each(|integer| low.put(integer & mask, width));
    low.finish();
    if limit > width {
        let mut unary = Packer::new(out);
        kept().for_each(|integer| {
            let quotient = integer >> width;
            unary.put(1 << quotient, quotient as u32 + 1);
        });
        unary.finish();
    }
    if exceptions > 0 {
        bits::put_varint(exceptions as u64, out);
        let mut next = 0;
        for (position, integer) in integers.iter().enumerate().filter(|(_, integer)| **integer > largest) {
            bits::put_varint((position - next) as u64, out);
            bits::put_varint(*integer, out);
            next = position + 1;
        }
    }
}

/// Takes a block of `count` integers off the front.
pub(super) fn read(bytes: &mut &[u8], count: usize) -> Result<Vec<u64>, Damaged> {
    let tag = bits::take_byte(bytes)?;
    let width = match u32::from(tag & WIDTH) {
        width @ 0..=MAX_WIDTH => width,
        58 => u64::BITS,
        _ => return Err(Damaged::Invalid),
    };
    let mut integers = bits::unpack(bytes, width, count)?;
    if tag & UNARY != 0 {
        if width == u64::BITS {
            return Err(Damaged::Invalid);
        }
        bits::add_unary(bytes, width, &mut integers)?;
    }
    if tag & EXCEPTIONS != 0 {
        let mut rest = integers.iter_mut();
        for _ in 0..bits::take_varint(bytes)? {
            let skipped = bits::take_varint(bytes)?;
            let slot = usize::try_from(skipped).ok().and_then(|skipped| rest.nth(skipped));
            *slot.ok_or(Damaged::Invalid)? = bits::take_varint(bytes)?;
        }
    }
    Ok(integers)
}
