//! The JSON body of a WriteRecords call, written straight into one buffer.
//!
//! Attributes that all records of the call share are written once, in CommonAttributes: calls are metered by their size
//! (Timestream developer guide, metering and pricing). Field names: service model timestream-write, 2018-11-01.

use std::cmp::Ordering;
use std::io::Write;

use super::call::{Call, Part};
use super::metering::Metered;
use crate::decimal;
use crate::dimension::{self, PLACEHOLDER, PLACEHOLDER_VALUE};
use crate::measure;
use crate::write_request::{Label, Series, WriteRequest};

/// About how many bytes a record without shared dimensions takes in the body.
const RECORD_BYTES_GUESS: usize = 320;

/// The body of `call` for one table, and its metered size.
pub fn write_records_body(database: &str, table: &str, call: &Call) -> (Vec<u8>, Metered) {
    let mut shared = Shared::of(call);
    let mut metered = Metered::default();
    let mut body = Vec::with_capacity(512 + call.record_count() * RECORD_BYTES_GUESS);
    body.extend_from_slice(b"{\"DatabaseName\":");
    json_string(&mut body, database.as_bytes());
    body.extend_from_slice(b",\"TableName\":");
    json_string(&mut body, table.as_bytes());
    body.extend_from_slice(b",\"CommonAttributes\":{\"MeasureValueType\":\"DOUBLE\",\"TimeUnit\":\"MILLISECONDS\"");
    if let Some((request, series)) = shared.series {
        metered.share(shared.labels.iter().map(dimension_bytes).sum());
        if shared.measure_name {
            body.extend_from_slice(b",\"MeasureName\":");
            metered.share(measure_name(&mut body, request.bytes(series.name)));
        }
        if !shared.labels.is_empty() || shared.placeholder {
            body.push(b',');
            dimensions(&mut body, request, shared.labels.iter(), shared.placeholder);
        }
    }
    body.extend_from_slice(b"},\"Records\":[");
    for part in &call.parts {
        records(&mut body, part, &mut shared, &mut metered);
    }
    if body.last() == Some(&b',') {
        body.pop();
    }
    body.extend_from_slice(b"]}");
    (body, metered)
}

/// Writes records, each with a comma behind it. The part of a record that describes its series is written once and
/// copied for the series' further samples.
fn records<'a>(body: &mut Vec<u8>, part: &'a Part, shared: &mut Shared<'a>, metered: &mut Metered) {
    let request = part.write.request();
    if let Some(first) = part.records.first() {
        shared.move_to(request, request.series_at(first.series));
    }
    let mut previous: Option<(u32, std::ops::Range<usize>, usize)> = None;
    for record in &part.records {
        body.push(b'{');
        let start = body.len();
        let own_bytes = match &previous {
            Some((index, text, own_bytes)) if *index == record.series => {
                body.extend_from_within(text.clone());
                *own_bytes
            }
            _ => {
                let own_bytes = series_text(body, request, request.series_at(record.series), shared);
                previous = Some((record.series, start..body.len(), own_bytes));
                own_bytes
            }
        };
        metered.add_record(own_bytes);
        let sample = request.sample_at(record.sample);
        body.extend_from_slice(b"\"MeasureValue\":\"");
        number(body, sample.value);
        body.extend_from_slice(b"\",\"Time\":\"");
        body.extend_from_slice(itoa::Buffer::new().format(sample.timestamp).as_bytes());
        body.extend_from_slice(b"\"},");
    }
}

/// Appends the shortest decimal that parses back to the same double, without exponent. `value` is finite.
pub fn number(body: &mut Vec<u8>, value: f64) {
    /// Below this each whole number is a double, and has no shorter decimal.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if decimal::write_short(value, body) {
        return;
    }
    let whole = value as i64;
    if value.abs() < WHOLE && (whole as f64).to_bits() == value.to_bits() {
        body.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        if text.contains('e') {
            // Writing to a Vec does not fail.
            let _ = write!(body, "{value}");
        } else {
            body.extend_from_slice(text.as_bytes());
        }
    }
}

/// Writes the attributes of a series that the call does not share, with a comma behind it; gives their metered bytes.
fn series_text(body: &mut Vec<u8>, request: &WriteRequest, series: &Series, shared: &Shared<'_>) -> usize {
    let mut own_bytes = 0;
    if !shared.measure_name {
        body.extend_from_slice(b"\"MeasureName\":");
        own_bytes += measure_name(body, request.bytes(series.name));
        body.push(b',');
    }
    let labels = request.labels(series);
    let placeholder = labels.is_empty() && !shared.placeholder;
    if labels.len() > shared.labels.len() || placeholder {
        let own = shared.others(request, labels);
        let own = own.inspect(|label| own_bytes += dimension_bytes(label));
        dimensions(body, request, own, placeholder);
        body.push(b',');
    }
    own_bytes
}

