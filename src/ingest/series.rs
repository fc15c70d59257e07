//! Puts a series into the flat form; the decoders of both versions share it.

use std::ops::Range;

use super::protobuf::{Fields, ProtobufError, Value};
use crate::write_request::{Fault, Label, NativeHistogram, NoRoom, Room, Sample, Series, Span, WriteRequest};

const METRIC_NAME_LABEL: &[u8] = b"__name__";

/// How many bytes of label names are compared to sort them. Longer names are never stored, so their order does not
/// matter. Comparing them whole would be slow: remote write 2.0 can repeat a name of megabytes at two bytes a time.
const COMPARED_BYTES: usize = 256;

/// What became of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A label of the series, in its place among the others.
    Placed,
    MetricName,
    /// Left out, or at fault.
    LeftOut,
}

/// A series whose labels and samples are being appended to a request.
pub(super) struct SeriesBuilder<'a> {
    buffer: &'a [u8],
    request: &'a mut WriteRequest,
    room: &'a mut Room,
    /// Where its message begins.
    at: usize,
    first_label: usize,
    first_sample: usize,
    name: Span,
    fault: Option<Fault>,
    sorted: bool,
}

impl<'a> SeriesBuilder<'a> {
    pub(super) fn new(buffer: &'a [u8], at: usize, request: &'a mut WriteRequest, room: &'a mut Room) -> Self {
        SeriesBuilder {
            first_label: request.labels.len(),
            first_sample: request.samples.len(),
            buffer,
            request,
            room,
            at,
            name: Span::default(),
            fault: None,
            sorted: true,
        }
    }

    /// Takes a label of the series. A label with an empty value is left out.
    pub(super) fn label(&mut self, name: Span, value: Span) -> Result<Role, ProtobufError> {
        let text = &self.buffer[name.range()];
        let is_metric_name = text == METRIC_NAME_LABEL;
        if text.is_empty() || (is_metric_name && !self.name.is_empty()) {
            self.fault(Fault::Label);
            Ok(Role::LeftOut)
        } else if is_metric_name {
            self.name = value;
            Ok(Role::MetricName)
        } else if value.is_empty() {
            Ok(Role::LeftOut)
        } else {
            self.compare_with_last(name);
            self.place(Label { name, value })?;
            Ok(Role::Placed)
        }
    }

    /// Takes the value of a label whose name is `__name__`, unless the series has a metric name.
    #[inline]
    pub(super) fn metric_name(&mut self, value: Span) -> bool {
        let is_first = self.name.is_empty();
        if is_first {
            self.name = value;
        }
        is_first
    }

    /// Whether the labels came in the order of their names so far, none of them twice.
    pub(super) fn is_sorted(&self) -> bool {
        self.sorted
    }

