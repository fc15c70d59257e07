//! Validation: which samples go on to Timestream, and why the others do not.
//!
//! It finds records for which Timestream would refuse the whole call, so that a bad series does not harm the others.

use crate::dimension::{self, MAX_NAME_BYTES, PLACEHOLDER, PLACEHOLDER_VALUE};
use crate::error::Error;
use crate::measure;
use crate::telemetry::reason::{Ignored, Rejected};
use crate::write_request::{self, BySpan, Fate, Sample, Series, Span, WriteRequest};

/// The bits of the NaN by which Prometheus marks a series as ended (prometheus/prometheus, model/value).
pub(super) const STALE_MARKER_BITS: u64 = 0x7ff0_0000_0000_0002;
/// Dimensions per record (Timestream quota).
pub const MAX_DIMENSIONS: usize = 128;
/// Names and values of a record's dimensions, its measure name and value, in bytes (Timestream quota).
const MAX_RECORD_BYTES: usize = 2048;
/// The last millisecond that fits Timestream's nanoseconds, in the year 2262.
const MAX_TIMESTAMP: i64 = i64::MAX / 1_000_000;
/// How many characters of a series a message shows.
pub(super) const DESCRIPTION_LIMIT: usize = 200;

/// What to do with samples that the connector does not store.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Stop the program on a metric or label name over the limit, instead of ignoring the series.
    pub fail_on_long_label: bool,
    /// Stop the program on NaN and infinities, instead of ignoring the sample.
    pub fail_on_invalid_sample_value: bool,
    /// Labels that a series may have besides its name, at most [`MAX_DIMENSIONS`].
    pub max_labels: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { fail_on_long_label: false, fail_on_invalid_sample_value: false, max_labels: MAX_DIMENSIONS }
    }
}

/// The samples that validation took out, by reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Samples ignored by policy, each kind with a first example; they do not fail the request.
    pub ignored: Vec<(Ignored, u64, String)>,
    /// Samples that can never be stored, each kind with a first example.
    pub rejected: Vec<(Rejected, u64, String)>,
    /// Of those ignored, samples of the request itself: not made from native histograms.
    pub ignored_of_request: u64,
}

impl Dropped {
    /// Samples ignored.
    pub fn ignored_count(&self) -> u64 {
        self.ignored.iter().map(|(_, samples, _)| samples).sum()
    }

    /// Samples rejected.
    pub fn rejected_count(&self) -> u64 {
        self.rejected.iter().map(|(_, samples, _)| samples).sum()
    }

    pub(super) fn ignore(&mut self, reason: Ignored, samples: usize, why: impl FnOnce() -> String) {
        match self.ignored.iter_mut().find(|(known, ..)| *known == reason) {
            Some((_, count, _)) => *count += samples as u64,
            None => self.ignored.push((reason, samples as u64, why())),
        }
    }

    fn reject(&mut self, reason: Rejected, samples: usize, why: impl FnOnce() -> String) {
        match self.rejected.iter_mut().find(|(known, ..)| *known == reason) {
            Some((_, count, _)) => *count += samples as u64,
            None => self.rejected.push((reason, samples as u64, why())),
        }
    }
}

/// The lengths of label names as dimension names.
type NameBytes = BySpan<Span, usize, 128>;

