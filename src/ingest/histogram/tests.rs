use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::ingest::decode_v2::{self, Survey};
use crate::ingest::validate::STALE_MARKER_BITS;
use crate::proto::v2;
use crate::proto::v2::histogram::{Count, ZeroCount};

const ROOM: usize = 1 << 20;

/// A request of histograms of one series, `h{…}`.
fn request(labels: &[(&str, &str)], histograms: &[v2::Histogram]) -> WriteRequest {
    let texts = ["", "__name__", "h"].into_iter().chain(labels.iter().flat_map(|(name, value)| [*name, *value]));
    let series = v2::TimeSeries {
        labels_refs: (1..3 + 2 * labels.len() as u32).collect(),
        histograms: histograms.to_vec(),
        ..Default::default()
    };
    let request = v2::Request { symbols: texts.map(str::to_owned).collect(), timeseries: vec![series] };
    let bytes = request.encode_to_vec();
    let survey = Survey::of(&bytes).unwrap();
    decode_v2::decode(bytes, &survey).unwrap()
}

/// The series and values of a request's samples.
fn samples(request: &WriteRequest) -> Vec<(String, f64)> {
    let series = request.series().iter().filter(|series| series.sample_count() == 1);
    let sample = |series: &Series| request.sample_at(series.sample_indexes().start).value;
    series.map(|series| (request.describe(series, 1000), sample(series))).collect()
}

fn expanded(labels: &[(&str, &str)], histogram: v2::Histogram) -> Vec<(String, f64)> {
    let mut request = request(labels, &[histogram]);
    let plan = plan(&request, ROOM);
    assert_eq!((plan.rejected, &plan.first_fault), (0, &None));
    let before = request.footprint();
    expand(&mut request, &plan);
    assert!(request.footprint() <= before + plan.bytes(), "{} > {before} + {}", request.footprint(), plan.bytes());
    samples(&request)
}

fn fault(histogram: v2::Histogram) -> String {
    let plan = plan(&request(&[], &[histogram]), ROOM);
    assert_eq!(plan.rejected, 1);
    plan.first_fault.unwrap()
}

fn span(offset: i32, length: u32) -> v2::BucketSpan {
    v2::BucketSpan { offset, length }
}

fn owned(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected.iter().map(|(series, value)| ((*series).to_owned(), *value)).collect()
}

/// One observation of each: -3, 0, 1.5 and 2, twice 3, and 20.
fn of_whole_numbers() -> v2::Histogram {
    v2::Histogram {
        count: Some(Count::CountInt(7)),
        sum: 26.5,
        schema: 0,
        zero_threshold: 0.001,
        zero_count: Some(ZeroCount::ZeroCountInt(1)),
        negative_spans: vec![span(2, 1)],
        negative_deltas: vec![1],
        positive_spans: vec![span(1, 2), span(2, 1)],
        positive_deltas: vec![2, 0, -1],
        timestamp: 7,
        ..Default::default()
    }
}

#[test]
fn an_exponential_histogram_has_a_bucket_for_each_of_its_bounds() {
    let expected = owned(&[
        ("h_bucket{job=\"a\",le=\"-4.0\",pod=\"b\"}", 0.0),
        ("h_bucket{job=\"a\",le=\"-2.0\",pod=\"b\"}", 1.0),
        ("h_bucket{job=\"a\",le=\"-0.001\",pod=\"b\"}", 1.0),
        ("h_bucket{job=\"a\",le=\"0.001\",pod=\"b\"}", 2.0),
        ("h_bucket{job=\"a\",le=\"1.0\",pod=\"b\"}", 2.0),
        ("h_bucket{job=\"a\",le=\"2.0\",pod=\"b\"}", 4.0),
        ("h_bucket{job=\"a\",le=\"4.0\",pod=\"b\"}", 6.0),
        ("h_bucket{job=\"a\",le=\"16.0\",pod=\"b\"}", 6.0),
        ("h_bucket{job=\"a\",le=\"32.0\",pod=\"b\"}", 7.0),
        ("h_bucket{job=\"a\",le=\"+Inf\",pod=\"b\"}", 7.0),
        ("h_count{job=\"a\",pod=\"b\"}", 7.0),
        ("h_sum{job=\"a\",pod=\"b\"}", 26.5),
    ]);
    assert_eq!(expanded(&[("job", "a"), ("pod", "b")], of_whole_numbers()), expected);
    let of_floats = v2::Histogram {
        count: Some(Count::CountFloat(7.0)),
        zero_count: Some(ZeroCount::ZeroCountFloat(1.0)),
        negative_deltas: vec![],
        negative_counts: vec![1.0],
        positive_deltas: vec![],
        positive_counts: vec![2.0, 2.0, 1.0],
        ..of_whole_numbers()
    };
    assert_eq!(expanded(&[("job", "a"), ("pod", "b")], of_floats), expected);
}

