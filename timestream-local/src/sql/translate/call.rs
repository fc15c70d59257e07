//! Function calls: scalar functions by their signatures.

use rusqlite::types::Value;
use sqlparser::ast::Function;
use sqlparser::tokenizer::Location;

use super::super::failure::{at, unsupported};
use super::super::functions;
use super::super::types::ColumnType::{self, Bigint, Boolean, Double, Integer, Timestamp, Unknown, Varchar};
use super::aggregate::is_aggregate;
use super::arguments::{Call, taken_apart};
use super::arrays::ARRAY_FUNCTIONS;
use super::higher_order::takes_lambda;
use super::operators::{converted, unlike_nan};
use super::registry::{SPECIAL, is_refused};
use super::scope::Scope;
use super::translator::Translator;
use super::typed::{Result, Typed};
use crate::calendar;

/// Functions that make only finite numbers of finite ones.
const STAY_FINITE: &[&str] = &["$negate", "abs", "ceil", "floor", "round", "sign", "truncate"];

impl Translator<'_> {
    pub(super) fn function(&mut self, function: &Function, scope: &Scope) -> Result<Typed> {
        let call = taken_apart(function)?;
        if let Some(over) = &function.over {
            return self.windowed(&call, over, function, scope);
        }
        let plain = function.filter.is_none() && function.null_treatment.is_none() && !call.distinct && !call.star;
        if takes_lambda(&call) && plain {
            return self.higher_order(&call, scope);
        }
        if is_aggregate(&call.name) {
            return self.aggregate(&call, function.filter.as_deref(), function.null_treatment, scope);
        }
        if is_refused(&call.name) {
            return Err(unsupported(call.start, format!("The function {}", call.name)));
        }
        if !plain {
            return Err(unsupported(call.start, format!("This form of calling {}", call.name)));
        }
        if call.name == "try"
            && let [value] = call.arguments.as_slice()
        {
            let value = self.apart(Vec::new(), |walker, _| walker.expression(value, scope))?;
            return Ok(Typed::new(format!("ts_try{}({})", value.suffix, value.sql), value.kind));
        }
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.expression(argument, scope)?);
        }
        match self.of_arrays(&call, &arguments)? {
            Some(typed) => Ok(typed),
            None => self.special(&call, arguments),
        }
    }

    fn now(&mut self) -> Result<Typed> {
        Ok(Typed::new(self.bind(Value::Integer(self.now_ns))?, Timestamp))
    }

    /// Functions whose types are not fixed are written here. The others have signatures.
    fn special(&mut self, call: &Call<'_>, mut arguments: Vec<Typed>) -> Result<Typed> {
        let start = call.start;
        match (call.name.as_str(), arguments.len()) {
            ("now" | "current_timestamp" | "localtimestamp", 0) => self.now(),
            ("current_date", 0) => {
                let days = self.bind(Value::Integer(self.now_ns.div_euclid(calendar::DAY)))?;
                Ok(Typed::new(days, ColumnType::Date))
            }
            ("current_time" | "localtime", 0) => {
                let time = self.bind(Value::Integer(self.now_ns.rem_euclid(calendar::DAY)))?;
                Ok(Typed::new(time, ColumnType::Time))
            }
            ("ago", 1) => {
                arguments.insert(0, self.now()?);
                self.call_scalar("$subtract", &arguments, start)
            }
            ("coalesce", 1) => Ok(arguments.remove(0)),
            ("coalesce", 2..) => {
                let (values, kind) = self.alike(arguments, "COALESCE operands", start)?;
                Ok(Typed::one_of(&values, format!("coalesce({})", listed(&values)), kind))
            }
            (name @ ("greatest" | "least"), 1..) => {
                let (values, kind) = self.alike(arguments, "operands", start)?;
                if !kind.is_comparable() {
                    return Err(at(start, format!("Unexpected parameters ({}) for function {name}", kind.sql_name())));
                }
                let (function, rank) = if name == "greatest" { ("max", "$rank_below") } else { ("min", "$rank_above") };
                match values.as_slice() {
                    [only] => Ok(only.clone()),
                    values if values.iter().all(|value| value.is_finite) => {
                        Ok(Typed::one_of(values, format!("{function}({})", listed(values)), kind))
                    }
                    values => {
                        let (rank, double) = (functions::only(rank), functions::only("$of_rank"));
                        let ranks: Vec<_> = values.iter().map(|value| format!("{rank}({})", value.sql)).collect();
                        Ok(Typed::new(format!("{double}({function}({}))", ranks.join(", ")), kind))
                    }
                }
            }
            ("nullif", 2) => {
                let kind = arguments.first().map_or(Unknown, |first| first.kind.clone());
                // SQLite compares numbers of different types by itself.
                let are_numbers = arguments.iter().all(|number| number.kind.is_number());
                let (values, common) = match are_numbers {
                    true => (arguments, kind.clone()),
                    false => self.alike(arguments, "NULLIF operands", start)?,
                };
                match values.as_slice() {
                    [value, other] if are_numbers || kind == Unknown || (common == kind && common.is_comparable()) => {
                        let other = if other.is_finite { other.sql.clone() } else { unlike_nan(other) };
                        Ok(Typed { kind, ..value.as_is(format!("nullif({}, {other})", value.sql)) })
                    }
                    _ => Err(unsupported(start, "NULLIF of different types")),
                }
            }
            ("if", 2 | 3) => {
                let condition = arguments.remove(0);
                if !matches!(condition.kind, Boolean | Unknown) {
                    return Err(at(start, "The condition of IF must be boolean"));
                }
                self.settle(&condition, &Boolean);
                if arguments.len() == 1 {
                    arguments.push(Typed::new("NULL", Unknown));
                }
                let (values, kind) = self.alike(arguments, "IF results", start)?;
                Ok(Typed::one_of(&values, format!("iif({}, {})", condition.sql, listed(&values)), kind))
            }
            ("concat", 2..) => self.joined("||", arguments, start),
            ("concat_ws", 2..) => self.concatenated_with(call, &arguments),
            ("format", 2..) => self.formatted(call, &arguments),
            ("ceiling", 1) => self.call_scalar("ceil", &arguments, start),
            ("pow", 2) => self.call_scalar("power", &arguments, start),
            ("mod", 2) => self.call_scalar("$modulus", &arguments, start),
            ("typeof", 1) => {
                let kind = arguments.first().map_or(&Unknown, |value| &value.kind).sql_name();
                Ok(Typed::new(self.bind(Value::Text(kind.into_owned()))?, Varchar))
            }
            // A text there is read as a time. AWS' own queries write it so.
            ("bin" | "date_trunc", 2) => {
                let place = usize::from(call.name == "date_trunc");
                if let Some(text) = arguments.get(place).and_then(|argument| argument.literal.clone()) {
                    let time = calendar::parse_timestamp(&text).filter(|time| *time >= 0);
                    let time = time.ok_or_else(|| at(start, format!("Value cannot be cast to timestamp: {text}")))?;
                    let time = Typed::new(self.bind(Value::Integer(time))?, Timestamp);
                    arguments.splice(place..=place, [time]);
                }
                self.call_scalar(&call.name, &arguments, start)
            }
            ("rand" | "random", 0..=2) => {
                arguments.insert(0, Typed::new("random()", Bigint));
                self.call_scalar("$random", &arguments, start)
            }
            ("substring", 2 | 3) => self.call_scalar("substr", &arguments, start),
            // These names are the translation's own, not Timestream's.
            (name, _) if name.starts_with('$') => Err(at(start, format!("Function {name} not registered"))),
            (name, _) => self.call_scalar(&functions::instants::part_name(name), &arguments, start),
        }
    }

    /// Calls the overload that fits with the fewest conversions.
    pub(super) fn call_scalar(&mut self, name: &str, arguments: &[Typed], start: Location) -> Result<Typed> {
        let cost = |wanted: &[ColumnType]| {
            let pairs = arguments.iter().zip(wanted);
            pairs.map(|(given, wanted)| conversion(&given.kind, wanted)).sum::<Option<usize>>()
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
                true => {
                    at(start, format!("Unexpected parameters ({types}) for function {}", name.trim_start_matches('$')))
                }
                false if SPECIAL.contains(&name) || ARRAY_FUNCTIONS.contains(&name) => {
                    at(start, format!("Unexpected parameters ({types}) for function {name}"))
                }
                false => at(start, format!("Function {name} not registered")),
            });
        };
        for (given, wanted) in arguments.iter().zip(scalar.arguments) {
            self.settle(given, wanted);
        }
        let wanted = scalar.arguments.iter();
        let values: Vec<Typed> = arguments.iter().zip(wanted).map(|(given, to)| converted(given.clone(), to)).collect();
        let typed = Typed::new(format!("{physical}({})", listed(&values)), scalar.result.clone());
        Ok(match STAY_FINITE.contains(&name) && values.iter().all(|value| value.is_finite) {
            true => Typed { is_finite: true, ..typed },
            false => typed,
        })
    }
}

fn conversion(given: &ColumnType, wanted: &ColumnType) -> Option<usize> {
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