    /// Marks the series as one that can't be stored. The first fault is reported.
    #[cold]
    pub(super) fn fault(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Notes whether the name of a label that is about to be placed follows that of the last one.
    pub(super) fn compare_with_last(&mut self, name: Span) {
        let last = self.request.labels[self.first_label..].last().map_or(Span::default(), |label| label.name);
        self.sorted &= compared(self.buffer, last) < compared(self.buffer, name);
    }

    /// Appends a label that was compared with the last one, or is known to follow it. Its name is a label's, and its
    /// value is not empty.
    #[inline]
    pub(super) fn place(&mut self, label: Label) -> Result<(), ProtobufError> {
        self.room.push(&mut self.request.labels, label).map_err(|no_room| self.no_room(no_room))
    }

    #[inline(always)]
    pub(super) fn sample(&mut self, range: Range<usize>) -> Result<(), ProtobufError> {
        let sample = sample(self.buffer, range)?;
        self.room.push(&mut self.request.samples, sample).map_err(|no_room| self.no_room(no_room))
    }

    pub(super) fn histogram(&mut self, range: Range<usize>) -> Result<(), ProtobufError> {
        let histogram = NativeHistogram { series: index(self.request.series.len())?, message: span(range)? };
        self.room.push(&mut self.request.histograms, histogram).map_err(|no_room| self.no_room(no_room))
    }

    pub(super) fn exemplar(&mut self) {
        self.request.exemplars += 1;
    }

    /// Ends the series: unsorted labels are sorted, and a repeated label is a fault.
    #[inline]
    pub(super) fn finish(mut self) -> Result<(), ProtobufError> {
        if !self.sorted {
            self.sort();
        }
        let series = Series {
            name: self.name,
            fault: self.fault,
            labels: (index(self.first_label)?, index(self.request.labels.len())?),
            samples: (index(self.first_sample)?, index(self.request.samples.len())?),
        };
        self.room.push(&mut self.request.series, series).map_err(|no_room| self.no_room(no_room))
    }

    #[cold]
    fn sort(&mut self) {
        let buffer = self.buffer;
        let labels = &mut self.request.labels[self.first_label..];
        labels.sort_by(|a, b| compared(buffer, a.name).cmp(compared(buffer, b.name)));
        if labels.windows(2).any(|pair| same(buffer, pair[0].name, pair[1].name)) {
            self.fault(Fault::Label);
        }
    }

    #[cold]
    fn no_room(&self, _: NoRoom) -> ProtobufError {
        ProtobufError::new("more labels and samples than its bytes can mean", self.at)
    }
}

fn compared(buffer: &[u8], name: Span) -> &[u8] {
    &buffer[name.range()][..name.len().min(COMPARED_BYTES)]
}

fn same(buffer: &[u8], a: Span, b: Span) -> bool {
    a == b || (a.len() <= COMPARED_BYTES && buffer[a.range()] == buffer[b.range()])
}

/// Reads a sample; both versions number its fields alike. A start timestamp is skipped: Timestream can't store it.
#[inline(always)]
fn sample(buffer: &[u8], range: Range<usize>) -> Result<Sample, ProtobufError> {
    // The form of nearly all samples: a value, which may be left out if it is zero, and a time of this century.
    match &buffer[range.clone()] {
        [0x09, b0, b1, b2, b3, b4, b5, b6, b7, 0x10, t0, t1, t2, t3, t4, t5] => {
            if let Some(timestamp) = six_bytes([*t0, *t1, *t2, *t3, *t4, *t5]) {
                let value = f64::from_le_bytes([*b0, *b1, *b2, *b3, *b4, *b5, *b6, *b7]);
                return Ok(Sample { value, timestamp });
            }
        }
        [0x10, t0, t1, t2, t3, t4, t5] => {
            if let Some(timestamp) = six_bytes([*t0, *t1, *t2, *t3, *t4, *t5]) {
                return Ok(Sample { value: 0.0, timestamp });
            }
        }
        _ => {}
    }
    any_sample(buffer, range)
}

/// The number that is sent as these bytes, if it takes all of them.
#[inline(always)]
fn six_bytes([b0, b1, b2, b3, b4, b5]: [u8; 6]) -> Option<i64> {
    let word = i64::from_le_bytes([b0, b1, b2, b3, b4, b5, 0, 0]);
    if word & 0x8080_8080_8080 != 0x0080_8080_8080 {
        return None;
    }
    // Seven bits each are put together to fourteen, and these to the number.
    let bits = word & 0x007f_007f_007f | (word & 0x7f00_7f00_7f00) >> 1;
    Some(bits & 0x3fff | bits >> 2 & 0x0fff_c000 | bits >> 4 & 0x03ff_f000_0000)
}

#[inline(never)]
fn any_sample(buffer: &[u8], range: Range<usize>) -> Result<Sample, ProtobufError> {
    let at = range.start;
    let mut sample = Sample { value: 0.0, timestamp: 0 };
    let mut fields = Fields::new(buffer, range);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Value::Fixed64(bits)) => sample.value = f64::from_bits(bits),
            // An int64 is sent as the varint of its two's complement.
            (2, Value::Varint(timestamp)) => sample.timestamp = timestamp.cast_signed(),
            (1 | 2, _) => return Err(ProtobufError::new("a field of a wrong type in a sample", at)),
            _ => {}
        }
    }
    Ok(sample)
}

pub(super) fn is_utf8(buffer: &[u8], range: Range<usize>) -> bool {
    std::str::from_utf8(&buffer[range]).is_ok()
}

pub(super) fn span(range: Range<usize>) -> Result<Span, ProtobufError> {
    let at = range.start;
    Span::new(range).ok_or_else(|| ProtobufError::new("more than 4 GiB", at))
}

fn index(count: usize) -> Result<u32, ProtobufError> {
    u32::try_from(count).map_err(|_| ProtobufError::new("more than four billion items", 0))
}
