//! The syntax of `java.util.regex`, as far as the `regex` crate has the same meaning.
//!
//! A pattern is parsed as Java parses it, and rewritten in the syntax of `regex`. What `regex` lacks (look-around,
//! back-references, possessive quantifiers, class intersections, multi-line mode) is refused by name.

mod class;
mod cursor;
mod parser;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use regex::{Captures, Match, Regex, RegexBuilder};

use super::failure::Failure;

/// What a compiled pattern may take, in bytes.
const MAX_COMPILED: usize = 8 * 1024 * 1024;
/// Compiled patterns that a thread keeps.
const MAX_RECENT: usize = 8;
/// The longest text that a replacement may build, in bytes.
const MAX_REPLACED: usize = 16 * 1024 * 1024;

/// How `$` is written. That depends on how the text ends: Java's `$` also matches before a final line terminator, and the
/// `regex` crate cannot look ahead.
const DOLLAR_PLAIN: &str = r"\z";
const DOLLAR_CRLF: &str = r"(?:\r\n)?\z";
const DOLLAR_TERMINATOR: &str = r"[\n\r\x{85}\x{2028}\x{2029}]?\z";

/// A Java pattern, ready to match.
#[derive(Debug)]
pub(crate) struct Pattern {
    source: parser::Translated,
    plain: Regex,
    crlf: OnceLock<Option<Regex>>,
    terminator: OnceLock<Option<Regex>>,
}

/// Compiles a pattern. The error says what Java or this translation has against it.
pub(crate) fn compile(pattern: &str) -> Result<Pattern, String> {
    let source = parser::translate(pattern)?;
    let plain =
        build(&source.text(DOLLAR_PLAIN)).map_err(|error| format!("Unsupported regular expression: {error}"))?;
    Ok(Pattern { source, plain, crlf: OnceLock::new(), terminator: OnceLock::new() })
}

thread_local! {
    static RECENT: RefCell<VecDeque<(String, Arc<Pattern>)>> = const { RefCell::new(VecDeque::new()) };
}

/// Compiles a pattern, or takes one of those that this thread compiled last. SQLite keeps a function's pattern for one
/// execution of a statement, and a lambda's body is executed for each element.
pub(crate) fn recent(pattern: &str) -> Result<Arc<Pattern>, String> {
    let known = RECENT
        .with_borrow(|recent| recent.iter().find(|(text, _)| text == pattern).map(|(_, known)| Arc::clone(known)));
    if let Some(known) = known {
        return Ok(known);
    }
    let compiled = Arc::new(compile(pattern)?);
    RECENT.with_borrow_mut(|recent| {
        recent.truncate(MAX_RECENT - 1);
        recent.push_front((pattern.to_owned(), Arc::clone(&compiled)));
    });
    Ok(compiled)
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build()
}

impl Pattern {
    /// Whether the pattern is found anywhere in the text.
    pub(crate) fn find(&self, text: &str) -> Result<bool, Failure> {
        Ok(self.for_text(text)?.is_match(text))
    }

