//! Reads the texts, line by line, in a thread of its own, and hands on what it reads in pieces.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;

use super::batch::Batch;
use super::input::Input;
use super::lines::{Line, Lines, MAX_LINE_BYTES, Place};
use super::named::Named;
use super::retention::Retention;
use super::totals::Totals;
use crate::openmetrics::parse::{self, Kind};
use crate::telemetry::reason::Rejected;
use crate::write_request::WriteRequest;

/// What was read since the piece before.
#[derive(Debug)]
pub(super) struct Piece {
    /// The number of the text.
    pub(super) input: usize,
    /// Its samples; there may be none.
    pub(super) request: WriteRequest,
    /// Where its last line ends in the text.
    pub(super) place: Place,
    /// What became of its lines so far.
    pub(super) totals: Totals,
    /// Bytes read of the text as it is stored.
    pub(super) stored_bytes: u64,
    /// How the text ends, if it ends with this piece.
    pub(super) end: Option<End>,
}

/// How a text ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With `# EOF`.
    Marked,
    /// Without `# EOF`.
    Unmarked,
    /// It can't be read on.
    Damaged(String),
}

/// What is read, and how.
pub(super) struct Reading {
    /// The texts, each with its number and the place from which on it is read.
    pub(super) inputs: Vec<(usize, Input, Place)>,
    /// Which times the table takes.
    pub(super) retention: Retention,
    /// What the records of a piece may take as JSON.
    pub(super) max_record_bytes: usize,
    /// Where pieces go.
    pub(super) pieces: mpsc::Sender<Piece>,
}

/// Nobody wants more pieces.
struct Unwanted;

/// Reads all texts, or until nobody wants more pieces.
pub(super) fn read(reading: Reading) {
    let Reading { inputs, retention, max_record_bytes, pieces } = reading;
    let mut named = Named::default();
    for (number, input, from) in inputs {
        let stored = Arc::new(AtomicU64::new(0));
        let mut text = Text {
            number,
            input: &input,
            retention,
            batch: Batch::default(),
            totals: Totals::default(),
            stored: stored.clone(),
            named: &mut named,
        };
        let opened = input.open(stored).map(Lines::new).and_then(|mut lines| lines.skip_to(from).map(|()| lines));
        let ended = match opened {
            Ok(mut lines) => text.read(&mut lines, max_record_bytes, &pieces),
            Err(error) => text.hand_on(&pieces, from, Some(End::Damaged(error.to_string()))),
        };
        if ended.is_err() {
            return;
        }
    }
}

/// A text that is being read.
struct Text<'a> {
    number: usize,
    input: &'a Input,
    retention: Retention,
    batch: Batch,
    totals: Totals,
    stored: Arc<AtomicU64>,
    named: &'a mut Named,
}

impl Text<'_> {
    fn read<R: io::BufRead>(
        &mut self,
        lines: &mut Lines<R>,
        max_record_bytes: usize,
        pieces: &mpsc::Sender<Piece>,
    ) -> Result<(), Unwanted> {
        let mut is_marked = false;
        loop {
            let number = lines.place().lines + 1;
            match lines.next() {
                Ok(Some(line)) => is_marked = self.take(number, &line).unwrap_or(is_marked),
                Ok(None) => {
                    let end = if is_marked { End::Marked } else { End::Unmarked };
                    return self.hand_on(pieces, lines.place(), Some(end));
                }
                Err(error) => return self.hand_on(pieces, lines.place(), Some(End::Damaged(error.to_string()))),
            }
            if self.batch.is_full(max_record_bytes) {
                self.hand_on(pieces, lines.place(), None)?;
            }
        }
    }

    /// Takes a line. Gives whether it is the mark of the end; `None` for an empty one.
    fn take(&mut self, number: u64, line: &Line<'_>) -> Option<bool> {
        let bytes = match line {
            Line::Whole(bytes) | Line::CutOff(bytes) => bytes,
            Line::TooLong => {
                self.bad(number, &format!("over {MAX_LINE_BYTES} bytes"), b"");
                return Some(false);
            }
        };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                self.bad(number, &format!("no UTF-8 at byte {} of the line", error.valid_up_to()), bytes);
                return Some(false);
            }
        };
        match parse::kind(text) {
            Kind::End => return Some(true),
            Kind::Comment => return (!text.is_empty()).then_some(false),
            Kind::Sample => {}
        }
        if matches!(line, Line::CutOff(_)) {
            self.bad(number, "no line break behind it, so the end of the line may be missing", bytes);
            return Some(false);
        }
        let (retention, now) = (self.retention, now());
        match self.batch.add(text, |timestamp| retention.refuses(timestamp, now)) {
            Ok((measured, refused)) => {
                self.totals.read += 1;
                self.totals.exemplars += u64::from(measured.has_exemplar);
                if let Some(refused) = refused {
                    self.totals.reject(Rejected::RetentionWindow, 1);
                    self.named.refused(self.input, number, refused, measured.timestamp, now);
                }
            }
            Err(error) => self.bad(number, &error.to_string(), bytes),
        }
        Some(false)
    }

    fn bad(&mut self, number: u64, why: &str, line: &[u8]) {
        self.totals.bad_lines += 1;
        self.named.bad_line(self.input, number, why, line);
    }

    fn hand_on(&mut self, pieces: &mpsc::Sender<Piece>, place: Place, end: Option<End>) -> Result<(), Unwanted> {
        let piece = Piece {
            input: self.number,
            request: self.batch.take(),
            place,
            totals: std::mem::take(&mut self.totals),
            stored_bytes: self.stored.swap(0, Ordering::Relaxed),
            end,
        };
        pieces.blocking_send(piece).map_err(|_| Unwanted)
    }
}

