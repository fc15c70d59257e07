//! Reads Java's syntax and writes the `regex` crate's.

use std::fmt::Write;

use super::class;
use super::cursor::Cursor;

/// How deep groups may nest.
const MAX_DEPTH: usize = 100;

/// A pattern in the `regex` crate's syntax, in which `$` is not written yet.
#[derive(Debug)]
pub(super) struct Translated {
    /// The text between the `$`s.
    pieces: Vec<String>,
    /// There is a `$` or `\Z`.
    pub(super) has_dollar: bool,
    /// Something may have to match after a `$`.
    pub(super) dollar_inside: bool,
    /// It means the same only on ASCII text.
    pub(super) ascii_only: bool,
    /// It repeats what may be empty. Such a repetition ends elsewhere in Java, so matches may have another extent.
    pub(super) repeats_empty: bool,
}

impl Translated {
    /// The pattern with every `$` written as given.
    pub(super) fn text(&self, dollar: &str) -> String {
        self.pieces.join(dollar)
    }
}

pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut parser = Parser {
        cursor: Cursor::new(pattern),
        pieces: Vec::new(),
        piece: String::new(),
        after_dollar: false,
        dollar_inside: false,
        ascii_only: false,
        repeats_empty: false,
        names: Vec::new(),
    };
    parser.alternatives(Flags::default(), 0)?;
    if parser.cursor.peek().is_some() {
        return Err(parser.cursor.error("Unmatched closing ')'"));
    }
    let has_dollar = !parser.pieces.is_empty();
    parser.pieces.push(parser.piece);
    Ok(Translated {
        pieces: parser.pieces,
        has_dollar,
        dollar_inside: parser.dollar_inside,
        ascii_only: parser.ascii_only,
        repeats_empty: parser.repeats_empty,
    })
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    dot_all: bool,
}

/// Where in the pattern the reading is, and what was written so far.
struct Parser {
    cursor: Cursor,
    pieces: Vec<String>,
    piece: String,
    after_dollar: bool,
    dollar_inside: bool,
    ascii_only: bool,
    repeats_empty: bool,
    /// The names of groups.
    names: Vec<String>,
}

impl Parser {
    /// Reads alternatives up to the end or a `)`. Returns whether they may match nothing.
    fn alternatives(&mut self, mut flags: Flags, depth: usize) -> Result<bool, String> {
        if depth > MAX_DEPTH {
            return Err(self.cursor.unsupported("groups nested too deep"));
        }
        let entry = self.after_dollar;
        let (mut any_dollar, mut any_empty, mut empty) = (false, false, true);
        loop {
            match self.cursor.peek() {
                None | Some(')') => {
                    self.after_dollar |= any_dollar;
                    return Ok(any_empty || empty);
                }
                Some('|') => {
                    self.cursor.next();
                    self.piece.push('|');
                    any_dollar |= self.after_dollar;
                    self.after_dollar = entry;
                    any_empty |= empty;
                    empty = true;
                }
                Some(_) => empty &= self.quantified(&mut flags, depth)?,
            }
        }
    }

    /// Reads one atom and the quantifier behind it. Returns whether they may match nothing.
    fn quantified(&mut self, flags: &mut Flags, depth: usize) -> Result<bool, String> {
        let dollar_before = self.after_dollar;
        // A quantifier must not bind to the last character of a longer spelling, so every atom is written closed.
        let Some(empty) = self.atom(flags, depth)? else { return Ok(true) };
        let (optional, repeats) = match self.cursor.peek() {
            Some(sign @ ('?' | '*' | '+')) => {
                self.cursor.next();
                self.piece.push(sign);
                (sign != '+', sign != '?')
            }
            Some('{') => {
                self.cursor.next();
                self.bounds()?
            }
            _ => return Ok(empty),
        };
        if repeats && self.after_dollar && !dollar_before {
            self.dollar_inside = true;
        }
        self.repeats_empty |= repeats && empty;
        match self.cursor.peek() {
            Some('?') => {
                self.cursor.next();
                self.piece.push('?');
            }
            Some('+') => return Err(self.cursor.unsupported("possessive quantifier")),
            _ => {}
        }
        match self.cursor.peek() {
            Some(sign @ ('?' | '*' | '+')) => Err(self.cursor.error(format!("Dangling meta character '{sign}'"))),
            _ => Ok(empty || optional),
        }
    }

    /// Reads the rest of `{2,3}` behind its brace. Returns whether it allows none, and whether it allows several.
    fn bounds(&mut self) -> Result<(bool, bool), String> {
        let least = self.decimal().ok_or_else(|| self.cursor.error("Illegal repetition"))?;
        let most = match self.cursor.take(",") {
            false => Some(least),
            true => self.decimal(),
        };
        if !self.cursor.take("}") {
            return Err(self.cursor.error("Unclosed counted closure"));
        }
        if most.is_some_and(|most| most < least) {
            return Err(self.cursor.error("Illegal repetition range"));
        }
        let _ = match most {
            Some(most) => write!(self.piece, "{{{least},{most}}}"),
            None => write!(self.piece, "{{{least},}}"),
        };
        Ok((least == 0, most.is_none_or(|most| most > 1)))
    }

    fn decimal(&mut self) -> Option<u32> {
        let mut number = None;
        while let Some(digit) = self.cursor.peek().and_then(|character| character.to_digit(10)) {
            self.cursor.next();
            number = Some(number.unwrap_or(0u32).saturating_mul(10).saturating_add(digit));
        }
        number
    }

