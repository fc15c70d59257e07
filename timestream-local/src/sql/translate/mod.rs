//! The walk over the syntax tree that writes SQLite's SQL.

mod aggregate;
mod apart;
mod arguments;
mod around;
mod arrays;
mod by_series;
mod call;
mod cast;
mod correlation;
mod data_type;
mod expression;
mod frame;
mod grouping;
mod groups;
mod higher_order;
mod limit;
mod literal;
mod location;
mod names;
mod operators;
mod order;
mod order_by;
mod query;
mod registry;
mod relations;
mod scope;
mod select;
mod split_table;
mod texts;
mod translator;
mod typed;
mod unnest;
mod using;
mod values;
mod window;

use sqlparser::ast::{Query, SetExpr};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::catalog::Catalog;
use super::failure::{SqlError, at, unsupported};
use super::lexer::TimestreamDialect;
use super::statement::{Compiled, Prepared, Times};
use limit::check_fetch;
use query::refused_body;
use translator::{Placeholder, Rows, Translator};
use typed::Result;

pub(super) use relations::missing;
#[cfg(test)]
pub(super) use {
    aggregate::AGGREGATES,
    arrays::ARRAY_FUNCTIONS,
    higher_order::HIGHER_ORDER,
    registry::{SPECIAL, refused_functions},
    window::WINDOW_FUNCTIONS,
};

/// Translates the one query that the tokens hold.
pub(super) fn query(tokens: Vec<TokenWithSpan>, catalog: &dyn Catalog, times: Times) -> Result<Compiled> {
    let mut translator = Translator::new(catalog, times.now_ns);
    translator.scheduled_runtime = times.scheduled;
    let rows = translator.query(&parsed(tokens)?)?;
    let Rows { sql, columns, groups, .. } = rows;
    let sorts_series = groups.is_some();
    Ok(Compiled { sql, parameters: translator.parameters, columns, sorts_series })
}

/// Checks the one query that the tokens hold, and finds the types of its parameters.
pub(super) fn prepare(tokens: Vec<TokenWithSpan>, catalog: &dyn Catalog, now_ns: i64) -> Result<Prepared> {
    let mut translator = Translator::new(catalog, now_ns);
    translator.placeholders = Some(Vec::new());
    let rows = translator.query(&parsed(tokens)?)?;
    let typed = |placeholder: Placeholder| match placeholder.kind {
        Some(kind) => Ok((placeholder.name, kind)),
        None => Err(at(placeholder.start, format!("The type of the parameter @{} cannot be told", placeholder.name))),
    };
    let placeholders = translator.placeholders.unwrap_or_default();
    let parameters = placeholders.into_iter().map(typed).collect::<Result<_>>()?;
    Ok(Prepared { columns: rows.columns, parameters })
}

fn parsed(tokens: Vec<TokenWithSpan>) -> Result<Query> {
    check_fetch(&tokens)?;
    let mut parser = Parser::new(&TimestreamDialect).with_tokens_with_locations(tokens);
    let first = parser.peek_token();
    let start = first.span.start;
    // Statements that are no queries, but for those that the parser takes for one.
    if let Token::Word(word) = &first.token
        && matches!(word.keyword, Keyword::EXPLAIN | Keyword::CREATE | Keyword::ALTER | Keyword::DROP | Keyword::SET)
    {
        return Err(unsupported(start, word.value.to_uppercase()));
    }
    let tree = parser.parse_query().map_err(refused)?;
    let _ = parser.consume_token(&Token::SemiColon);
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(at(rest.span.start, format!("mismatched input '{}'", rest.token)));
    }
    match tree.body.as_ref() {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::SetOperation { .. } | SetExpr::Values(_) => Ok(*tree),
        body => Err(refused_body(body, start)),
    }
}

/// The parser's message, with the place moved to where Timestream puts it.
fn refused(error: ParserError) -> SqlError {
    match error {
        ParserError::RecursionLimitExceeded => SqlError::new("The query is nested too deep."),
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => match text.rsplit_once(" at Line: ") {
            Some((message, place)) => {
                SqlError::new(format!("line {}: {message}", place.replacen(", Column: ", ":", 1)))
            }
            None => SqlError::new(text),
        },
    }
}
