//! The table of symbols of remote write 2.0.

use super::protobuf::{Fields, ProtobufError, Value};
use super::series::{is_utf8, span};
use crate::write_request::{Fault, Span};

/// The bytes that are checked for ASCII at a time.
const BLOCK: usize = 1024;

/// The symbols. An empty one is the default span. One that is not UTF-8 is another empty span: only the series that refer
/// to it are at fault.
#[derive(Debug)]
pub(super) struct Symbols(Vec<Span>);

impl Symbols {
    /// Reads the `count` symbols of a request, of which the last ends at `end`.
    pub(super) fn read(buffer: &[u8], count: usize, end: usize) -> Result<Self, ProtobufError> {
        let end = end.min(buffer.len());
        let mut symbols = Vec::with_capacity(count);
        let mut fields = Fields::new(buffer, 0..end);
        // Nearly all symbols are ASCII, and so is what stands between short ones. So many are checked at a time.
        let (mut block_end, mut is_ascii) = (0, false);
        while let Some((number, value)) = fields.next()? {
            let (4, Value::Bytes(range)) = (number, value) else { continue };
            let at = range.start;
            if symbols.is_empty() && !range.is_empty() {
                return Err(ProtobufError::new("a first symbol that is not empty", at));
            }
            if at >= block_end {
                block_end = end.min(at + BLOCK);
                is_ascii = buffer[at..block_end].is_ascii();
            }
            let is_good = is_ascii && range.end <= block_end || is_utf8(buffer, range.clone());
            symbols.push(match is_good {
                _ if range.is_empty() => Span::default(),
                true => span(range)?,
                false => span(at..at)?,
            });
        }
        Ok(Symbols(symbols))
    }

    #[inline]
    pub(super) fn get(&self, reference: u32) -> Result<Span, Fault> {
        match self.0.get(reference as usize) {
            Some(symbol) if symbol.is_empty() && *symbol != Span::default() => Err(Fault::NotUtf8),
            Some(symbol) => Ok(*symbol),
            None => Err(Fault::UnknownSymbol),
        }
    }

    /// The text that a reference means, if it has any.
    #[inline]
    pub(super) fn text(&self, reference: u32) -> Option<Span> {
        self.0.get(reference as usize).copied().filter(|symbol| !symbol.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in texts {
            bytes.push(0x22);
            if text.len() >= 0x80 {
                bytes.push(text.len() as u8 | 0x80);
            }
            bytes.push(if text.len() >= 0x80 { (text.len() >> 7) as u8 } else { text.len() as u8 });
            bytes.extend(text);
        }
        bytes
    }

    fn check(texts: &[Vec<u8>]) {
        let bytes = table(texts);
        let end = bytes.len();
        // What follows the table does not matter.
        let buffer = [bytes, vec![0xff; 3]].concat();
        let symbols = Symbols::read(&buffer, texts.len(), end).unwrap();
        for (reference, text) in texts.iter().enumerate() {
            let reference = reference as u32;
            let is_good = std::str::from_utf8(text).is_ok();
            let expected = if is_good { Ok(text.as_slice()) } else { Err(Fault::NotUtf8) };
            assert_eq!(symbols.get(reference).map(|span| &buffer[span.range()]), expected);
            let known = symbols.text(reference).map(|span| &buffer[span.range()]);
            assert_eq!(known, Some(text.as_slice()).filter(|text| is_good && !text.is_empty()));
        }
        assert_eq!(symbols.get(texts.len() as u32), Err(Fault::UnknownSymbol));
        assert_eq!(symbols.text(texts.len() as u32), None);
    }

    /// The bytes that are not ASCII stand before, on and behind the border of two blocks.
    #[test]
    fn symbols_near_the_end_of_a_block_are_checked() {
        for before in BLOCK - 12..BLOCK + 4 {
            for text in [&b"abcd"[..], b"ab\xff", b"\xffab", "ä".as_bytes(), b""] {
                let filler = vec![b'f'; 100];
                let mut texts = vec![vec![]; 1];
                texts.extend(vec![filler; before / 102]);
                texts.push(vec![b'f'; before % 102]);
                texts.extend([text.to_vec(), b"\xc3".to_vec(), b"after".to_vec()]);
                check(&texts);
            }
        }
    }

    proptest! {
        #[test]
        fn only_what_is_utf_8_is_text(
            mut texts in prop::collection::vec(prop_oneof![
                8 => "[a-z]{0,40}".prop_map(String::into_bytes),
                1 => "[a-z]{100,700}".prop_map(String::into_bytes),
                1 => "\\PC{0,6}".prop_map(String::into_bytes),
                1 => prop::collection::vec(any::<u8>(), 0..6),
            ], 0..80)
        ) {
            texts.insert(0, vec![]);
            check(&texts);
        }
    }
}