/// Takes samples out of `request` that can't be stored or are to be ignored.
///
/// # Errors
/// `LongLabelNameError` and `InvalidSampleValueError` if the policy says that the program must stop.
pub fn validate(request: &mut WriteRequest, policy: Policy) -> Result<Dropped, Error> {
    let mut dropped = Dropped::default();
    let mut samples = std::mem::take(&mut request.samples);
    let mut series = std::mem::take(&mut request.series);
    let mut kept = 0;
    let mut names = NameBytes::new();
    let first_expanded = request.expanded.first().map(|histogram| histogram.first_series);
    let mut ignored_before_expanded = None;
    for (number, one) in (0..).zip(&mut series) {
        let range = one.sample_indexes();
        let count = range.len();
        let first_kept = kept;
        if Some(number) == first_expanded {
            ignored_before_expanded = Some(dropped.ignored_count());
        }
        let rejected = dropped.rejected_count();
        if check_series(request, one, count, policy, &mut names, &mut dropped)? {
            for index in range {
                let sample = samples[index as usize];
                if check_sample(request, one, sample, policy, &mut dropped)? {
                    samples[kept as usize] = sample;
                    kept += 1;
                }
            }
        }
        one.samples = (first_kept, kept);
        if dropped.rejected_count() > rejected
            && let Some(histogram) = write_request::expanded_by_series(&mut request.expanded, number)
        {
            histogram.fate = Fate::Rejected;
        }
    }
    samples.truncate(kept as usize);
    request.samples = samples;
    request.series = series;
    dropped.ignored_of_request = ignored_before_expanded.unwrap_or_else(|| dropped.ignored_count());
    Ok(dropped)
}

fn check_series(
    request: &WriteRequest,
    series: &Series,
    samples: usize,
    policy: Policy,
    names: &mut NameBytes,
    dropped: &mut Dropped,
) -> Result<bool, Error> {
    let name = || request.describe(series, DESCRIPTION_LIMIT);
    if samples == 0 {
        return Ok(false);
    }
    if let Some(fault) = series.fault {
        dropped.reject(Rejected::Invalid, samples, || format!("{} in {}", fault.describe(), name()));
        return Ok(false);
    }
    if series.name.is_empty() {
        dropped.reject(Rejected::Invalid, samples, || format!("no metric name in {}", name()));
        return Ok(false);
    }
    // An escape is never shorter, and a long name may be that of all series.
    let mut measure_bytes = series.name.len();
    if measure_bytes <= measure::MAX_NAME_BYTES {
        measure_bytes = measure::escaped_len(request.bytes(series.name));
    }
    if measure_bytes > measure::MAX_NAME_BYTES {
        return ignore_long_name(Ignored::LongMetricName, samples, policy, dropped, || {
            format!("the metric name of {} is over {} bytes as a measure name", name(), measure::MAX_NAME_BYTES)
        });
    }
    let labels = request.labels(series);
    let mut record_bytes = measure_bytes + size_of::<f64>();
    for label in labels {
        let mut name_bytes = label.name.len();
        // An escape is never shorter, so a name that is too long already needs no escape.
        if name_bytes <= MAX_NAME_BYTES {
            name_bytes = names.get(label.name, label.name, || dimension_name_bytes(request.bytes(label.name)));
        }
        if name_bytes > MAX_NAME_BYTES {
            return ignore_long_name(Ignored::LongLabelName, samples, policy, dropped, || {
                let label = request.beginning(label.name, DESCRIPTION_LIMIT);
                format!("the label name {label:?} of {} is over {MAX_NAME_BYTES} bytes as a dimension name", name())
            });
        }
        record_bytes += name_bytes + label.value.len();
    }
    if labels.is_empty() {
        record_bytes += PLACEHOLDER.len() + PLACEHOLDER_VALUE.len();
    }
    if labels.len() > policy.max_labels || record_bytes > MAX_RECORD_BYTES {
        let max_labels = policy.max_labels;
        dropped.reject(Rejected::TooLarge, samples, || {
            let found = format!("{} labels and {record_bytes} bytes", labels.len());
            format!(
                "{found} are over {max_labels} labels or Timestream's {MAX_RECORD_BYTES} bytes a record in {}",
                name()
            )
        });
        return Ok(false);
    }
    Ok(true)
}

fn dimension_name_bytes(name: &[u8]) -> usize {
    if dimension::is_plain(name) {
        return name.len();
    }
    // The decoder has checked that labels are UTF-8.
    std::str::from_utf8(name).map_or(usize::MAX, |name| dimension::escape(name).len())
}