#[test]
fn custom_bounds_are_those_of_the_classic_histogram_that_it_was() {
    let histogram = v2::Histogram {
        count: Some(Count::CountInt(4)),
        sum: 9.0,
        schema: -53,
        positive_spans: vec![span(0, 1), span(1, 2)],
        positive_deltas: vec![1, 1, -1],
        custom_values: vec![0.5, 1.0, 2.5],
        ..Default::default()
    };
    let expected = owned(&[
        ("h_bucket{le=\"0.5\"}", 1.0),
        ("h_bucket{le=\"1.0\"}", 1.0),
        ("h_bucket{le=\"2.5\"}", 3.0),
        ("h_bucket{le=\"+Inf\"}", 4.0),
        ("h_count{}", 4.0),
        ("h_sum{}", 9.0),
    ]);
    assert_eq!(expanded(&[], histogram), expected);
}

#[test]
fn observations_of_infinity_and_nan_are_in_the_count_alone() {
    let histogram = v2::Histogram {
        count: Some(Count::CountInt(3)),
        sum: f64::NAN,
        positive_spans: vec![span(1025, 1)],
        positive_deltas: vec![2],
        ..Default::default()
    };
    let all = expanded(&[], histogram);
    assert_eq!(all[0], ("h_bucket{le=\"0.0\"}".into(), 0.0));
    assert_eq!(all[1], ("h_bucket{le=\"1.7976931348623157e+308\"}".into(), 0.0));
    assert_eq!(all[2], ("h_bucket{le=\"+Inf\"}".into(), 3.0));
}

#[test]
fn a_stale_histogram_is_ignored() {
    let stale = v2::Histogram { sum: f64::from_bits(STALE_MARKER_BITS), schema: 99, ..Default::default() };
    let plan = plan(&request(&[], &[stale]), ROOM);
    assert_eq!((plan.stale, plan.rejected, plan.bytes()), (1, 0, 0));
}

#[test]
fn what_can_not_be_expanded_is_rejected_with_a_reason() {
    let of_one = |histogram| v2::Histogram { count: Some(Count::CountInt(1)), ..histogram };
    let base = v2::Histogram { positive_spans: vec![span(0, 1)], positive_deltas: vec![1], ..v2::Histogram::default() };
    assert!(fault(of_one(v2::Histogram { schema: 9, ..base.clone() })).contains("the schema 9 is none of"));
    assert!(fault(base.clone()).contains("its count is 0, but its buckets hold 1"));
    for (what, histogram) in [
        ("spans are of", v2::Histogram { positive_spans: vec![span(0, u32::MAX)], ..base.clone() }),
        ("spans are of", v2::Histogram { positive_counts: vec![1.0], ..base.clone() }),
        ("spans are of", v2::Histogram { positive_deltas: vec![], ..base.clone() }),
        ("begins before", v2::Histogram { positive_spans: vec![span(0, 1), span(-1, 0)], ..base.clone() }),
        ("less than nothing", v2::Histogram { positive_deltas: vec![-1], ..base.clone() }),
        ("no bucket 2147483647", v2::Histogram { positive_spans: vec![span(i32::MAX, 1)], ..base.clone() }),
        (
            "no bucket 1 ",
            v2::Histogram { schema: -53, positive_spans: vec![span(0, 1)], ..base.clone() }.with_bounds(&[]).shifted(1),
        ),
        ("not numbers in increasing order", v2::Histogram { schema: -53, ..base.clone() }.with_bounds(&[2.0, 1.0])),
        ("not numbers in increasing order", v2::Histogram { schema: -53, ..base.clone() }.with_bounds(&[f64::NAN])),
        ("both a schema and custom bounds", base.clone().with_bounds(&[1.0])),
        ("zero threshold is NaN", v2::Histogram { zero_threshold: f64::NAN, ..base.clone() }),
        ("more than 2048 buckets", v2::Histogram { positive_deltas: vec![0; 2049], ..base.clone() }),
        ("more than 2048 buckets", v2::Histogram { positive_spans: vec![span(0, 0); 2049], ..base.clone() }),
        (
            "count is NaN",
            v2::Histogram {
                count: Some(Count::CountFloat(f64::NAN)),
                positive_deltas: vec![],
                positive_counts: vec![1.0],
                ..base.clone()
            },
        ),
        (
            "a bucket holds -1",
            v2::Histogram {
                count: Some(Count::CountFloat(1.0)),
                positive_deltas: vec![],
                positive_counts: vec![-1.0],
                ..base.clone()
            },
        ),
    ] {
        let histogram = if histogram.count.is_none() { of_one(histogram) } else { histogram };
        let fault = fault(histogram);
        assert!(fault.starts_with("the native histogram h{}: ") && fault.contains(what), "{what}: {fault}");
    }
}

