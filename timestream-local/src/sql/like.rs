//! LIKE with Presto's rules: case counts, `_` is one character, and the escape character may only stand before
//! `%`, `_` or itself.

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Any,
    One,
    Character(char),
}

/// A pattern ready to match.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<Step>);

impl Pattern {
    /// Reads a pattern. The error says what is wrong with it.
    pub(crate) fn new(pattern: &str, escape: Option<char>) -> Result<Self, &'static str> {
        let mut steps = Vec::with_capacity(pattern.len());
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            steps.push(if Some(character) == escape {
                match characters.next() {
                    Some(next) if next == '%' || next == '_' || Some(next) == escape => Step::Character(next),
                    _ => return Err("Escape character must be followed by '%', '_' or the escape character itself"),
                }
            } else {
                match character {
                    '%' => Step::Any,
                    '_' => Step::One,
                    other => Step::Character(other),
                }
            });
        }
        Ok(Self(steps))
    }

    /// Whether the whole text matches. Time is at most the product of both lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut step, mut rest) = (0, text.chars());
        // Where to go on when the last `%` takes one character more.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let mut after = rest.clone();
            let next = after.next();
            match (self.0.get(step), next) {
                (Some(Step::Any), _) => {
                    step += 1;
                    retry = Some((step, rest.clone()));
                    continue;
                }
                (None, None) => return true,
                (Some(Step::One), Some(_)) => {
                    (step, rest) = (step + 1, after);
                    continue;
                }
                (Some(Step::Character(wanted)), Some(found)) if *wanted == found => {
                    (step, rest) = (step + 1, after);
                    continue;
                }
                _ => {}
            }
            let Some((again, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            (step, rest) = (*again, from.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn like(text: &str, pattern: &str) -> bool {
        Pattern::new(pattern, Some('\\')).unwrap().matches(text)
    }

    #[test]
    fn the_rules_hold() {
        assert!(like("a_bc", "a\\_b%"));
        assert!(!like("axbc", "a\\_b%"));
        assert!(!like("A", "a"));
        assert!(like("é", "_"));
        assert!(like("a\0b", "a_b"));
        assert!(like("", "%") && !like("", "_"));
        assert!(Pattern::new("a\\b", Some('\\')).is_err());
        assert!(Pattern::new("a\\", Some('\\')).is_err());
        assert!(Pattern::new("a\\b", None).unwrap().matches("a\\b"));
    }

    proptest! {
        #[test]
        fn agrees_with_a_regular_expression(text in "[ab]{0,8}", pattern in "[ab%_]{0,8}") {
            let expression = pattern.replace('%', ".*").replace('_', ".");
            let oracle = regex::Regex::new(&format!("^(?s:{expression})$")).unwrap();
            prop_assert_eq!(like(&text, &pattern), oracle.is_match(&text));
        }
    }
}
