//! The errors of a task, and the report of them (developer guide, "Using batch load error reports").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most ranges of lines, and most reasons, that a report has.
const MAX_RANGES: usize = 10_000;
const MAX_REASONS: usize = 1_000;
/// Most letters of a reason: it may have names and values of any length in it.
const MAX_REASON: usize = 300;
/// How a reason begins that has a time in it, and what the guide's report says in its place.
const OUTSIDE: &str = "The record timestamp is outside the time range";
const OUTSIDE_WINDOW: &str = "The record timestamp is outside the time range of the data ingestion window.";

/// The first and last line of each range, by reason.
type Reasons = BTreeMap<String, Vec<(u64, u64)>>;

/// What went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Errors {
    task: Vec<String>,
    /// By file.
    files: BTreeMap<String, Reasons>,
    ranges: usize,
    reasons: usize,
    /// Errors that found no room.
    omitted: u64,
}

impl Errors {
    /// Whether nothing went wrong.
    pub(super) fn are_none(&self) -> bool {
        self.task.is_empty() && self.files.is_empty() && self.omitted == 0
    }

    /// Notes an error of the task as a whole.
    pub(super) fn of_task(&mut self, reason: String) {
        self.task.push(cut(&reason).to_owned());
    }

    /// Notes an error of a file, of one of its lines if it has one.
    pub(super) fn of_file(&mut self, file: &str, line: Option<u64>, reason: &str) {
        let reason = cut(if reason.starts_with(OUTSIDE) { OUTSIDE_WINDOW } else { reason });
        let known = self.files.get_mut(file).and_then(|reasons| reasons.get_mut(reason));
        if let (Some(known), Some(line)) = (&known, line)
            && known.last().is_some_and(|(first, last)| (*first..=*last).contains(&line))
        {
            return;
        }
        if let (Some(known), Some(line)) = (known, line) {
            match known.last_mut() {
                Some((_, last)) if *last + 1 == line => *last = line,
                _ if self.ranges < MAX_RANGES => {
                    known.push((line, line));
                    self.ranges += 1;
                }
                _ => self.omitted += 1,
            }
            return;
        }
        if self.reasons >= MAX_REASONS || self.ranges >= MAX_RANGES {
            self.omitted += 1;
            return;
        }
        self.reasons += 1;
        self.ranges += usize::from(line.is_some());
        let ranges = line.map(|line| (line, line)).into_iter().collect();
        self.files.entry(file.to_owned()).or_default().insert(reason.to_owned(), ranges);
    }

    /// The report.
    pub(super) fn report(&self, task_id: &str) -> Value {
        let error = |(reason, ranges): (&String, &Vec<(u64, u64)>)| json!({"reason": reason, "lineRanges": ranges});
        let file = |(name, reasons): (&String, &Reasons)| json!({"fileName": name, "errors": reasons.iter().map(error).collect::<Vec<_>>()});
        let mut task: Vec<Value> = self.task.iter().map(|reason| json!({"reason": reason})).collect();
        if self.omitted > 0 {
            task.push(json!({"reason": format!("{} more errors are not listed.", self.omitted)}));
        }
        json!({"taskId": task_id, "taskErrors": task, "fileErrors": self.files.iter().map(file).collect::<Vec<_>>()})
    }
}

/// What a report has of a reason.
fn cut(reason: &str) -> &str {
    reason.char_indices().nth(MAX_REASON).and_then(|(end, _)| reason.get(..end)).unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_follow_each_other_are_a_range() {
        let mut errors = Errors::default();
        assert!(errors.are_none());
        for line in [2, 3, 3, 5] {
            errors.of_file("a.csv", Some(line), "The record timestamp is outside the time range [x, y) of z.");
        }
        errors.of_file("b.csv", None, "no header");
        let wanted = json!({"taskId": "T", "taskErrors": [], "fileErrors": [
            {"fileName": "a.csv", "errors": [{"reason": OUTSIDE_WINDOW, "lineRanges": [[2, 3], [5, 5]]}]},
            {"fileName": "b.csv", "errors": [{"reason": "no header", "lineRanges": []}]},
        ]});
        assert_eq!(errors.report("T"), wanted);
        assert!(!errors.are_none());
    }

    #[test]
    fn reports_are_bounded() {
        let mut errors = Errors::default();
        errors.of_file("a.csv", None, &"é".repeat(100_000));
        errors.of_task("é".repeat(100_000));
        let report = errors.report("T");
        assert_eq!(report["fileErrors"][0]["errors"][0]["reason"], "é".repeat(MAX_REASON));
        assert_eq!(report["taskErrors"][0]["reason"], "é".repeat(MAX_REASON));
        let mut errors = Errors::default();
        for number in 0..2 * MAX_REASONS as u64 {
            errors.of_file("a.csv", Some(2 * number), &number.to_string());
        }
        for line in 0..2 * MAX_RANGES as u64 {
            errors.of_file("a.csv", Some(2 * line + 1_000_000), "0");
        }
        let report = errors.report("T");
        let listed = report["fileErrors"][0]["errors"].as_array().unwrap();
        let ranges: usize = listed.iter().map(|error| error["lineRanges"].as_array().unwrap().len()).sum();
        assert_eq!((listed.len(), ranges), (MAX_REASONS, MAX_RANGES));
        assert_eq!(report["taskErrors"][0]["reason"], "12000 more errors are not listed.");
    }
}
