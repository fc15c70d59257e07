//! Tokens that are mended by the parentheses that they stand in: the rows of VALUES and the types of CAST.

use std::collections::HashMap;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens with the types of arrays and rows in CAST and TRY_CAST as one name each.
pub(super) fn with_types(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let closings = closings(&tokens);
    let mut mended = Vec::with_capacity(tokens.len());
    // Whether each parenthesis that is open is that of a cast.
    let mut open: Vec<bool> = Vec::new();
    let (mut before, mut index) = (None, 0);
    while let Some(token) = tokens.get(index) {
        if !matches!(token.token, Token::Whitespace(_)) {
            if before == Some(Keyword::AS)
                && open.last() == Some(&true)
                && let Some((name, behind)) = nested_type(&tokens, &closings, index)
            {
                mended.push(name);
                (before, index) = (None, behind);
                continue;
            }
            match token.token {
                Token::LParen => open.push(matches!(before, Some(Keyword::CAST | Keyword::TRY_CAST))),
                Token::RParen => drop(open.pop()),
                _ => {}
            }
            before = keyword(&token.token);
        }
        mended.push(token.clone());
        index += 1;
    }
    mended
}

/// The type of an array or row that begins at a token, as one name, and the place behind it.
fn nested_type(
    tokens: &[TokenWithSpan],
    closings: &HashMap<usize, usize>,
    start: usize,
) -> Option<(TokenWithSpan, usize)> {
    let first = tokens.get(start)?;
    let word = if let Token::Word(word) = &first.token { word } else { return None };
    if word.quote_style.is_some() || !matches!(word.value.to_ascii_lowercase().as_str(), "array" | "row") {
        return None;
    }
    let is_space = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let opening = (start + 1..).find(|place| tokens.get(*place).is_none_or(|token| !is_space(token)))?;
    let closing = *closings.get(&opening)?;
    let text: String = tokens.get(start..=closing)?.iter().map(|token| token.token.to_string()).collect();
    Some((TokenWithSpan::new(Token::make_word(&text, Some('"')), first.span), closing + 1))
}

/// The tokens with parentheses around each row of VALUES that has none.
pub(super) fn with_rows(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if !tokens.iter().any(|token| is_values(&token.token)) {
        return tokens;
    }
    let mut mended = Vec::with_capacity(tokens.len() + 16);
    // Of the whole text, and of each parenthesis and bracket that is open: what is known of a VALUES in it.
    let mut open = vec![Rows::default()];
    let closings = closings(&tokens);
    for (index, token) in tokens.iter().enumerate() {
        let depth = open.len();
        let Some(rows) = open.last_mut() else { break };
        if rows.row_begins && !matches!(token.token, Token::Whitespace(_)) {
            rows.row_begins = false;
            if !ends_values(&token.token) && !is_row(&tokens, &closings, index) {
                rows.is_wrapped = true;
                mended.push(TokenWithSpan::new(Token::LParen, token.span));
            }
        }
        let ends = ends_values(&token.token);
        if rows.are_read && (ends || token.token == Token::Comma) {
            if rows.is_wrapped {
                mended.push(TokenWithSpan::new(Token::RParen, token.span));
            }
            *rows = Rows { are_read: !ends, row_begins: !ends, is_wrapped: false };
        }
        match &token.token {
            Token::LParen | Token::LBracket => open.push(Rows::default()),
            Token::RParen | Token::RBracket if depth > 1 => drop(open.pop()),
            token if is_values(token) => *rows = Rows { are_read: true, row_begins: true, is_wrapped: false },
            _ => {}
        }
        mended.push(token.clone());
    }
    if let (Some(Rows { is_wrapped: true, .. }), Some(last)) = (open.last(), tokens.last()) {
        mended.push(TokenWithSpan::new(Token::RParen, last.span));
    }
    mended
}

/// Where the walk is in a VALUES.
#[derive(Clone, Copy, Default)]
struct Rows {
    are_read: bool,
    row_begins: bool,
    /// The row was given a parenthesis, which must be closed.
    is_wrapped: bool,
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

fn is_values(token: &Token) -> bool {
    keyword(token) == Some(Keyword::VALUES)
}

fn ends_values(token: &Token) -> bool {
    use Keyword::{EXCEPT, FETCH, INTERSECT, LIMIT, OFFSET, ORDER, UNION};
    matches!(token, Token::RParen | Token::SemiColon | Token::EOF)
        || matches!(keyword(token), Some(EXCEPT | FETCH | INTERSECT | LIMIT | OFFSET | ORDER | UNION))
}

fn begins_query(token: &Token) -> bool {
    matches!(keyword(token), Some(Keyword::SELECT | Keyword::WITH))
}

/// For each opening parenthesis the place of the closing one.
fn closings(tokens: &[TokenWithSpan]) -> HashMap<usize, usize> {
    let (mut open, mut closings) = (Vec::new(), HashMap::new());
    for (index, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => open.push(index),
            Token::RParen => closings.extend(open.pop().map(|opening| (opening, index))),
            _ => {}
        }
    }
    closings
}

/// Whether the row of VALUES that begins at a token has parentheses of its own around it.
fn is_row(tokens: &[TokenWithSpan], closings: &HashMap<usize, usize>, start: usize) -> bool {
    let next = |from: usize| {
        let rest = tokens.iter().enumerate().skip(from);
        rest.map(|(index, token)| (index, &token.token)).find(|(_, token)| !matches!(token, Token::Whitespace(_)))
    };
    let mut first = next(start);
    if let Some((index, token)) = first
        && keyword(token) == Some(Keyword::ROW)
    {
        first = next(index + 1);
    }
    match first {
        Some((index, Token::LParen)) if next(index + 1).is_some_and(|(_, token)| begins_query(token)) => false,
        Some((index, Token::LParen)) => match closings.get(&index).map(|closing| next(closing + 1)) {
            None | Some(None) => true,
            Some(Some((_, behind))) => *behind == Token::Comma || ends_values(behind),
        },
        _ => false,
    }
}
