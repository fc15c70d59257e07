//! Character classes: `[…]`, and the escapes that stand for a character or a set of them.

use std::fmt::Write;

use super::cursor::Cursor;

/// How deep classes may nest.
const MAX_DEPTH: usize = 20;

/// What an escape stands for.
pub(super) enum Item {
    Character(char),
    /// A set, as a class in the `regex` crate's syntax, and as Java spells it.
    Set {
        written: String,
        name: String,
    },
}

/// The general categories of Unicode, which both sides spell alike.
const CATEGORIES: &[&str] = &[
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp",
];

/// Java's POSIX classes, ASCII only.
const POSIX: &[(&str, &str)] = &[
    ("Lower", "a-z"),
    ("Upper", "A-Z"),
    ("ASCII", r"\x00-\x7F"),
    ("Alpha", "a-zA-Z"),
    ("Digit", "0-9"),
    ("Alnum", "a-zA-Z0-9"),
    ("Punct", r"!-/:-@\[-`{-~"),
    ("Graph", "!-~"),
    ("Print", " -~"),
    ("Blank", r" \t"),
    ("Cntrl", r"\x00-\x1F\x7F"),
    ("XDigit", "0-9a-fA-F"),
    ("Space", r" \t\n\x0B\f\r"),
];

/// Whether the set may hold letters of one case only.
pub(super) fn depends_on_case(name: &str) -> bool {
    name.starts_with("\\p") || name.starts_with("\\P")
}

/// One character as an atom. When case is ignored, an ASCII letter stands for both its cases, as in Java without the
/// flag `u`.
pub(super) fn single(character: char, ignore_case: bool) -> String {
    if ignore_case && character.is_ascii_alphabetic() {
        return format!("[{}{}]", character.to_ascii_lowercase(), character.to_ascii_uppercase());
    }
    format!("(?:{})", regex::escape(&character.to_string()))
}

/// The rest of a class behind its `[`.
pub(super) fn class(cursor: &mut Cursor, ignore_case: bool, depth: usize) -> Result<String, String> {
    if depth > MAX_DEPTH {
        return Err(cursor.unsupported("classes nested too deep"));
    }
    let negated = cursor.take("^");
    let mut written = String::from(if negated { "[^" } else { "[" });
    let mut empty = true;
    loop {
        if cursor.take("&&") {
            return Err(cursor.unsupported("class intersection"));
        }
        let Some(character) = cursor.next() else { return Err(cursor.error("Unclosed character class")) };
        match character {
            ']' if !empty => break,
            '[' if negated => return Err(cursor.unsupported("class within a negated class")),
            '[' => written.push_str(&class(cursor, ignore_case, depth + 1)?),
            '\\' if cursor.take("Q") => {
                while !cursor.take("\\E") {
                    let Some(literal) = cursor.next() else { break };
                    range(&mut written, literal, literal, ignore_case);
                }
            }
            '\\' => match escape(cursor)? {
                Item::Character(first) => span(cursor, &mut written, first, ignore_case)?,
                Item::Set { name, .. } if ignore_case && depends_on_case(&name) => {
                    return Err(cursor.unsupported(format!("{name} without regard to case")));
                }
                Item::Set { written: set, .. } => written.push_str(&set),
            },
            first => span(cursor, &mut written, first, ignore_case)?,
        }
        empty = false;
    }
    written.push(']');
    Ok(written)
}

/// A character of a class, and the range that it may begin.
fn span(cursor: &mut Cursor, written: &mut String, first: char, ignore_case: bool) -> Result<(), String> {
    if cursor.peek() != Some('-') {
        range(written, first, first, ignore_case);
        return Ok(());
    }
    cursor.next();
    match cursor.peek() {
        None => return Err(cursor.error("Unclosed character class")),
        // The minus is the last character, or stands before a nested class: it means itself.
        Some(']' | '[') => {
            range(written, first, first, ignore_case);
            range(written, '-', '-', ignore_case);
            return Ok(());
        }
        Some(_) => {}
    }
    let last = match cursor.next() {
        Some('\\') => match escape(cursor)? {
            Item::Character(last) => last,
            Item::Set { .. } => return Err(cursor.error("Illegal character range")),
        },
        Some('&') if cursor.peek() == Some('&') => return Err(cursor.unsupported("class intersection")),
        Some(last) => last,
        None => return Err(cursor.error("Unclosed character class")),
    };
    if last < first {
        return Err(cursor.error("Illegal character range"));
    }
    range(written, first, last, ignore_case);
    Ok(())
}