impl v2::Histogram {
    fn with_bounds(self, bounds: &[f64]) -> Self {
        v2::Histogram { custom_values: bounds.to_vec(), ..self }
    }

    fn shifted(mut self, by: i32) -> Self {
        self.positive_spans[0].offset += by;
        self
    }
}

#[test]
fn a_label_le_is_rejected_and_a_nameless_series_left_for_validation() {
    let plan_of = plan(&request(&[("le", "1")], &[of_whole_numbers()]), ROOM);
    assert!(plan_of.first_fault.unwrap().contains("it has a label le"));
    let mut nameless = request(&[], &[of_whole_numbers()]);
    nameless.series[0].name = Span::default();
    let plan = plan(&nameless, ROOM);
    expand(&mut nameless, &plan);
    assert!(nameless.series().iter().all(|series| series.name.is_empty()));
}

#[test]
fn what_would_not_fit_is_rejected_and_what_fits_is_expanded() {
    let three = request(&[("job", "a")], &vec![of_whole_numbers(); 3]);
    let one = plan(&request(&[("job", "a")], &[of_whole_numbers()]), ROOM).bytes();
    let plan = plan(&three, 2 * one);
    assert_eq!((plan.expand.len(), plan.rejected), (2, 1));
    assert!(plan.bytes() <= 2 * one && plan.bytes() > one);
    assert!(plan.first_fault.unwrap().contains("would take more than"));
}

/// Observations, and the native histogram of them by the definition of its buckets.
#[derive(Debug, Clone)]
struct Observed {
    values: Vec<f64>,
    schema: i32,
    zero_threshold: f64,
    custom_bounds: Vec<f64>,
    as_floats: bool,
}

impl Observed {
    fn histogram(&self) -> v2::Histogram {
        let (mut negative, mut positive, mut zero) = (BTreeMap::new(), BTreeMap::new(), 0u64);
        for &value in &self.values {
            if self.schema == -53 {
                let index = self.custom_bounds.iter().filter(|bound| **bound < value).count() as i64;
                *positive.entry(index).or_insert(0u64) += 1;
            } else if value.abs() <= self.zero_threshold {
                zero += 1;
            } else {
                let index = (value.abs().log2() * 2f64.powi(self.schema)).ceil() as i64;
                *(if value > 0.0 { &mut positive } else { &mut negative }).entry(index).or_insert(0) += 1;
            }
        }
        let (negative_spans, negative) = spans(&negative);
        let (positive_spans, positive) = spans(&positive);
        let deltas = |counts: &[u64]| {
            let before = [0].iter().chain(counts);
            counts.iter().zip(before).map(|(count, before)| *count as i64 - *before as i64).collect::<Vec<_>>()
        };
        let floats = |counts: &[u64]| counts.iter().map(|count| *count as f64).collect::<Vec<_>>();
        let count = self.values.len() as u64;
        let mut histogram = v2::Histogram {
            sum: self.values.iter().sum(),
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            negative_spans,
            positive_spans,
            custom_values: self.custom_bounds.clone(),
            ..Default::default()
        };
        if self.as_floats {
            histogram.count = Some(Count::CountFloat(count as f64));
            histogram.zero_count = Some(ZeroCount::ZeroCountFloat(zero as f64));
            (histogram.negative_counts, histogram.positive_counts) = (floats(&negative), floats(&positive));
        } else {
            histogram.count = Some(Count::CountInt(count));
            histogram.zero_count = Some(ZeroCount::ZeroCountInt(zero));
            (histogram.negative_deltas, histogram.positive_deltas) = (deltas(&negative), deltas(&positive));
        }
        histogram
    }
}