    /// Writes one atom. Returns whether it may match nothing, or `None` where there is no atom, such as for `(?i)`.
    fn atom(&mut self, flags: &mut Flags, depth: usize) -> Result<Option<bool>, String> {
        let Some(character) = self.cursor.next() else { return Ok(None) };
        match character {
            '(' => return self.group(flags, depth),
            '[' => {
                let class = class::class(&mut self.cursor, flags.ignore_case, 0)?;
                self.consuming(&class);
            }
            '.' if flags.dot_all => self.consuming("(?s:.)"),
            '.' => self.consuming(r"[^\n\r\x{85}\x{2028}\x{2029}]"),
            '^' => {
                self.piece.push_str(r"(?:\A)");
                return Ok(Some(true));
            }
            '$' => {
                self.dollar();
                return Ok(Some(true));
            }
            '\\' => return self.escape(*flags),
            '*' | '+' | '?' => return Err(self.cursor.error(format!("Dangling meta character '{character}'"))),
            // Java reads a repetition of nothing there.
            '{' => {
                self.cursor.back();
                self.piece.push_str("(?:)");
                return Ok(Some(true));
            }
            literal => self.literal(literal, *flags),
        }
        Ok(Some(false))
    }

    fn consuming(&mut self, text: &str) {
        self.dollar_inside |= self.after_dollar;
        self.piece.push_str(text);
    }

    fn dollar(&mut self) {
        self.piece.push_str("(?:");
        self.pieces.push(std::mem::take(&mut self.piece));
        self.piece.push(')');
        self.after_dollar = true;
    }

    fn literal(&mut self, literal: char, flags: Flags) {
        let text = class::single(literal, flags.ignore_case);
        self.consuming(&text);
    }

    fn group(&mut self, flags: &mut Flags, depth: usize) -> Result<Option<bool>, String> {
        let mut inner = *flags;
        if self.cursor.take("?") {
            if self.cursor.take("<") {
                if matches!(self.cursor.peek(), Some('=' | '!')) {
                    return Err(self.cursor.unsupported("look-behind"));
                }
                let mut name = String::new();
                while let Some(character) = self.cursor.next().filter(|character| *character != '>') {
                    if !character.is_ascii_alphanumeric() {
                        return Err(self.cursor.error("Unknown look-behind group or bad group name"));
                    }
                    name.push(character);
                }
                if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
                    return Err(self.cursor.error("Unknown look-behind group or bad group name"));
                }
                if self.names.contains(&name) {
                    return Err(self.cursor.error(format!("Named capturing group <{name}> is already defined")));
                }
                self.piece.push_str(&format!("(?<{name}>"));
                self.names.push(name);
            } else if matches!(self.cursor.peek(), Some('=' | '!')) {
                return Err(self.cursor.unsupported("look-ahead"));
            } else if self.cursor.take(">") {
                return Err(self.cursor.unsupported("atomic group"));
            } else {
                let closed = self.flags(&mut inner)?;
                if closed {
                    *flags = inner;
                    return Ok(None);
                }
                self.piece.push_str("(?:");
            }
        } else {
            self.piece.push('(');
        }
        let empty = self.alternatives(inner, depth + 1)?;
        if !self.cursor.take(")") {
            return Err(self.cursor.error("Unclosed group"));
        }
        self.piece.push(')');
        Ok(Some(empty))
    }

    /// Reads `i-s:` or `i-s)`. True for the latter.
    fn flags(&mut self, flags: &mut Flags) -> Result<bool, String> {
        let mut on = true;
        loop {
            match self.cursor.next() {
                Some(')') => return Ok(true),
                Some(':') => return Ok(false),
                Some('-') => on = false,
                Some('i') => flags.ignore_case = on,
                Some('s') => flags.dot_all = on,
                Some('m' | 'd' | 'u' | 'x' | 'U') if !on => {}
                Some(flag @ ('m' | 'd' | 'u' | 'x' | 'U')) => {
                    return Err(self.cursor.unsupported(format!("flag '{flag}'")));
                }
                _ => return Err(self.cursor.error("Unknown inline modifier")),
            }
        }
    }

    fn escape(&mut self, flags: Flags) -> Result<Option<bool>, String> {
        match self.cursor.peek() {
            Some('Q') => {
                self.cursor.next();
                return self.quotation(flags);
            }
            Some('A') => self.piece.push_str(r"(?:\A)"),
            Some('z') => self.piece.push_str(r"(?:\z)"),
            Some('Z') => self.dollar(),
            Some(boundary @ ('b' | 'B')) => {
                self.ascii_only = true;
                let _ = write!(self.piece, r"(?-u:\{boundary})");
            }
            Some('1'..='9' | 'k') => return Err(self.cursor.unsupported("back-reference")),
            Some(character @ ('G' | 'R' | 'X' | 'N')) => {
                return Err(self.cursor.unsupported(format!("\\{character}")));
            }
            _ => {
                let text = match class::escape(&mut self.cursor)? {
                    class::Item::Character(character) => class::single(character, flags.ignore_case),
                    class::Item::Set { name, .. } if flags.ignore_case && class::depends_on_case(&name) => {
                        return Err(self.cursor.unsupported(format!("{name} without regard to case")));
                    }
                    class::Item::Set { written, .. } => written,
                };
                self.consuming(&text);
                return Ok(Some(false));
            }
        }
        self.cursor.next();
        Ok(Some(true))
    }

    /// `\Q…\E`, whose last character takes the quantifier.
    fn quotation(&mut self, flags: Flags) -> Result<Option<bool>, String> {
        let mut any = None;
        while !self.cursor.take("\\E") {
            let Some(character) = self.cursor.next() else { break };
            self.literal(character, flags);
            any = Some(false);
        }
        Ok(any)
    }
}
