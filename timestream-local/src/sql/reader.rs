//! Reads the tokens of statements that `sqlparser` does not know, one after the other.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::failure::{SqlError, at};
use super::like::Pattern;

/// The tokens that are left.
pub(super) struct Reader<'t> {
    tokens: Vec<&'t TokenWithSpan>,
    position: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn new(tokens: &'t [TokenWithSpan]) -> Self {
        let tokens = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
        Reader { tokens, position: 0 }
    }

    /// The next token and where it begins.
    fn next(&self) -> Option<(&'t Token, Location)> {
        self.tokens.get(self.position).map(|token| (&token.token, token.span.start))
    }

    /// Where the next token begins.
    pub(super) fn place(&self) -> Location {
        self.next().map_or(Location::empty(), |(_, start)| start)
    }

    /// Takes a word, if it is the next token.
    pub(super) fn word(&mut self, wanted: &str) -> bool {
        let found = matches!(
            self.tokens.get(self.position).map(|token| &token.token),
            Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted)
        );
        self.position += usize::from(found);
        found
    }

    /// Takes a word, which has to be there.
    pub(super) fn expect(&mut self, word: &str) -> Result<(), SqlError> {
        if self.word(word) || (word == "FROM" && self.word("IN")) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Takes a name, and tells where it begins.
    pub(super) fn name(&mut self) -> Result<(String, Location), SqlError> {
        match self.tokens.get(self.position).map(|token| (&token.token, token.span.start)) {
            Some((Token::Word(word), start)) => {
                self.position += 1;
                Ok((word.value.clone(), start))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Takes `database.table`, and tells where it begins.
    pub(super) fn table(&mut self) -> Result<(String, String, Location), SqlError> {
        let (database, start) = self.name()?;
        match self.tokens.get(self.position).map(|token| &token.token) {
            Some(Token::Period) => self.position += 1,
            _ => return Err(at(start, format!("Table '{database}' must be named as database.table"))),
        }
        Ok((database, self.name()?.0, start))
    }

    /// `LIKE 'pattern'`, if it is there, and the end.
    pub(super) fn like(&mut self) -> Result<Option<Pattern>, SqlError> {
        if !self.word("LIKE") {
            return self.end().map(|()| None);
        }
        let (pattern, _) = self.string()?;
        self.end()?;
        Pattern::new(&pattern, None).map(Some).map_err(SqlError::new)
    }

    /// Takes a string in single quotes, and tells where it begins.
    pub(super) fn string(&mut self) -> Result<(String, Location), SqlError> {
        match self.next() {
            Some((Token::SingleQuotedString(text), start)) => {
                self.position += 1;
                Ok((text.clone(), start))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Takes a symbol, if it is the next token.
    pub(super) fn symbol(&mut self, symbol: &Token) -> bool {
        let found = self.next().is_some_and(|(token, _)| token == symbol);
        self.position += usize::from(found);
        found
    }

    /// Takes a symbol, which has to be there.
    pub(super) fn expect_symbol(&mut self, symbol: &Token) -> Result<(), SqlError> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Takes what stands in parentheses.
    pub(super) fn parenthesis(&mut self) -> Result<Vec<TokenWithSpan>, SqlError> {
        self.expect_symbol(&Token::LParen)?;
        let (mut inner, mut depth) = (Vec::new(), 1_usize);
        while let Some(token) = self.tokens.get(self.position) {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            self.position += 1;
            if depth == 0 {
                return Ok(inner);
            }
            inner.push((*token).clone());
        }
        Err(self.unexpected())
    }

    /// Takes the end, before which a semicolon may stand.
    pub(super) fn end(&mut self) -> Result<(), SqlError> {
        if matches!(self.tokens.get(self.position).map(|token| &token.token), Some(Token::SemiColon)) {
            self.position += 1;
        }
        if self.position == self.tokens.len() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The error for a token that may not stand here.
    pub(super) fn unexpected(&self) -> SqlError {
        match self.tokens.get(self.position) {
            Some(token) => at(token.span.start, format!("mismatched input '{}'", token.token)),
            None => SqlError::new("The query ends too early"),
        }
    }
}
