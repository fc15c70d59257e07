//! What the decoders of both versions share: how a series takes its place in the flat form.

use std::ops::Range;

use super::protobuf::{Fields, ProtobufError, Value};
use crate::write_request::{Label, NativeHistogram, NoRoom, Room, Sample, Series, Span, WriteRequest};

const METRIC_NAME_LABEL: &[u8] = b"__name__";

/// How much of label names is compared to sort them. Longer names are never stored, so their order does not matter, and
/// remote write 2.0 can repeat a name of megabytes at two bytes a time.
const COMPARED_BYTES: usize = 256;

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
    malformed: bool,
    sorted: bool,
    previous: &'a [u8],
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
            malformed: false,
            sorted: true,
            previous: b"",
        }
    }

    /// Takes a label of the series. One with an empty value is the same as none.
    #[inline]
    pub(super) fn label(&mut self, name: Span, value: Span) -> Result<(), ProtobufError> {
        let text = &self.buffer[name.range()];
        let is_metric_name = text == METRIC_NAME_LABEL;
        if text.is_empty() || (is_metric_name && !self.name.is_empty()) {
            self.malformed = true;
        } else if is_metric_name {
            self.name = value;
        } else if !value.is_empty() {
            let compared = &text[..text.len().min(COMPARED_BYTES)];
            self.sorted &= self.previous < compared;
            self.previous = compared;
            let pushed = self.room.push(&mut self.request.labels, Label { name, value });
            return pushed.map_err(|no_room| self.no_room(no_room));
        }
        Ok(())
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

    /// Ends the series: labels that came unsorted are sorted, and a repeated one marks it as malformed.
    pub(super) fn finish(mut self) -> Result<(), ProtobufError> {
        let buffer = self.buffer;
        if !self.sorted {
            let labels = &mut self.request.labels[self.first_label..];
            labels.sort_by(|a, b| compared(buffer, a.name).cmp(compared(buffer, b.name)));
            self.malformed |= labels.windows(2).any(|pair| same(buffer, pair[0].name, pair[1].name));
        }
        let series = Series {
            name: self.name,
            malformed: self.malformed,
            labels: (index(self.first_label)?, index(self.request.labels.len())?),
            samples: (index(self.first_sample)?, index(self.request.samples.len())?),
        };
        self.room.push(&mut self.request.series, series).map_err(|no_room| self.no_room(no_room))
    }

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

/// Reads a sample; both versions number its fields alike. A start timestamp is passed over: Timestream has no place
/// for it.
#[inline]
fn sample(buffer: &[u8], range: Range<usize>) -> Result<Sample, ProtobufError> {
    // As encoders write a value that is not zero and a time of this century: six bytes of seven bits.
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

pub(super) fn utf8(buffer: &[u8], range: Range<usize>) -> Result<Range<usize>, ProtobufError> {
    match std::str::from_utf8(&buffer[range.start..range.end]) {
        Ok(_) => Ok(range),
        Err(error) => Err(ProtobufError::new("text that is not UTF-8", range.start + error.valid_up_to())),
    }
}

pub(super) fn span(range: Range<usize>) -> Result<Span, ProtobufError> {
    let at = range.start;
    Span::new(range).ok_or_else(|| ProtobufError::new("more than 4 GiB", at))
}

fn index(count: usize) -> Result<u32, ProtobufError> {
    u32::try_from(count).map_err(|_| ProtobufError::new("more than four billion items", 0))
}
