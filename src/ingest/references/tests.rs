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

const TEXTS: [&[u8]; 12] = [b"__name__", b"a", b"b", b"c", b"d", b"a", b"bb", b"\xff", b"", b"up", b"x", b"\xc3\xa4"];

fn any_references() -> impl Strategy<Value = Vec<u32>> {
    // Mostly names in their order, and values that are text.
    let sorted = prop::sample::subsequence(vec![0u32, 1, 2, 6, 3, 4], 0..=6)
        .prop_flat_map(|names| (prop::collection::vec(9..12u32, names.len()), Just(names)))
        .prop_map(|(values, names)| names.into_iter().zip(values).flat_map(|(name, value)| [name, value]).collect());
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
        let names = |series| request.labels(series).iter().map(|label| request.text(label.name)).collect::<Vec<_>>();
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
