//! Reads the message of a native histogram, which is the same in both versions of remote write, and checks it.
//!
//! The checks are those that Prometheus makes before it stores one: prometheus/prometheus, model/histogram.

use std::ops::Range;

use super::bounds;
use crate::ingest::protobuf::{Fields, ProtobufError, Value};
use crate::ingest::validate::STALE_MARKER_BITS;

/// The most positive buckets, negative buckets, custom bounds and spans of one histogram. Prometheus' clients use at
/// most 160 buckets.
pub(super) const MAX_BUCKETS: usize = 2048;

/// The schema whose bounds stand in the message.
const CUSTOM_SCHEMA: i32 = -53;
const EXPONENTIAL_SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// A native histogram in classic form. Reading another reuses its memory.
#[derive(Debug, Default)]
pub(super) struct Classic {
    /// Upper bounds in order, all finite, with the observations up to each.
    pub(super) buckets: Vec<(f64, f64)>,
    /// All observations.
    pub(super) count: f64,
    pub(super) sum: f64,
    /// Milliseconds since 1970.
    pub(super) timestamp: i64,
    raw: Raw,
}

/// The message as it stands.
#[derive(Debug, Default)]
struct Raw {
    is_float: bool,
    count: f64,
    count_int: u64,
    schema: i32,
    zero_threshold: f64,
    zero_count: f64,
    zero_count_int: u64,
    negative: Side,
    positive: Side,
    custom_bounds: Vec<f64>,
}

/// Negative or positive buckets.
#[derive(Debug, Default)]
struct Side {
    /// The number of skipped buckets (in the first span the number of the first bucket), and the number of buckets.
    spans: Vec<(i32, u32)>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

impl Side {
    fn clear(&mut self) {
        self.spans.clear();
        self.deltas.clear();
        self.counts.clear();
    }
}

/// Why a histogram can't be expanded.
pub(super) type Fault = String;

impl Classic {
    /// Reads the histogram whose message stands at `range` of `buffer`.
    pub(super) fn read(&mut self, buffer: &[u8], range: Range<usize>) -> Result<(), Fault> {
        self.buckets.clear();
        self.read_message(buffer, range)?;
        if self.is_stale() {
            return Ok(());
        }
        let observed = match self.raw.schema {
            CUSTOM_SCHEMA => self.custom_buckets(),
            schema if EXPONENTIAL_SCHEMAS.contains(&schema) => self.exponential_buckets(schema),
            schema => Err(format!("the schema {schema} is none of -4 to 8 and -53")),
        }?;
        self.check_count(observed)?;
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
        let mut below = 0.0;
        for (_, count) in &mut self.buckets {
            below += *count;
            *count = below;
        }
        Ok(())
    }

    /// Whether it only marks its series as ended.
    pub(super) fn is_stale(&self) -> bool {
        self.sum.to_bits() == STALE_MARKER_BITS
    }

    fn read_message(&mut self, buffer: &[u8], range: Range<usize>) -> Result<(), Fault> {
        let broken = |error: ProtobufError| format!("its message can't be read: {error}");
        let raw = &mut self.raw;
        raw.negative.clear();
        raw.positive.clear();
        raw.custom_bounds.clear();
        *raw = Raw {
            negative: std::mem::take(&mut raw.negative),
            positive: std::mem::take(&mut raw.positive),
            custom_bounds: std::mem::take(&mut raw.custom_bounds),
            ..Raw::default()
        };
        (self.sum, self.timestamp) = (0.0, 0);
        let mut fields = Fields::new(buffer, range);
        while let Some((number, value)) = fields.next().map_err(broken)? {
            match (number, value) {
                (1, Value::Varint(count)) => (raw.is_float, raw.count_int) = (false, count),
                (2, Value::Fixed64(bits)) => (raw.is_float, raw.count) = (true, f64::from_bits(bits)),
                (3, Value::Fixed64(bits)) => self.sum = f64::from_bits(bits),
                (4, Value::Varint(schema)) => raw.schema = zigzag_32(schema),
                (5, Value::Fixed64(bits)) => raw.zero_threshold = f64::from_bits(bits),
                (6, Value::Varint(count)) => raw.zero_count_int = count,
                (7, Value::Fixed64(bits)) => raw.zero_count = f64::from_bits(bits),
                (8, Value::Bytes(range)) => push(&mut raw.negative.spans, span(buffer, range).map_err(broken)?)?,
                (9, value) => deltas(buffer, value, &mut raw.negative.deltas)?,
                (10, value) => doubles(buffer, value, &mut raw.negative.counts)?,
                (11, Value::Bytes(range)) => push(&mut raw.positive.spans, span(buffer, range).map_err(broken)?)?,
                (12, value) => deltas(buffer, value, &mut raw.positive.deltas)?,
                (13, value) => doubles(buffer, value, &mut raw.positive.counts)?,
                (15, Value::Varint(timestamp)) => self.timestamp = timestamp.cast_signed(),
                (16, value) => doubles(buffer, value, &mut raw.custom_bounds)?,
                (1..=13 | 15, _) => return Err(format!("its field {number} is of a wrong type")),
                _ => {}
            }
        }
        if !raw.is_float {
            (raw.count, raw.zero_count) = (raw.count_int as f64, raw.zero_count_int as f64);
        }
        self.count = raw.count;
        Ok(())
    }

