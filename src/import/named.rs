//! Names single lines in the log: the first bad ones, and the first of each reason why a time is refused.

use tracing::warn;

use super::input::Input;
use super::retention::Refused;

/// How many bad lines are named. All are counted.
const MAX_NAMED: u64 = 20;
/// How many characters of a bad line are shown.
const MAX_SHOWN: usize = 100;
/// A time so many times the current one, in seconds, is one in milliseconds.
const LIKE_MILLISECONDS: i64 = 100;

/// What was told of single lines: the first ones of each kind.
#[derive(Default)]
pub(super) struct Named {
    bad_lines: u64,
    refused: Vec<Refused>,
}

impl Named {
    pub(super) fn bad_line(&mut self, input: &Input, number: u64, why: &str, line: &[u8]) {
        self.bad_lines += 1;
        if self.bad_lines <= MAX_NAMED {
            // So much is enough for the characters to be shown.
            let text = String::from_utf8_lossy(&line[..line.len().min(4 * MAX_SHOWN)]);
            let text: String = text.chars().take(MAX_SHOWN).collect();
            warn!("{}, line {number}: {why}: {text:?}", input.name);
        } else if self.bad_lines == MAX_NAMED + 1 {
            warn!("further bad lines are only counted");
        }
    }

    pub(super) fn refused(&mut self, input: &Input, number: u64, refused: Refused, timestamp: i64, now: i64) {
        if self.refused.contains(&refused) {
            return;
        }
        self.refused.push(refused);
        let is_like_milliseconds = timestamp > now.saturating_mul(LIKE_MILLISECONDS);
        let hint = if is_like_milliseconds { "; it looks like milliseconds, but OpenMetrics has seconds" } else { "" };
        let why = refused.describe();
        warn!("{}, line {number}: the sample is {why}{hint}; it and others like it are rejected", input.name);
    }
}