fn range(written: &mut String, first: char, last: char, ignore_case: bool) {
    let mut write = |first: u32, last: u32| {
        let _ = write!(written, r"\x{{{first:x}}}-\x{{{last:x}}}");
    };
    let (first, last) = (u32::from(first), u32::from(last));
    write(first, last);
    if ignore_case {
        for (low, high, shift) in [('A', 'Z', 32i64), ('a', 'z', -32)] {
            let (from, to) = (first.max(low.into()), last.min(high.into()));
            if from <= to {
                let shifted = |code: u32| u32::try_from(i64::from(code) + shift).unwrap_or(code);
                write(shifted(from), shifted(to));
            }
        }
    }
}

/// The rest of an escape behind its backslash: what means the same inside and outside a class.
pub(super) fn escape(cursor: &mut Cursor) -> Result<Item, String> {
    let Some(character) = cursor.next() else { return Err(cursor.error("Unexpected internal error: lone backslash")) };
    let set = |written: &str| Ok(Item::Set { written: written.into(), name: format!("\\{character}") });
    match character {
        'd' => set("[0-9]"),
        'D' => set("[^0-9]"),
        'w' => set("[a-zA-Z_0-9]"),
        'W' => set("[^a-zA-Z_0-9]"),
        's' => set(r"[ \t\n\x0B\f\r]"),
        'S' => set(r"[^ \t\n\x0B\f\r]"),
        'h' => set(r"[ \t\xA0\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"),
        'H' => set(r"[^ \t\xA0\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"),
        'v' => set(r"[\n\x0B\f\r\x{85}\x{2028}\x{2029}]"),
        'V' => set(r"[^\n\x0B\f\r\x{85}\x{2028}\x{2029}]"),
        'p' | 'P' => property(cursor, character == 'P'),
        't' => Ok(Item::Character('\t')),
        'n' => Ok(Item::Character('\n')),
        'r' => Ok(Item::Character('\r')),
        'f' => Ok(Item::Character('\x0c')),
        'a' => Ok(Item::Character('\x07')),
        'e' => Ok(Item::Character('\x1b')),
        'x' if cursor.take("{") => {
            let mut digits = String::new();
            while let Some(digit) = cursor.next().filter(|digit| *digit != '}') {
                digits.push(digit);
            }
            code(cursor, &digits)
        }
        'x' => hexadecimal(cursor, 2),
        'u' => hexadecimal(cursor, 4),
        literal if !literal.is_ascii_alphanumeric() => Ok(Item::Character(literal)),
        '0' | 'c' | 'N' => Err(cursor.unsupported(format!("\\{character}"))),
        _ => Err(cursor.error(format!("Illegal/unsupported escape sequence \\{character}"))),
    }
}

fn hexadecimal(cursor: &mut Cursor, length: usize) -> Result<Item, String> {
    let digits: String = (0..length).filter_map(|_| cursor.next()).collect();
    if digits.chars().count() != length {
        return Err(cursor.error("Illegal hexadecimal escape sequence"));
    }
    code(cursor, &digits)
}

fn code(cursor: &Cursor, digits: &str) -> Result<Item, String> {
    let hexadecimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = if hexadecimal { u32::from_str_radix(digits, 16).ok() } else { None };
    match code.map(char::from_u32) {
        Some(Some(character)) => Ok(Item::Character(character)),
        Some(None) => Err(cursor.unsupported("half of a surrogate pair")),
        None => Err(cursor.error("Illegal hexadecimal escape sequence")),
    }
}

fn property(cursor: &mut Cursor, negated: bool) -> Result<Item, String> {
    let mut name = String::new();
    match cursor.next() {
        Some('{') => {
            while let Some(character) = cursor.next().filter(|character| *character != '}') {
                name.push(character);
            }
        }
        Some(letter) => name.push(letter),
        None => {}
    }
    let caret = if negated { "^" } else { "" };
    let category = name.strip_prefix("Is").unwrap_or(&name);
    let written = match POSIX.iter().find(|(posix, _)| *posix == name) {
        Some((_, characters)) => format!("[{caret}{characters}]"),
        None if CATEGORIES.contains(&category) => format!("[{caret}\\p{{{category}}}]"),
        None => return Err(cursor.unsupported(format!("property {{{name}}}"))),
    };
    Ok(Item::Set { written, name: format!("\\p{{{name}}}") })
}
