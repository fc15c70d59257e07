//! RE2 patterns as Prometheus' matchers use them: anchored at both ends, dot matches newline.
//!
//! The parser reads Go's `regexp/syntax` with its Perl flags. It makes a tree whose classes are plain sets of
//! characters: flags, case folding, Perl, POSIX and Unicode classes are resolved. Captures and greediness are dropped:
//! a matcher asks only whether the whole value matches. The tree is that of `regex-syntax`, so `regex-automata` matches
//! it here in linear time; `java` prints it for Timestream's `regexp_like`.

mod class;
mod java;
mod parse;

use regex_automata::meta;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind, Look};

pub use java::JavaPattern;

/// The longest pattern in bytes. Longer ones are refused.
pub const MAX_PATTERN_BYTES: usize = 64 * 1024;

/// The most memory that one compiled pattern may take, in bytes.
const MAX_COMPILED_BYTES: usize = 8 << 20;

/// The most literals that are worth an `IN` list.
const MAX_LITERALS: usize = 128;

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// RE2 refuses it too.
    #[error("{0}: `{1}`")]
    Syntax(&'static str, String),
    /// It is over a limit of the connector.
    #[error("pattern too large: {0}")]
    TooLarge(String),
}

/// A parsed pattern that matches whole values.
#[derive(Debug, Clone)]
pub struct Pattern {
    tree: Hir,
    matcher: meta::Regex,
}

/// What is known of the values that a pattern can match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Exactly these values, sorted; the list may be empty.
    Exactly(Vec<String>),
    /// Every value.
    Any,
    /// Every value but the empty one.
    NotEmpty,
    /// Some of the values that start with this text, which may be empty.
    StartingWith(String),
}

impl Pattern {
    /// Parses `pattern`.
    ///
    /// # Errors
    /// RE2 refuses it, or it is longer than [`MAX_PATTERN_BYTES`], nested too deeply or too large to compile.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLarge(format!("{} bytes, limit {MAX_PATTERN_BYTES}", pattern.len())));
        }
        let tree = parse::parse(pattern)?;
        let anchored = Hir::concat(vec![Hir::look(Look::Start), tree.clone(), Hir::look(Look::End)]);
        let matcher = meta::Builder::new()
            .configure(meta::Config::new().nfa_size_limit(Some(MAX_COMPILED_BYTES)))
            .build_from_hir(&anchored)
            .map_err(|error| PatternError::TooLarge(error.to_string()))?;
        Ok(Pattern { tree, matcher })
    }

    /// Whether all of `value` matches.
    pub fn matches(&self, value: &str) -> bool {
        self.matcher.is_match(value)
    }

    /// The memory that it takes, in bytes, without the caches that matching fills later.
    pub fn memory_bytes(&self) -> usize {
        self.matcher.memory_usage()
    }

    /// What is known of the values that match.
    pub fn values(&self) -> Values {
        match any_of(&self.tree) {
            Some(0) => return Values::Any,
            Some(1) => return Values::NotEmpty,
            _ => {}
        }
        let starts = self.starts();
        match starts.literals() {
            // Literals leave assertions out, so the matcher checks each of them.
            Some(literals) if starts.is_exact() => {
                let mut values: Vec<String> = literals
                    .iter()
                    .filter_map(|literal| std::str::from_utf8(literal.as_bytes()).ok())
                    .filter(|value| self.matches(value))
                    .map(str::to_owned)
                    .collect();
                values.sort_unstable();
                values.dedup();
                Values::Exactly(values)
            }
            _ => Values::StartingWith(common_start(&starts)),
        }
    }

    /// The pattern for `java.util.regex`.
    pub fn java(&self) -> JavaPattern {
        java::print(&self.tree)
    }

    fn starts(&self) -> Seq {
        let mut extractor = Extractor::new();
        extractor
            .kind(ExtractKind::Prefix)
            .limit_class(16)
            .limit_repeat(16)
            .limit_literal_len(256)
            .limit_total(MAX_LITERALS);
        extractor.extract(&self.tree)
    }
}

/// `Some(min)` if the tree matches any character at least `min` times.
fn any_of(tree: &Hir) -> Option<u32> {
    let HirKind::Repetition(repetition) = tree.kind() else { return None };
    let HirKind::Class(class) = repetition.sub.kind() else { return None };
    (repetition.max.is_none() && class::is_any(class)).then_some(repetition.min)
}

fn common_start(starts: &Seq) -> String {
    let bytes = starts.longest_common_prefix().unwrap_or_default();
    // A prefix of bytes may end within a character.
    let whole = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
    };
    whole.to_owned()
}

#[cfg(test)]
mod tests;