/// Now, in milliseconds since 1970.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a file with this text.
    fn pieces(stored: &[u8], from: Place, max_record_bytes: usize) -> Vec<Piece> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.om");
        std::fs::write(&file, stored).unwrap();
        let inputs = super::super::input::find(&file.display().to_string()).unwrap();
        let inputs = inputs.into_iter().map(|input| (0, input, from)).collect();
        let (pieces, mut received) = mpsc::channel(1000);
        read(Reading { inputs, retention: Retention::Unknown, max_record_bytes, pieces });
        std::iter::from_fn(|| received.try_recv().ok()).collect()
    }

    fn whole(stored: &[u8]) -> Piece {
        let mut pieces = pieces(stored, Place::default(), usize::MAX);
        assert_eq!(pieces.len(), 1);
        pieces.remove(0)
    }

    #[test]
    fn samples_bad_lines_and_refused_times_are_counted_apart() {
        let long = "x".repeat(2 * MAX_LINE_BYTES);
        let text = format!(
            "# HELP up is it\nup 1 1\nup 1\n{long}\n\nup 1 2 # {{a=\"b\"}} 1\nup 1 1700000000000\nup 1 -1\nup{{}}\n# EOF\n"
        );
        let piece = whole(text.as_bytes());
        let Totals { read, rejected, bad_lines, exemplars, .. } = &piece.totals;
        assert_eq!((*read, rejected["retention_window"], *bad_lines, *exemplars), (4, 2, 3, 1));
        assert_eq!(piece.request.sample_count(), 2);
        assert_eq!((piece.place.bytes, piece.place.lines, piece.end), (text.len() as u64, 10, Some(End::Marked)));
        assert_eq!(piece.stored_bytes, text.len() as u64);
    }

    #[test]
    fn how_a_text_ends_is_told() {
        for (text, end, samples, bad) in [
            ("up 1 1\n# EOF\n", End::Marked, 1, 0),
            ("up 1 1\n# EOF", End::Marked, 1, 0),
            ("up 1 1\n# EOF\n\n\n", End::Marked, 1, 0),
            // Files one behind the other.
            ("up 1 1\n# EOF\nup 1 2\n# EOF\n", End::Marked, 2, 0),
            ("up 1 1\n# EOF\nup 1 2\n", End::Unmarked, 2, 0),
            ("up 1 1\nup 1 2\n", End::Unmarked, 2, 0),
            // The time may be cut off.
            ("up 1 1\nup 1 2", End::Unmarked, 1, 1),
            ("", End::Unmarked, 0, 0),
        ] {
            let piece = whole(text.as_bytes());
            assert_eq!((piece.end, piece.totals.read, piece.totals.bad_lines), (Some(end), samples, bad), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_utf_8_costs_its_line_only() {
        let piece = whole(b"up{a=\"\xff\"} 1 1\nup 1 1\n# EOF\n");
        assert_eq!((piece.totals.read, piece.totals.bad_lines), (1, 1));
    }

    #[test]
    fn what_stands_before_damage_is_handed_on() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(&b"up 1 1\n".repeat(10_000)).unwrap();
        let stored = encoder.finish().unwrap();
        let piece = whole(&stored[..stored.len() / 2]);
        assert!(matches!(piece.end, Some(End::Damaged(_))), "{:?}", piece.end);
        assert!(piece.totals.read > 1000 && piece.totals.bad_lines == 0, "{:?}", piece.totals);
        assert_eq!((piece.place.bytes, piece.place.lines), (7 * piece.totals.read, piece.totals.read));
    }

    #[test]
    fn pieces_can_be_gone_on_from() {
        let text: String = (0..100).map(|at| format!("m{at} 1 1\n")).chain(["# EOF\n".to_owned()]).collect();
        let all = pieces(text.as_bytes(), Place::default(), 1000);
        assert!(all.len() > 5);
        for (at, piece) in all.iter().enumerate() {
            let rest = pieces(text.as_bytes(), piece.place, 1000);
            let samples = |pieces: &[Piece]| pieces.iter().map(|piece| piece.request.sample_count()).sum::<usize>();
            assert_eq!(samples(&all[..=at]) + samples(&rest), 100, "{at}");
        }
        let behind = pieces(text.as_bytes(), Place { bytes: text.len() as u64 + 1, ..all[0].place }, 1000);
        assert!(matches!(behind[0].end, Some(End::Damaged(_))));
    }
}