/// Writes the measure name of a metric, which is UTF-8; gives its metered bytes.
fn measure_name(body: &mut Vec<u8>, metric: &[u8]) -> usize {
    if measure::is_plain(metric) {
        json_string(body, metric);
        return metric.len();
    }
    let metric = String::from_utf8_lossy(metric);
    let name = measure::escape(&metric);
    json_string(body, name.as_bytes());
    name.len()
}

/// The metered bytes of a dimension. An escaped name is a little longer than its label; it is rare enough to ignore.
fn dimension_bytes(label: &Label) -> usize {
    label.name.len() + label.value.len()
}

fn dimensions<'a>(
    body: &mut Vec<u8>,
    request: &WriteRequest,
    labels: impl Iterator<Item = &'a Label>,
    placeholder: bool,
) {
    body.extend_from_slice(b"\"Dimensions\":[");
    let mut first = true;
    // Dimension names are letters, digits and underscores: nothing to escape.
    let mut dimension = |body: &mut Vec<u8>, name: &[u8], value: &[u8]| {
        body.extend_from_slice(if first { b"{\"Name\":\"" } else { b",{\"Name\":\"" });
        first = false;
        body.extend_from_slice(name);
        body.extend_from_slice(b"\",\"Value\":");
        json_string(body, value);
        body.push(b'}');
    };
    for label in labels {
        let name = request.bytes(label.name);
        if dimension::is_plain(name) {
            dimension(body, name, request.bytes(label.value));
        } else {
            let name = String::from_utf8_lossy(name);
            dimension(body, dimension::escape(&name).as_bytes(), request.bytes(label.value));
        }
    }
    if placeholder {
        dimension(body, PLACEHOLDER.as_bytes(), PLACEHOLDER_VALUE.as_bytes());
    }
    body.push(b']');
}

/// The attributes that all records of a call have in common.
struct Shared<'a> {
    /// A series that has all of them.
    series: Option<(&'a WriteRequest, &'a Series)>,
    measure_name: bool,
    labels: Vec<Label>,
    /// Whether no series has a label, so that all have the placeholder.
    placeholder: bool,
}

impl<'a> Shared<'a> {
    fn of(call: &'a Call) -> Self {
        let mut shared = Shared { series: None, measure_name: true, labels: Vec::new(), placeholder: false };
        for part in &call.parts {
            let request = part.write.request();
            let mut previous = None;
            for record in &part.records {
                if previous != Some(record.series) {
                    shared.narrow(request, request.series_at(record.series));
                    previous = Some(record.series);
                }
            }
        }
        shared
    }

    /// Leaves out what `series` does not share. What is left is that of `series` now: the series of a request follow each
    /// other in a call, and mostly have the same spans.
    fn narrow(&mut self, request: &'a WriteRequest, series: &'a Series) {
        let labels = request.labels(series);
        let Some((last_request, last)) = self.series.replace((request, series)) else {
            self.labels = labels.to_vec();
            self.placeholder = labels.is_empty();
            return;
        };
        let is_same_request = std::ptr::eq(last_request, request);
        let is_same_name = is_same_request && last.name == series.name;
        self.measure_name &= is_same_name || last_request.bytes(last.name) == request.bytes(series.name);
        self.placeholder &= labels.is_empty();
        let mut rest = labels;
        self.labels.retain_mut(|shared| {
            if is_same_request && let Some(place) = rest.iter().position(|label| label == shared) {
                rest = &rest[place + 1..];
                return true;
            }
            let (known, known_request) = (*shared, last_request);
            take_named(known_request.bytes(known.name), request, &mut rest).is_some_and(|label| {
                *shared = label;
                request.bytes(label.value) == known_request.bytes(known.value)
            })
        });
    }

    /// Takes the shared labels of `series`, which has all of them, in the place of those of another request.
    fn move_to(&mut self, request: &'a WriteRequest, series: &'a Series) {
        if let Some((last_request, _)) = self.series.replace((request, series))
            && !std::ptr::eq(last_request, request)
        {
            let mut rest = request.labels(series);
            for shared in &mut self.labels {
                *shared = take_named(last_request.bytes(shared.name), request, &mut rest).unwrap_or(*shared);
            }
        }
    }

