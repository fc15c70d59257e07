//! Remote write 1.0: one walk over the protobuf bytes of a `prometheus.WriteRequest` into the flat form.
//!
//! Field numbers: prometheus/prometheus, prompb/remote.proto and prompb/types.proto.

use std::ops::Range;

use super::previous::Previous;
use super::protobuf::{Fields, ProtobufError, Value};
use super::series::{SeriesBuilder, is_utf8, span};
use crate::write_request::{Fault, Room, WriteRequest};

/// The most that the tables of a request take in memory, as a multiple of its bytes. A label of one letter each takes 8
/// bytes on the wire and 16 in the table, a sample 17 and 16. Ordinary requests take less than half.
pub const TABLES_FACTOR: usize = 3;

/// The bytes on the wire of a label, and of a series of one sample. They are rather low, so that tables seldom grow.
const USUAL_LABEL_BYTES: usize = 26;
const USUAL_SERIES_BYTES: usize = 300;

/// Decodes the uncompressed body of a request.
///
/// # Errors
/// The message is not protobuf, has a field of another type than Prometheus gives it, or is one of remote write 2.0,
/// which would look like an empty one.
/// Faults of single series are not errors here: they are marked for validation.
pub fn decode(buffer: Vec<u8>) -> Result<WriteRequest, ProtobufError> {
    let mut request = WriteRequest::default();
    let mut room = Room::new(buffer.len(), TABLES_FACTOR);
    room.reserve(&mut request.labels, buffer.len() / USUAL_LABEL_BYTES);
    room.reserve(&mut request.series, buffer.len() / USUAL_SERIES_BYTES);
    room.reserve(&mut request.samples, buffer.len() / USUAL_SERIES_BYTES);
    let mut previous = Previous::default();
    let mut fields = Fields::new(&buffer, 0..buffer.len());
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(range)) => series(&buffer, range, &mut request, &mut room, &mut previous)?,
            (1, _) => return Err(ProtobufError::new("a series of a wrong type", 0)),
            (4 | 5, Value::Bytes(range)) => {
                return Err(ProtobufError::new("a field of remote write 2.0", range.start));
            }
            // Metadata describes metric families; Timestream has no place for it.
            _ => {}
        }
    }
    request.buffer = buffer;
    Ok(request)
}

fn series(
    buffer: &[u8],
    range: Range<usize>,
    request: &mut WriteRequest,
    room: &mut Room,
    previous: &mut Previous,
) -> Result<(), ProtobufError> {
    let at = range.start;
    let mut fields = Fields::new(buffer, range);
    let mut series = SeriesBuilder::new(buffer, at, request, room);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(range)) => label(buffer, range, &mut series, previous)?,
            (2, Value::Bytes(range)) => series.sample(range)?,
            (3, Value::Bytes(_)) => series.exemplar(),
            (4, Value::Bytes(range)) => series.histogram(range)?,
            (1..=4, _) => return Err(ProtobufError::new("a field of a wrong type in a series", at)),
            _ => {}
        }
    }
    previous.end(series.is_sorted());
    series.finish()
}

/// Takes a label of the series.
#[inline]
fn label(
    buffer: &[u8],
    range: Range<usize>,
    series: &mut SeriesBuilder<'_>,
    previous: &mut Previous,
) -> Result<(), ProtobufError> {
    if let Some(seen) = previous.again(buffer, span(range.clone())?) {
        return previous.seen_label(series, seen, seen.1.label.value);
    }
    // The form of nearly all labels: name and value of less than 128 bytes each.
    if let [0x0a, name_length @ 0..0x80, rest @ ..] = &buffer[range.clone()]
        && let Some((name, [0x12, value_length @ 0..0x80, value @ ..])) =
            rest.split_at_checked(usize::from(*name_length))
        && value.len() == usize::from(*value_length)
    {
        let name_start = range.start + 2;
        let value_span = || span(range.end - value.len()..range.end);
        if let Some(seen) = previous.seen(|label| buffer[label.name.range()] == *name) {
            let known = seen.1.label.value;
            if buffer[known.range()] == *value {
                return previous.seen_label(series, seen, known);
            }
            if value.is_ascii() {
                return previous.seen_label(series, seen, value_span()?);
            }
        } else if rest.is_ascii() {
            return previous.label(series, span(name_start..name_start + name.len())?, value_span()?);
        }
    }
    let (name, value) = any_label(buffer, range)?;
    if !is_utf8(buffer, name.clone()) || !is_utf8(buffer, value.clone()) {
        series.fault(Fault::NotUtf8);
        return Ok(());
    }
    previous.label(series, span(name)?, span(value)?)
}

