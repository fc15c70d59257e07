//! Function calls: scalar functions by their signatures, and aggregates.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, NullTreatment,
};
use sqlparser::tokenizer::Location;

use super::super::functions;
use super::super::lexer::at;
use super::super::types::ColumnType::{self, Bigint, Boolean, Double, Integer, Timestamp, Unknown, Varchar};
use super::operators::converted;
use super::scope::Scope;
use super::{Clause, Result, Translator, Typed, location, place, unsupported};

/// A call taken apart.
pub(super) struct Call<'e> {
    pub(super) name: String,
    pub(super) start: Location,
    pub(super) distinct: bool,
    pub(super) star: bool,
    pub(super) arguments: Vec<&'e Expr>,
}

const AGGREGATES: &[&str] = &[
    "count",
    "count_if",
    "sum",
    "avg",
    "min",
    "max",
    "bool_and",
    "every",
    "bool_or",
    "arbitrary",
    "any_value",
    "approx_distinct",
    "stddev",
    "stddev_samp",
    "stddev_pop",
    "variance",
    "var_samp",
    "var_pop",
    "approx_percentile",
    "min_by",
    "max_by",
];

impl Translator<'_> {
    pub(super) fn function(&mut self, function: &Function, scope: &Scope) -> Result<Typed> {
        let call = taken_apart(function)?;
        if let Some(over) = &function.over {
            return self.windowed(&call, over, function, scope);
        }
        let plain = function.filter.is_none() && function.null_treatment.is_none() && !call.distinct && !call.star;
        if AGGREGATES.contains(&call.name.as_str()) {
            return self.aggregate(&call, function.filter.as_deref(), function.null_treatment, scope);
        }
        if !plain {
            return Err(unsupported(call.start, format!("This form of calling {}", call.name)));
        }
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.expression(argument, scope)?);
        }
        self.special(&call, arguments)
    }

    /// Functions whose types are not fixed, and all others.
    fn special(&mut self, call: &Call<'_>, mut arguments: Vec<Typed>) -> Result<Typed> {
        let start = call.start;
        match (call.name.as_str(), arguments.len()) {
            ("now" | "current_timestamp", 0) => Ok(Typed::new(self.now_ns.to_string(), Timestamp)),
            ("ago", 1) => {
                arguments.insert(0, Typed::new(self.now_ns.to_string(), Timestamp));
                self.call_scalar("subtract", &arguments, start)
            }
            ("coalesce", 1) => Ok(arguments.remove(0)),
            ("coalesce", 2..) => {
                let (values, kind) = self.alike(arguments, "COALESCE operands", start)?;
                Ok(Typed::new(format!("coalesce({})", listed(&values)), kind))
            }
            (name @ ("greatest" | "least"), 1..) => {
                let (values, kind) = self.alike(arguments, "operands", start)?;
                let function = if name == "greatest" { "max" } else { "min" };
                match values.as_slice() {
                    [only] => Ok(only.clone()),
                    _ => Ok(Typed::new(format!("{function}({})", listed(&values)), kind)),
                }
            }
            ("nullif", 2) => {
                let kind = arguments.first().map_or(Unknown, |first| first.kind);
                let (values, common) = self.alike(arguments, "NULLIF operands", start)?;
                match common == kind {
                    true => Ok(Typed::new(format!("nullif({})", listed(&values)), kind)),
                    false => Err(unsupported(start, "NULLIF of different types")),
                }
            }
            ("if", 2 | 3) => {
                let condition = arguments.remove(0);
                if !matches!(condition.kind, Boolean | Unknown) {
                    return Err(at(start, "The condition of IF must be boolean"));
                }
                if arguments.len() == 1 {
                    arguments.push(Typed::new("NULL", Unknown));
                }
                let (values, kind) = self.alike(arguments, "IF results", start)?;
                Ok(Typed::new(format!("iif({}, {})", condition.sql, listed(&values)), kind))
            }
            ("concat", 2..) => self.joined("||", arguments, start),
            ("ceiling", 1) => self.call_scalar("ceil", &arguments, start),
            ("pow", 2) => self.call_scalar("power", &arguments, start),
            ("mod", 2) => self.call_scalar("modulus", &arguments, start),
            ("substring", 2 | 3) => self.call_scalar("substr", &arguments, start),
            // Names that are the translation's own, not Timestream's.
            (name, _)
                if name.starts_with("cast_")
                    || matches!(
                        name,
                        "like" | "like_escape" | "add" | "subtract" | "multiply" | "divide" | "modulus" | "negate"
                    ) =>
            {
                Err(at(start, format!("Function {name} not registered")))
            }
            (name, _) => self.call_scalar(&functions::instants::part_name(name), &arguments, start),
        }
    }

    /// Calls the overload that fits with the fewest conversions.
    pub(super) fn call_scalar(&mut self, name: &str, arguments: &[Typed], start: Location) -> Result<Typed> {
        let cost = |wanted: &[ColumnType]| {
            let pairs = arguments.iter().zip(wanted);
            pairs.map(|(given, wanted)| conversion(given.kind, *wanted)).sum::<Option<usize>>()
        };
        let mut known = false;
        let best = functions::named(name)
            .inspect(|_| known = true)
            .filter(|(_, scalar)| scalar.arguments.len() == arguments.len())
            .filter_map(|(physical, scalar)| Some((cost(scalar.arguments)?, physical, scalar)))
            .min_by_key(|(cost, ..)| *cost);
        let Some((_, physical, scalar)) = best else {
            let types = arguments.iter().map(|given| given.kind.sql_name()).collect::<Vec<_>>().join(", ");
            return Err(match known {
                true => at(start, format!("Unexpected parameters ({types}) for function {name}")),
                false => at(start, format!("Function {name} not registered")),
            });
        };
        let wanted = scalar.arguments.iter();
        let values: Vec<Typed> =
            arguments.iter().zip(wanted).map(|(given, to)| converted(given.clone(), *to)).collect();
        Ok(Typed::new(format!("{physical}({})", listed(&values)), scalar.result))
    }

    fn aggregate(
        &mut self,
        call: &Call<'_>,
        filter: Option<&Expr>,
        nulls: Option<NullTreatment>,
        scope: &Scope,
    ) -> Result<Typed> {
        let clause = match self.usage.clause {
            Clause::Select | Clause::Having => None,
            Clause::Where => Some("WHERE"),
            Clause::Join => Some("JOIN ON"),
            Clause::GroupBy => Some("GROUP BY"),
        };
        if let Some(clause) = clause {
            return Err(at(call.start, format!("{clause} clause cannot contain aggregations or window functions")));
        }
        if self.usage.inside_aggregate {
            return Err(at(call.start, format!("Cannot nest aggregations inside aggregation '{}'", call.name)));
        }
        if nulls.is_some() {
            return Err(unsupported(call.start, "IGNORE NULLS here"));
        }
        self.usage.aggregated = true;
        self.usage.inside_aggregate = true;
        let typed = self.aggregate_call(call, scope);
        let filter = filter.map(|condition| self.boolean(condition, scope, "FILTER")).transpose();
        self.usage.inside_aggregate = false;
        let mut typed = typed?;
        if let Some(condition) = filter? {
            if !typed.sql.ends_with(')') || typed.sql.starts_with("CAST(") {
                return Err(unsupported(call.start, "FILTER on this aggregate"));
            }
            typed.sql.push_str(&format!(" FILTER (WHERE {})", condition.sql));
        }
        Ok(typed)
    }

    /// The aggregate itself, without what may follow it.
    pub(super) fn aggregate_call(&mut self, call: &Call<'_>, scope: &Scope) -> Result<Typed> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.expression(argument, scope)?);
        }
        let name = call.name.as_str();
        if call.star || (name == "count" && arguments.is_empty()) {
            return match name == "count" && !call.distinct {
                true => Ok(Typed::new("count(*)", Bigint)),
                false => Err(unsupported(call.start, format!("{name}(*)"))),
            };
        }
        let wrong = |arguments: &[Typed]| {
            let types = arguments.iter().map(|given| given.kind.sql_name()).collect::<Vec<_>>().join(", ");
            at(call.start, format!("Unexpected parameters ({types}) for function {name}"))
        };
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        if let [key, value] = arguments.as_slice() {
            return match name {
                _ if call.distinct => Err(unsupported(call.start, format!("{name} with DISTINCT"))),
                "min_by" | "max_by" => Ok(Typed::new(format!("ts_{name}({}, {})", key.sql, value.sql), key.kind)),
                "approx_percentile" if key.kind.is_number() && value.kind.is_number() => {
                    let sql = format!("ts_approx_percentile({}, {})", key.sql, value.sql);
                    match key.kind {
                        Double => Ok(Typed::new(sql, Double)),
                        kind => Ok(Typed::new(format!("CAST({sql} AS INTEGER)"), kind)),
                    }
                }
                _ => Err(wrong(&arguments)),
            };
        }
        let [value] = arguments.as_slice() else { return Err(wrong(&arguments)) };
        let of =
            |function: &str, kind: ColumnType| Ok(Typed::new(format!("{function}({distinct}{})", value.sql), kind));
        match (name, value.kind) {
            ("count", _) => of("count", Bigint),
            ("approx_distinct", _) => Ok(Typed::new(format!("count(DISTINCT {})", value.sql), Bigint)),
            ("count_if", Boolean) if !call.distinct => {
                Ok(Typed::new(format!("count(CASE WHEN {} THEN 1 END)", value.sql), Bigint))
            }
            ("sum", Integer | Bigint) => of("sum", Bigint),
            ("sum", Double) => of("sum", Double),
            ("avg", Integer | Bigint | Double) => of("avg", Double),
            ("min" | "bool_and" | "every", Boolean) => of("min", Boolean),
            ("max" | "bool_or", Boolean) => of("max", Boolean),
            ("min", kind) => of("min", kind),
            ("max" | "arbitrary" | "any_value", kind) => of("max", kind),
            ("stddev" | "stddev_samp", kind) if kind.is_number() => of("ts_stddev_samp", Double),
            ("stddev_pop", kind) if kind.is_number() => of("ts_stddev_pop", Double),
            ("variance" | "var_samp", kind) if kind.is_number() => of("ts_var_samp", Double),
            ("var_pop", kind) if kind.is_number() => of("ts_var_pop", Double),
            _ => Err(wrong(&arguments)),
        }
    }
}

pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name)
}

fn conversion(given: ColumnType, wanted: ColumnType) -> Option<usize> {
    match (given, wanted) {
        _ if given == wanted => Some(0),
        (Unknown, Varchar) => Some(1),
        (Unknown, _) => Some(2),
        (Integer, Bigint) => Some(1),
        (Integer | Bigint, Double) => Some(2),
        (ColumnType::Date, Timestamp) => Some(1),
        _ => None,
    }
}

fn listed(values: &[Typed]) -> String {
    values.iter().map(|value| value.sql.as_str()).collect::<Vec<_>>().join(", ")
}

fn taken_apart(function: &Function) -> Result<Call<'_>> {
    let ident = match function.name.0.as_slice() {
        [only] => only.as_ident(),
        _ => None,
    };
    let Some(ident) = ident else {
        return Err(super::SqlError::new(format!("Function {} not registered", function.name)));
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
