//! The last warnings and errors of the log, for people who look at the landing page.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Lines that are kept.
const CAPACITY: usize = 50;
/// Bytes that are kept of a message or a field: Timestream's messages may be long.
const MAX_TEXT: usize = 1000;

/// A line of the log. Like the log, it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was logged.
    pub at: SystemTime,
    /// `warn` or `error`.
    pub level: &'static str,
    /// The message, cut after 1000 bytes.
    pub message: String,
    /// Names and values of its fields, each value cut after 1000 bytes.
    pub fields: Vec<(&'static str, String)>,
}

/// The last 50 lines.
#[derive(Debug, Default)]
pub struct Recent {
    lines: Mutex<VecDeque<Line>>,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Recent { lines: Mutex::new(VecDeque::new()) }
    }

    pub(super) fn push(&self, mut line: Line) {
        cut(&mut line.message);
        line.fields.iter_mut().for_each(|(_, value)| cut(value));
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == CAPACITY {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines, the oldest first.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn cut(text: &mut String) {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_and_long_texts_are_cut() {
        let recent = Recent::default();
        for number in 0..60 {
            let fields = vec![("text", "ü".repeat(number * 20))];
            recent.push(Line { at: SystemTime::UNIX_EPOCH, level: "warn", message: number.to_string(), fields });
        }
        let lines = recent.lines();
        assert_eq!(lines.len(), CAPACITY);
        assert_eq!((lines[0].message.as_str(), lines[49].message.as_str()), ("10", "59"));
        assert_eq!(lines[49].fields[0].1, "ü".repeat(500) + "…");
    }
}