    fn exponential_buckets(&mut self, schema: i32) -> Result<Observed, Fault> {
        let Classic { buckets, raw, .. } = self;
        if !raw.custom_bounds.is_empty() {
            return Err("it has both a schema and custom bounds".into());
        }
        if !(raw.zero_threshold >= 0.0 && raw.zero_threshold.is_finite()) {
            return Err(format!("its zero threshold is {}", raw.zero_threshold));
        }
        let mut observed = Observed::default();
        // The zero bucket reaches to both sides if there are observations on both.
        if !raw.negative.spans.is_empty() {
            place(buckets, -raw.zero_threshold, 0.0);
        }
        place(buckets, raw.zero_threshold, raw.zero_count);
        observed.add(raw.is_float, raw.zero_count, raw.zero_count_int)?;
        // A bucket ends where the zero bucket begins. There is also a bound where a neighbour would begin.
        let bound = |index: i64| bounds::exponential(index, schema).max(raw.zero_threshold);
        raw.negative.each(raw.is_float, &mut observed, |index, count| {
            // The upper bound of a negative bucket is the one nearer to zero.
            place(buckets, -bound(index - 1), count);
            place(buckets, -bound(index), 0.0);
            bound(index - 1).is_finite()
        })?;
        raw.positive.each(raw.is_float, &mut observed, |index, count| {
            place(buckets, bound(index - 1), 0.0);
            place(buckets, bound(index), count);
            bound(index - 1).is_finite()
        })?;
        Ok(observed)
    }

    fn custom_buckets(&mut self) -> Result<Observed, Fault> {
        let Classic { buckets, raw, .. } = self;
        let Side { spans, deltas, counts } = &raw.negative;
        if !(spans.is_empty() && deltas.is_empty() && counts.is_empty()) || raw.zero_count != 0.0 {
            return Err("it has custom bounds, but also negative buckets or a zero bucket".into());
        }
        let custom = &raw.custom_bounds;
        if custom.iter().any(|bound| !bound.is_finite()) || !custom.is_sorted_by(|a, b| a < b) {
            return Err("its custom bounds are not numbers in increasing order".into());
        }
        for bound in custom {
            place(buckets, *bound, 0.0);
        }
        let mut observed = Observed::default();
        raw.positive.each(raw.is_float, &mut observed, |index, count| {
            let bound = usize::try_from(index).ok().filter(|index| *index <= custom.len());
            if let Some(bound) = bound.and_then(|index| custom.get(index)) {
                place(buckets, *bound, count);
            }
            bound.is_some()
        })?;
        Ok(observed)
    }

