use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::proto::v2;
use crate::write_request::Fault;

/// A series: name, labels, samples as bits and time, and whether it has a fault.
type SeriesView = (String, Vec<(String, String)>, Vec<(u64, i64)>, bool);

fn decode(buffer: Vec<u8>) -> Result<WriteRequest, ProtobufError> {
    let survey = Survey::of(&buffer)?;
    let length = buffer.capacity();
    let request = super::decode(buffer, &survey)?;
    assert!(request.footprint() <= length + survey.table_bytes());
    Ok(request)
}

fn series_of(request: &WriteRequest) -> Vec<SeriesView> {
    let series = request.series().iter().map(|series| {
        let labels = request.labels(series).iter();
        let samples = series.sample_indexes().map(|index| request.sample_at(index));
        (
            request.text(series.name).into_owned(),
            labels.map(|l| (request.text(l.name).into_owned(), request.text(l.value).into_owned())).collect(),
            samples.map(|sample| (sample.value.to_bits(), sample.timestamp)).collect(),
            series.fault.is_some(),
        )
    });
    series.collect()
}

/// The series that must be read, from prost's form; `None` if the request must be refused.
fn series_by_prost(request: &v2::Request) -> Option<Vec<SeriesView>> {
    if request.symbols.first().is_some_and(|first| !first.is_empty()) {
        return None;
    }
    let series = request.timeseries.iter().map(|series| {
        let (mut name, mut labels, mut fault) = (String::new(), Vec::new(), false);
        let text = |reference: &u32| request.symbols.get(*reference as usize).map_or("", String::as_str);
        for pair in series.labels_refs.chunks(2) {
            fault |= pair.iter().any(|reference| *reference as usize >= request.symbols.len());
            let [label, value] = pair else {
                fault = true;
                continue;
            };
            match text(label) {
                "" => fault = true,
                "__name__" if name.is_empty() => name = text(value).to_owned(),
                "__name__" => fault = true,
                _ if text(value).is_empty() => {}
                label => labels.push((label.to_owned(), text(value).to_owned())),
            }
        }
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        fault |= labels.windows(2).any(|pair| pair[0].0 == pair[1].0);
        let samples = series.samples.iter().map(|s| (s.value().to_bits(), s.timestamp)).collect();
        (name, labels, samples, fault)
    });
    Some(series.collect())
}

fn any_series(symbols: usize) -> impl Strategy<Value = v2::TimeSeries> {
    // Now and then a reference is out of range, or odd.
    let references = prop::collection::vec(0..symbols as u32, 0..5)
        .prop_map(|half| half.iter().flat_map(|&r| [r, r.saturating_sub(1)]).collect::<Vec<_>>());
    let references = prop_oneof![9 => references, 1 => prop::collection::vec(0..symbols as u32 + 1, 0..4)];
    let timestamp = prop_oneof![any::<i64>(), 1 << 34..1i64 << 43];
    let sample = (prop::option::of(any::<f64>()), timestamp, prop_oneof![Just(0), any::<i64>()])
        .prop_map(|(value, timestamp, start_timestamp)| v2::Sample { value, timestamp, start_timestamp });
    let histogram = any::<i64>().prop_map(|timestamp| v2::Histogram { timestamp, ..Default::default() });
    (
        references,
        prop::collection::vec(sample, 0..4),
        prop::collection::vec(histogram, 0..3),
        0..3usize,
        prop::option::of(any::<u32>()),
        any::<i64>(),
    )
        .prop_map(|(labels_refs, samples, histograms, exemplars, help, created_timestamp)| v2::TimeSeries {
            labels_refs,
            samples,
            histograms,
            exemplars: vec![v2::Exemplar::default(); exemplars],
            metadata: help.map(|help_ref| v2::Metadata { help_ref, ..Default::default() }),
            created_timestamp,
        })
}

fn any_request() -> impl Strategy<Value = v2::Request> {
    prop::collection::vec("(__name__|[a-d]{0,2}|\\PC{0,3})", 0..12).prop_flat_map(|mut symbols| {
        symbols.insert(0, String::new());
        let series = prop::collection::vec(any_series(symbols.len()), 0..5);
        series.prop_map(move |timeseries| v2::Request { symbols: symbols.clone(), timeseries })
    })
}

fn request(symbols: &[&str], references: &[u32]) -> v2::Request {
    let sample = v2::Sample { value: Some(1.0), timestamp: 7, start_timestamp: 3 };
    let series = v2::TimeSeries { labels_refs: references.to_vec(), samples: vec![sample], ..Default::default() };
    v2::Request { symbols: symbols.iter().map(|s| (*s).to_owned()).collect(), timeseries: vec![series] }
}

#[test]
fn a_first_symbol_that_is_not_empty_is_refused() {
    let error = decode(request(&["a", "b"], &[0, 1]).encode_to_vec()).unwrap_err();
    assert!(error.to_string().starts_with("a first symbol that is not empty"));
    assert_eq!(decode(Vec::new()).unwrap().sample_count(), 0);
}

