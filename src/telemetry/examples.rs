//! The first sample of the process for each reason why samples are not written: a count says how many there are, an
//! example where to look.

use std::sync::OnceLock;
use std::time::SystemTime;

use super::reason::{Failed, Ignored, Rejected};

/// A sample that was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its series, cut, with value and time if they are known, and the fault.
    pub text: String,
    /// When it happened.
    pub at: SystemTime,
}

/// The first example for each reason. Once it is there, noting another costs only one load.
#[derive(Debug)]
pub struct Examples {
    ignored: Vec<OnceLock<Example>>,
    rejected: Vec<OnceLock<Example>>,
    failed: Vec<OnceLock<Example>>,
}

impl Default for Examples {
    fn default() -> Self {
        let slots = |count| (0..count).map(|_| OnceLock::new()).collect();
        Examples {
            ignored: slots(Ignored::ALL.len()),
            rejected: slots(Rejected::ALL.len()),
            failed: slots(Failed::ALL.len()),
        }
    }
}

impl Examples {
    /// Notes an ignored sample.
    pub fn note_ignored(&self, reason: Ignored, text: impl FnOnce() -> String) {
        note(&self.ignored[reason as usize], text);
    }

    /// Notes a rejected sample.
    pub fn note_rejected(&self, reason: Rejected, text: impl FnOnce() -> String) {
        note(&self.rejected[reason as usize], text);
    }

    /// Notes a failed sample.
    pub fn note_failed(&self, reason: Failed, text: impl FnOnce() -> String) {
        note(&self.failed[reason as usize], text);
    }

    /// The example of an ignored sample.
    pub fn ignored(&self, reason: Ignored) -> Option<&Example> {
        self.ignored[reason as usize].get()
    }

    /// The example of a rejected sample.
    pub fn rejected(&self, reason: Rejected) -> Option<&Example> {
        self.rejected[reason as usize].get()
    }

    /// The example of a failed sample.
    pub fn failed(&self, reason: Failed) -> Option<&Example> {
        self.failed[reason as usize].get()
    }
}

fn note(slot: &OnceLock<Example>, text: impl FnOnce() -> String) {
    slot.get_or_init(|| Example { text: text(), at: SystemTime::now() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_reason_stays() {
        let examples = Examples::default();
        examples.note_rejected(Rejected::Duplicate, || "first".to_owned());
        examples.note_rejected(Rejected::Duplicate, || panic!("not asked for again"));
        examples.note_failed(Failed::QueueFull, || "full".to_owned());
        assert_eq!(examples.rejected(Rejected::Duplicate).map(|example| example.text.as_str()), Some("first"));
        assert_eq!(examples.failed(Failed::QueueFull).map(|example| example.text.as_str()), Some("full"));
        assert_eq!(examples.ignored(Ignored::NaN), None);
    }
}