    /// The labels of a series that are not shared. Both lists are sorted by name, and the series has all shared labels.
    /// It is of the request to which they were moved.
    fn others<'b>(&'b self, request: &'b WriteRequest, labels: &'b [Label]) -> impl Iterator<Item = &'b Label> {
        let mut shared = self.labels.iter();
        let mut next = shared.next();
        labels.iter().filter(move |label| {
            let is_shared = next
                .is_some_and(|next| next.name == label.name || request.bytes(next.name) == request.bytes(label.name));
            if is_shared {
                next = shared.next();
            }
            !is_shared
        })
    }
}

/// The label of this name in `rest`, which is sorted by name. What stands before it is taken out, and itself.
fn take_named(name: &[u8], request: &WriteRequest, rest: &mut &[Label]) -> Option<Label> {
    while let [label, after @ ..] = *rest {
        let order = request.bytes(label.name).cmp(name);
        if order != Ordering::Greater {
            *rest = after;
        }
        match order {
            Ordering::Less => {}
            Ordering::Equal => return Some(*label),
            Ordering::Greater => break,
        }
    }
    None
}

/// Appends `text`, which is UTF-8, as a JSON string.
fn json_string(body: &mut Vec<u8>, text: &[u8]) {
    body.push(b'"');
    // Without a branch in the loop, so that it takes many bytes at a time.
    let escapes = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if !text.iter().fold(false, |any, &byte| any | escapes(byte)) {
        body.extend_from_slice(text);
        body.push(b'"');
        return;
    }
    let mut plain = 0;
    for (index, &byte) in text.iter().enumerate() {
        if !escapes(byte) {
            continue;
        }
        body.extend_from_slice(&text[plain..index]);
        plain = index + 1;
        if byte < 0x20 {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            body.extend_from_slice(b"\\u00");
            body.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        } else {
            body.extend_from_slice(&[b'\\', byte]);
        }
    }
    body.extend_from_slice(&text[plain..]);
    body.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;
    use serde_json::{Value, json};

    use super::*;
    use crate::ingest::decode_v1;
    use crate::proto;
    use crate::sink::call::Part;
    use crate::sink::caller_clients::CallerClients;
    use crate::sink::pending::PendingWrite;
    use crate::sink::record::Record;

    type Labels = Vec<(String, String)>;
    type Request = Vec<(Labels, Vec<(f64, i64)>)>;

    /// A call that carries all samples of the requests.
    fn call(requests: &[Request]) -> Call {
        let parts = requests.iter().map(|series| {
            let timeseries = series.iter().map(|(labels, samples)| proto::TimeSeries {
                labels: labels.iter().map(|(n, v)| proto::Label { name: n.clone(), value: v.clone() }).collect(),
                samples: samples
                    .iter()
                    .map(|&(value, timestamp)| proto::Sample { value: Some(value), timestamp })
                    .collect(),
                ..Default::default()
            });
            let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] };
            let request = decode_v1::decode(request.encode_to_vec()).unwrap();
            let series = 0..request.series().len() as u32;
            let records = series.flat_map(|series| {
                let samples = request.series_at(series).sample_indexes();
                samples.map(move |sample| Record { series, sample })
            });
            let records = records.collect();
            Part { write: PendingWrite::for_tests(request), records }
        });
        Call { caller: CallerClients::for_tests(), parts: parts.collect() }
    }

    fn labels(labels: &[(&str, &str)]) -> Labels {
        labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    fn body(call: &Call) -> Value {
        serde_json::from_slice(&write_records_body("d", "t", call).0).unwrap()
    }

    #[test]
    fn what_all_records_share_stands_once() {
        let series = |name, le| labels(&[("__name__", name), ("job", "j"), ("le", le), ("time", "x")]);
        let call = call(&[vec![(series("a", "1"), vec![(1.5, 7), (2.0, 8)]), (series("b", "2"), vec![(0.1, 7)])]]);
        let le = |value| json!([{"Name": "le", "Value": value}]);
        let expected = json!({
            "DatabaseName": "d", "TableName": "t",
            "CommonAttributes": {"MeasureValueType": "DOUBLE", "TimeUnit": "MILLISECONDS",
                "Dimensions": [{"Name": "job", "Value": "j"}, {"Name": "z_time_z", "Value": "x"}]},
            "Records": [
                {"MeasureName": "a", "Dimensions": le("1"), "MeasureValue": "1.5", "Time": "7"},
                {"MeasureName": "a", "Dimensions": le("1"), "MeasureValue": "2", "Time": "8"},
                {"MeasureName": "b", "Dimensions": le("2"), "MeasureValue": "0.1", "Time": "7"},
            ],
        });
        assert_eq!(body(&call), expected);
    }

    #[test]
    fn a_metric_name_that_timestream_refuses_is_escaped() {
        let series = |name| (labels(&[("__name__", name), ("job", "j")]), vec![(1.0, 1)]);
        let (escaped, metered) = write_records_body("d", "t", &call(&[vec![series("job:\"up\":sum")]]));
        let escaped: Value = serde_json::from_slice(&escaped).unwrap();
        let name = escaped["CommonAttributes"]["MeasureName"].as_str().unwrap();
        assert_eq!(name, "z_jobZ3aZ\"up\"Z3aZsum_z");
        let as_long = "m".repeat(name.len());
        let plain = call(&[vec![series(&as_long)]]);
        assert_eq!(metered, write_records_body("d", "t", &plain).1, "metered as it is sent");
        let own = body(&call(&[vec![series("time"), series("up")]]));
        assert_eq!(own["Records"][0]["MeasureName"], "z_time_z");
        assert_eq!(own["Records"][1]["MeasureName"], "up");
    }

    #[test]
    fn a_series_without_labels_gets_the_placeholder() {
        let bare = (labels(&[("__name__", "bare")]), vec![(1.0, 1)]);
        let placeholder = json!([{"Name": PLACEHOLDER, "Value": PLACEHOLDER_VALUE}]);
        assert_eq!(body(&call(&[vec![bare.clone()]]))["CommonAttributes"]["Dimensions"], placeholder);
        let mixed = body(&call(&[vec![bare], vec![(labels(&[("__name__", "b"), ("job", "j")]), vec![(1.0, 1)])]]));
        assert_eq!(mixed["CommonAttributes"].get("Dimensions"), None);
        assert_eq!(mixed["Records"][0]["Dimensions"], placeholder);
    }

    #[test]
    fn values_are_the_shortest_decimal_without_exponent() {
        let values = [0.1 + 0.2, 1e-9, 1e300, -0.0, 5e-324, 9007199254740993.0, f64::MAX];
        let call = call(&[vec![(labels(&[("__name__", "a")]), values.map(|v| (v, 1)).to_vec())]]);
        let body = body(&call);
        for (record, value) in body["Records"].as_array().unwrap().iter().zip(values) {
            let text = record["MeasureValue"].as_str().unwrap();
            assert!(!text.contains(['e', 'E']), "{text}");
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
        assert_eq!(body["Records"][0]["MeasureValue"], "0.30000000000000004");
    }

    proptest! {
        #[test]
        fn records_merged_with_the_common_attributes_are_the_samples(
            requests in prop::collection::vec(prop::collection::vec(
                (prop::collection::btree_map("[a-c]|_|\\PC{1,2}", "[x-y\"\\\\]{1,2}|\\PC{1,3}", 0..5), "[mn]|[mn]:\"?|time|z_m_z", prop::collection::vec((-1e6..1e6f64, 0..1000i64), 1..3)),
                1..4), 1..4)
        ) {
            let requests: Vec<Request> = requests.into_iter().map(|series| series.into_iter().map(|(labels, name, samples)| {
                let labels = labels.into_iter().filter(|(n, _)| n != "__name__");
                (labels.chain([("__name__".to_owned(), name)]).collect(), samples)
            }).collect()).collect();
            let call = call(&requests);
            let body = body(&call);
            let common = &body["CommonAttributes"];
            let pairs = |value: &Value| -> Labels {
                let dimensions = value["Dimensions"].as_array().cloned().unwrap_or_default();
                dimensions.iter().map(|d| (d["Name"].as_str().unwrap().to_owned(), d["Value"].as_str().unwrap().to_owned())).collect()
            };
            let merged: Vec<(Labels, f64, i64)> = body["Records"].as_array().unwrap().iter().map(|record| {
                let mut labels = pairs(record);
                labels.extend(pairs(common));
                let name = if record["MeasureName"].is_null() { &common["MeasureName"] } else { &record["MeasureName"] };
                prop_assert!(!labels.is_empty());
                labels.retain(|(name, _)| name != PLACEHOLDER);
                let mut labels: Labels = labels.into_iter().map(|(n, v)| (dimension::restore(&n).into_owned(), v)).collect();
                labels.push(("__name__".to_owned(), measure::restore(name.as_str().unwrap()).into_owned()));
                labels.sort();
                Ok((labels, record["MeasureValue"].as_str().unwrap().parse().unwrap(), record["Time"].as_str().unwrap().parse().unwrap()))
            }).collect::<Result<_, TestCaseError>>()?;
            let expected: Vec<(Labels, f64, i64)> = requests.iter().flatten().flat_map(|(labels, samples)| {
                let mut labels = labels.clone();
                labels.sort();
                samples.iter().map(move |&(value, time)| (labels.clone(), value, time))
            }).collect();
            prop_assert_eq!(merged, expected);
        }
    }
}