/// A fault of one series does not affect its neighbour.
#[test]
fn labels_that_can_not_be_read_are_a_fault_of_their_series() {
    let fault = |references: &[u32], damage: bool| {
        let mut sent = request(&["", "__name__", "up", "job", "ab"], references);
        sent.timeseries.push(request(&[], &[1, 2]).timeseries.remove(0));
        let mut bytes = sent.encode_to_vec();
        if damage {
            let at = bytes.windows(2).position(|pair| pair == b"ab").unwrap();
            bytes[at] = 0xff;
        }
        let decoded = decode(bytes).unwrap();
        assert_eq!((decoded.sample_count(), decoded.series()[1].fault), (2, None));
        decoded.series()[0].fault
    };
    assert_eq!(fault(&[1, 2, 3, 4], false), None);
    assert_eq!(fault(&[1, 2, 3, 5], false), Some(Fault::UnknownSymbol));
    assert_eq!(fault(&[1, 2, 7, 4], false), Some(Fault::UnknownSymbol));
    assert_eq!(fault(&[1, 2, 3], false), Some(Fault::MissingValue));
    assert_eq!(fault(&[1, 2, 3, 4], true), Some(Fault::NotUtf8));
    assert_eq!(fault(&[1, 2, 4, 3], true), Some(Fault::NotUtf8));
}

#[test]
fn a_message_of_remote_write_1_is_not_taken_for_an_empty_one() {
    let request = crate::proto::WriteRequest { timeseries: vec![Default::default()], metadata: vec![] };
    assert_eq!(decode(request.encode_to_vec()).unwrap_err().to_string(), "a field of remote write 1.0 at byte 2");
}

#[test]
fn unsorted_labels_are_sorted_and_repeated_ones_marked() {
    let sent = request(&["", "__name__", "up", "b", "a", "1"], &[3, 5, 4, 5, 1, 2]);
    let decoded = decode(sent.encode_to_vec()).unwrap();
    assert_eq!(decoded.describe(&decoded.series()[0], 100), "up{a=\"1\",b=\"1\"}");
    let twice = request(&["", "__name__", "up", "a", "1"], &[3, 4, 1, 2, 3, 4]);
    assert!(decode(twice.encode_to_vec()).unwrap().series()[0].fault.is_some());
}

/// The table may follow the series that refer to it. References may be packed or not, and in several pieces.
#[test]
fn fields_may_come_in_any_order_and_packing() {
    let mut buffer = vec![0x2a, 12, 0x08, 1, 0x0a, 2, 2, 3, 0x08, 4, 0x12, 2, 0x10, 7];
    for symbol in ["", "__name__", "up", "a", "1"] {
        buffer.extend([0x22, symbol.len() as u8]);
        buffer.extend(symbol.as_bytes());
    }
    let decoded = decode(buffer).unwrap();
    assert_eq!(decoded.describe(&decoded.series()[0], 100), "up{a=\"1\"}");
    assert_eq!(decoded.sample_at(0).timestamp, 7);
}

#[test]
fn fields_of_later_versions_are_passed_over() {
    let unknown = [0xa0, 0x06, 7, 0xaa, 0x06, 1, 0];
    let mut sample = v2::Sample { value: Some(1.0), timestamp: 7, start_timestamp: 3 }.encode_to_vec();
    sample.extend(unknown);
    let mut series = vec![0x0a, 2, 1, 2, 0x12, sample.len() as u8];
    series.extend(sample);
    series.extend(unknown);
    let mut buffer = v2::Request { symbols: vec![String::new(), "__name__".into(), "up".into()], timeseries: vec![] }
        .encode_to_vec();
    buffer.extend([0x2a, series.len() as u8]);
    buffer.extend(series);
    buffer.extend(unknown);
    let decoded = decode(buffer).unwrap();
    assert_eq!(decoded.describe(&decoded.series()[0], 100), "up{}");
    assert_eq!((decoded.sample_at(0).value, decoded.sample_at(0).timestamp), (1.0, 7));
}

/// A symbol of a megabyte may be referred to at two bytes a time, and sorting must not compare it whole each time.
#[test]
fn a_huge_symbol_that_is_repeated_costs_neither_memory_nor_time() {
    let (one, other) = (format!("{}1", "n".repeat(1 << 20)), format!("{}2", "n".repeat(1 << 20)));
    let references: Vec<u32> = (0..1_000_000).flat_map(|i| [1 + i % 2, 1]).collect();
    let sent = request(&["", &one, &other], &references);
    let decoded = decode(sent.encode_to_vec()).unwrap();
    assert_eq!(decoded.labels(&decoded.series()[0]).len(), 1_000_000);
    assert!(decoded.footprint() < 64 << 20, "{}", decoded.footprint());
}

proptest! {
    #[test]
    fn decodes_what_prost_encodes(request in any_request()) {
        let decoded = decode(request.encode_to_vec());
        let Some(expected) = series_by_prost(&request) else { prop_assert!(decoded.is_err()); return Ok(()) };
        let decoded = decoded.unwrap();
        prop_assert_eq!(series_of(&decoded), expected);
        let count = |of: fn(&v2::TimeSeries) -> usize| request.timeseries.iter().map(of).sum::<usize>();
        prop_assert_eq!(decoded.histogram_count(), count(|series| series.histograms.len()));
        prop_assert_eq!(decoded.exemplars as usize, count(|series| series.exemplars.len()));
    }

    #[test]
    fn reads_damaged_bytes_as_prost_does(request in any_request(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = request.encode_to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let ours = decode(bytes.clone());
        if let Ok(theirs) = v2::Request::decode(bytes.as_slice()) {
            match (ours, series_by_prost(&theirs)) {
                (Ok(ours), theirs) => prop_assert_eq!(Some(series_of(&ours)), theirs),
                (Err(error), Some(_)) => prop_assert!(error.to_string().contains("1.0"), "{}", error),
                (Err(_), None) => {}
            }
        }
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(bytes);
    }
}
