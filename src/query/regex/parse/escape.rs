//! Escapes and classes in brackets.

use regex_syntax::hir::{ClassUnicode, Look};

use super::super::{PatternError, class};
use super::{Parser, syntax};

impl Parser<'_> {
    /// Reads what follows a backslash.
    pub(super) fn backslash(&mut self) -> Result<(), PatternError> {
        let before = self.rest;
        match before.as_bytes().get(1) {
            Some(b'A') => self.assertion(2, Look::Start),
            Some(b'z') => self.assertion(2, Look::End),
            Some(b'b') => self.assertion(2, Look::WordAscii),
            Some(b'B') => self.assertion(2, Look::WordAsciiNegate),
            Some(b'Q') => {
                self.bump(2);
                let (quoted, after) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = after;
                quoted.chars().try_for_each(|c| self.push_code_point(u32::from(c)))
            }
            _ => match self.class_escape()? {
                Some(set) => self.push_class(set),
                None => {
                    let code = self.escape()?;
                    self.push_code_point(code)
                }
            },
        }
    }

    /// `\d`, `\pL`, `\p{Greek}` and the like, if the text begins with one.
    fn class_escape(&mut self) -> Result<Option<ClassUnicode>, PatternError> {
        let before = self.rest;
        let Some(letter) = before.strip_prefix('\\').and_then(|rest| rest.chars().next()) else { return Ok(None) };
        let mut negated = letter.is_ascii_uppercase();
        let set = if matches!(letter, 'p' | 'P') {
            self.bump(2);
            let mut name = match self.next_char() {
                Some('{') => {
                    let (name, after) =
                        self.rest.split_once('}').ok_or_else(|| syntax("invalid character class range", before))?;
                    self.rest = after;
                    name
                }
                Some(_) => self.since(before).get(2..).unwrap_or_default(),
                None => "",
            };
            if let Some(positive) = name.strip_prefix('^') {
                name = positive;
                negated = !negated;
            }
            class::unicode(name).ok_or_else(|| syntax("invalid character class range", self.since(before)))?
        } else {
            let Some(set) = class::perl(letter.to_ascii_lowercase()) else { return Ok(None) };
            self.bump(2);
            set
        };
        Ok(Some(self.signed(set, negated)))
    }

    fn signed(&self, set: ClassUnicode, negated: bool) -> ClassUnicode {
        let mut set = self.folded(set);
        if negated {
            set.negate();
        }
        set
    }

    /// An escaped character: octal, hexadecimal, C's letters, or punctuation.
    fn escape(&mut self) -> Result<u32, PatternError> {
        let before = self.rest;
        self.bump(1);
        let Some(c) = self.next_char() else { return Err(syntax("trailing backslash at end of expression", before)) };
        let code = match c {
            '0'..='7' if c == '0' || self.rest.starts_with(|next| ('0'..='7').contains(&next)) => {
                let mut code = c.to_digit(8);
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
                    self.bump(1);
                    code = code.map(|code| code * 8 + digit);
                }
                code
            }
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' => Some(0x0a),
            'r' => Some(0x0d),
            't' => Some(0x09),
            'v' => Some(0x0b),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        code.ok_or_else(|| syntax("invalid escape sequence", self.since(before)))
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        if !self.eat('{') {
            let high = self.next_char()?.to_digit(16)?;
            let low = self.next_char()?.to_digit(16)?;
            return Some(high * 16 + low);
        }
        let (digits, after) = self.rest.split_once('}')?;
        self.rest = after;
        if digits.is_empty() {
            return None;
        }
        digits.chars().try_fold(0, |code, c| {
            let code: u32 = code * 16 + c.to_digit(16)?;
            (code <= u32::from(char::MAX)).then_some(code)
        })
    }

    /// A class in brackets.
    pub(super) fn bracket(&mut self) -> Result<ClassUnicode, PatternError> {
        let before = self.rest;
        self.bump(1);
        let negated = self.eat('^');
        let mut set = ClassUnicode::empty();
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            let part = match self.posix_class()? {
                Some(part) => Some(part),
                None => self.class_escape()?,
            };
            match part {
                Some(part) => set.union(&part),
                None => {
                    let part = self.bracket_range(before)?;
                    set.union(&self.folded(part));
                }
            }
        }
        self.bump(1);
        if negated {
            set.negate();
        }
        Ok(set)
    }

    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, PatternError> {
        let Some((name, after)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
            return Ok(None);
        };
        let (plain, negated) = name.strip_prefix('^').map_or((name, false), |plain| (plain, true));
        let set = class::posix(plain).ok_or_else(|| syntax("invalid character class range", name))?;
        self.rest = after;
        Ok(Some(self.signed(set, negated)))
    }

    fn bracket_range(&mut self, bracket: &str) -> Result<ClassUnicode, PatternError> {
        let before = self.rest;
        let from = self.bracket_char(bracket)?;
        let mut after_dash = self.rest.strip_prefix('-').unwrap_or_default().chars();
        // A dash before the closing bracket is a literal one.
        let to = match after_dash.next() {
            Some(c) if c != ']' => {
                self.bump(1);
                self.bracket_char(bracket)?
            }
            _ => from,
        };
        if to < from {
            return Err(syntax("invalid character class range", self.since(before)));
        }
        Ok(class::range(from, to))
    }

    fn bracket_char(&mut self, bracket: &str) -> Result<u32, PatternError> {
        if self.rest.starts_with('\\') {
            return self.escape();
        }
        self.next_char().map(u32::from).ok_or_else(|| syntax("missing closing ]", bracket))
    }
}