fn ignore_long_name(
    reason: Ignored,
    samples: usize,
    policy: Policy,
    dropped: &mut Dropped,
    why: impl FnOnce() -> String,
) -> Result<bool, Error> {
    if policy.fail_on_long_label {
        return Err(Error::invalid("LongLabelNameError", why()));
    }
    dropped.ignore(reason, samples, why);
    Ok(false)
}

fn check_sample(
    request: &WriteRequest,
    series: &Series,
    sample: Sample,
    policy: Policy,
    dropped: &mut Dropped,
) -> Result<bool, Error> {
    if !sample.value.is_finite() {
        if policy.fail_on_invalid_sample_value {
            let series = request.describe(series, DESCRIPTION_LIMIT);
            let message = format!("the value {} of {series} can't be stored in Timestream", sample.value);
            return Err(Error::invalid("InvalidSampleValueError", message));
        }
        dropped.ignore(non_finite(sample.value), 1, || request.describe_sample(series, sample, DESCRIPTION_LIMIT));
        return Ok(false);
    }
    if !(0..=MAX_TIMESTAMP).contains(&sample.timestamp) {
        dropped.reject(Rejected::RetentionWindow, 1, || {
            let series = request.describe(series, DESCRIPTION_LIMIT);
            format!("the timestamp {} ms of {series} is outside the years 1970 to 2262", sample.timestamp)
        });
        return Ok(false);
    }
    Ok(true)
}

