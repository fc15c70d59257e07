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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::decode_v2::{Survey, decode};
    use crate::write_request::WriteRequest;

    /// A number in at least `length` bytes.
    fn varint(mut number: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 || bytes.len() + 1 < length {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    fn field(key: u8, content: &[u8]) -> Vec<u8> {
        [vec![key], varint(content.len() as u64, 1), content.to_vec()].concat()
    }

    /// How the references of a series are sent.
    #[derive(Debug, Clone, Copy)]
    enum Form {
        Packed,
        /// In two packed fields, of which the first has so many references.
        Split(usize),
        NotPacked,
    }

    fn series(references: &[u32], form: Form, length: usize) -> Vec<u8> {
        let packed = |references: &[u32]| {
            let numbers: Vec<_> = references.iter().flat_map(|&reference| varint(reference.into(), length)).collect();
            field(0x0a, &numbers)
        };
        let content = match form {
            Form::Packed => packed(references),
            Form::Split(at) => {
                let (one, other) = references.split_at(at.min(references.len()));
                [packed(one), packed(other)].concat()
            }
            Form::NotPacked => {
                references.iter().flat_map(|&reference| [vec![0x08], varint(reference.into(), 1)].concat()).collect()
            }
        };
        field(0x2a, &content)
    }

    /// Texts, and how often each stands in the table, so that references take one byte or several.
    fn table(texts: &[&[u8]], copies: usize) -> Vec<u8> {
        let mut bytes = field(0x22, b"");
        for text in texts {
            bytes.extend(field(0x22, text).repeat(copies));
        }
        bytes
    }

    fn decoded(bytes: Vec<u8>) -> WriteRequest {
        let survey = Survey::of(&bytes).unwrap();
        decode(bytes, &survey).unwrap()
    }

    const TEXTS: [&[u8]; 12] =
        [b"__name__", b"a", b"b", b"c", b"d", b"a", b"bb", b"\xff", b"", b"up", b"x", b"\xc3\xa4"];

    fn any_references() -> impl Strategy<Value = Vec<u32>> {
        // Mostly names in their order, and values that are text.
        let sorted = prop::sample::subsequence(vec![0u32, 1, 2, 6, 3, 4], 0..=6)
            .prop_flat_map(|names| (prop::collection::vec(9..12u32, names.len()), Just(names)))
            .prop_map(|(values, names)| {
                names.into_iter().zip(values).flat_map(|(name, value)| [name, value]).collect()
            });
        prop_oneof![3 => sorted, 1 => prop::collection::vec(0..13u32, 0..9)]
    }

    proptest! {
        /// References that are not packed are taken one by one.
        #[test]
        fn known_labels_mean_the_same_as_single_references(
            all in prop::collection::vec((any_references(), 1..5usize, 0..10usize), 1..12),
            copies in prop_oneof![Just(1u32), Just(60), Just(3000)],
        ) {
            let request = |form: fn(usize) -> Form| {
                let mut bytes = table(&TEXTS, copies as usize);
                for (places, length, at) in &all {
                    // Of the copies of a text any may be meant, but mostly it is the same one.
                    let copy = if length % 4 == 0 { copies - 1 } else { 0 };
                    let references: Vec<u32> = places.iter().map(|place| 1 + place * copies + copy).collect();
                    bytes.extend(series(&references, form(*at), *length));
                }
                decoded(bytes)
            };
            let (packed, split, single) = (request(|_| Form::Packed), request(Form::Split), request(|_| Form::NotPacked));
            prop_assert_eq!(packed.series().len(), all.len());
            for other in [split, single] {
                let places = |request: &WriteRequest| -> Vec<_> {
                    let series = request.series().iter();
                    let text = |span| request.bytes(span).to_vec();
                    let labels = |series| request.labels(series).iter().map(|l| (text(l.name), text(l.value))).collect::<Vec<_>>();
                    series.map(|series| (text(series.name), series.fault, labels(series))).collect()
                };
                prop_assert_eq!(places(&packed), places(&other));
            }
        }

        #[test]
        fn two_short_numbers_are_read_as_one_by_one(
            numbers in prop::array::uniform2(prop_oneof![0..0x100u64, 0x3f00..0x4100u64, 0x1f_ff00..0x20_0100u64, any::<u32>().prop_map(u64::from)]),
            lengths in prop::array::uniform2(1..5usize),
            after in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let numbers_sent = [varint(numbers[0], lengths[0]), varint(numbers[1], lengths[1])];
            let longest = numbers_sent[0].len().max(numbers_sent[1].len());
            let sent = numbers_sent.concat();
            let buffer = [&[0x80], sent.as_slice(), &after].concat();
            let read = short_pair(&buffer, 1);
            if longest <= 3 && sent.len() + after.len() >= 8 {
                prop_assert_eq!(read, Some((numbers[0] as u32, numbers[1] as u32, sent.len())));
            } else {
                prop_assert_eq!(read, None);
            }
        }
    }

    #[test]
    fn nothing_is_read_past_the_end_of_the_buffer() {
        assert_eq!(short_pair(&[1; 8], 0), Some((1, 1, 2)));
        assert_eq!(short_pair(&[1; 8], 1), None);
        assert_eq!(short_pair(&[1; 8], 9), None);
    }

    /// A number that goes on behind the field is refused, though the buffer goes on.
    #[test]
    fn a_pair_that_ends_behind_its_field_is_refused() {
        let good = [table(&[b"a", b"x"], 1), field(0x2a, &field(0x0a, &[1, 2])), field(0x2a, &field(0x0a, &[1, 2]))];
        assert_eq!(decoded(good.concat()).series().len(), 2);
        for cut in [&[1, 0x82][..], &[0x81], &[1, 2, 0x81]] {
            let labels = [field(0x0a, cut), field(0x12, &[0x10, 1])].concat();
            let bytes = [good.concat(), field(0x2a, &labels)].concat();
            let survey = Survey::of(&bytes).unwrap();
            let error = decode(bytes, &survey).unwrap_err();
            assert!(error.to_string().starts_with("a number past the end"), "{error}");
        }
    }

    /// Two pairs of names that share a slot: each is found again only until the other comes.
    #[test]
    fn a_pair_that_lost_its_slot_is_compared_again() {
        let pairs: Vec<u64> = (1..60).flat_map(|a| (a + 1..60).map(move |b| Followers::pair(a, b))).collect();
        let one = pairs[0];
        let other = *pairs[1..].iter().find(|pair| Followers::slot(**pair) == Followers::slot(one)).unwrap();
        let mut followers = Followers([NO_PAIR; SLOTS]);
        let halves = |pair: u64| ((pair >> 32) as u32, pair as u32);
        for pair in [one, other, one] {
            let (last, name) = halves(pair);
            assert!(!followers.know(last, name));
            followers.learn(last, name);
            assert!(followers.know(last, name));
        }
        let texts: Vec<String> = (0..60).map(|text| format!("n{text:02}")).collect();
        let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let mut bytes = table(&texts, 1);
        for pair in [one, other, one, other] {
            let (last, name) = halves(pair);
            bytes.extend(series(&[last, 5, name, 6], Form::Packed, 1));
            bytes.extend(series(&[name, 5, last, 6], Form::Packed, 1));
        }
        let request = decoded(bytes);
        for (index, both) in request.series().chunks(2).enumerate() {
            let (last, name) = halves([one, other][index % 2]);
            let names =
                |series| request.labels(series).iter().map(|label| request.text(label.name)).collect::<Vec<_>>();
            assert_eq!(names(&both[0]), [format!("n{:02}", last - 1), format!("n{:02}", name - 1)]);
            assert_eq!(names(&both[0]), names(&both[1]));
            assert_eq!((both[0].fault, both[1].fault), (None, None));
        }
    }

    #[test]
    fn a_reference_is_the_lower_half_of_its_number() {
        let mut bytes = table(&[b"a", b"x"], 1);
        let labels = [varint(1 << 32 | 1, 1), varint(u64::MAX << 32 | 2, 1)].concat();
        bytes.extend(field(0x2a, &field(0x0a, &labels)));
        let request = decoded(bytes);
        assert_eq!(request.describe(&request.series()[0], 100), "{a=\"x\"}");
    }

    #[test]
    fn a_metric_name_that_comes_twice_is_a_fault_and_the_first_counts() {
        let mut bytes = table(&[b"__name__", b"up", b"down", b"a"], 1);
        for references in [&[1, 2, 4, 2][..], &[1, 2, 1, 3], &[1, 0, 1, 3], &[1, 2, 4, 3]] {
            bytes.extend(series(references, Form::Packed, 1));
        }
        let request = decoded(bytes);
        let found = request.series().iter().map(|series| (request.text(series.name).into_owned(), series.fault));
        let expected = [("up", None), ("up", Some(Fault::Label)), ("down", None), ("up", None)];
        assert!(found.eq(expected.map(|(name, fault)| (name.to_owned(), fault))));
    }
}