/// The name and the value of a label.
#[cold]
fn any_label(buffer: &[u8], range: Range<usize>) -> Result<(Range<usize>, Range<usize>), ProtobufError> {
    let (mut name, mut value) = (0..0, 0..0);
    let mut fields = Fields::new(buffer, range);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Value::Bytes(range)) => name = range,
            (2, Value::Bytes(range)) => value = range,
            (1 | 2, _) => return Err(ProtobufError::new("a field of a wrong type in a label", name.start)),
            _ => {}
        }
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::proto;

    /// A series: name, labels, samples as bits and time, and whether it has a fault.
    type SeriesView = (String, Vec<(String, String)>, Vec<(u64, i64)>, bool);

    /// The flat form as a reader of prost's form sees it.
    fn series_of(request: &WriteRequest) -> Vec<SeriesView> {
        request
            .series()
            .iter()
            .map(|series| {
                let labels = request.labels(series).iter();
                (
                    request.text(series.name).into_owned(),
                    labels.map(|l| (request.text(l.name).into_owned(), request.text(l.value).into_owned())).collect(),
                    series
                        .sample_indexes()
                        .map(|i| request.sample_at(i))
                        .map(|s| (s.value.to_bits(), s.timestamp))
                        .collect(),
                    series.fault.is_some(),
                )
            })
            .collect()
    }

    fn series_by_prost(request: &proto::WriteRequest) -> Vec<SeriesView> {
        let series = request.timeseries.iter();
        series
            .map(|series| {
                let mut name = String::new();
                let mut fault = false;
                let mut labels = Vec::new();
                for label in &series.labels {
                    match label.name.as_str() {
                        "" => fault = true,
                        "__name__" if name.is_empty() => name = label.value.clone(),
                        "__name__" => fault = true,
                        _ if label.value.is_empty() => {}
                        _ => labels.push((label.name.clone(), label.value.clone())),
                    }
                }
                labels.sort_by(|a, b| a.0.cmp(&b.0));
                fault |= labels.windows(2).any(|pair| pair[0].0 == pair[1].0);
                let samples = series.samples.iter().map(|s| (s.value().to_bits(), s.timestamp)).collect();
                (name, labels, samples, fault)
            })
            .collect()
    }

    fn any_request() -> impl Strategy<Value = proto::WriteRequest> {
        let label = ("(__name__|[a-d]{0,2}|\\PC{0,3})", "([xy]|\\PC{0,6})")
            .prop_map(|(name, value)| proto::Label { name, value });
        let timestamp = prop_oneof![any::<i64>(), 1 << 34..1i64 << 43];
        let sample = (prop::option::of(any::<f64>()), timestamp)
            .prop_map(|(value, timestamp)| proto::Sample { value, timestamp });
        let series = (prop::collection::vec(label, 0..6), prop::collection::vec(sample, 0..4), 0..3usize, 0..3usize);
        let series = series.prop_map(|(labels, samples, exemplars, histograms)| proto::TimeSeries {
            labels,
            samples,
            exemplars: vec![proto::Exemplar::default(); exemplars],
            histograms: vec![proto::Histogram::default(); histograms],
        });
        prop::collection::vec(series, 0..5)
            .prop_map(|timeseries| proto::WriteRequest { timeseries, metadata: vec![proto::MetricMetadata::default()] })
    }

    #[test]
    fn a_request_of_empty_samples_takes_no_more_memory_than_it_may() {
        let mut bytes = Vec::new();
        for _ in 0..100_000 {
            bytes.extend_from_slice(&[0x0a, 2, 0x12, 0]);
        }
        let error = decode(bytes).unwrap_err();
        assert!(error.to_string().contains("more labels and samples than its bytes can mean"), "{error}");
        let tightest = proto::WriteRequest {
            timeseries: vec![
                proto::TimeSeries {
                    labels: vec![proto::Label { name: "a".into(), value: "b".into() }],
                    samples: vec![proto::Sample { value: Some(1.0), timestamp: 1_700_000_000_000 }],
                    ..Default::default()
                };
                10_000
            ],
            metadata: vec![],
        };
        let bytes = tightest.encode_to_vec();
        let length = bytes.len();
        assert!(decode(bytes).unwrap().footprint() <= (1 + TABLES_FACTOR) * length + 8192);
    }

    /// A fault of one series does not affect its neighbour.
    #[test]
    fn a_label_that_is_not_utf_8_is_a_fault_of_its_series() {
        let series = |name: &str| proto::TimeSeries {
            labels: [("__name__", "up"), (name, "cd"), ("job", "a")]
                .map(|(name, value)| proto::Label { name: name.into(), value: value.into() })
                .to_vec(),
            samples: vec![proto::Sample { value: Some(1.0), timestamp: 7 }],
            ..Default::default()
        };
        for damaged in [b"ab", b"cd"] {
            let sent = proto::WriteRequest { timeseries: vec![series("ab"), series("xy")], metadata: vec![] };
            let mut bytes = sent.encode_to_vec();
            let at = bytes.windows(2).position(|pair| pair == damaged).unwrap();
            bytes[at + 1] = 0xff;
            let decoded = decode(bytes).unwrap();
            let faults: Vec<_> = decoded.series().iter().map(|series| series.fault).collect();
            assert_eq!((faults, decoded.sample_count()), (vec![Some(Fault::NotUtf8), None], 2));
            assert_eq!(decoded.describe(&decoded.series()[0], 100), "up{job=\"a\"}");
        }
    }

    #[test]
    fn a_message_of_remote_write_2_is_not_taken_for_an_empty_one() {
        let request = proto::v2::Request { symbols: vec![String::new()], timeseries: vec![] };
        let error = decode(request.encode_to_vec()).unwrap_err();
        assert_eq!(error.to_string(), "a field of remote write 2.0 at byte 2");
    }

    proptest! {
        #[test]
        fn decodes_what_prost_encodes(request in any_request()) {
            let decoded = decode(request.encode_to_vec()).unwrap();
            // A metric name that comes with several values keeps the first, as the oracle above does.
            prop_assert_eq!(series_of(&decoded), series_by_prost(&request));
            prop_assert_eq!(decoded.histogram_count() as u64, request.timeseries.iter().map(|s| s.histograms.len() as u64).sum::<u64>());
            prop_assert_eq!(decoded.exemplars, request.timeseries.iter().map(|s| s.exemplars.len() as u64).sum::<u64>());
        }

        #[test]
        fn reads_damaged_bytes_as_prost_does(request in any_request(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = request.encode_to_vec();
            prop_assume!(!bytes.is_empty());
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let ours = decode(bytes.clone());
            if let Ok(theirs) = proto::WriteRequest::decode(bytes.as_slice()) {
                match ours {
                    Ok(ours) => prop_assert_eq!(series_of(&ours), series_by_prost(&theirs)),
                    Err(error) => prop_assert!(error.to_string().contains("2.0"), "{}", error),
                }
            }
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(bytes);
        }
    }
}