/// Spans without gaps of more than two empty buckets, as Prometheus' clients make them, and the counts in them.
fn spans(buckets: &BTreeMap<i64, u64>) -> (Vec<v2::BucketSpan>, Vec<u64>) {
    let (mut spans, mut counts): (Vec<v2::BucketSpan>, _) = (Vec::new(), Vec::new());
    let mut next = 0;
    for (&index, &count) in buckets {
        match spans.last_mut() {
            Some(last) if index - next <= 2 => {
                last.length += (index - next + 1) as u32;
                counts.extend(vec![0; (index - next) as usize]);
            }
            _ => spans.push(span((index - next) as i32, 1)),
        }
        counts.push(count);
        next = index + 1;
    }
    (spans, counts)
}

fn any_observed() -> impl Strategy<Value = Observed> {
    let values = prop::collection::vec(
        prop_oneof![-1e3..1e3f64, (-60.0..60.0f64).prop_map(f64::exp2), (-60.0..60.0f64).prop_map(|e| -e.exp2())],
        0..30,
    );
    let bounds = prop::collection::btree_set(-900i32..900, 0..6);
    (values, -4..=8i32, prop::sample::select(vec![0.0, 1e-5, 0.37]), prop::option::of(bounds), any::<bool>()).prop_map(
        |(values, schema, zero_threshold, bounds, as_floats)| match bounds {
            None => Observed { values, schema, zero_threshold, custom_bounds: vec![], as_floats },
            Some(bounds) => {
                let custom_bounds = bounds.into_iter().map(|bound| f64::from(bound) + 0.25).collect();
                Observed { values, schema: -53, zero_threshold: 0.0, custom_bounds, as_floats }
            }
        },
    )
}

proptest! {
    /// For any buckets, each bound of the classic histogram has the observations up to it. Two neighbouring bounds are
    /// no further apart than the bounds of a native bucket.
    #[test]
    fn each_bucket_holds_the_observations_up_to_its_bound(observed in any_observed()) {
        let all = expanded(&[("job", "a")], observed.histogram());
        let bound = |series: &str| {
            let text = series.strip_prefix("h_bucket{job=\"a\",le=\"")?.strip_suffix("\"}")?;
            text.parse::<f64>().ok()
        };
        let buckets: Vec<(f64, f64)> = all.iter().filter_map(|(series, count)| Some((bound(series)?, *count))).collect();
        prop_assert!(buckets.is_sorted_by(|a, b| a.0 < b.0), "{:?}", buckets);
        prop_assert_eq!(buckets.last().unwrap().0, f64::INFINITY);
        for (bound, count) in &buckets {
            // A negative bucket with exponential bounds includes its lower bound but not its upper one, so an
            // observation exactly on the upper bound counts in the next bucket.
            let on_next = observed.schema != -53 && *bound < 0.0;
            let up_to = observed.values.iter().filter(|value| if on_next { *value < bound } else { *value <= bound });
            // The place of an observation within the zero bucket is not known.
            if bound.abs() >= observed.zero_threshold {
                prop_assert_eq!(*count as usize, up_to.count(), "up to {}", bound);
            }
        }
        for &value in &observed.values {
            let width = 2f64.powf(2f64.powi(-observed.schema)) * 1.000_001;
            let near = |bound: f64| bound / value <= width && value / bound <= width;
            if observed.schema != -53 && value.abs() > observed.zero_threshold {
                prop_assert!(buckets.iter().any(|(bound, _)| *bound >= value && near(*bound)), "{} {:?}", value, buckets);
                prop_assert!(buckets.iter().any(|(bound, _)| *bound <= value && near(*bound)), "{} {:?}", value, buckets);
            }
        }
        let rest: Vec<_> = all.iter().rev().take(2).map(|(series, value)| (series.as_str(), *value)).collect();
        let sum: f64 = observed.values.iter().sum();
        prop_assert_eq!(rest, [("h_sum{job=\"a\"}", sum), ("h_count{job=\"a\"}", observed.values.len() as f64)]);
    }

    #[test]
    fn never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..100), observed in any_observed(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut damaged = observed.histogram().encode_to_vec();
        if !damaged.is_empty() {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        bytes.extend(&damaged);
        for message in [damaged, bytes] {
            let mut request = request(&[("job", "a")], &[]);
            let start = request.buffer.len();
            request.buffer.extend(&message);
            let message = Span::new(start..request.buffer.len()).unwrap();
            request.histograms.push(NativeHistogram { series: 0, message });
            let plan = plan(&request, ROOM);
            let before = request.footprint();
            expand(&mut request, &plan);
            prop_assert!(request.footprint() <= before + plan.bytes());
        }
    }
}
