//! Bodies recorded from real senders (`bodies/`, see its README): each is decoded as prost decodes it, taken by the real
//! binary with the headers that it came with, stored, and read back.

#![allow(unreachable_pub, missing_docs, reason = "the modules of a test binary are its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

#[path = "../common/cases.rs"]
#[allow(dead_code, reason = "only its types are needed here")]
mod cases;
#[path = "../common/mod.rs"]
mod common;
#[path = "../daemon/connector.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod connector;
#[path = "../daemon/output.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod output;
#[path = "../daemon/remote.rs"]
#[allow(dead_code, reason = "the tests of the daemon use all of it")]
mod remote;

mod recorded;

use std::collections::BTreeMap;

use common::{metrics, scratch, waiting};
use connector::{Connector, Scratch};
use recorded::{Content, Histogram, Recorded, recorded};
use remote::{Answer, matcher, post, query, read};
use timestream_prometheus_connector::ingest::{decode_v1, decode_v2};
use timestream_prometheus_connector::proto::label_matcher::Type;
use timestream_prometheus_connector::write_request::WriteRequest;

/// Whose native histograms can't be stored, and why; everything else in them is.
const REFUSED: &[(&str, &str)] = &[
    // Prometheus 3.5 leaves the bounds of custom buckets out of 1.0.
    ("prometheus-3-histograms", "NativeHistogramsNotStored: "),
];

