//! Recognises the labels of the series before, in remote write 1.0.

use super::protobuf::ProtobufError;
use super::series::{Role, SeriesBuilder};
use crate::write_request::{Label, Span};

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
    /// The next label of the series before to be tried.
    next_tried: usize,
    /// Whether the last label that was placed was placed in the series before, too.
    last_was_placed: bool,
    /// The message of the current label.
    message: Span,
}

/// A label as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) label: Label,
    role: Role,
    /// Where its message stands: name and value with their lengths.
    message: Span,
}

impl Previous {
    /// The next label of the series before, if the one that stands at `message` has the same bytes.
    #[inline]
    pub(super) fn again(&mut self, buffer: &[u8], message: Span) -> Option<(usize, Seen)> {
        self.message = message;
        let next = self.labels.get(self.next_tried)?;
        (buffer[next.message.range()] == buffer[message.range()]).then_some((self.next_tried, *next))
    }

    /// The next label of the series before that is `same`.
    #[inline]
    pub(super) fn seen(&self, same: impl Fn(&Label) -> bool) -> Option<(usize, Seen)> {
        let tried = self.labels.iter().enumerate().skip(self.next_tried).take(TRIED_LABELS);
        tried.map(|(place, seen)| (place, *seen)).find(|(_, seen)| same(&seen.label))
    }

    /// Takes a label whose name is at `place` in the series before.
    #[inline]
    pub(super) fn seen_label(
        &mut self,
        series: &mut SeriesBuilder<'_>,
        (place, seen): (usize, Seen),
        value: Span,
    ) -> Result<(), ProtobufError> {
        self.next_tried = place + 1;
        let name = seen.label.name;
        match seen.role {
            Role::Placed if !value.is_empty() => {
                // Two names that follow each other in a sorted series are sorted here too.
                if !(self.last_was_placed && self.sorted) {
                    series.compare_with_last(name);
                }
                self.last_was_placed = true;
                self.remember(Label { name, value }, Role::Placed);
                series.place(Label { name, value })
            }
            Role::MetricName if series.metric_name(value) => {
                self.remember(Label { name, value }, Role::MetricName);
                Ok(())
            }
            _ => self.label(series, name, value),
        }
    }

    /// Takes a label that the series before did not have.
    pub(super) fn label(
        &mut self,
        series: &mut SeriesBuilder<'_>,
        name: Span,
        value: Span,
    ) -> Result<(), ProtobufError> {
        let role = series.label(name, value)?;
        self.last_was_placed &= role != Role::Placed;
        self.remember(Label { name, value }, role);
        Ok(())
    }

    #[inline]
    fn remember(&mut self, label: Label, role: Role) {
        if self.current.len() < REMEMBERED_LABELS {
            self.current.push(Seen { label, role, message: self.message });
        }
    }

    /// Ends a series whose labels came sorted or not. It is the one before the next.
    pub(super) fn end(&mut self, sorted: bool) {
        std::mem::swap(&mut self.labels, &mut self.current);
        self.sorted = sorted;
        self.current.clear();
        self.next_tried = 0;
        self.last_was_placed = false;
    }
}