fn non_finite(value: f64) -> Ignored {
    if value.to_bits() == STALE_MARKER_BITS {
        Ignored::StaleMarker
    } else if value.is_nan() {
        Ignored::NaN
    } else if value.is_sign_negative() {
        Ignored::NegativeInfinity
    } else {
        Ignored::Infinity
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::ingest::decode_v1;
    use crate::proto;

    type Sent<'a> = (&'a [(&'a str, &'a str)], &'a [(f64, i64)]);

    fn request(series: &[Sent<'_>]) -> WriteRequest {
        let timeseries = series.iter().map(|(labels, samples)| proto::TimeSeries {
            labels: labels.iter().map(|(n, v)| proto::Label { name: (*n).into(), value: (*v).into() }).collect(),
            samples: samples
                .iter()
                .map(|&(value, timestamp)| proto::Sample { value: Some(value), timestamp })
                .collect(),
            ..Default::default()
        });
        let request = proto::WriteRequest { timeseries: timeseries.collect(), metadata: vec![] };
        decode_v1::decode(request.encode_to_vec()).unwrap()
    }

    fn values(request: &WriteRequest) -> Vec<Vec<f64>> {
        let series = request.series().iter();
        series.map(|s| s.sample_indexes().map(|i| request.sample_at(i).value).collect()).collect()
    }

    #[test]
    fn non_finite_samples_are_ignored_with_a_reason_each_and_their_neighbours_stay() {
        let stale = f64::from_bits(STALE_MARKER_BITS);
        let samples = [(1.0, 1), (f64::NAN, 2), (f64::INFINITY, 3), (f64::NEG_INFINITY, 4), (stale, 5), (2.0, 6)];
        let up = [("__name__", "up"), ("job", "a")];
        let mut request = request(&[(&up, &samples), (&up, &[(3.0, 7)])]);
        let dropped = validate(&mut request, Policy::default()).unwrap();
        let each = [Ignored::NaN, Ignored::Infinity, Ignored::NegativeInfinity, Ignored::StaleMarker];
        let counts: Vec<_> = dropped.ignored.iter().map(|(reason, count, _)| (*reason, *count)).collect();
        assert_eq!(counts, each.map(|reason| (reason, 1)));
        assert_eq!(dropped.ignored[1].2, "up{job=\"a\"} inf at 3 ms");
        assert_eq!(values(&request), [vec![1.0, 2.0], vec![3.0]]);
    }

    #[test]
    fn names_over_the_limit_cost_their_series_only() {
        let long_metric = "m".repeat(257);
        // The escape is 4 bytes longer, and 3 for each colon.
        let (escaped_metric, escaped_too_long_metric) =
            (format!("{}:", "m".repeat(248)), format!("{}:", "m".repeat(249)));
        let (long_label, escaped_too_long) = ("l".repeat(61), "_".repeat(57));
        let samples = [(1.0, 1), (2.0, 2)];
        let mut request = request(&[
            (&[("__name__", &long_metric)], &samples),
            (&[("__name__", &escaped_too_long_metric)], &samples),
            (&[("__name__", &escaped_metric)], &samples),
            (&[("__name__", "up"), (&long_label, "v")], &samples),
            (&[("__name__", "up"), (&escaped_too_long, "v")], &samples),
            (&[("__name__", &"m".repeat(256)), (&"l".repeat(60), "v")], &samples),
        ]);
        let dropped = validate(&mut request, Policy::default()).unwrap();
        let counts: Vec<_> = dropped.ignored.iter().map(|(reason, count, _)| (*reason, *count)).collect();
        assert_eq!(counts, [(Ignored::LongMetricName, 4), (Ignored::LongLabelName, 4)]);
        assert_eq!(request.sample_count(), 4);
    }

    #[test]
    fn series_that_timestream_can_never_store_are_rejected_with_an_example() {
        let many: Vec<(String, String)> = (0..129).map(|i| (format!("l{i}"), "v".to_owned())).collect();
        let many: Vec<(&str, &str)> =
            [("__name__", "up")].into_iter().chain(many.iter().map(|(n, v)| (n.as_str(), v.as_str()))).collect();
        let mut request = request(&[
            (&[("job", "a")], &[(1.0, 1)]),
            (&[("__name__", "up"), ("a", "1"), ("a", "2")], &[(1.0, 1)]),
            (&many, &[(1.0, 1)]),
            (&[("__name__", "up"), ("a", &"v".repeat(2048))], &[(1.0, 1)]),
            (&[("__name__", "up")], &[(1.0, -1), (1.0, i64::MAX), (2.0, 1)]),
        ]);
        let dropped = validate(&mut request, Policy::default()).unwrap();
        let counts: Vec<_> = dropped.rejected.iter().map(|(reason, count, _)| (*reason, *count)).collect();
        assert_eq!(counts, [(Rejected::Invalid, 2), (Rejected::TooLarge, 2), (Rejected::RetentionWindow, 2)]);
        assert_eq!(dropped.rejected[0].2, "no metric name in {job=\"a\"}");
        assert_eq!(request.sample_count(), 1);
    }

    #[test]
    fn a_policy_may_allow_fewer_labels() {
        let policy = Policy { max_labels: 1, ..Policy::default() };
        let (one, two) = ([("__name__", "up"), ("a", "1")], [("__name__", "up"), ("a", "1"), ("b", "2")]);
        let mut request = request(&[(&one, &[(1.0, 1)]), (&two, &[(1.0, 1)])]);
        let dropped = validate(&mut request, policy).unwrap();
        assert_eq!((dropped.rejected.len(), request.sample_count()), (1, 1));
        assert!(dropped.rejected[0].2.contains("over 1 labels"), "{}", dropped.rejected[0].2);
    }

    #[test]
    fn a_policy_to_fail_names_the_error_and_the_series() {
        let policy = Policy { fail_on_long_label: true, fail_on_invalid_sample_value: true, ..Policy::default() };
        let long = "l".repeat(61);
        let error = validate(&mut request(&[(&[("__name__", "up"), (&long, "v")], &[(1.0, 1)])]), policy).unwrap_err();
        assert_eq!(error.name(), "LongLabelNameError");
        let error = validate(&mut request(&[(&[("__name__", "up")], &[(f64::NAN, 1)])]), policy).unwrap_err();
        assert_eq!(error.to_string(), "InvalidSampleValueError: the value NaN of up{} can't be stored in Timestream");
    }
}
