use std::io::Read;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::openmetrics::{END, TextWriter};

type Series = (Vec<Label>, Vec<(i64, f64)>);

fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    pairs.iter().map(|(name, value)| Label { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

fn text(all: &[Series]) -> Vec<u8> {
    let mut writer = TextWriter::default();
    for (labels, samples) in all {
        writer.start_series(labels);
        samples.iter().for_each(|(time, value)| writer.push(*time, *value));
    }
    [&writer.take(), END].concat()
}

/// Counts how it is written to.
#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    most_at_once: usize,
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.most_at_once = self.most_at_once.max(bytes.len());
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn packed(all: &[Series]) -> File {
    let mut lines = GzipLines::new(File::default());
    for (labels, samples) in all {
        lines.start_series(labels);
        samples.iter().for_each(|(time, value)| lines.push(*time, (*value).into()).unwrap());
    }
    assert_eq!(lines.text_length() as usize, text(all).len() - END.len());
    lines.finish(END).unwrap()
}

/// The decoder checks checksum and length.
fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut decoder = GzDecoder::new(packed);
    decoder.read_to_end(&mut text).unwrap();
    assert!(decoder.into_inner().is_empty(), "bytes behind the end");
    text
}

fn assert_is_whole(all: &[Series]) {
    let (unpacked, text) = (unpacked(&packed(all).bytes), text(all));
    // Texts of megabytes are not for a message.
    let at = common(&unpacked, &text);
    assert!(unpacked == text, "from {at} on: {:?}", String::from_utf8_lossy(&text[at..text.len().min(at + 99)]));
}

/// Counters of a few hosts, with ten labels.
fn counters(series: usize, samples: i64) -> Vec<Series> {
    let mut random = fastrand::Rng::with_seed(7);
    let of = |index: usize| {
        let (name, host) = (format!("node_field{}_total", index % 500), format!("10.64.0.{}:9100", index / 500));
        let pod = format!("node-exporter-{:05x}", index / 500 * 26_003);
        let pairs = [
            ("__name__", &*name),
            ("cluster", "production-eu-central-1"),
            ("collector", ["netstat", "vmstat"][index % 2]),
            ("container", "node-exporter"),
            ("endpoint", "https"),
            ("instance", &host),
            ("job", "node-exporter"),
            ("namespace", "monitoring"),
            ("pod", &pod),
        ];
        let mut at = random.i64(0..1_000_000);
        let sample = |scrape: i64| {
            at += random.i64(0..5000);
            (1_700_000_000_373 + scrape * 15_000, at as f64 / 100.0)
        };
        (labels(&pairs), (0..samples).map(sample).collect())
    };
    (0..series).map(of).collect()
}

#[test]
fn a_long_text_in_many_blocks_is_whole_small_and_written_in_chunks() {
    let all = counters(400, 400);
    assert_is_whole(&all);
    let ours = packed(&all);
    assert!(ours.most_at_once < CHUNK + 100, "{}", ours.most_at_once);
    let mut theirs = GzEncoder::new(Vec::new(), Compression::new(1));
    theirs.write_all(&text(&all)).unwrap();
    let (ours, theirs) = (ours.bytes.len(), theirs.finish().unwrap().len());
    assert!(ours > 768 << 10 && ours * 10 < theirs * 8, "{ours} {theirs}");
}

#[test]
fn series_of_one_line_are_less_than_twice_as_large_as_with_a_search() {
    let all = counters(2000, 1);
    assert_is_whole(&all);
    let mut theirs = GzEncoder::new(Vec::new(), Compression::new(1));
    theirs.write_all(&text(&all)).unwrap();
    let (ours, theirs) = (packed(&all).bytes.len(), theirs.finish().unwrap().len());
    assert!(ours < theirs * 2, "{ours} {theirs}");
}

#[test]
fn lines_that_are_longer_than_a_copy_reaches_are_whole() {
    let samples = |count: i64| (0..count).map(|time| (1_700_000_000_000 + time * 1000, 7.0)).collect::<Vec<_>>();
    let mut all = Vec::new();
    for length in (32_730..32_790).chain([1, 254, 255, 256, 257, 70_000, 3]) {
        all.push((labels(&[("__name__", &"n".repeat(length)), ("a", &"v".repeat(length % 7))]), samples(2)));
    }
    for length in 200..300 {
        all.push((labels(&[("__name__", "up"), ("a", &"v".repeat(length))]), samples(3)));
    }
    assert_is_whole(&all);
    assert_is_whole(&[]);
    // The shortest lines: without a name.
    assert_is_whole(&[(Vec::new(), samples(2)), (labels(&[("__name__", "a")]), vec![(0, 1.0), (0, 1.0), (1, 1.0)])]);
    assert_is_whole(&[(labels(&[("a", "b")]), Vec::new()), (labels(&[("a", "b")]), samples(1))]);
}

/// Texts of labels that share much, with quotes, or are long.
fn any_label() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[ab\"\\\\\n=,{}é]{0,6}",
        4 => "(node-exporter-|10\\.64\\.0\\.)[0-9]{1,2}",
        1 => (200..400_usize).prop_map(|length| "x".repeat(length)),
        1 => "[a-z]{0,3}".prop_map(|part| part.repeat(6000)),
    ]
}

fn any_series() -> impl Strategy<Value = Series> {
    let value = prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (0..2000_i64).prop_map(|value| value as f64),
        (0..200_000_i64).prop_map(|value| value as f64 / 100.0),
        // Long ones, that begin alike and pass a power of ten.
        (-9_000..9_000_i64).prop_map(|value| (10_000_000_000_000 + value) as f64),
        (-9_000..9_000_i64).prop_map(|value| -(10_000_000_000_000 + value) as f64 / 1000.0),
        (-9_999_999_999_999..9_999_999_999_999_i64).prop_map(|value| value as f64 / 1000.0),
        Just(f64::NAN),
        Just(1.0),
    ];
    let time = prop_oneof![1_700_000_000_000..1_700_001_000_000_i64, any::<i64>(), 0..2000_i64];
    let samples = prop_oneof![
        prop::collection::vec((time, value.clone()), 0..4),
        (prop::collection::vec(value, 0..20), prop_oneof![0..3000_i64, 0..20_000_000_i64]).prop_map(
            |(values, step)| {
                values.into_iter().zip(0..).map(|(value, place)| (1_700_000_000_373 + place * step, value)).collect()
            }
        ),
    ];
    (prop::collection::btree_map("__name__|[a-c]|le", any_label(), 0..4), samples)
        .prop_map(|(pairs, samples)| (pairs.into_iter().map(|(name, value)| Label { name, value }).collect(), samples))
}

proptest! {
    #[test]
    fn any_lines_are_whole(all in prop::collection::vec(any_series(), 0..12)) {
        assert_is_whole(&all);
    }
}
