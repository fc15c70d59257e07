//! The labels of a series in remote write 2.0: references into the table of symbols, a name and a value in turns.
//!
//! Names that follow each other in one series mostly do so in many others. Such pairs are remembered. A label whose
//! name is known to follow the last one takes three look-ups, and no look at its text.

use std::ops::Range;

use super::protobuf::{Fields, ProtobufError};
use super::series::{Role, SeriesBuilder};
use super::symbols::Symbols;
use crate::write_request::{Fault, Label, Span};

/// How many pairs of names are remembered. A pair has one slot, which it may lose to another.
const SLOTS: usize = 1024;
/// The pair of an empty slot: there are fewer symbols than this.
const NO_PAIR: u64 = u64::MAX;

/// References to names of which the second may follow the first. The first is 0 at the start of a series: symbol 0 is
/// empty, so it is no name.
#[derive(Debug)]
struct Followers([u64; SLOTS]);

impl Followers {
    #[inline]
    fn slot(pair: u64) -> usize {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the pair.
        (pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % SLOTS
    }

    #[inline]
    fn pair(last: u32, name: u32) -> u64 {
        u64::from(last) << 32 | u64::from(name)
    }

    #[inline]
    fn know(&self, last: u32, name: u32) -> bool {
        let pair = Self::pair(last, name);
        self.0[Self::slot(pair)] == pair
    }

    fn learn(&mut self, last: u32, name: u32) {
        let pair = Self::pair(last, name);
        self.0[Self::slot(pair)] = pair;
    }
}

/// Reads the references of series after series.
#[derive(Debug)]
pub(super) struct References<'a> {
    buffer: &'a [u8],
    symbols: &'a Symbols,
    followers: Followers,
    /// The reference that last meant `__name__`.
    metric_name: Option<u32>,
    /// The name of the last label that was placed in the current series, or 0.
    last: u32,
    /// The name of a label whose value is still to come.
    name: Option<(u32, Span)>,
}

impl<'a> References<'a> {
    pub(super) fn new(buffer: &'a [u8], symbols: &'a Symbols) -> Self {
        let followers = Followers([NO_PAIR; SLOTS]);
        References { buffer, symbols, followers, metric_name: None, last: 0, name: None }
    }

    /// Takes the references of a packed field of `series`.
    #[inline]
    pub(super) fn packed(&mut self, series: &mut SeriesBuilder<'_>, range: Range<usize>) -> Result<(), ProtobufError> {
        let Range { start: mut at, end } = range;
        loop {
            if self.name.is_none() {
                at = self.known_labels(series, at..end)?;
            }
            if at >= end {
                return Ok(());
            }
            let mut rest = Fields::new(self.buffer, at..end);
            if let Some(reference) = rest.packed()? {
                self.one(series, reference)?;
            }
            at = rest.at();
        }
    }

    /// Takes labels as long as their names are known to follow each other, and says where it stopped. Inlined, its loop
    /// would have to share the registers.
    #[inline(never)]
    fn known_labels(&mut self, series: &mut SeriesBuilder<'_>, range: Range<usize>) -> Result<usize, ProtobufError> {
        let Range { start: mut at, end } = range;
        let mut last = self.last;
        while let Some((name, value, length)) = short_pair(self.buffer, at)
            && length <= end - at
            && let Some(text) = self.symbols.text(value)
        {
            if self.followers.know(last, name)
                && let Some(name_text) = self.symbols.text(name)
            {
                series.place(Label { name: name_text, value: text })?;
                last = name;
            } else if self.metric_name != Some(name) || !series.metric_name(text) {
                break;
            }
            at += length;
        }
        self.last = last;
        Ok(at)
    }

    /// Takes a reference as the name of a label, or as the value of the one whose name came before. A reference without a
    /// symbol is a fault of the series, and is left out.
    pub(super) fn one(&mut self, series: &mut SeriesBuilder<'_>, reference: u64) -> Result<(), ProtobufError> {
        // In protobuf a uint32 is the lower half of the number that is sent.
        let reference = reference as u32;
        let symbol = self.symbols.get(reference).unwrap_or_else(|fault| {
            series.fault(fault);
            Span::default()
        });
        let Some((name, name_text)) = self.name.take() else {
            self.name = Some((reference, symbol));
            return Ok(());
        };
        match series.label(name_text, symbol)? {
            Role::Placed => {
                if series.is_sorted() {
                    self.followers.learn(self.last, name);
                }
                self.last = name;
            }
            Role::MetricName => self.metric_name = Some(name),
            Role::LeftOut => {}
        }
        Ok(())
    }

    /// Ends the labels of a series.
    #[inline]
    pub(super) fn end(&mut self, series: &mut SeriesBuilder<'_>) {
        self.last = 0;
        if self.name.take().is_some() {
            series.fault(Fault::MissingValue);
        }
    }
}

/// Two numbers that stand at `at`, and the bytes that they take. `None` if one takes more than three bytes, or near the
/// end of the buffer.
#[inline]
fn short_pair(buffer: &[u8], at: usize) -> Option<(u32, u32, usize)> {
    let word = u64::from_le_bytes(*buffer.get(at..)?.first_chunk()?);
    let (first, first_length) = short(word)?;
    let (second, second_length) = short(word >> (8 * first_length))?;
    Some((first, second, first_length + second_length))
}

/// The number at the low end of `word`, and its bytes, of which the last is below 128.
#[inline]
fn short(word: u64) -> Option<(u32, usize)> {
    let bits = word as u32;
    if bits & 0x80 == 0 {
        Some((bits & 0x7f, 1))
    } else if bits & 0x8000 == 0 {
        Some((bits & 0x7f | bits >> 1 & 0x3f80, 2))
    } else if bits & 0x80_0000 == 0 {
        Some((bits & 0x7f | bits >> 1 & 0x3f80 | bits >> 2 & 0x1f_c000, 3))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
