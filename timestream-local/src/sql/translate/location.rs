//! Where things begin in the text, for errors.

use sqlparser::ast::{Expr, Ident, ObjectName, Query, SetExpr};
use sqlparser::tokenizer::Location;

/// Where a name begins.
pub(super) fn place(ident: &Ident) -> Location {
    ident.span.start
}

/// Where an expression begins, found without descending into all of it.
pub(super) fn location(expression: &Expr) -> Location {
    let mut current = expression;
    loop {
        current = match current {
            Expr::Identifier(ident) => return place(ident),
            Expr::CompoundIdentifier(parts) => return parts.first().map_or_else(Location::empty, place),
            Expr::Value(value) => return value.span.start,
            Expr::TypedString(typed) => return typed.value.span.start,
            Expr::Case { case_token, .. } => return case_token.0.span.start,
            Expr::Function(function) => {
                return function.name.0.first().and_then(|part| part.as_ident()).map_or_else(Location::empty, place);
            }
            Expr::Subquery(query) | Expr::Exists { subquery: query, .. } => return query_location(query),
            Expr::Tuple(items) => match items.first() {
                Some(first) => first,
                None => return Location::empty(),
            },
            Expr::Array(array) => match array.elem.first() {
                Some(first) => first,
                None => return Location::empty(),
            },
            Expr::BinaryOp { left: inner, .. }
            | Expr::Nested(inner)
            | Expr::UnaryOp { expr: inner, .. }
            | Expr::Cast { expr: inner, .. }
            | Expr::In { expr: inner, .. }
            | Expr::Between { expr: inner, .. }
            | Expr::Like { expr: inner, .. }
            | Expr::ILike { expr: inner, .. }
            | Expr::SimilarTo { expr: inner, .. }
            | Expr::RLike { expr: inner, .. }
            | Expr::Extract { expr: inner, .. }
            | Expr::Ceil { expr: inner, .. }
            | Expr::Floor { expr: inner, .. }
            | Expr::Position { expr: inner, .. }
            | Expr::Substring { expr: inner, .. }
            | Expr::Trim { expr: inner, .. }
            | Expr::Collate { expr: inner, .. }
            | Expr::AtTimeZone { timestamp: inner, .. }
            | Expr::CompoundFieldAccess { root: inner, .. }
            | Expr::IsDistinctFrom(inner, _)
            | Expr::IsNotDistinctFrom(inner, _)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner) => inner,
            Expr::Interval(interval) => &interval.value,
            Expr::Lambda(lambda) => match lambda.params.first() {
                Some(argument) => return place(&argument.name),
                None => &lambda.body,
            },
            _ => return Location::empty(),
        };
    }
}

/// Where a query begins, as far as the tree says.
pub(super) fn query_location(query: &Query) -> Location {
    if let Some(with) = &query.with {
        return with.with_token.0.span.start;
    }
    body_location(&query.body)
}

/// Where the body of a query begins, as far as the tree says.
pub(super) fn body_location(body: &SetExpr) -> Location {
    let mut body = body;
    loop {
        body = match body {
            SetExpr::Select(select) => return select.select_token.0.span.start,
            SetExpr::Query(query) => &query.body,
            SetExpr::SetOperation { left, .. } => left,
            _ => return Location::empty(),
        };
    }
}

/// The parts of a name, and where each begins.
pub(super) fn names(name: &ObjectName) -> Vec<(String, Location)> {
    name.0.iter().filter_map(|part| part.as_ident()).map(|ident| (ident.value.clone(), place(ident))).collect()
}
