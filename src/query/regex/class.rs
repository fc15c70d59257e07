//! Character classes of Go's `regexp/syntax` as sets of characters.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// Perl's classes, ASCII as in RE2: `\d`, `\s`, `\w`.
pub(super) fn perl(letter: char) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match letter {
        'd' => &[('0', '9')],
        's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        _ => return None,
    };
    Some(of(ranges))
}

/// The POSIX classes by the name within `[:` and `:]`.
pub(super) fn posix(name: &str) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    Some(of(ranges))
}

/// The scripts whose full names have four letters, as all short names have.
const FOUR_LETTER_SCRIPTS: [&str; 7] = ["ahom", "cham", "kawi", "lisu", "newa", "thai", "toto"];

/// A Unicode category or script by the name within `\p{` and `}`. The tables are those of `regex-syntax`. They match
/// names as loosely as Go since 1.25, but also know the scripts' short names, which Go does not.
pub(super) fn unicode(name: &str) -> Option<ClassUnicode> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ');
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let is_short_script = letters.len() == 4 && !FOUR_LETTER_SCRIPTS.contains(&letters.as_str());
    ["gc", "sc"].into_iter().filter(|property| *property == "gc" || !is_short_script).find_map(|property| {
        let parsed = regex_syntax::parse(&format!("\\p{{{property}={name}}}")).ok()?;
        match parsed.into_kind() {
            HirKind::Class(Class::Unicode(class)) => Some(class),
            _ => None,
        }
    })
}

/// The characters from code point `from` to `to`, without surrogates, which no value contains.
pub(super) fn range(from: u32, to: u32) -> ClassUnicode {
    let first = char::from_u32(from).unwrap_or('\u{e000}');
    let last = char::from_u32(to).unwrap_or('\u{d7ff}');
    if first <= last { of(&[(first, last)]) } else { ClassUnicode::empty() }
}

/// Every character.
pub(super) fn any() -> ClassUnicode {
    of(&[('\0', char::MAX)])
}

/// Every character but newline.
pub(super) fn any_but_newline() -> ClassUnicode {
    of(&[('\0', '\t'), ('\x0b', char::MAX)])
}

/// Whether a class holds every character.
pub(super) fn is_any(class: &Class) -> bool {
    let Class::Unicode(class) = class else { return false };
    matches!(class.ranges(), [range] if range.start() == '\0' && range.end() == char::MAX)
}

fn of(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(from, to)| ClassUnicodeRange::new(*from, *to)))
}
