//! Case and space as Java has them, character by character.

/// The lower case of a character, by Unicode's simple mapping.
pub(in crate::sql) fn lower(character: char) -> char {
    match character {
        // Rust's mapping of it is two characters.
        '\u{130}' => 'i',
        other => single(other.to_lowercase()).unwrap_or(other),
    }
}

/// The upper case of a character, by Unicode's simple mapping. A character without one stays as it is.
pub(in crate::sql) fn upper(character: char) -> char {
    let shifted = |by: u32| char::from_u32(u32::from(character) + by).unwrap_or(character);
    match character {
        // Greek with an iota below: the full mapping is two characters, the simple one is one.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(9),
        other => single(other.to_uppercase()).unwrap_or(other),
    }
}

fn single(mut mapping: impl Iterator<Item = char>) -> Option<char> {
    mapping.next().filter(|_| mapping.next().is_none())
}

/// `Character.isWhitespace`: Unicode's spaces but for the ones that do not break, and some controls.
pub(in crate::sql) fn is_space(character: char) -> bool {
    match character {
        '\t'..='\r' | '\u{1c}'..='\u{1f}' => true,
        '\u{85}' | '\u{a0}' | '\u{2007}' | '\u{202f}' => false,
        other => other.is_whitespace(),
    }
}