/// Reports every body for which something does not hold.
fn report(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A series as the flat form has it: labels by name, and samples as bits and time.
type Flat = (Vec<(String, String)>, Vec<(u64, i64)>);

fn flat(request: &WriteRequest) -> Vec<Flat> {
    let series = request.series().iter().map(|series| {
        assert!(series.fault.is_none(), "{}", request.describe(series, 200));
        let labels = request.labels(series).iter();
        let labels =
            labels.map(|label| (request.text(label.name).into_owned(), request.text(label.value).into_owned()));
        let name = ("__name__".to_owned(), request.text(series.name).into_owned());
        let samples = series.sample_indexes().map(|index| request.sample_at(index));
        let mut labels: Vec<_> = labels.chain([name]).collect();
        labels.sort();
        (labels, samples.map(|sample| (sample.value.to_bits(), sample.timestamp)).collect())
    });
    series.collect()
}

#[test]
fn each_body_is_decoded_as_prost_decodes_it() {
    for body in recorded() {
        let Recorded { name, unpacked, content, .. } = &body;
        let decoded = if body.is_version_2() {
            let survey = decode_v2::Survey::of(unpacked).unwrap();
            decode_v2::decode(unpacked.clone(), &survey).unwrap()
        } else {
            decode_v1::decode(unpacked.clone()).unwrap()
        };
        let expected: Vec<Flat> = content
            .series
            .iter()
            .map(|(labels, samples)| {
                (labels.clone(), samples.iter().map(|&(value, time)| (value.to_bits(), time)).collect())
            })
            .collect();
        assert_eq!(flat(&decoded), expected, "{name}");
        assert_eq!(decoded.histogram_count(), content.histograms.len(), "{name}");
        assert_eq!(decoded.exemplars, content.exemplars, "{name}");
    }
}

/// Bounds are numbers: `1` and `1.0` are one.
fn with_equal_bounds(mut labels: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in &mut labels {
        if name == "le"
            && let Ok(bound) = value.parse::<f64>()
        {
            *value = bound.to_string();
        }
    }
    labels
}

/// Each sample of finite value by its series and time.
fn samples(series: &[remote::Series]) -> BTreeMap<(Vec<(String, String)>, i64), f64> {
    let each = series.iter().flat_map(|(labels, samples)| {
        let labels = with_equal_bounds(labels.clone());
        samples.iter().map(move |&(value, time)| ((labels.clone(), time), value))
    });
    each.filter(|(_, value)| value.is_finite()).collect()
}

/// What is wrong with the answer. All that was sent counts as written, what a rule ignores too.
fn wrong_answer(body: &Recorded, answer: &Answer) -> Option<String> {
    let refused = REFUSED.iter().find(|(name, _)| *name == body.name);
    if let Some((_, why)) = refused
        && answer.status == 400
        && answer.text().starts_with(why)
    {
        return None;
    }
    if answer.status != 204 || refused.is_some() {
        return Some(format!("{}: {} {}", body.name, answer.status, answer.text().trim()));
    }
    let Content { series, histograms, exemplars } = &body.content;
    let samples: usize = series.iter().map(|(_, samples)| samples.len()).sum();
    for (what, sent) in [("Samples", samples), ("Histograms", histograms.len()), ("Exemplars", *exemplars as usize)] {
        let header = format!("X-Prometheus-Remote-Write-{what}-Written");
        let expected = body.is_version_2().then(|| sent.to_string());
        if answer.header(&header) != expected.as_deref() {
            return Some(format!("{}: {header} is {:?}, not {expected:?}", body.name, answer.header(&header)));
        }
    }
    None
}

/// What is wrong with what is stored, of all that was sent in this body.
fn wrong_content(body: &Recorded, histograms: &[Histogram], address: &str) -> Vec<String> {
    let Some((first, last)) = body.content.times() else { return Vec::new() };
    let any = [matcher(Type::Neq, "__name__", "")];
    let stored = samples(&read(address, &[query(first, last, &any)])[0]);
    let mut sent = samples(&body.content.series);
    for histogram in histograms {
        for (suffix, value) in [("_count", histogram.count), ("_sum", histogram.sum)] {
            sent.insert((histogram.labels_of(suffix), histogram.timestamp), value);
        }
        let all = with_equal_bounds(histogram.labels_of_bucket("+Inf"));
        sent.insert((all, histogram.timestamp), histogram.count);
    }
    let lost = sent.iter().filter(|(key, value)| stored.get(key) != Some(value));
    let lost = lost.map(|(key, value)| format!("{}: {key:?} is {:?}, not {value}", body.name, stored.get(key)));
    let expanded = |labels: &[(String, String)]| histograms.iter().any(|histogram| histogram.is_bucket(labels));
    let beside = stored.keys().filter(|key| !sent.contains_key(key) && !expanded(&key.0));
    lost.chain(beside.map(|key| format!("{}: {key:?} was not sent", body.name))).collect()
}

#[test]
fn each_body_is_stored_and_read_back() {
    let mut wrong = Vec::new();
    // As it comes, and for those who send native histograms, which want an option.
    for (with_histograms, options) in [(false, &[][..]), (true, &["--native-histograms=expand"])] {
        let scratch = Scratch::new();
        let connector = Connector::embedded(scratch.path(), options);
        let (mut received, mut written, mut rejected) = (0, 0, 0);
        for body in recorded().iter().filter(|body| body.content.histograms.is_empty() != with_histograms) {
            let headers: Vec<_> = body.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let answer = post(&format!("http://{}/write", connector.address), &headers, &body.bytes);
            let is_refused = REFUSED.iter().any(|(name, _)| *name == body.name);
            let histograms = if is_refused { &[][..] } else { &body.content.histograms };
            match wrong_answer(body, &answer) {
                Some(why) => wrong.push(why),
                None => wrong.extend(wrong_content(body, histograms, &connector.address)),
            }
            received += body.content.series.iter().map(|(_, samples)| samples.len()).sum::<usize>();
            written += histograms.len();
            rejected += body.content.histograms.len() - histograms.len();
        }
        if wrong.is_empty() {
            assert!(connector.assert_conserved().0 >= received as f64);
            assert_eq!(connector.assert_histograms_conserved(), [written as f64, 0.0, rejected as f64, 0.0]);
            assert_eq!(connector.metric("timestream_connector_rejected_samples_total"), 0.0);
        }
    }
    report(wrong);
}
