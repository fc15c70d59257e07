//! Lines of OpenMetrics text as gzip (RFC 1952).
//!
//! A line repeats the one before but for some digits, and it is known where. So nothing is looked for, and the text itself
//! is never made: a line is a copy that begins with the end of the line before and goes on over the labels, the digits
//! of the value, a copy of the first digits of the time, and the next ones. Its checksum goes on over the labels without
//! reading them.

mod codes;
mod crc;
mod deflate;

use std::io::{self, Write};

use memchr::{memchr, memmem};

use crate::decimal::Number;
use crate::openmetrics::{self, Tail, TimeText};
use crate::proto::Label;
use codes::SHORTEST_COPY;
use deflate::{Alike, Deflate, FARTHEST};

/// A header without time and name, so that the same text gives the same bytes: "fastest", from any system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// Bytes that are written to the file at once.
const CHUNK: usize = 64 << 10;

/// A shorter copy takes as many bits as literals.
const WORTH_A_COPY: usize = 4;

/// Writes lines to a file.
#[derive(Debug)]
pub(super) struct GzipLines<W> {
    file: W,
    deflate: Deflate,
    /// Of the text so far, and its length.
    checksum: u32,
    length: u64,
    /// What the lines begin with.
    series: Vec<u8>,
    /// How the checksum goes on over it. `None` until the second line needs it.
    again: Option<crc::Again>,
    /// None of its lines has been written.
    is_new: bool,
    before: Before,
    times: TimeText,
    /// The end of a line.
    tail: Vec<u8>,
}

/// The line that was written last; at first an empty one.
#[derive(Debug, Default)]
struct Before {
    series: Vec<u8>,
    /// Its end, if that is a usual one, and its text and the length of its value otherwise.
    usual: Option<Tail>,
    tail: Vec<u8>,
    value: usize,
    length: usize,
    /// Bytes of its end that are written with the next copy: they stand at the end of the line before it, too, as far
    /// back as this line is long.
    held: usize,
}

impl<W: Write> GzipLines<W> {
    pub(super) fn new(file: W) -> Self {
        GzipLines {
            file,
            deflate: Deflate::new(&HEADER),
            checksum: !0,
            length: 0,
            series: Vec::new(),
            again: None,
            is_new: false,
            before: Before::default(),
            times: TimeText::default(),
            tail: Vec::new(),
        }
    }

    /// Begins the next series.
    pub(super) fn start_series(&mut self, labels: &[Label]) {
        if !self.is_new {
            std::mem::swap(&mut self.series, &mut self.before.series);
        }
        self.series.clear();
        openmetrics::write_series(labels, &mut self.series);
        (self.is_new, self.again) = (true, None);
    }

