//! Tokens of Timestream's dialect. Those that `sqlparser` cannot read are replaced by others that it can.
//!
//! `5m` and `5minute` become `INTERVAL '5' MINUTE`; `measure_value::double`, which would arrive as a cast, becomes one quoted
//! identifier, as it is the name of a column; `@name` becomes a placeholder; `VALUES 1, 2` becomes `VALUES (1), (2)`; and
//! the type in `CAST(x AS ROW(a bigint))` becomes one quoted identifier.

use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::failure::{SqlError, at};
use super::mending::{with_rows, with_types};

/// Operators in one query. They bound how deep the syntax tree can be, and so the stack that it takes.
const MAX_OPERATORS: usize = 4_000;

/// Presto's lexical rules.
#[derive(Debug)]
pub(crate) struct TimestreamDialect;

impl Dialect for TimestreamDialect {
    fn is_delimited_identifier_start(&self, character: char) -> bool {
        character == '"'
    }

    fn is_identifier_start(&self, character: char) -> bool {
        character.is_alphabetic() || character == '_'
    }

    fn is_identifier_part(&self, character: char) -> bool {
        character.is_alphanumeric() || character == '_'
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn supports_boolean_literals(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    // They are read so that they can be refused by name.
    fn supports_lambda_functions(&self) -> bool {
        true
    }
}

/// The tokens of a query text.
pub(crate) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    let raw = Tokenizer::new(&TimestreamDialect, text)
        .tokenize_with_location()
        .map_err(|error| at(error.location, error.message))?;
    if raw.iter().filter(|token| is_operator(&token.token)).count() > MAX_OPERATORS {
        return Err(SqlError::new(format!("The query has more than {MAX_OPERATORS} operators.")));
    }
    let mut mended = Vec::with_capacity(raw.len());
    let mut rest = raw.as_slice();
    while let [first, tail @ ..] = rest {
        rest = match mend_measure(rest).or_else(|| mend_duration(rest)).or_else(|| mend_parameter(rest)) {
            Some((tokens, used)) => {
                mended.extend(tokens);
                rest.get(used..).unwrap_or_default()
            }
            None => {
                mended.push(first.clone());
                tail
            }
        };
    }
    Ok(with_types(with_rows(mended)))
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::IS
                | Keyword::IN
                | Keyword::NOT
                | Keyword::LIKE
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::AT
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::JOIN
        ),
        Token::Whitespace(_) | Token::Comma | Token::Number(..) | Token::SingleQuotedString(_) => false,
        Token::Period | Token::LParen | Token::RParen | Token::SemiColon => false,
        _ => true,
    }
}

fn mend_measure(tokens: &[TokenWithSpan]) -> Option<(Vec<TokenWithSpan>, usize)> {
    let [name, colons, data_type, ..] = tokens else { return None };
    let (Token::Word(name_word), Token::DoubleColon, Token::Word(type_word)) =
        (&name.token, &colons.token, &data_type.token)
    else {
        return None;
    };
    if !name_word.value.eq_ignore_ascii_case("measure_value") {
        return None;
    }
    let column = format!("measure_value::{}", type_word.value.to_ascii_lowercase());
    let span = Span::new(name.span.start, data_type.span.end);
    Some((vec![TokenWithSpan::new(Token::make_word(&column, Some('"')), span)], 3))
}

fn mend_duration(tokens: &[TokenWithSpan]) -> Option<(Vec<TokenWithSpan>, usize)> {
    let [number, unit, ..] = tokens else { return None };
    let (Token::Number(digits, false), Token::Word(word)) = (&number.token, &unit.token) else { return None };
    if number.span.end != unit.span.start || word.quote_style.is_some() {
        return None;
    }
    let keyword = match word.value.as_str() {
        "ns" | "nanosecond" => "NANOSECOND",
        "us" | "microsecond" => "MICROSECOND",
        "ms" | "millisecond" => "MILLISECOND",
        "s" | "second" => "SECOND",
        "m" | "minute" => "MINUTE",
        "h" | "hour" => "HOUR",
        "d" | "day" => "DAY",
        "w" | "week" => "WEEK",
        "mo" | "month" => "MONTH",
        "y" | "year" => "YEAR",
        _ => return None,
    };
    let token = |token| TokenWithSpan::new(token, Span::new(number.span.start, unit.span.end));
    Some((
        vec![
            token(Token::make_keyword("INTERVAL")),
            token(Token::SingleQuotedString(digits.clone())),
            token(Token::make_keyword(keyword)),
        ],
        2,
    ))
}

