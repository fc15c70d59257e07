//! The types that a query names in CAST.

use sqlparser::ast::DataType;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::super::lexer::TimestreamDialect;
use super::super::types::{ColumnType, Field};

/// How deep arrays and rows may be nested in a type.
const MAX_DEPTH: usize = 16;

/// The type that a query names, if it is supported. The lexer makes one name of the text of an array's or row's type.
pub(super) fn data_type(named_type: &DataType) -> Option<ColumnType> {
    let DataType::Custom(name, modifiers) = named_type else { return named(&named_type.to_string()) };
    let [only] = name.0.as_slice() else { return None };
    let ident = only.as_ident().filter(|_| modifiers.is_empty())?;
    if ident.quote_style.is_none() {
        return named(&ident.value);
    }
    let tokens = Tokenizer::new(&TimestreamDialect, &ident.value).tokenize().ok()?;
    let tokens: Vec<Token> = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let mut reader = Reader { rest: &tokens };
    let kind = reader.kind(0)?;
    reader.rest.is_empty().then_some(kind)
}

/// A type that has a name of its own.
fn named(name: &str) -> Option<ColumnType> {
    Some(match name.to_ascii_lowercase().as_str() {
        "varchar" => ColumnType::Varchar,
        "double" | "double precision" => ColumnType::Double,
        "bigint" => ColumnType::Bigint,
        "integer" | "int" => ColumnType::Integer,
        "boolean" => ColumnType::Boolean,
        "timestamp" => ColumnType::Timestamp,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time,
        _ => return None,
    })
}

struct Reader<'t> {
    rest: &'t [Token],
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        let found = self.rest.first() == Some(wanted);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    fn kind(&mut self, depth: usize) -> Option<ColumnType> {
        let Token::Word(word) = self.next()? else { return None };
        let name = word.value.to_ascii_lowercase();
        match name.as_str() {
            _ if depth > MAX_DEPTH => None,
            "array" if self.takes(&Token::LParen) => {
                let element = self.kind(depth + 1)?;
                self.takes(&Token::RParen).then(|| element.array())
            }
            "row" if self.takes(&Token::LParen) => {
                let mut fields = vec![self.field(depth + 1)?];
                while self.takes(&Token::Comma) {
                    fields.push(self.field(depth + 1)?);
                }
                self.takes(&Token::RParen).then(|| ColumnType::Row(fields.into()))
            }
            "double" if matches!(self.rest.first(), Some(Token::Word(next)) if next.value.eq_ignore_ascii_case("precision")) =>
            {
                self.next()?;
                Some(ColumnType::Double)
            }
            name => named(name),
        }
    }

    /// A type, maybe with a name before it.
    fn field(&mut self, depth: usize) -> Option<Field> {
        let name = match self.rest {
            [Token::Word(name), Token::Word(next), ..]
                if !(name.value.eq_ignore_ascii_case("double") && next.value.eq_ignore_ascii_case("precision")) =>
            {
                let name = name.value.clone();
                self.next()?;
                Some(name)
            }
            _ => None,
        };
        Some(Field { name, kind: self.kind(depth)? })
    }
}