    /// Checks that the count fits the buckets. Observations of NaN are counted, but in no bucket. Counts that are
    /// floats may differ by rounding.
    fn check_count(&self, observed: Observed) -> Result<(), Fault> {
        let Raw { is_float, count, count_int, .. } = self.raw;
        if is_float {
            return if count >= 0.0 && count.is_finite() { Ok(()) } else { Err(format!("its count is {count}")) };
        }
        let Observed { total, .. } = observed;
        if total > count_int || (total != count_int && !self.sum.is_nan()) {
            return Err(format!("its count is {count_int}, but its buckets hold {total}"));
        }
        Ok(())
    }
}

/// Observations in buckets so far, where they are whole numbers.
#[derive(Debug, Default, Clone, Copy)]
struct Observed {
    total: u64,
}

impl Observed {
    fn add(&mut self, is_float: bool, count: f64, count_int: u64) -> Result<(), Fault> {
        if !(count >= 0.0 && count.is_finite()) {
            return Err(format!("a bucket holds {count}"));
        }
        if !is_float {
            let total = self.total.checked_add(count_int);
            self.total = total.ok_or("its buckets hold more than 64 bits can count")?;
        }
        Ok(())
    }
}

impl Side {
    /// Gives the number and count of each bucket to `bucket`, which says whether a bucket with that number exists.
    fn each(
        &self,
        is_float: bool,
        observed: &mut Observed,
        mut bucket: impl FnMut(i64, f64) -> bool,
    ) -> Result<(), Fault> {
        let buckets = if is_float { self.counts.len() } else { self.deltas.len() };
        let spanned: u64 = self.spans.iter().map(|(_, length)| u64::from(*length)).sum();
        if spanned != buckets as u64 || (if is_float { self.deltas.len() } else { self.counts.len() }) > 0 {
            return Err(format!("its spans are of {spanned} buckets, but it has {buckets} of its kind"));
        }
        let (mut index, mut at, mut absolute) = (0i64, 0, 0i64);
        for (number, (offset, length)) in self.spans.iter().enumerate() {
            if number > 0 && *offset < 0 {
                return Err("a span begins before the last one ends".into());
            }
            index += i64::from(*offset);
            for _ in 0..*length {
                let (count, count_int) = if is_float {
                    (self.counts[at], 0)
                } else {
                    let sum = absolute.checked_add(self.deltas[at]).filter(|count| *count >= 0);
                    absolute = sum.ok_or("a bucket holds less than nothing, or more than 63 bits can count")?;
                    (absolute as f64, absolute as u64)
                };
                observed.add(is_float, count, count_int)?;
                if !bucket(index, count) {
                    return Err(format!("there is no bucket {index} in its schema"));
                }
                (index, at) = (index + 1, at + 1);
            }
        }
        Ok(())
    }
}

/// Takes a bucket, unless its bound is infinite: the bucket of +Inf is the count, and no bucket ends at -Inf.
fn place(buckets: &mut Vec<(f64, f64)>, bound: f64, count: f64) {
    if bound.is_finite() {
        // Zero has one sign.
        buckets.push((bound + 0.0, count));
    }
}

fn push<T>(values: &mut Vec<T>, value: T) -> Result<(), Fault> {
    if values.len() == MAX_BUCKETS {
        return Err(format!("it has more than {MAX_BUCKETS} buckets"));
    }
    values.push(value);
    Ok(())
}

fn span(buffer: &[u8], range: Range<usize>) -> Result<(i32, u32), ProtobufError> {
    let at = range.start;
    let (mut offset, mut length) = (0, 0);
    let mut fields = Fields::new(buffer, range);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Varint(value)) => offset = zigzag_32(value),
            (2, Value::Varint(value)) => length = value as u32,
            (1 | 2, _) => return Err(ProtobufError::new("a field of a wrong type in a span", at)),
            _ => {}
        }
    }
    Ok((offset, length))
}

/// A sint32 as protobuf sends it: the lower half of the number.
fn zigzag_32(value: u64) -> i32 {
    zigzag(u64::from(value as u32)) as i32
}

/// A sint64 as protobuf sends it.
fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

fn deltas(buffer: &[u8], value: Value, into: &mut Vec<i64>) -> Result<(), Fault> {
    match value {
        Value::Varint(delta) => push(into, zigzag(delta)),
        Value::Bytes(range) => {
            let mut packed = Fields::new(buffer, range);
            while let Some(delta) = packed.packed().map_err(|error| format!("its message can't be read: {error}"))? {
                push(into, zigzag(delta))?;
            }
            Ok(())
        }
        _ => Err("its deltas are of a wrong type".into()),
    }
}

fn doubles(buffer: &[u8], value: Value, into: &mut Vec<f64>) -> Result<(), Fault> {
    match value {
        Value::Fixed64(bits) => push(into, f64::from_bits(bits)),
        Value::Bytes(range) => {
            let (doubles, rest) = buffer[range].as_chunks::<8>();
            if !rest.is_empty() {
                return Err("its counts or bounds are cut off".into());
            }
            doubles.iter().try_for_each(|bytes| push(into, f64::from_le_bytes(*bytes)))
        }
        _ => Err("its counts or bounds are of a wrong type".into()),
    }
}
