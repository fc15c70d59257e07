//! How many rows a query gives: LIMIT, OFFSET and FETCH FIRST.

use sqlparser::ast::{Expr, Fetch, LimitClause, Value};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::super::failure::{at, unsupported};
use super::location::location;
use super::typed::Result;

const BOTH: &str = "A query can't have both LIMIT and FETCH FIRST";

/// Refuses FETCH FIRST without all its words, and behind LIMIT ALL. The parser takes both, and its tree does not tell.
pub(super) fn check_fetch(tokens: &[TokenWithSpan]) -> Result<()> {
    let is_blank = |token: &&TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let tokens: Vec<&TokenWithSpan> = tokens.iter().filter(|token| !is_blank(token)).collect();
    let token = |place: usize| tokens.get(place).map_or(&Token::EOF, |token| &token.token);
    let keyword = |place: usize| match token(place) {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    for (fetch, found) in tokens.iter().enumerate().filter(|(place, _)| keyword(*place) == Keyword::FETCH) {
        let has_direction = matches!(keyword(fetch + 1), Keyword::FIRST | Keyword::NEXT);
        let first = fetch + 1 + usize::from(has_direction);
        let has_count = matches!(token(first), Token::Number(..));
        let unit = first + usize::from(has_count);
        let unit = unit + usize::from(has_count && keyword(unit) == Keyword::PERCENT);
        let has_unit = matches!(keyword(unit), Keyword::ROW | Keyword::ROWS);
        let end = unit + usize::from(has_unit);
        let is_complete = has_unit && matches!(keyword(end), Keyword::ONLY | Keyword::WITH);
        let ends = matches!(token(end), Token::EOF | Token::RParen | Token::SemiColon);
        if !(has_count || is_complete || has_unit && ends) {
            // It is the name of a column, or the parser refuses it.
            continue;
        }
        let start = tokens.get(first).map_or(found.span.start, |token| token.span.start);
        if !has_direction {
            return Err(at(start, "FETCH needs FIRST or NEXT"));
        }
        if !is_complete {
            return Err(at(start, "FETCH FIRST needs ROW or ROWS, and ONLY"));
        }
        let word_before = |count: usize| fetch.checked_sub(count).map(keyword);
        if word_before(2) == Some(Keyword::LIMIT) && word_before(1) == Some(Keyword::ALL) {
            return Err(at(found.span.start, BOTH));
        }
    }
    Ok(())
}

/// What LIMIT, OFFSET and FETCH FIRST become, or nothing.
pub(super) fn limit(clause: Option<&LimitClause>, fetch: Option<&Fetch>, start: Location) -> Result<String> {
    let (limit, offset) = match clause {
        None => (None, None),
        Some(LimitClause::LimitOffset { limit_by, .. }) if !limit_by.is_empty() => {
            return Err(unsupported(start, "LIMIT BY"));
        }
        Some(LimitClause::LimitOffset { limit, offset, .. }) => (limit.as_ref(), offset.as_ref()),
        Some(LimitClause::OffsetCommaLimit { .. }) => return Err(unsupported(start, "LIMIT with a comma")),
    };
    let limit = match (limit, fetch) {
        (Some(_), Some(_)) => return Err(at(start, BOTH)),
        (Some(limit), None) => count(limit, "LIMIT")?,
        (None, Some(fetch)) => fetched(fetch, start)?,
        // SQLite wants a LIMIT before OFFSET. −1 does not limit.
        (None, None) if offset.is_some() => -1,
        (None, None) => return Ok(String::new()),
    };
    let offset = offset.map_or(Ok(0), |offset| count(&offset.value, "OFFSET"))?;
    Ok(match offset {
        0 => format!(" LIMIT {limit}"),
        offset => format!(" LIMIT {limit} OFFSET {offset}"),
    })
}

/// The number of rows of FETCH FIRST.
fn fetched(fetch: &Fetch, start: Location) -> Result<i64> {
    match fetch {
        Fetch { with_ties: true, .. } => Err(unsupported(start, "FETCH FIRST with ties")),
        Fetch { percent: true, .. } => Err(unsupported(start, "FETCH FIRST with a percentage")),
        Fetch { quantity: None, .. } => Ok(1),
        Fetch { quantity: Some(rows), .. } => match count(rows, "FETCH FIRST")? {
            0 => Err(at(location(rows), "FETCH FIRST needs at least one row")),
            rows => Ok(rows),
        },
    }
}

fn count(expression: &Expr, clause: &str) -> Result<i64> {
    if let Expr::Value(value) = expression
        && let Value::Number(digits, _) = &value.value
        && let Ok(number) = digits.parse()
    {
        return Ok(number);
    }
    Err(at(location(expression), format!("{clause} must be a whole number")))
}