fn mend_parameter(tokens: &[TokenWithSpan]) -> Option<(Vec<TokenWithSpan>, usize)> {
    let [sign, name, ..] = tokens else { return None };
    let (Token::AtSign, Token::Word(word)) = (&sign.token, &name.token) else { return None };
    if sign.span.end != name.span.start || word.quote_style.is_some() {
        return None;
    }
    let span = Span::new(sign.span.start, name.span.end);
    Some((vec![TokenWithSpan::new(Token::Placeholder(format!("@{}", word.value)), span)], 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &str) -> String {
        tokens(text).unwrap().iter().map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn measures_and_durations_are_mended() {
        assert_eq!(mended("measure_value::double"), "\"measure_value::double\"");
        assert_eq!(mended("t.Measure_Value::BIGINT"), "t.\"measure_value::bigint\"");
        assert_eq!(mended("x::double"), "x::double");
        assert_eq!(tokens("ago(15m)").unwrap().len(), 6);
        assert_eq!(tokens("time > @from_1").unwrap().last().unwrap().token, Token::Placeholder("@from_1".into()));
        assert_eq!(mended("5 m"), "5 m");
        assert_eq!(mended("'5m'"), "'5m'");
    }

    #[test]
    fn each_row_of_values_stands_in_parentheses() {
        assert_eq!(mended("VALUES 1, (2), (3) + 4"), "VALUES (1), (2), ((3) + 4)");
        assert_eq!(mended("VALUES (1, 2), ROW(3, 4) ORDER BY 1"), "VALUES (1, 2), ROW(3, 4) ORDER BY 1");
        assert_eq!(
            mended("SELECT 1 FROM (VALUES 'a', f(1, 2)) AS t (x)"),
            "SELECT 1 FROM (VALUES ('a'), (f(1, 2))) AS t (x)"
        );
        assert_eq!(mended("VALUES 1 UNION VALUES (2) LIMIT 1"), "VALUES (1 )UNION VALUES (2) LIMIT 1");
        assert_eq!(
            mended("VALUES (SELECT 1 FROM (VALUES 1, 2) t (x))"),
            "VALUES ((SELECT 1 FROM (VALUES (1), (2)) t (x)))"
        );
        assert_eq!(mended("VALUES ARRAY[1, 2], NULL"), "VALUES (ARRAY[1, 2]), (NULL)");
        assert_eq!(mended("VALUES"), "VALUES");
        assert_eq!(mended("VALUES 1,"), "VALUES (1),");
    }

    #[test]
    fn types_of_arrays_and_rows_are_one_name() {
        assert_eq!(
            mended("CAST(x AS ROW(a bigint, b array(double)))"),
            "CAST(x AS \"ROW(a bigint, b array(double))\")"
        );
        assert_eq!(mended("TRY_CAST(f(1) AS array (bigint)) AS row"), "TRY_CAST(f(1) AS \"array (bigint)\") AS row");
        assert_eq!(mended("(SELECT 1) AS row (a)"), "(SELECT 1) AS row (a)");
        assert_eq!(mended("CAST(x AS row"), "CAST(x AS row");
    }

    #[test]
    fn what_is_no_token_is_an_error_with_its_place() {
        let error = tokens("SELECT 'open").unwrap_err();
        assert!(error.message.starts_with("line 1:8: "), "{error}");
    }
}
