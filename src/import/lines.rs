//! Lines of a stream of bytes, with their numbers and places, in bounded memory.

use std::io::{self, BufRead};

use flate2::Crc;
use memchr::memchr;
use serde::{Deserialize, Serialize};

/// The bytes that a line may have. A longer one can't be a sample that Timestream stores: a record has 2 KiB.
pub(super) const MAX_LINE_BYTES: usize = 1 << 20;

/// A line of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line, without its line break.
    Whole(&'a [u8]),
    /// What stands behind the last line break, if that is something.
    CutOff(&'a [u8]),
    /// A line of more bytes than it may have. They were passed over.
    TooLong,
}

/// Where in the stream reading has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Bytes before.
    pub(super) bytes: u64,
    /// Lines before.
    pub(super) lines: u64,
    /// CRC-32 of the bytes before, which tells another text.
    pub(super) checksum: u32,
}

/// The lines of a stream.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    place: Place,
    /// Of all bytes so far.
    crc: Crc,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Lines { input, line: Vec::new(), place: Place::default(), crc: Crc::new() }
    }

    /// Where the last line ends.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Passes over what an earlier run has read.
    ///
    /// # Errors
    /// The stream is shorter, begins in another way, or can't be read.
    pub(super) fn skip_to(&mut self, place: Place) -> io::Result<()> {
        let mut left = place.bytes;
        while left > 0 {
            let available = filled(&mut self.input)?;
            if available.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than what was read of it"));
            }
            let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(available.len());
            self.crc.update(&available[..skipped]);
            self.input.consume(skipped);
            left -= skipped as u64;
        }
        if self.crc.sum() != place.checksum {
            let why = "it is another text than the one whose beginning is stored; give it another state file";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.place = place;
        Ok(())
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// The stream can't be read. The place stays at the end of the line before.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut bytes, mut is_long, mut is_whole) = (0, false, false);
        while !is_whole {
            let available = filled(&mut self.input)?;
            if available.is_empty() {
                break;
            }
            let found = memchr(b'\n', available);
            let part = &available[..found.unwrap_or(available.len())];
            is_long |= self.line.len() + part.len() > MAX_LINE_BYTES;
            if !is_long {
                self.line.extend_from_slice(part);
            }
            is_whole = found.is_some();
            let consumed = part.len() + usize::from(is_whole);
            bytes += consumed as u64;
            self.crc.update(&available[..consumed]);
            self.input.consume(consumed);
        }
        if bytes == 0 {
            return Ok(None);
        }
        let Place { bytes: before, lines, .. } = self.place;
        self.place = Place { bytes: before + bytes, lines: lines + 1, checksum: self.crc.sum() };
        Ok(Some(match (is_long, is_whole) {
            (true, _) => Line::TooLong,
            (false, true) => Line::Whole(&self.line),
            (false, false) => Line::CutOff(&self.line),
        }))
    }
}

/// The bytes that can be had at once.
fn filled<R: BufRead>(input: &mut R) -> io::Result<&[u8]> {
    loop {
        // The borrow of an answer can't leave a loop. What is filled is given at once by the second call.
        match input.fill_buf().map(|_| ()) {
            Ok(()) => return input.fill_buf(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_in_bounded_memory() {
        let long = vec![b'x'; 10 * MAX_LINE_BYTES];
        let text = [b"a\n", &long[..], b"\nb\n", &long[..MAX_LINE_BYTES], b"\nc"].concat();
        let mut lines = Lines::new(BufReader::new(&text[..]));
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"a")));
        assert_eq!(lines.next().unwrap(), Some(Line::TooLong));
        assert!(lines.line.capacity() <= 2 * MAX_LINE_BYTES);
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"b")));
        assert_eq!((lines.place().bytes, lines.place().lines), (10 * MAX_LINE_BYTES as u64 + 5, 3));
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(&long[..MAX_LINE_BYTES])));
        assert_eq!(lines.next().unwrap(), Some(Line::CutOff(b"c")));
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    fn a_stream_that_is_shorter_or_another_one_is_an_error() {
        let mut lines = Lines::new(&b"a\nb\nc\n"[..]);
        while lines.next().unwrap().is_some_and(|line| line != Line::Whole(b"b")) {}
        let place = lines.place();
        for (text, error) in [
            ("a\nb\nd", None),
            ("a\nb", Some(io::ErrorKind::UnexpectedEof)),
            ("a\nc\n", Some(io::ErrorKind::InvalidData)),
        ] {
            let skipped = Lines::new(text.as_bytes()).skip_to(place);
            assert_eq!(skipped.err().map(|error| error.kind()), error, "{text}");
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_split_and_any_of_them_can_be_gone_back_to(text in "[ab\n]{0,40}", buffer in 1..8usize, from in any::<prop::sample::Index>()) {
            let mut expected: Vec<&[u8]> = text.as_bytes().split(|byte| *byte == b'\n').collect();
            let is_cut = !expected.last().is_some_and(|last| last.is_empty());
            if !is_cut { expected.pop(); }
            let mut lines = Lines::new(BufReader::with_capacity(buffer, text.as_bytes()));
            let mut places = vec![Place::default()];
            for (at, line) in expected.iter().enumerate() {
                let is_last = at + 1 == expected.len();
                let wanted = if is_cut && is_last { Line::CutOff(line) } else { Line::Whole(line) };
                prop_assert_eq!(lines.next().unwrap(), Some(wanted));
                places.push(lines.place());
            }
            prop_assert_eq!(lines.next().unwrap(), None);
            let at = from.index(places.len());
            let mut again = Lines::new(BufReader::with_capacity(buffer, text.as_bytes()));
            again.skip_to(places[at]).unwrap();
            let mut left = 0;
            while again.next().unwrap().is_some() { left += 1; }
            prop_assert_eq!(left, expected.len() - at);
            prop_assert_eq!(again.place(), lines.place());
        }
    }
}
