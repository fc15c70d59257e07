//! Label matchers with Prometheus' meaning: a label that a series lacks is the empty string.

use super::regex::{Pattern, PatternError};
use crate::error::{Error, Kind};
use crate::proto::LabelMatcher;
use crate::proto::label_matcher::Type;

/// The label that holds the metric name.
pub const METRIC_NAME: &str = "__name__";

/// The condition of a matcher for a label's value.
#[derive(Debug, Clone)]
pub enum Condition {
    /// `=`
    Equal(String),
    /// `!=`
    NotEqual(String),
    /// `=~`
    Matches(Pattern),
    /// `!~`
    DoesNotMatch(Pattern),
}

/// One label matcher.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub label: String,
    /// The condition for its value.
    pub condition: Condition,
}

impl Matcher {
    /// Reads the matcher of a request.
    ///
    /// # Errors
    /// `UnknownMatcherError` for a type outside the four; `InvalidMatcherError` for a pattern that RE2 refuses.
    pub fn new(matcher: LabelMatcher) -> Result<Self, Error> {
        let LabelMatcher { r#type, name, value } = matcher;
        let condition = match Type::try_from(r#type) {
            Ok(Type::Eq) => Condition::Equal(value),
            Ok(Type::Neq) => Condition::NotEqual(value),
            Ok(Type::Re) => Condition::Matches(pattern(&name, &value)?),
            Ok(Type::Nre) => Condition::DoesNotMatch(pattern(&name, &value)?),
            Err(_) => {
                return Err(Error::invalid(
                    "UnknownMatcherError",
                    format!("matcher type {type} of label {name:?} is none of = != =~ !~", type = r#type),
                ));
            }
        };
        Ok(Matcher { label: name, condition })
    }

    /// Whether a series with this value of the label is wanted. A missing label is the empty string.
    pub fn accepts(&self, value: &str) -> bool {
        match &self.condition {
            Condition::Equal(wanted) => value == wanted,
            Condition::NotEqual(unwanted) => value != unwanted,
            Condition::Matches(pattern) => pattern.matches(value),
            Condition::DoesNotMatch(pattern) => !pattern.matches(value),
        }
    }

    /// The memory that a compiled pattern takes, in bytes.
    pub(super) fn pattern_bytes(&self) -> usize {
        match &self.condition {
            Condition::Equal(_) | Condition::NotEqual(_) => 0,
            Condition::Matches(pattern) | Condition::DoesNotMatch(pattern) => pattern.memory_bytes(),
        }
    }
}

fn pattern(label: &str, text: &str) -> Result<Pattern, Error> {
    Pattern::parse(text).map_err(|error| {
        let kind = match error {
            PatternError::Syntax(..) => Kind::Invalid,
            PatternError::TooLarge(_) => Kind::TooLarge,
        };
        Error::new(kind, "InvalidMatcherError", format!("regular expression for label {label:?}: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(r#type: i32, value: &str) -> Result<Matcher, Error> {
        Matcher::new(LabelMatcher { r#type, name: "l".to_owned(), value: value.to_owned() })
    }

    #[test]
    fn a_missing_label_is_the_empty_string() {
        for (r#type, value, missing, a) in [
            (Type::Eq, "", true, false),
            (Type::Eq, "a", false, true),
            (Type::Neq, "", false, true),
            (Type::Neq, "a", true, false),
            (Type::Re, "a|", true, true),
            (Type::Re, "a.*", false, true),
            (Type::Nre, "a|", false, false),
            (Type::Nre, "b+", true, true),
        ] {
            let matcher = matcher(r#type as i32, value).unwrap();
            assert_eq!((matcher.accepts(""), matcher.accepts("a")), (missing, a), "{type:?} {value}", type = r#type);
        }
    }

    #[test]
    fn other_types_and_bad_patterns_are_the_callers_mistake() {
        let error = matcher(4, "a").unwrap_err();
        assert_eq!((error.kind(), error.name()), (Kind::Invalid, "UnknownMatcherError"));
        let error = matcher(Type::Re as i32, "a(").unwrap_err();
        assert_eq!((error.kind(), error.name()), (Kind::Invalid, "InvalidMatcherError"));
        assert_eq!(matcher(Type::Nre as i32, &"a".repeat(1 << 20)).unwrap_err().kind(), Kind::TooLarge);
    }
}
