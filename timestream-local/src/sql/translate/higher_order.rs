//! Functions that take lambdas.

use sqlparser::ast::{Expr, LambdaFunction, LambdaSyntax};

use super::super::failure::{SqlError, at, unsupported};
use super::super::types::{ColumnType, Field};
use super::apart::Apart;
use super::arguments::Call;
use super::location::{location, place};
use super::operators::converted;
use super::scope::Scope;
use super::translator::Translator;
use super::typed::{Result, Typed};

/// The functions whose last argument is a lambda.
pub(in crate::sql) const HIGHER_ORDER: &[&str] =
    &["all_match", "any_match", "filter", "none_match", "reduce", "transform", "zip_with"];

/// Whether a call takes a lambda.
pub(super) fn takes_lambda(call: &Call<'_>) -> bool {
    HIGHER_ORDER.contains(&call.name.as_str()) || (call.name == "array_sort" && call.arguments.len() == 2)
}

impl Translator<'_> {
    pub(super) fn higher_order(&mut self, call: &Call<'_>, scope: &Scope) -> Result<Typed> {
        let name = call.name.as_str();
        match (name, call.arguments.as_slice()) {
            ("reduce", [array, first, step, last]) => self.reduce(call, [array, first, step, last], scope),
            ("zip_with", [one, two, lambda]) => {
                let (one, two) = (self.expression(one, scope)?, self.expression(two, scope)?);
                let (ColumnType::Array(first), ColumnType::Array(second)) = (&one.kind, &two.kind) else {
                    return Err(wrong(call, &[&one, &two]));
                };
                let function = self.lambda(lambda, vec![(**first).clone(), (**second).clone()], None, scope)?;
                let sql = format!("ts_zip_with{}({}, {}, {})", function.suffix, one.sql, two.sql, function.sql);
                Ok(Typed::new(sql, function.kind.array()))
            }
            (_, [array, lambda]) => {
                let array = self.expression(array, scope)?;
                let element = element(&array.kind).ok_or_else(|| wrong(call, &[&array]))?;
                let is_array = matches!(array.kind, ColumnType::Array(_));
                let (arguments, wanted, result) = match name {
                    "transform" if is_array => (vec![element], None, None),
                    "filter" => (vec![element], Some(ColumnType::Boolean), Some(array.kind.clone())),
                    "array_sort" if is_array => {
                        (vec![element.clone(), element], Some(ColumnType::Bigint), Some(array.kind.clone()))
                    }
                    "all_match" | "any_match" | "none_match" if is_array => {
                        (vec![element], Some(ColumnType::Boolean), Some(ColumnType::Boolean))
                    }
                    _ => return Err(wrong(call, &[&array])),
                };
                let function = self.lambda(lambda, arguments, wanted.as_ref(), scope)?;
                let physical = if name == "array_sort" { "sort_by" } else { name };
                let sql = format!("ts_{physical}{}({}, {})", function.suffix, array.sql, function.sql);
                Ok(Typed::new(sql, result.unwrap_or_else(|| function.kind.array())))
            }
            _ => Err(at(call.start, format!("Unexpected parameters for function {name}"))),
        }
    }

    fn reduce(&mut self, call: &Call<'_>, arguments: [&Expr; 4], scope: &Scope) -> Result<Typed> {
        let [array, first, step, last] = arguments;
        let (array, mut first) = (self.expression(array, scope)?, self.expression(first, scope)?);
        let Some(element) = element(&array.kind) else { return Err(wrong(call, &[&array, &first])) };
        let mut function = self.lambda(step, vec![first.kind.clone(), element.clone()], None, scope)?;
        if function.kind != first.kind {
            // The state begins as an INTEGER 0, say, and becomes the type of its sum with a BIGINT or DOUBLE.
            let wider = function.kind.common(&first.kind).unwrap_or_else(|| first.kind.clone());
            first = converted(first, &wider);
            function = self.lambda(step, vec![wider.clone(), element], Some(&wider), scope)?;
        }
        let step = function;
        let last = self.lambda(last, vec![first.kind], None, scope)?;
        let suffix = if step.suffix.is_empty() { last.suffix } else { step.suffix };
        let sql =
            format!("ts_reduce{suffix}({}, {}, {}, {}, {})", array.sql, first.sql, step.taken, step.sql, last.sql);
        Ok(Typed::new(sql, last.kind))
    }

    /// A lambda of arguments of these types, whose value must be of the type wanted.
    fn lambda(
        &mut self,
        expression: &Expr,
        kinds: Vec<ColumnType>,
        wanted: Option<&ColumnType>,
        scope: &Scope,
    ) -> Result<Apart> {
        let lambda = match expression {
            Expr::Lambda(lambda) if lambda.syntax == LambdaSyntax::Arrow => lambda,
            other => return Err(at(location(other), "A lambda is needed here")),
        };
        let arguments = names(lambda, kinds.len())?.into_iter().zip(kinds).collect();
        self.apart(arguments, |walker, _| {
            let body = walker.expression(&lambda.body, scope)?;
            let Some(wanted) = wanted else { return Ok(body) };
            if body.kind.common(wanted).as_ref() != Some(wanted) {
                let (given, wanted) = (body.kind.sql_name(), wanted.sql_name());
                return Err(at(location(&lambda.body), format!("The lambda must be of type {wanted}, not {given}")));
            }
            walker.settle(&body, wanted);
            Ok(converted(body, wanted))
        })
    }
}

/// The names of a lambda's arguments.
fn names(lambda: &LambdaFunction, count: usize) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::with_capacity(count);
    for argument in lambda.params.iter() {
        if argument.data_type.is_some() {
            return Err(unsupported(place(&argument.name), "The type of a lambda's argument"));
        }
        if names.iter().any(|name| name.eq_ignore_ascii_case(&argument.name.value)) {
            let message = format!("The lambda has two arguments of the name {}", argument.name.value);
            return Err(at(place(&argument.name), message));
        }
        names.push(argument.name.value.clone());
    }
    if names.len() != count {
        let start = lambda.params.first().map_or_else(|| location(&lambda.body), |argument| place(&argument.name));
        return Err(at(start, format!("The lambda must have {count} arguments, not {}", names.len())));
    }
    Ok(names)
}

/// The type of what a lambda is applied to: the elements of an array, or the points of a time series.
fn element(kind: &ColumnType) -> Option<ColumnType> {
    match kind {
        ColumnType::Array(element) => Some((**element).clone()),
        ColumnType::TimeSeries(value) => {
            let field = |name: &str, kind| Field { name: Some(name.to_owned()), kind };
            Some(ColumnType::Row([field("time", ColumnType::Timestamp), field("value", (**value).clone())].into()))
        }
        _ => None,
    }
}

fn wrong(call: &Call<'_>, arguments: &[&Typed]) -> SqlError {
    let types = arguments.iter().map(|given| given.kind.sql_name()).collect::<Vec<_>>().join(", ");
    at(call.start, format!("Unexpected parameters ({types}, function) for function {}", call.name))
}
