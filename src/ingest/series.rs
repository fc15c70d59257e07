//! Puts a series into the flat form; the decoders of both versions share it.

use std::ops::Range;

use super::protobuf::{Fields, ProtobufError, Value};
use crate::write_request::{Fault, Label, NativeHistogram, NoRoom, Room, Sample, Series, Span, WriteRequest};

const METRIC_NAME_LABEL: &[u8] = b"__name__";

/// How many bytes of label names are compared to sort them. Longer names are never stored, so their order does not
/// matter. Comparing them whole would be slow: remote write 2.0 can repeat a name of megabytes at two bytes a time.
const COMPARED_BYTES: usize = 256;

/// How many labels of the series before are compared with the current label: some may be missing, and others new.
const TRIED_LABELS: usize = 3;
/// Labels of a series that are remembered for the next.
const REMEMBERED_LABELS: usize = 64;

/// The labels of the series before, in the order in which they came. Series come target by target and family by family,
/// so most labels stood there already. Such a label gets the same span, which later stages compare in place of its text.
#[derive(Debug, Default)]
pub(super) struct Previous {
    labels: Vec<Seen>,
    sorted: bool,
    /// Those of the current series.
    current: Vec<Seen>,
}

/// A label as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) label: Label,
    role: Role,
    /// Where its message stands: name and value with their lengths. Remote write 2.0 has no messages of labels.
    message: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
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
    previous: &'a mut Previous,
    /// Where its message begins.
    at: usize,
    first_label: usize,
    first_sample: usize,
    name: Span,
    fault: Option<Fault>,
    sorted: bool,
    /// The name of the last label that was placed.
    last: Span,
    /// Whether that name was placed in the series before, too.
    last_was_placed: bool,
    /// The next label of the series before to be tried.
    next_tried: usize,
    /// The message of the current label.
    message: Span,
}

impl<'a> SeriesBuilder<'a> {
    pub(super) fn new(
        buffer: &'a [u8],
        at: usize,
        request: &'a mut WriteRequest,
        room: &'a mut Room,
        previous: &'a mut Previous,
    ) -> Self {
        previous.current.clear();
        SeriesBuilder {
            first_label: request.labels.len(),
            first_sample: request.samples.len(),
            buffer,
            request,
            room,
            previous,
            at,
            name: Span::default(),
            fault: None,
            sorted: true,
            last: Span::default(),
            last_was_placed: false,
            next_tried: 0,
            message: Span::default(),
        }
    }

    /// The next label of the series before, if the one that stands at `message` has the same bytes.
    #[inline]
    pub(super) fn again(&mut self, message: Span) -> Option<(usize, Seen)> {
        self.message = message;
        let next = self.previous.labels.get(self.next_tried)?;
        (self.buffer[next.message.range()] == self.buffer[message.range()]).then_some((self.next_tried, *next))
    }

    /// The next label of the series before that is `same`.
    #[inline]
    pub(super) fn seen(&self, same: impl Fn(&Label) -> bool) -> Option<(usize, Seen)> {
        let tried = self.previous.labels.iter().enumerate().skip(self.next_tried).take(TRIED_LABELS);
        tried.map(|(place, seen)| (place, *seen)).find(|(_, seen)| same(&seen.label))
    }

    /// Takes a label whose name is at `place` in the series before.
    #[inline]
    pub(super) fn seen_label(&mut self, (place, seen): (usize, Seen), value: Span) -> Result<(), ProtobufError> {
        self.next_tried = place + 1;
        let name = seen.label.name;
        match seen.role {
            Role::Placed if !value.is_empty() => {
                // Two names that follow each other in a sorted series are sorted here too.
                if !(self.last_was_placed && self.previous.sorted) {
                    self.compare_with_last(name);
                }
                self.last_was_placed = true;
                self.place(Label { name, value })
            }
            Role::MetricName if self.name.is_empty() => {
                self.name = value;
                self.remember(Label { name, value }, Role::MetricName);
                Ok(())
            }
            _ => self.label(name, value),
        }
    }

    /// Takes a label of the series. A label with an empty value is left out.
    pub(super) fn label(&mut self, name: Span, value: Span) -> Result<(), ProtobufError> {
        let text = &self.buffer[name.range()];
        let is_metric_name = text == METRIC_NAME_LABEL;
        let label = Label { name, value };
        if text.is_empty() || (is_metric_name && !self.name.is_empty()) {
            self.fault(Fault::Label);
            self.remember(label, Role::LeftOut);
        } else if is_metric_name {
            self.name = value;
            self.remember(label, Role::MetricName);
        } else if value.is_empty() {
            self.remember(label, Role::LeftOut);
        } else {
            self.compare_with_last(name);
            self.last_was_placed = false;
            return self.place(label);
        }
        Ok(())
    }

    /// Marks the series as one that can't be stored. The first fault is reported.
    #[cold]
    pub(super) fn fault(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    fn compare_with_last(&mut self, name: Span) {
        self.sorted &= compared(self.buffer, self.last) < compared(self.buffer, name);
    }

    #[inline]
    fn place(&mut self, label: Label) -> Result<(), ProtobufError> {
        self.last = label.name;
        self.remember(label, Role::Placed);
        self.room.push(&mut self.request.labels, label).map_err(|no_room| self.no_room(no_room))
    }

    #[inline]
    fn remember(&mut self, label: Label, role: Role) {
        if self.previous.current.len() < REMEMBERED_LABELS {
            self.previous.current.push(Seen { label, role, message: self.message });
        }
    }

    #[inline]
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
    pub(super) fn finish(mut self) -> Result<(), ProtobufError> {
        let buffer = self.buffer;
        if !self.sorted {
            let labels = &mut self.request.labels[self.first_label..];
            labels.sort_by(|a, b| compared(buffer, a.name).cmp(compared(buffer, b.name)));
            if labels.windows(2).any(|pair| same(buffer, pair[0].name, pair[1].name)) {
                self.fault(Fault::Label);
            }
        }
        std::mem::swap(&mut self.previous.labels, &mut self.previous.current);
        self.previous.sorted = self.sorted;
        let series = Series {
            name: self.name,
            fault: self.fault,
            labels: (index(self.first_label)?, index(self.request.labels.len())?),
            samples: (index(self.first_sample)?, index(self.request.samples.len())?),
        };
        self.room.push(&mut self.request.series, series).map_err(|no_room| self.no_room(no_room))
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
#[inline]
fn sample(buffer: &[u8], range: Range<usize>) -> Result<Sample, ProtobufError> {
    // The form of nearly all samples: a value that is not zero, and a time of this century in six bytes of seven bits.
    if let [0x09, b0, b1, b2, b3, b4, b5, b6, b7, 0x10, time @ ..] = &buffer[range.clone()]
        && let [t0 @ 0x80..=0xff, t1 @ 0x80..=0xff, t2 @ 0x80..=0xff, t3 @ 0x80..=0xff, t4 @ 0x80..=0xff, t5 @ 0..0x80] =
            time
    {
        let value = f64::from_le_bytes([*b0, *b1, *b2, *b3, *b4, *b5, *b6, *b7]);
        let bits = [t5, t4, t3, t2, t1, t0].into_iter().fold(0, |bits, byte| bits << 7 | i64::from(byte & 0x7f));
        return Ok(Sample { value, timestamp: bits });
    }
    any_sample(buffer, range)
}

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
