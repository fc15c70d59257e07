//! Text, counted in characters, and regular expressions.

use std::sync::Arc;

use rusqlite::types::Value;

use super::super::failure::Failure;
use super::super::java_regex::{self, Pattern};
use super::super::like;
use super::super::types::ColumnType::{Bigint, Boolean, Integer, Varchar};
use super::characters;
use super::scalar::{Arguments, Outcome, Scalar, scalar, text};

/// The most pairs of characters that `levenshtein_distance` compares (Trino's limit).
const MAX_COMPARED: usize = 1_000_000;

/// The longest text that a function may build, in bytes.
const MAX_TEXT: usize = 16 * 1024 * 1024;

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("$like", &[Varchar, Varchar], Boolean, |a| {
        let pattern = a.cached(1, |pattern| like::Pattern::new(pattern, None).map_err(Failure::from))?;
        Ok(Value::from(pattern.matches(a.text(0)?)))
    }),
    scalar("$like_escape", &[Varchar, Varchar, Varchar], Boolean, |a| {
        let escape = a.text(2)?;
        let mut characters = escape.chars();
        let (Some(escape), None) = (characters.next(), characters.next()) else {
            return Err("Escape string must be a single character".into());
        };
        let pattern = a.cached(1, |pattern| like::Pattern::new(pattern, Some(escape)).map_err(Failure::from))?;
        Ok(Value::from(pattern.matches(a.text(0)?)))
    }),
    scalar("regexp_like", &[Varchar, Varchar], Boolean, |a| Ok(Value::from(compiled(a)?.find(a.text(0)?)?))),
    scalar("regexp_extract", &[Varchar, Varchar], Varchar, |a| group(compiled(a)?.as_ref(), a.text(0)?, 0)),
    scalar("regexp_extract", &[Varchar, Varchar, Bigint], Varchar, |a| {
        group(compiled(a)?.as_ref(), a.text(0)?, a.integer(2)?)
    }),
    scalar("regexp_replace", &[Varchar, Varchar], Varchar, |a| text(compiled(a)?.replace(a.text(0)?, "")?)),
    scalar("regexp_replace", &[Varchar, Varchar, Varchar], Varchar, |a| {
        text(compiled(a)?.replace(a.text(0)?, a.text(2)?)?)
    }),
    scalar("hamming_distance", &[Varchar, Varchar], Bigint, hamming_distance),
    scalar("levenshtein_distance", &[Varchar, Varchar], Bigint, levenshtein_distance),
    scalar("length", &[Varchar], Bigint, |a| Ok(Value::from(a.text(0)?.chars().count() as i64))),
    scalar("lower", &[Varchar], Varchar, |a| text(a.text(0)?.chars().map(characters::lower).collect::<String>())),
    scalar("upper", &[Varchar], Varchar, |a| text(a.text(0)?.chars().map(characters::upper).collect::<String>())),
    scalar("trim", &[Varchar], Varchar, |a| text(a.text(0)?.trim_matches(characters::is_space))),
    scalar("ltrim", &[Varchar], Varchar, |a| text(a.text(0)?.trim_start_matches(characters::is_space))),
    scalar("rtrim", &[Varchar], Varchar, |a| text(a.text(0)?.trim_end_matches(characters::is_space))),
    scalar("lpad", &[Varchar, Bigint, Varchar], Varchar, |a| {
        let (padding, kept) = padded(a)?;
        text(padding + &kept)
    }),
    scalar("rpad", &[Varchar, Bigint, Varchar], Varchar, |a| {
        let (padding, kept) = padded(a)?;
        text(kept + &padding)
    }),
    scalar("reverse", &[Varchar], Varchar, |a| text(a.text(0)?.chars().rev().collect::<String>())),
    scalar("replace", &[Varchar, Varchar], Varchar, |a| replaced(a.text(0)?, a.text(1)?, "")),
    scalar("replace", &[Varchar, Varchar, Varchar], Varchar, |a| replaced(a.text(0)?, a.text(1)?, a.text(2)?)),
    scalar("starts_with", &[Varchar, Varchar], Boolean, |a| Ok(Value::from(a.text(0)?.starts_with(a.text(1)?)))),
    scalar("strpos", &[Varchar, Varchar], Bigint, |a| {
        let (text, part) = (a.text(0)?, a.text(1)?);
        position(text, part, 1)
    }),
    scalar("strpos", &[Varchar, Varchar, Bigint], Bigint, |a| {
        let (text, part) = (a.text(0)?, a.text(1)?);
        match usize::try_from(a.integer(2)?) {
            Ok(instance @ 1..) => position(text, part, instance),
            _ => Err("'instance' must be a positive number.".into()),
        }
    }),
    scalar("substr", &[Varchar, Bigint], Varchar, |a| substring(a.text(0)?, a.integer(1)?, i64::MAX)),
    scalar("substr", &[Varchar, Bigint, Bigint], Varchar, |a| substring(a.text(0)?, a.integer(1)?, a.integer(2)?)),
    scalar("split_part", &[Varchar, Varchar, Bigint], Varchar, |a| {
        let (text_, delimiter, index) = (a.text(0)?, a.text(1)?, a.integer(2)?);
        if index < 1 {
            return Err("Index must be greater than zero".into());
        }
        if delimiter.is_empty() {
            let position = usize::try_from(index - 1).unwrap_or(usize::MAX);
            return Ok(text_.chars().nth(position).map_or(Value::Null, |part| Value::Text(part.into())));
        }
        let position = usize::try_from(index - 1).unwrap_or(usize::MAX);
        Ok(text_.split(delimiter).nth(position).map_or(Value::Null, |part| Value::Text(part.into())))
    }),
    scalar("$several_rows", &[], Varchar, |_| Err("Scalar sub-query has returned multiple rows".into())),
    scalar("codepoint", &[Varchar], Integer, |a| {
        let mut characters = a.text(0)?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(Value::from(u32::from(character))),
            _ => Err("Input string must be a single character string".into()),
        }
    }),
    scalar("chr", &[Bigint], Varchar, |a| match u32::try_from(a.integer(0)?).ok().and_then(char::from_u32) {
        Some(character) => text(character),
        None => Err(Failure(format!("Not a valid Unicode code point: {}", a.integer(0)?))),
    }),
];

