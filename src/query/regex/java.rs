//! Prints a pattern for `java.util.regex`, which is what Timestream's `regexp_like` runs.
//!
//! It prints only syntax that means the same everywhere: literals, classes as ranges of code points, groups,
//! repetitions. Everything else (word boundaries, ends of lines, very large classes, repetitions that could make a
//! backtracking matcher run for ever) is replaced by a part that matches at least as much. Then the pattern is no
//! longer `exact`.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};

use super::class;

/// Classes of more ranges than this are printed as any character.
const MAX_RANGES: usize = 64;

/// With more repetitions than this, a part with inner choices may take a backtracking matcher exponential time.
const MAX_ROUNDS_WITH_CHOICES: u32 = 3;

/// A pattern in Java's syntax, anchored at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JavaPattern {
    /// Its text.
    pub text: String,
    /// Whether it matches exactly as the original; otherwise it matches more.
    pub exact: bool,
}

pub(super) fn print(tree: &Hir) -> JavaPattern {
    let mut printer = Printer { text: String::from("\\A(?:"), exact: true };
    printer.tree(tree);
    printer.text.push_str(")\\z");
    JavaPattern { text: printer.text, exact: printer.exact }
}

struct Printer {
    text: String,
    exact: bool,
}

impl Printer {
    fn tree(&mut self, tree: &Hir) {
        match tree.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => text.chars().for_each(|c| self.character(c)),
                Err(_) => self.anything(),
            },
            HirKind::Class(Class::Unicode(set)) => self.class(set),
            HirKind::Class(Class::Bytes(set)) => match set.to_unicode_class() {
                Some(set) => self.class(&set),
                None => self.anything(),
            },
            HirKind::Look(Look::Start) => self.text.push_str("\\A"),
            HirKind::Look(Look::End) => self.text.push_str("\\z"),
            // Without the assertion the pattern matches more.
            HirKind::Look(_) => self.exact = false,
            HirKind::Repetition(repetition) => self.repetition(repetition),
            HirKind::Capture(capture) => self.tree(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| {
                if matches!(part.kind(), HirKind::Alternation(_)) { self.grouped(part) } else { self.tree(part) }
            }),
            HirKind::Alternation(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        self.text.push('|');
                    }
                    self.tree(part);
                }
            }
        }
    }

    fn grouped(&mut self, tree: &Hir) {
        self.text.push_str("(?:");
        self.tree(tree);
        self.text.push(')');
    }

    fn repetition(&mut self, repetition: &Repetition) {
        let rounds = repetition.max.unwrap_or(u32::MAX);
        if rounds > MAX_ROUNDS_WITH_CHOICES && has_choices(&repetition.sub) {
            return self.anything();
        }
        match repetition.sub.kind() {
            HirKind::Class(_) => self.tree(&repetition.sub),
            _ => self.grouped(&repetition.sub),
        }
        let operator = match (repetition.min, repetition.max) {
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (0, Some(1)) => "?".to_owned(),
            (min, None) => format!("{{{min},}}"),
            (min, Some(max)) if min == max => format!("{{{min}}}"),
            (min, Some(max)) => format!("{{{min},{max}}}"),
        };
        self.text.push_str(&operator);
    }

    /// Replaces a part by one that matches anything.
    fn anything(&mut self) {
        self.exact = false;
        self.text.push_str("(?s:.*)");
    }

    fn class(&mut self, set: &ClassUnicode) {
        let ranges = set.ranges();
        if ranges.len() > MAX_RANGES {
            self.exact = false;
            return self.text.push_str("(?s:.)");
        }
        if class::is_any(&Class::Unicode(set.clone())) {
            return self.text.push_str("(?s:.)");
        }
        if ranges.is_empty() {
            return self.text.push_str("[^\\x{0}-\\x{10FFFF}]");
        }
        self.text.push('[');
        for range in ranges {
            self.class_character(range.start());
            if range.end() > range.start() {
                self.text.push('-');
                self.class_character(range.end());
            }
        }
        self.text.push(']');
    }

    fn class_character(&mut self, c: char) {
        if c.is_ascii_alphanumeric() { self.text.push(c) } else { self.code_point(c) }
    }

    fn character(&mut self, c: char) {
        if regex_syntax::is_meta_character(c) {
            self.text.push('\\');
            self.text.push(c);
        } else if c.is_control() || c.is_whitespace() && c != ' ' {
            self.code_point(c);
        } else {
            self.text.push(c);
        }
    }

    fn code_point(&mut self, c: char) {
        self.text.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}

fn has_choices(tree: &Hir) -> bool {
    match tree.kind() {
        HirKind::Alternation(_) | HirKind::Repetition(_) => true,
        HirKind::Concat(parts) => parts.iter().any(has_choices),
        HirKind::Capture(capture) => has_choices(&capture.sub),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}
