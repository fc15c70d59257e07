//! Reads protobuf fields from a slice without copying or allocating, as far as the remote-write decoders need it.
//!
//! Encoding: protobuf.dev, "Encoding". What prost accepts is accepted, groups in unknown fields included.

use std::fmt;
use std::ops::Range;

/// How deep unknown groups may nest, as prost limits it.
const MAX_GROUP_DEPTH: usize = 100;

/// Why a message can't be read, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtobufError {
    what: &'static str,
    at: usize,
}

impl ProtobufError {
    pub(super) fn new(what: &'static str, at: usize) -> Self {
        ProtobufError { what, at }
    }
}

impl fmt::Display for ProtobufError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for ProtobufError {}

/// A field's value as its wire type gives it. Lengths are ranges of the whole buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(Range<usize>),
    Group,
}

/// Walks the fields of one message.
pub(super) struct Fields<'a> {
    buffer: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Fields<'a> {
    /// The message that stands at `range` of `buffer`.
    pub(super) fn new(buffer: &'a [u8], range: Range<usize>) -> Self {
        let end = range.end.min(buffer.len());
        Fields { buffer, at: range.start.min(end), end }
    }

    /// Where the next field begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next field's number and value; `None` at the end of the message.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Value)>, ProtobufError> {
        // Nearly all fields are a message or text of less than 128 bytes, after a key of one byte.
        if let [key @ 0x08..0x80, length @ 0..0x80, rest @ ..] = &self.buffer[self.at..self.end]
            && key & 7 == 2
            && usize::from(*length) <= rest.len()
        {
            let start = self.at + 2;
            self.at = start + usize::from(*length);
            return Ok(Some((u32::from(key >> 3), Value::Bytes(start..self.at))));
        }
        self.any_next()
    }

    /// The next field's value if its number is `number` and it is a message or text of less than 128 bytes. A run of such
    /// fields is read without a choice among numbers, which processors predict badly.
    #[inline(always)]
    pub(super) fn next_of(&mut self, number: u8) -> Option<Range<usize>> {
        match &self.buffer[self.at..self.end] {
            [key, length @ 0..0x80, rest @ ..] if *key == number << 3 | 2 && usize::from(*length) <= rest.len() => {
                let start = self.at + 2;
                self.at = start + usize::from(*length);
                Some(start..self.at)
            }
            _ => None,
        }
    }

    fn any_next(&mut self) -> Result<Option<(u32, Value)>, ProtobufError> {
        if self.at >= self.end {
            return Ok(None);
        }
        let (number, wire) = self.key()?;
        self.value(number, wire, MAX_GROUP_DEPTH).map(|value| Some((number, value)))
    }

    /// The next number of a packed field, which is the reader's range; `None` at its end.
    pub(super) fn packed(&mut self) -> Result<Option<u64>, ProtobufError> {
        if self.at >= self.end { Ok(None) } else { self.varint().map(Some) }
    }

    #[inline]
    fn key(&mut self) -> Result<(u32, u8), ProtobufError> {
        let at = self.at;
        let key = u32::try_from(self.varint()?).map_err(|_| ProtobufError::new("a field key over 32 bits", at))?;
        match key >> 3 {
            0 => Err(ProtobufError::new("field number 0", at)),
            number => Ok((number, (key & 7) as u8)),
        }
    }

    #[inline]
    fn value(&mut self, number: u32, wire: u8, depth: usize) -> Result<Value, ProtobufError> {
        let at = self.at;
        match wire {
            0 => self.varint().map(Value::Varint),
            1 => {
                let range = self.take(8)?;
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&self.buffer[range]);
                Ok(Value::Fixed64(u64::from_le_bytes(bytes)))
            }
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| ProtobufError::new("a length past the end", at))?;
                self.take(length).map(Value::Bytes)
            }
            3 => self.skip_group(number, depth).map(|()| Value::Group),
            5 => self.take(4).map(|_| Value::Fixed32),
            _ => Err(ProtobufError::new("an unknown wire type", at)),
        }
    }

    fn skip_group(&mut self, group: u32, depth: usize) -> Result<(), ProtobufError> {
        let at = self.at;
        let Some(depth) = depth.checked_sub(1) else { return Err(ProtobufError::new("groups nested too deep", at)) };
        loop {
            let (number, wire) = self.key()?;
            if wire == 4 {
                return if number == group { Ok(()) } else { Err(ProtobufError::new("the end of another group", at)) };
            }
            self.value(number, wire, depth)?;
        }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<Range<usize>, ProtobufError> {
        if length > self.end - self.at {
            return Err(ProtobufError::new("a length past the end", self.at));
        }
        let start = self.at;
        self.at += length;
        Ok(start..self.at)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, ProtobufError> {
        // Nearly all keys and lengths are of one byte.
        match self.buffer.get(self.at) {
            Some(&first) if first < 0x80 && self.at < self.end => {
                self.at += 1;
                Ok(first.into())
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, ProtobufError> {
        let bytes = &self.buffer[self.at..self.end];
        let mut value = 0u64;
        for (index, &byte) in bytes.iter().take(10).enumerate() {
            if index == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.at += index + 1;
                return Ok(value);
            }
        }
        let what = if bytes.len() < 10 { "a number past the end" } else { "a number over 64 bits" };
        Err(ProtobufError::new(what, self.at))
    }
}

/// How many numbers a packed field holds.
pub(super) fn count_packed(field: &[u8]) -> usize {
    // The last byte of each number is below 128.
    let ends = |word: u64| !word >> 7 & 0x0101_0101_0101_0101;
    let count = |ends: u64| (ends.wrapping_mul(0x0101_0101_0101_0101) >> 56) as usize;
    let (words, rest) = field.as_chunks::<8>();
    let whole: usize = words.iter().map(|word| count(ends(u64::from_le_bytes(*word)))).sum();
    let rest = match field.last_chunk::<8>() {
        // The upper bytes of the last word are the rest; the others were counted.
        Some(last) if !rest.is_empty() => count(ends(u64::from_le_bytes(*last)) >> (8 * (8 - rest.len()))),
        _ => rest.iter().filter(|byte| **byte < 0x80).count(),
    };
    whole + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(buffer: &[u8]) -> Result<Vec<(u32, Value)>, ProtobufError> {
        let mut fields = Fields::new(buffer, 0..buffer.len());
        let mut all = Vec::new();
        while let Some(field) = fields.next()? {
            all.push(field);
        }
        Ok(all)
    }

    #[test]
    fn each_wire_type_is_read() {
        let buffer = [0x08, 0x96, 0x01, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x1a, 2, b'a', b'b', 0x25, 0, 0, 0, 0];
        let read = fields(&buffer).unwrap();
        assert_eq!(
            read,
            [(1, Value::Varint(150)), (2, Value::Fixed64(1)), (3, Value::Bytes(14..16)), (4, Value::Fixed32)]
        );
    }

    #[test]
    fn what_is_cut_off_or_overlong_is_an_error_and_not_a_panic() {
        for bad in [
            &[0x08][..],
            &[0x08, 0xff],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x11, 1, 2],
            &[0x1a, 5, b'a'],
            &[0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x25, 1],
            &[0x00],
            &[0x0e],
            &[0x0c],
            &[0x0b, 0x14],
            &[0x0b],
        ] {
            assert!(fields(bad).is_err(), "{bad:?}");
        }
        assert!(fields(&[0x0b; 300]).is_err(), "a tower of groups");
    }

    #[test]
    fn an_unknown_group_is_passed_over() {
        assert_eq!(fields(&[0x0b, 0x10, 1, 0x0c, 0x18, 7]).unwrap(), [(1, Value::Group), (3, Value::Varint(7))]);
    }

    proptest! {
        #[test]
        fn the_numbers_of_a_packed_field_are_counted_by_their_last_bytes(field in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(count_packed(&field), field.iter().filter(|byte| **byte < 0x80).count());
        }
    }
}
