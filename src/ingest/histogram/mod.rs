//! Native histograms as classic ones, so that Timestream can hold them and PromQL can ask for them.
//!
//! Each becomes several series of one sample, behind the request's own series: `<name>_bucket` with an `le` label for
//! every bound of the native histogram, `<name>_count` and `<name>_sum`. There are two steps, so that memory is
//! reserved before it is taken: a byte of a histogram's message can become a series with all of its labels.

use std::collections::HashMap;

use crate::write_request::{Expanded, Fate, Label, NativeHistogram, Sample, Series, Span, WriteRequest};

mod bounds;
mod message;
mod spelling;
#[cfg(test)]
mod tests;

use message::Classic;

const BOUND_LABEL: &[u8] = b"le";
const BUCKET: &str = "_bucket";
const COUNT: &str = "_count";
const SUM: &str = "_sum";
/// The longest text of a bound, and the memory to remember it.
const BOUND_BYTES: usize = 24 + 2 * (size_of::<u64>() + size_of::<Span>());
/// The bytes that a name's suffix and the label `le` add to a record.
const BOUND_RECORD_BYTES: usize = 64;
/// How many characters of a series a message shows.
const DESCRIPTION_LIMIT: usize = 200;

/// What to do with native histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NativeHistograms {
    /// Store the request's samples and answer 400 for the histograms.
    #[default]
    Reject,
    /// Store them as classic histograms.
    Expand,
}

/// Which of a request's histograms can be expanded, and the memory for it.
#[derive(Debug, Default)]
pub struct Plan {
    expand: Vec<NativeHistogram>,
    cost: Cost,
    /// The bytes of the bounds of the request's classic buckets once they are spelt alike.
    spelling: usize,
    /// Histograms that only mark their series as ended.
    pub stale: u64,
    /// Histograms that can't be expanded.
    pub rejected: u64,
    /// The fault of the first of those.
    pub first_fault: Option<String>,
}

impl Plan {
    /// The bytes that the expanded histograms take, with the JSON of their records.
    pub fn bytes(&self) -> usize {
        self.cost.bytes() + self.spelling
    }
}

/// The cost of expanded histograms: items of the request's tables, and bytes.
#[derive(Debug, Default, Clone, Copy)]
struct Cost {
    histograms: usize,
    series: usize,
    labels: usize,
    text: usize,
    records: usize,
}

impl Cost {
    fn bytes(&self) -> usize {
        self.histograms * size_of::<Expanded>()
            + self.series * (size_of::<Series>() + size_of::<Sample>())
            + self.labels * size_of::<Label>()
            + self.text
            + self.records
    }

    /// The cost with one more histogram, of the series `base` and with so many buckets.
    fn plus(&self, request: &WriteRequest, base: &Series, buckets: usize) -> Cost {
        // The name of the label is stored once.
        let name = if self.histograms == 0 { BOUND_LABEL.len() } else { 0 };
        Cost {
            histograms: self.histograms + 1,
            series: self.series + buckets + 2,
            labels: self.labels + buckets * (request.labels(base).len() + 1),
            text: self.text + name + 3 * (base.name.len() + BUCKET.len()) + buckets * BOUND_BYTES,
            records: self.records + (buckets + 2) * (request.record_bytes(base) + BOUND_RECORD_BYTES),
        }
    }
}

/// Plans the expansion of a request's histograms. Those that do not fit into `max_bytes` are rejected: they never will.
pub fn plan(request: &WriteRequest, max_bytes: usize) -> Plan {
    // Spans must be able to address the added text.
    let max_bytes = max_bytes.min((u32::MAX as usize).saturating_sub(request.buffer.len()));
    let mut plan = Plan { spelling: spelling::cost(request), ..Plan::default() };
    let max_bytes = max_bytes.saturating_sub(plan.spelling);
    let mut classic = Classic::default();
    for histogram in &request.histograms {
        let fault = match look(request, histogram, &mut classic) {
            Ok(()) if classic.is_stale() => {
                plan.stale += 1;
                continue;
            }
            Ok(()) => {
                let base = request.series_at(histogram.series);
                let cost = plan.cost.plus(request, base, classic.buckets.len() + 1);
                if cost.bytes() <= max_bytes {
                    plan.cost = cost;
                    plan.expand.push(*histogram);
                    continue;
                }
                format!("with it the request's histograms would take more than the {max_bytes} bytes that they may")
            }
            Err(fault) => fault,
        };
        plan.rejected += 1;
        plan.first_fault.get_or_insert_with(|| {
            let series = request.describe(request.series_at(histogram.series), DESCRIPTION_LIMIT);
            format!("the native histogram {series}: {fault}")
        });
    }
    plan
}