/// In how many places two texts differ.
fn hamming_distance(a: &Arguments<'_, '_>) -> Outcome {
    let (mut one, mut two) = (a.text(0)?.chars(), a.text(1)?.chars());
    let mut distance = 0;
    loop {
        match (one.next(), two.next()) {
            (Some(one), Some(two)) => distance += i64::from(one != two),
            (None, None) => return Ok(Value::Integer(distance)),
            _ => return Err("The input strings to hamming_distance function must have the same length".into()),
        }
    }
}

/// How many characters are to be added, left out or replaced, so that one text becomes the other.
fn levenshtein_distance(a: &Arguments<'_, '_>) -> Outcome {
    let (one, two): (Vec<char>, Vec<char>) = (a.text(0)?.chars().collect(), a.text(1)?.chars().collect());
    if one.len().saturating_mul(two.len()) > MAX_COMPARED {
        return Err("The combined inputs for Levenshtein distance are too large".into());
    }
    // The distances of the characters so far from each beginning of the other text.
    let mut distances: Vec<i64> = (0..=two.len() as i64).collect();
    for (row, one) in (1..).zip(one) {
        let mut above_left = row - 1;
        let mut left = row;
        for (distance, other) in distances.iter_mut().skip(1).zip(&two) {
            left = (above_left + i64::from(one != *other)).min(left + 1).min(*distance + 1);
            above_left = std::mem::replace(distance, left);
        }
        if let Some(first) = distances.first_mut() {
            *first = row;
        }
    }
    Ok(Value::Integer(distances.last().copied().unwrap_or(0)))
}

/// The place of an instance of a part, which may overlap others, in characters from 1; 0 if there are fewer. An empty
/// part is always at the beginning.
fn position(text: &str, part: &str, instance: usize) -> Outcome {
    let Some(first) = part.chars().next() else { return Ok(Value::Integer(1)) };
    // Each search is linear in what it passes, and in the part.
    if instance > 1 && instance.min(text.len()).saturating_mul(part.len()) > MAX_TEXT {
        return Err("The part that strpos looks for is too long for so many instances".into());
    }
    let mut from = 0;
    for left in (0..instance).rev() {
        let Some(found) = text.get(from..).and_then(|rest| rest.find(part)) else { break };
        if left == 0 {
            let before = text.get(..from + found).unwrap_or_default();
            return Ok(Value::from(before.chars().count() as i64 + 1));
        }
        from += found + first.len_utf8();
    }
    Ok(Value::Integer(0))
}

fn compiled(a: &Arguments<'_, '_>) -> Result<Arc<Pattern>, Failure> {
    let pattern = a.cached(1, |pattern| java_regex::recent(pattern).map_err(Failure))?;
    Ok(Arc::clone(&pattern))
}

fn group(pattern: &Pattern, subject: &str, group: i64) -> Outcome {
    Ok(pattern.extract(subject, group)?.map_or(Value::Null, |part| Value::Text(part.into())))
}

fn replaced(subject: &str, search: &str, replacement: &str) -> Outcome {
    let found = subject.matches(search).count();
    if subject.len().saturating_add(found.saturating_mul(replacement.len())) > MAX_TEXT {
        return Err("The result of replace is too long".into());
    }
    text(subject.replace(search, replacement))
}

/// `start` counts from 1, or from the end when negative; 0 yields the empty text.
fn substring(subject: &str, start: i64, length: i64) -> Outcome {
    let count = subject.chars().count() as i64;
    let from = match start {
        0 => return text(""),
        1.. => start - 1,
        _ => count + start,
    };
    if from < 0 || from >= count || length <= 0 {
        return text("");
    }
    let (skip, take) = (usize::try_from(from).unwrap_or(0), usize::try_from(length).unwrap_or(usize::MAX));
    text(subject.chars().skip(skip).take(take).collect::<String>())
}

/// The padding that brings a text to its length, and the text, cut to it.
fn padded(a: &Arguments<'_, '_>) -> Result<(String, String), Failure> {
    let (subject, length, padding) = (a.text(0)?, a.integer(1)?, a.text(2)?);
    let Some(length) = usize::try_from(length).ok().filter(|length| *length <= MAX_TEXT) else {
        return Err(Failure(format!("Target length must be between 0 and {MAX_TEXT}")));
    };
    if padding.is_empty() {
        return Err("Padding string must not be empty".into());
    }
    let kept: String = subject.chars().take(length).collect();
    let missing = length - kept.chars().count();
    Ok((padding.chars().cycle().take(missing).collect(), kept))
}
