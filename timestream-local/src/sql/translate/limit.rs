//! How many rows a query gives: LIMIT, OFFSET and FETCH FIRST.

use sqlparser::ast::{Expr, Fetch, LimitClause, Value};
use sqlparser::tokenizer::Location;

use super::super::failure::{at, unsupported};
use super::location::location;
use super::typed::Result;

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
        (Some(_), Some(_)) => return Err(at(start, "A query can't have both LIMIT and FETCH FIRST")),
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
