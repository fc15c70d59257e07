//! A function call, taken apart.

use sqlparser::ast::{DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};
use sqlparser::tokenizer::Location;

use super::super::failure::{at, unsupported};
use super::location::{location, place};
use super::typed::Result;

/// A call taken apart.
pub(super) struct Call<'e> {
    pub(super) name: String,
    pub(super) start: Location,
    pub(super) distinct: bool,
    pub(super) star: bool,
    pub(super) arguments: Vec<&'e Expr>,
}

/// Takes a call apart.
pub(super) fn taken_apart(function: &Function) -> Result<Call<'_>> {
    let ident = match function.name.0.as_slice() {
        [only] => only.as_ident(),
        _ => None,
    };
    let Some(ident) = ident else {
        let start = function.name.0.first().and_then(|part| part.as_ident()).map_or_else(Location::empty, place);
        return Err(at(start, format!("Function {} not registered", function.name)));
    };
    let mut call = Call {
        name: ident.value.to_ascii_lowercase(),
        start: place(ident),
        distinct: false,
        star: false,
        arguments: Vec::new(),
    };
    let odd = |start| unsupported(start, format!("This form of calling {}", ident.value));
    if !function.within_group.is_empty() || !matches!(function.parameters, FunctionArguments::None) {
        return Err(odd(call.start));
    }
    match &function.args {
        FunctionArguments::None => {}
        FunctionArguments::Subquery(_) => return Err(odd(call.start)),
        FunctionArguments::List(list) => {
            if !list.clauses.is_empty() {
                return Err(odd(call.start));
            }
            call.distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
            for argument in &list.args {
                match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => call.arguments.push(expression),
                    FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if list.args.len() == 1 => call.star = true,
                    FunctionArg::Named { arg: FunctionArgExpr::Expr(expression), .. } => {
                        return Err(odd(location(expression)));
                    }
                    _ => return Err(odd(call.start)),
                }
            }
        }
    }
    Ok(call)
}