fn look(request: &WriteRequest, histogram: &NativeHistogram, classic: &mut Classic) -> Result<(), message::Fault> {
    classic.read(&request.buffer, histogram.message.range())?;
    let labels = request.labels(request.series_at(histogram.series));
    if labels.iter().any(|label| request.bytes(label.name) == BOUND_LABEL) {
        return Err("it has a label le, where the bound of each bucket must stand".into());
    }
    Ok(())
}

/// Appends the series and samples of the histograms in `plan`, and spells the bounds of all buckets alike.
pub fn expand(request: &mut WriteRequest, plan: &Plan) {
    if plan.spelling > 0 {
        spelling::respell(request);
    }
    if plan.expand.is_empty() {
        return;
    }
    request.expanded.reserve_exact(plan.cost.histograms);
    request.series.reserve_exact(plan.cost.series);
    request.samples.reserve_exact(plan.cost.series);
    request.labels.reserve_exact(plan.cost.labels);
    request.buffer.reserve_exact(plan.cost.text);
    let mut expander = Expander { le: Span::default(), bounds: HashMap::new() };
    expander.le = append(&mut request.buffer, BOUND_LABEL);
    let mut classic = Classic::default();
    for histogram in &plan.expand {
        // The plan has read it without a fault.
        if classic.read(&request.buffer, histogram.message.range()).is_ok() {
            expander.expand(request, histogram.series, &classic);
        }
    }
}

struct Expander {
    /// The text "le".
    le: Span,
    /// The text of each bound met so far, by its bits.
    bounds: HashMap<u64, Span>,
}

impl Expander {
    fn expand(&mut self, request: &mut WriteRequest, series: u32, classic: &Classic) {
        let base = *request.series_at(series);
        let first_series = request.series.len() as u32;
        request.expanded.push(Expanded { first_series, fate: Fate::Written });
        let bucket = suffixed(&mut request.buffer, base.name, BUCKET);
        for &(bound, count) in classic.buckets.iter().chain([&(f64::INFINITY, classic.count)]) {
            let labels = self.labels_with_bound(request, &base, bound);
            push(request, Series { name: bucket, labels, ..base }, count, classic.timestamp);
        }
        let count = suffixed(&mut request.buffer, base.name, COUNT);
        push(request, Series { name: count, ..base }, classic.count, classic.timestamp);
        let sum = suffixed(&mut request.buffer, base.name, SUM);
        push(request, Series { name: sum, ..base }, classic.sum, classic.timestamp);
    }

    /// The labels of `base` with `le`, in their order.
    fn labels_with_bound(&mut self, request: &mut WriteRequest, base: &Series, bound: f64) -> (u32, u32) {
        let WriteRequest { buffer, labels, .. } = request;
        let value =
            *self.bounds.entry(bound.to_bits()).or_insert_with(|| append(buffer, bounds::text(bound).as_bytes()));
        let (from, to) = (base.labels.0 as usize, base.labels.1 as usize);
        let at = from + labels[from..to].partition_point(|label| buffer[label.name.range()] < *BOUND_LABEL);
        let first = labels.len();
        labels.extend_from_within(from..at);
        labels.push(Label { name: self.le, value });
        labels.extend_from_within(at..to);
        (first as u32, labels.len() as u32)
    }
}

fn push(request: &mut WriteRequest, series: Series, value: f64, timestamp: i64) {
    let first = request.samples.len() as u32;
    request.samples.push(Sample { value, timestamp });
    request.series.push(Series { samples: (first, first + 1), ..series });
}

/// A name with a suffix. A missing name stays missing, so that validation finds it.
fn suffixed(buffer: &mut Vec<u8>, name: Span, suffix: &str) -> Span {
    if name.is_empty() {
        return name;
    }
    let start = buffer.len();
    buffer.extend_from_within(name.range());
    buffer.extend_from_slice(suffix.as_bytes());
    span(start..buffer.len())
}

fn append(buffer: &mut Vec<u8>, text: &[u8]) -> Span {
    let start = buffer.len();
    buffer.extend_from_slice(text);
    span(start..buffer.len())
}

/// The span of added text. The plan has made sure that text ends below 4 GiB.
fn span(range: std::ops::Range<usize>) -> Span {
    Span::new(range).unwrap_or_default()
}
