//! Integers as bytes and bits: varints, and fields of some bits, the lowest bit first.

use super::failure::Damaged;

/// The widest field that [`unpack`] reads, but for [`u64::BITS`]: with up to 7 bits before it, it is within 8 bytes.
pub(super) const MAX_WIDTH: u32 = 57;

/// Signed as unsigned, small for small magnitudes: 0, -1, 1, -2, ...
pub(crate) fn zigzag(signed: i64) -> u64 {
    ((signed << 1) ^ (signed >> 63)) as u64
}

/// The reverse of [`zigzag`].
pub(crate) fn unzigzag(unsigned: u64) -> i64 {
    (unsigned >> 1) as i64 ^ -((unsigned & 1) as i64)
}

/// Appends a varint: 7 bits a byte, the lowest first, with the high bit set in all bytes but the last.
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The bytes of a varint.
pub(super) fn varint_length(value: u64) -> usize {
    value.checked_ilog2().unwrap_or(0) as usize / 7 + 1
}

/// Takes a varint off the front. Bits beyond the 64th are an error.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = take_byte(bytes)?;
        let bits = u64::from(byte & 0x7F);
        if (bits << shift) >> shift != bits {
            return Err(Damaged::Invalid);
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Damaged::Invalid)
}

/// Takes a byte off the front.
pub(super) fn take_byte(bytes: &mut &[u8]) -> Result<u8, Damaged> {
    bytes.split_off_first().copied().ok_or(Damaged::CutShort)
}

/// Appends fields of bits to bytes.
pub(super) struct Packer<'a> {
    out: &'a mut Vec<u8>,
    /// The bits that are not in `out` yet: fewer than 64.
    buffer: u64,
    filled: u32,
}

impl<'a> Packer<'a> {
    /// Appends to `out`, from a whole byte on.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Packer { out, buffer: 0, filled: 0 }
    }

    /// Appends a value below 2^width, of up to 64 bits.
    pub(super) fn put(&mut self, value: u64, width: u32) {
        self.buffer |= value << self.filled;
        let filled = self.filled + width;
        if filled >= u64::BITS {
            self.out.extend_from_slice(&self.buffer.to_le_bytes());
            self.buffer = value.checked_shr(u64::BITS - self.filled).unwrap_or(0);
        }
        self.filled = filled % u64::BITS;
    }

    /// Appends what is left, filled up with zeros to a whole byte.
    pub(super) fn finish(self) {
        let rest = self.buffer.to_le_bytes();
        self.out.extend(rest.iter().take(self.filled.div_ceil(8) as usize));
    }
}

/// Takes `count` fields of `width` bits off the front, which is up to [`MAX_WIDTH`], or 64.
pub(super) fn unpack(bytes: &mut &[u8], width: u32, count: usize) -> Result<Vec<u64>, Damaged> {
    if width == 0 {
        return Ok(vec![0; count]);
    }
    let width = width as usize;
    let length = count.checked_mul(width).ok_or(Damaged::CutShort)?.div_ceil(8);
    let rest = bytes.get(length..).ok_or(Damaged::CutShort)?;
    let mask = u64::MAX >> (64 - width);
    let mut fields = vec![0; count];
    let mut start = 0;
    // One load has several narrow fields.
    for group in fields.chunks_mut((MAX_WIDTH as usize / width).max(1)) {
        let mut word = load(bytes, start / 8) >> (start % 8);
        for field in &mut *group {
            *field = word & mask;
            word = word.wrapping_shr(width as u32);
        }
        start += group.len() * width;
    }
    *bytes = rest;
    Ok(fields)
}

/// Takes a unary number off the front for each of `values`, and adds it at bit `shift`: as many zeros, and a one.
pub(super) fn add_unary(bytes: &mut &[u8], shift: u32, values: &mut [u64]) -> Result<(), Damaged> {
    let (mut word, mut read, mut start) = (0, 0, 0);
    for value in values {
        while word == 0 {
            if read >= bytes.len() {
                return Err(Damaged::CutShort);
            }
            word = load(bytes, read);
            read += 8;
        }
        let one = read * 8 - 64 + word.trailing_zeros() as usize;
        word &= word - 1;
        *value |= ((one - start) as u64) << shift;
        start = one + 1;
    }
    *bytes = bytes.get(start.div_ceil(8)..).ok_or(Damaged::CutShort)?;
    Ok(())
}

/// The 8 bytes at an offset, with zeros after the end.
fn load(bytes: &[u8], offset: usize) -> u64 {
    if let Some(eight) = bytes.get(offset..offset + 8).and_then(|bytes| bytes.first_chunk()) {
        return u64::from_le_bytes(*eight);
    }
    let rest = bytes.get(offset..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}