    /// Adds a sample of the series.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn push(&mut self, time: i64, value: Number) -> io::Result<()> {
        let usual = Tail::usual(time, value, &mut self.times);
        let length = match (usual, self.before.usual) {
            (Some(tail), Some(before)) if !self.is_new && self.push_usual(tail, before) => tail.length + Tail::TIME,
            _ => {
                self.push_any(time, value);
                self.tail.len()
            }
        };
        let length = self.series.len() + length;
        (self.before.usual, self.before.length, self.is_new) = (usual, length, false);
        self.length += length as u64;
        if self.deflate.bytes().len() >= CHUNK {
            self.file.write_all(self.deflate.bytes())?;
            self.deflate.take();
        }
        Ok(())
    }

    /// The length of the text so far.
    pub(super) fn text_length(&self) -> u64 {
        self.length
    }

    /// Ends the text with these bytes, and gives the file.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn finish(mut self, end: &[u8]) -> io::Result<W> {
        self.before.release(&mut self.deflate);
        self.deflate.literals(end);
        let mut bytes = self.deflate.finish();
        bytes.extend_from_slice(&(!crc::update(self.checksum, end)).to_le_bytes());
        // Modulo 2^32.
        bytes.extend_from_slice(&(self.length.wrapping_add(end.len() as u64) as u32).to_le_bytes());
        self.file.write_all(&bytes)?;
        Ok(self.file)
    }

    /// Writes a line behind another of its series. False, and nothing written, if that must go the way of any line.
    fn push_usual(&mut self, tail: Tail, old: Tail) -> bool {
        let (deflate, before, series) = (&mut self.deflate, &mut self.before, self.series.len());
        let (values, times) = (tail.value ^ old.value, tail.time ^ old.time);
        let same_time = times.trailing_zeros() as usize / 8;
        let distance = series + tail.length + Tail::TIME;
        let is_near = before.length <= FARTHEST && distance <= FARTHEST && series >= SHORTEST_COPY;
        if !is_near || !(WORTH_A_COPY..Tail::TIME).contains(&same_time) {
            return false;
        }
        let again = self.again.get_or_insert_with(|| crc::Again::of(&self.series));
        self.checksum = after_tail(again.update(self.checksum), &tail);
        let held = std::mem::replace(&mut before.held, times.leading_zeros() as usize / 8);
        let next = (tail.time >> (8 * same_time), Tail::TIME - same_time - before.held);
        let same = values.trailing_zeros() as usize / 8;
        let line = match tail.length.checked_sub(same) {
            Some(other) => Alike {
                copy: (held + series + same, before.length),
                digits: (tail.value >> (8 * same), other),
                second_copy: (same_time, distance),
                more_digits: next,
            },
            None => Alike {
                copy: (held + series + tail.length + same_time, before.length),
                digits: next,
                second_copy: (0, distance),
                more_digits: (0, 0),
            },
        };
        deflate.line(&line);
        true
    }

    /// Writes any line, and leaves its end in `tail`.
    fn push_any(&mut self, time: i64, value: Number) {
        self.tail.clear();
        let value = openmetrics::write_tail(time, value, &mut self.tail);
        self.before.write_tail();
        let mut written = 0;
        if self.is_new {
            self.begin_with_other_series();
        } else {
            written = self.begin_with_same_series();
        }
        let (deflate, before, tail) = (&mut self.deflate, &mut self.before, &self.tail);
        self.checksum = crc::update(crc::update(self.checksum, &self.series), tail);
        if written <= value {
            deflate.literals(&tail[written..value]);
            written = value;
            let distance = before.tail.len() - before.value + self.series.len() + value;
            let same = common(&before.tail[before.value..], &tail[value..]);
            if same >= WORTH_A_COPY && distance <= FARTHEST {
                deflate.copy(same, distance);
                written += same;
            }
        }
        let may_be_held = if self.series.len() + tail.len() <= FARTHEST { &tail[written..] } else { &[] };
        before.held = before.tail.iter().rev().zip(may_be_held.iter().rev()).take_while(|(a, b)| a == b).count();
        deflate.literals(&tail[written..tail.len() - before.held]);
        before.value = value;
        tail.clone_into(&mut before.tail);
    }

    /// Writes the series, which the line before has too, and what its tail begins with alike, and gives the length of that.
    fn begin_with_same_series(&mut self) -> usize {
        let before = &mut self.before;
        let same = common(&before.tail, &self.tail);
        let repeated = before.held + self.series.len() + same;
        if before.length <= FARTHEST && repeated >= SHORTEST_COPY {
            self.deflate.copy(repeated, before.length);
            return same;
        }
        before.release(&mut self.deflate);
        self.deflate.literals(&self.series);
        0
    }

    /// Writes the series, as far as it can by copies from the line before.
    fn begin_with_other_series(&mut self) {
        let (deflate, before, new) = (&mut self.deflate, &mut self.before, &self.series);
        let mut same = common(&before.series, new);
        if before.length <= FARTHEST && before.held + same >= SHORTEST_COPY {
            deflate.copy(before.held + same, before.length);
        } else {
            before.release(deflate);
            same = 0;
        }
        let old = &before.series;
        let (mut at, mut from) = (same, same);
        while at < new.len() {
            // Behind a difference both go on alike from the next sign on, such as a quote, or from where the old one has
            // the same label.
            let next = sign(new, at);
            deflate.literals(&new[at..next]);
            (at, from) = (next, sign(old, from));
            let mut same = common(&old[from..], &new[at..]);
            if same < WORTH_A_COPY {
                let quote = memchr(b'"', &new[at..]).map_or(new.len(), |quote| at + quote + 1);
                if let Some(found) = memmem::find(old, &new[at..quote]) {
                    (from, same) = (found, common(&old[found..], &new[at..]));
                }
            }
            let distance = before.length + at - from;
            if same >= WORTH_A_COPY && distance <= FARTHEST {
                deflate.copy(same, distance);
                (at, from) = (at + same, from + same);
            } else if at < new.len() {
                deflate.literals(&new[at..=at]);
                (at, from) = (at + 1, old.len().min(from + 1));
            }
        }
    }
}

impl Before {
    /// Makes the text of its end, if there is none.
    fn write_tail(&mut self) {
        if let Some(tail) = self.usual.take() {
            self.tail.clear();
            tail.write(&mut self.tail);
            self.value = tail.length;
        }
    }

    /// Writes what is held.
    fn release(&mut self, deflate: &mut Deflate) {
        self.write_tail();
        deflate.literals(&self.tail[self.tail.len() - std::mem::take(&mut self.held)..]);
    }
}

/// The place of the next byte that is neither a letter nor a digit, or the end.
fn sign(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|byte| !byte.is_ascii_alphanumeric()).map_or(text.len(), |sign| at + sign)
}

/// How many bytes two texts begin with alike.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The checksum's register after the end of a line.
#[inline(always)]
fn after_tail(register: u32, tail: &Tail) -> u32 {
    // The value is moved behind zeros, which change nothing, and the register comes into its first bytes.
    let before_time = match tail.length {
        4..=8 => crc::eight((tail.value as u64 ^ u64::from(register)) << (64 - 8 * tail.length)),
        length => crc::sixteen((tail.value ^ u128::from(register)) << (128 - 8 * length)),
    };
    let over = u128::from(register.checked_shr(8 * tail.length as u32).unwrap_or(0));
    crc::sixteen(tail.time ^ u128::from(before_time) ^ over)
}

#[cfg(test)]
mod tests;
