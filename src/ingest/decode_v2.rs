//! Remote write 2.0: walks over the protobuf bytes of an `io.prometheus.write.v2.Request` into the flat form.
//!
//! Labels are references into a table of symbols, about two bytes each. So the memory of a request does not follow from
//! its length: the content is counted first ([`Survey`]), and the memory is reserved before it is taken. Then the
//! symbols are read, wherever they stand, and last the series. Their labels are spans of symbols, so text is never
//! copied, however often it is referred to.
//!
//! Field numbers: prometheus/prometheus, prompb/io/prometheus/write/v2/types.proto. The created timestamp is skipped in
//! both of its places: Timestream can't store it.

use std::ops::Range;

use super::protobuf::{Fields, ProtobufError, Value, count_packed};
use super::references::References;
use super::series::SeriesBuilder;
use super::symbols::Symbols;
use crate::write_request::{Label, NativeHistogram, Room, Sample, Series, Span, WriteRequest};

/// The number of items of each kind in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    symbols: usize,
    series: usize,
    labels: usize,
    samples: usize,
    histograms: usize,
    /// Where the first series begins, and where the last symbol ends.
    first_series: usize,
    symbols_end: usize,
}

impl Survey {
    /// Counts what the uncompressed body of a request holds, without taking memory.
    ///
    /// # Errors
    /// The message is not protobuf, has a field of another type than Prometheus gives it, or is one of remote write
    /// 1.0, which would look like an empty one.
    pub fn of(buffer: &[u8]) -> Result<Self, ProtobufError> {
        let mut survey = Survey::default();
        let mut fields = Fields::new(buffer, 0..buffer.len());
        let mut at = 0;
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (4, Value::Bytes(range)) => {
                    survey.symbols += 1;
                    survey.symbols_end = range.end;
                }
                (5, Value::Bytes(range)) => {
                    if survey.series == 0 {
                        survey.first_series = at;
                    }
                    survey.series += 1;
                    survey.count_series(buffer, range)?;
                }
                (4 | 5, _) => return Err(ProtobufError::new("a symbol or a series of a wrong type", 0)),
                (1 | 3, Value::Bytes(range)) => {
                    return Err(ProtobufError::new("a field of remote write 1.0", range.start));
                }
                _ => {}
            }
            at = fields.at();
        }
        Ok(survey)
    }

    fn count_series(&mut self, buffer: &[u8], range: Range<usize>) -> Result<(), ProtobufError> {
        let at = range.start;
        let mut references = 0;
        let mut fields = Fields::new(buffer, range);
        // The form of nearly all series: labels, then samples.
        if let Some(range) = fields.next_of(1) {
            references += count_packed(&buffer[range]);
        }
        while fields.next_of(2).is_some() {
            self.samples += 1;
        }
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(range)) => references += count_packed(&buffer[range]),
                (1, Value::Varint(_)) => references += 1,
                (2, Value::Bytes(_)) => self.samples += 1,
                (3, Value::Bytes(_)) => self.histograms += 1,
                (4, Value::Bytes(_)) => {}
                (1..=4, _) => return Err(ProtobufError::new("a field of a wrong type in a series", at)),
                _ => {}
            }
        }
        self.labels += references / 2;
        Ok(())
    }

    /// The bytes that the tables of the request take once it is decoded.
    pub fn table_bytes(&self) -> usize {
        self.symbols * size_of::<Span>()
            + self.series * size_of::<Series>()
            + self.labels * size_of::<Label>()
            + self.samples * size_of::<Sample>()
            + self.histograms * size_of::<NativeHistogram>()
    }
}

/// Decodes the uncompressed body of a request, from which `survey` was made.
///
/// # Errors
/// A message that is not protobuf, has a field of another type than Prometheus gives it, or a first symbol that is not
/// empty.
/// Faults of single series are not errors here: they are marked for validation.
pub fn decode(buffer: Vec<u8>, survey: &Survey) -> Result<WriteRequest, ProtobufError> {
    let symbols = Symbols::read(&buffer, survey.symbols, survey.symbols_end)?;
    let mut request = WriteRequest::default();
    request.series.reserve_exact(survey.series);
    request.labels.reserve_exact(survey.labels);
    request.samples.reserve_exact(survey.samples);
    request.histograms.reserve_exact(survey.histograms);
    // The survey has counted all that there is.
    let mut room = Room::new(0, 0);
    let mut references = References::new(&buffer, &symbols);
    let mut fields = Fields::new(&buffer, survey.first_series..buffer.len());
    while let Some((number, value)) = fields.next()? {
        if let (5, Value::Bytes(range)) = (number, value) {
            series(&buffer, range, &mut request, &mut room, &mut references)?;
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
    references: &mut References<'_>,
) -> Result<(), ProtobufError> {
    let at = range.start;
    let mut fields = Fields::new(buffer, range);
    let mut series = SeriesBuilder::new(buffer, at, request, room);
    // The form of nearly all series: labels, then samples.
    if let Some(range) = fields.next_of(1) {
        references.packed(&mut series, range)?;
    }
    while let Some(range) = fields.next_of(2) {
        series.sample(range)?;
    }
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(range)) => references.packed(&mut series, range)?,
            (1, Value::Varint(reference)) => references.one(&mut series, reference)?,
            (2, Value::Bytes(range)) => series.sample(range)?,
            (3, Value::Bytes(range)) => series.histogram(range)?,
            (4, Value::Bytes(_)) => series.exemplar(),
            (1..=4, _) => return Err(ProtobufError::new("a field of a wrong type in a series", at)),
            // Metadata describes the metric; Timestream has no place for it.
            _ => {}
        }
    }
    references.end(&mut series);
    series.finish()
}

#[cfg(test)]
mod tests;