    /// The group of the first match. Group 0 is all of it.
    pub(crate) fn extract<'t>(&self, text: &'t str, group: i64) -> Result<Option<&'t str>, Failure> {
        let regex = self.exact(text)?;
        let index = group_index(regex, group)?;
        Ok(regex.captures(text).and_then(|found| found.get(index)).map(|part| part.as_str()))
    }

    /// Replaces every match. As in Java, `$n` and `${name}` in the replacement are groups, and a backslash takes the next
    /// as it is.
    pub(crate) fn replace(&self, text: &str, replacement: &str) -> Result<String, Failure> {
        let regex = self.exact(text)?;
        // Java reads the replacement when it has a match.
        let mut parts = None;
        let (mut result, mut end) = (String::with_capacity(text.len()), 0);
        each_match(regex, text, |found, whole| {
            result.push_str(text.get(end..whole.start()).unwrap_or_default());
            if parts.is_none() {
                parts = Some(replacement_parts(replacement, regex)?);
            }
            for part in parts.iter().flatten() {
                match part {
                    Part::Text(literal) => result.push(*literal),
                    Part::Group(index) => result.push_str(found.get(*index).map_or("", |group| group.as_str())),
                }
            }
            end = whole.end();
            if result.len() > MAX_REPLACED {
                return Err("The result of regexp_replace is too long".into());
            }
            Ok(())
        })?;
        result.push_str(text.get(end..).unwrap_or_default());
        Ok(result)
    }

    /// The group of every match. Group 0 is all of it.
    pub(crate) fn extract_all<'t>(&self, text: &'t str, group: i64) -> Result<Vec<Option<&'t str>>, Failure> {
        let regex = self.exact(text)?;
        let index = group_index(regex, group)?;
        let mut parts = Vec::new();
        each_match(regex, text, |found, _| {
            parts.push(found.get(index).map(|part| part.as_str()));
            Ok(())
        })?;
        Ok(parts)
    }

    /// The parts between the matches.
    pub(crate) fn split<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, Failure> {
        let (mut parts, mut end) = (Vec::new(), 0);
        each_match(self.exact(text)?, text, |_, whole| {
            parts.push(text.get(end..whole.start()).unwrap_or_default());
            end = whole.end();
            Ok(())
        })?;
        parts.push(text.get(end..).unwrap_or_default());
        Ok(parts)
    }

    /// The regex that answers whether there is a match in this text.
    fn for_text(&self, text: &str) -> Result<&Regex, Failure> {
        if self.source.ascii_only && !text.is_ascii() {
            return Err("\\b in a regular expression is not supported on text that is not ASCII".into());
        }
        if !self.source.has_dollar || !text.ends_with(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            return Ok(&self.plain);
        }
        let (cell, dollar) = match text.ends_with("\r\n") {
            true => (&self.crlf, DOLLAR_CRLF),
            false => (&self.terminator, DOLLAR_TERMINATOR),
        };
        let built = cell.get_or_init(|| match self.source.dollar_inside {
            true => None,
            false => build(&self.source.text(dollar)).ok(),
        });
        built.as_ref().ok_or_else(|| "$ inside a regular expression is not supported on text that ends a line".into())
    }

    /// The regex whose matches have Java's extent in this text.
    fn exact(&self, text: &str) -> Result<&Regex, Failure> {
        if self.source.repeats_empty {
            return Err(
                "A repetition of what may be empty is not supported in this function's regular expression".into()
            );
        }
        let regex = self.for_text(text)?;
        if std::ptr::eq(regex, &self.plain) {
            return Ok(regex);
        }
        Err("$ in a regular expression is not supported on text that ends a line".into())
    }
}

fn group_index(regex: &Regex, group: i64) -> Result<usize, Failure> {
    let groups = regex.captures_len() as i64 - 1;
    match usize::try_from(group) {
        Ok(index) if group <= groups => Ok(index),
        _ => Err(Failure(format!("Pattern has {groups} groups. Cannot access group {group}"))),
    }
}

/// Visits every match, with its groups and its extent. Unlike the crate's iterator, Java also finds nothing right behind a
/// match.
fn each_match<'t>(
    regex: &Regex,
    text: &'t str,
    mut visit: impl FnMut(&Captures<'t>, Match<'t>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut from = 0;
    while let Some(found) = regex.captures_at(text, from) {
        let Some(whole) = found.get(0) else { break };
        visit(&found, whole)?;
        from = whole.end();
        if whole.is_empty() {
            from += text.get(from..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        }
        if from > text.len() {
            break;
        }
    }
    Ok(())
}

enum Part {
    Text(char),
    Group(usize),
}

fn replacement_parts(replacement: &str, regex: &Regex) -> Result<Vec<Part>, Failure> {
    let groups = regex.captures_len();
    let mut parts = Vec::new();
    let mut characters = replacement.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(literal) => parts.push(Part::Text(literal)),
                None => return Err("Replacement ends in a backslash".into()),
            },
            '$' if characters.next_if_eq(&'{').is_some() => {
                let mut name = String::new();
                while let Some(character) = characters.next_if(|character| *character != '}') {
                    name.push(character);
                }
                characters.next().ok_or_else(|| Failure("A group's name in the replacement has no end".into()))?;
                let place = regex.capture_names().position(|known| known == Some(name.as_str()));
                parts.push(Part::Group(place.ok_or_else(|| Failure(format!("No group with name {{{name}}}")))?));
            }
            '$' => {
                let digit = |c: Option<&char>| c.and_then(|c| c.to_digit(10)).map(|digit| digit as usize);
                let mut index = digit(characters.peek()).ok_or_else(|| Failure("Illegal group reference".into()))?;
                characters.next();
                // Java takes further digits as long as such a group exists.
                while let Some(next) = digit(characters.peek()).map(|digit| index * 10 + digit) {
                    if next >= groups {
                        break;
                    }
                    index = next;
                    characters.next();
                }
                if index >= groups {
                    return Err(Failure(format!("No group {index}")));
                }
                parts.push(Part::Group(index));
            }
            literal => parts.push(Part::Text(literal)),
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
