//! Arrays and rows: what makes them, what takes them apart, and functions of them.

use sqlparser::ast::{AccessExpr, Expr, Ident, Subscript};
use sqlparser::tokenizer::Location;

use super::super::failure::{SqlError, at, unsupported};
use super::super::functions;
use super::super::types::ColumnType::{self, Array, Bigint, Boolean, Row, Unknown, Varchar};
use super::super::types::Field;
use super::arguments::Call;
use super::location::{location, place};
use super::operators::converted;
use super::scope::Scope;
use super::translator::Translator;
use super::typed::{Result, Typed};

/// Functions of arrays whose types are not fixed.
pub(in crate::sql) const ARRAY_FUNCTIONS: &[&str] = &[
    "array_distinct",
    "array_except",
    "array_intersect",
    "array_join",
    "array_max",
    "array_min",
    "array_position",
    "array_remove",
    "array_sort",
    "array_union",
    "arrays_overlap",
    "cardinality",
    "concat",
    "contains",
    "element_at",
    "flatten",
    "repeat",
    "reverse",
    "row",
    "shuffle",
    "slice",
    "zip",
];

/// Arguments in one call of a function. SQLite takes a thousand.
const MAX_ARGUMENTS: usize = 500;

impl Translator<'_> {
    /// `ARRAY[…]`.
    pub(super) fn array(&mut self, elements: &[Expr], scope: &Scope) -> Result<Typed> {
        let start = elements.first().map_or_else(Location::empty, location);
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            values.push(self.expression(element, scope)?);
        }
        let (values, kind) = self.alike(values, "ARRAY elements", start)?;
        Ok(Typed::new(list(&values), kind.array()))
    }

    /// What stands behind an expression: `[index]` and `.field`.
    pub(super) fn accessed(&mut self, root: &Expr, chain: &[AccessExpr], scope: &Scope) -> Result<Typed> {
        let mut chain = chain.iter().peekable();
        let mut value = match root {
            // The names before the first subscript may be those of a column.
            Expr::Identifier(first) => {
                let mut path = vec![first.clone()];
                while let Some(AccessExpr::Dot(Expr::Identifier(next))) =
                    chain.next_if(|access| matches!(access, AccessExpr::Dot(Expr::Identifier(_))))
                {
                    path.push(next.clone());
                }
                self.column(&path, scope)?
            }
            other => self.expression(other, scope)?,
        };
        for access in chain {
            value = match access {
                AccessExpr::Dot(Expr::Identifier(name)) => field(value, name)?,
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    let start = location(index);
                    let index = self.expression(index, scope)?;
                    let Array(element) = &value.kind else {
                        return Err(at(start, format!("Cannot subscript a {}", value.kind.sql_name())));
                    };
                    let element = (**element).clone();
                    self.element(&value, index, element, "$array_element", start)?
                }
                _ => return Err(unsupported(location(root), "This form of access to a part of a value")),
            };
        }
        Ok(value)
    }

    fn element(
        &mut self,
        array: &Typed,
        index: Typed,
        element: ColumnType,
        function: &str,
        start: Location,
    ) -> Result<Typed> {
        if index.kind.common(&Bigint) != Some(Bigint) {
            return Err(at(start, format!("An array's index must be bigint, not {}", index.kind.sql_name())));
        }
        self.settle(&index, &Bigint);
        Ok(Typed::new(format!("{}({}, {})", functions::only(function), array.sql, index.sql), element))
    }

    /// A function of arrays. `None` if it is another function of the name.
    pub(super) fn of_arrays(&mut self, call: &Call<'_>, arguments: &[Typed]) -> Result<Option<Typed>> {
        let name = call.name.as_str();
        if !ARRAY_FUNCTIONS.contains(&name) {
            return Ok(None);
        }
        if name == "row" && !arguments.is_empty() {
            return Ok(Some(row(arguments)));
        }
        let is_array = arguments.iter().any(|argument| matches!(argument.kind, Array(_)));
        if !is_array && matches!(name, "cardinality" | "concat" | "reverse") {
            return Ok(None);
        }
        let wrong = || Err(wrong(call, arguments));
        let physical = |function: &str, kind: ColumnType| {
            let values = arguments.iter().map(|argument| argument.sql.as_str()).collect::<Vec<_>>().join(", ");
            Ok(Some(Typed::new(format!("{}({values})", functions::only(function)), kind)))
        };
        match (name, arguments) {
            ("zip", [_, _, ..]) if arguments.iter().all(|argument| matches!(argument.kind, Array(_))) => {
                let element = |argument: &Typed| match &argument.kind {
                    Array(element) => Field { name: None, kind: (**element).clone() },
                    other => Field { name: None, kind: other.clone() },
                };
                let fields = arguments.iter().map(element).collect();
                let arrays: Vec<&str> = arguments.iter().map(|argument| argument.sql.as_str()).collect();
                let sql = format!("ts_zip_all({})", arrays.join(", "));
                Ok(Some(Typed::new(sql, Row(fields).array())))
            }
            ("concat", [_, _, ..]) => self.concatenated(arguments.to_vec(), call.start).map(Some),
            ("repeat", [value, count]) if count.kind.common(&Bigint) == Some(Bigint) => {
                let sql = format!("{}(ts_list({}), {})", functions::only("$array_repeat"), value.sql, count.sql);
                Ok(Some(Typed::new(sql, value.kind.clone().array())))
            }
            (_, [Typed { kind: Array(element), .. }]) => match (name, &**element) {
                ("cardinality", _) => physical("$array_cardinality", Bigint),
                ("array_distinct", element) => physical("$array_distinct", element.clone().array()),
                ("array_max", element) if element.is_comparable() => physical("$array_max", element.clone()),
                ("array_min", element) if element.is_comparable() => physical("$array_min", element.clone()),
                ("array_sort", element) if element.is_comparable() => physical("$array_sort", element.clone().array()),
                ("reverse", element) => physical("$array_reverse", element.clone().array()),
                ("shuffle", element) => {
                    let array = arguments.first().map_or("", |array| array.sql.as_str());
                    let sql = format!("{}(random(), {array})", functions::only("$shuffle"));
                    Ok(Some(Typed::new(sql, element.clone().array())))
                }
                ("flatten", Array(inner)) => physical("$flatten", (**inner).clone().array()),
                _ => wrong(),
            },
            (_, [one @ Typed { kind: Array(_), .. }, two @ Typed { kind: Array(_), .. }]) => {
                let common = one.kind.common(&two.kind);
                let (function, kind) = match (name, common.clone()) {
                    ("arrays_overlap", Some(_)) => ("$array_overlap", Boolean),
                    ("array_except", Some(kind)) => ("$array_except", kind),
                    ("array_intersect", Some(kind)) => ("$array_intersect", kind),
                    ("array_union", Some(kind)) => ("$array_union", kind),
                    _ => return self.of_element(call, arguments),
                };
                let common = common.unwrap_or(Unknown);
                let (one, two) = (converted(one.clone(), &common), converted(two.clone(), &common));
                let sql = format!("{}({}, {})", functions::only(function), one.sql, two.sql);
                Ok(Some(Typed::new(sql, kind)))
            }
            ("element_at", [array @ Typed { kind: Array(element), .. }, index]) => {
                let element = (**element).clone();
                self.element(array, index.clone(), element, "$array_element_or_null", call.start).map(Some)
            }
            ("slice", [array @ Typed { kind: Array(_), .. }, start, length])
                if [start, length].iter().all(|place| place.kind.common(&Bigint) == Some(Bigint)) =>
            {
                physical("$array_slice", array.kind.clone())
            }
            ("array_join", [array, rest @ ..])
                if matches!(rest.len(), 1 | 2) && rest.iter().all(|text| matches!(text.kind, Varchar | Unknown)) =>
            {
                let array = self.cast_to(array.clone(), &Varchar.array(), "", call.start)?;
                let texts: Vec<&str> = rest.iter().map(|text| text.sql.as_str()).collect();
                let mut overloads = functions::named("$array_join");
                let fitting = overloads.find(|(_, scalar)| scalar.arguments.len() == arguments.len());
                let physical = fitting.map(|(physical, _)| physical).unwrap_or_default();
                let sql = format!("{physical}({}, {})", array.sql, texts.join(", "));
                Ok(Some(Typed::new(sql, Varchar)))
            }
            (_, [_, _]) => self.of_element(call, arguments),
            _ => wrong(),
        }
    }

    /// A function of an array and a value of the type of its elements.
    fn of_element(&mut self, call: &Call<'_>, arguments: &[Typed]) -> Result<Option<Typed>> {
        let [array @ Typed { kind: Array(element), .. }, value] = arguments else {
            return Err(wrong(call, arguments));
        };
        let Some(common) = element.common(&value.kind) else { return Err(wrong(call, arguments)) };
        let (function, kind) = match call.name.as_str() {
            "contains" => ("$array_contains", Boolean),
            "array_position" => ("$array_position", Bigint),
            "array_remove" => ("$array_remove", common.clone().array()),
            _ => return Err(wrong(call, arguments)),
        };
        self.settle(value, &common);
        let (array, value) = (converted(array.clone(), &common.clone().array()), converted(value.clone(), &common));
        Ok(Some(Typed::new(format!("{}({}, {})", functions::only(function), array.sql, value.sql), kind)))
    }

    /// Arrays one behind the other. A value that is no array stands for an array of it.
    pub(super) fn concatenated(&mut self, terms: Vec<Typed>, start: Location) -> Result<Typed> {
        let arrays = terms.iter().map(|term| &term.kind).filter(|kind| matches!(kind, Array(_)));
        // An array of arrays may stand beside one of its elements.
        let deepest = arrays.max_by_key(|kind| kind.depth());
        let Some(Array(element)) = deepest else { return Err(unlike(&terms, start)) };
        let mut kind: ColumnType = (**element).clone();
        let mut level = Vec::with_capacity(terms.len());
        for term in &terms {
            let joins = term.kind.common(&kind.clone().array());
            let whole = joins.filter(|_| matches!(term.kind, Array(_)));
            match (whole, term.kind.common(&kind)) {
                (Some(Array(wider)), _) => kind = ColumnType::clone(&wider),
                (_, Some(wider)) => kind = wider,
                _ => return Err(unlike(&terms, start)),
            }
        }
        let array = kind.clone().array();
        for term in terms {
            level.push(match term.kind.common(&array) == Some(array.clone()) && matches!(term.kind, Array(_)) {
                true => converted(term, &array).sql,
                false => format!("{}({})", functions::only("$array_of"), converted(term, &kind).sql),
            });
        }
        Ok(Typed::new(concatenation(level), array))
    }
}

/// A balanced tree of concatenations: SQLite limits the depth.
fn concatenation(mut level: Vec<String>) -> String {
    let concat = functions::only("$array_concat");
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| if let [one, two] = pair { format!("{concat}({one}, {two})") } else { pair.concat() })
            .collect();
    }
    level.concat()
}

/// The SQL of an array of values.
pub(super) fn list(values: &[Typed]) -> String {
    let parts = values.chunks(MAX_ARGUMENTS).map(|values| {
        let values: Vec<&str> = values.iter().map(|value| value.sql.as_str()).collect();
        format!("ts_list({})", values.join(", "))
    });
    match values {
        [] => "ts_list()".to_owned(),
        _ => concatenation(parts.collect()),
    }
}

/// `ROW(…)`.
pub(super) fn row(values: &[Typed]) -> Typed {
    let fields = values.iter().map(|value| Field { name: None, kind: value.kind.clone() }).collect();
    Typed::new(list(values), Row(fields))
}

/// The field of a row.
pub(super) fn field(row: Typed, name: &Ident) -> Result<Typed> {
    let Row(fields) = &row.kind else {
        let message = format!("A {} has no field '{}'", row.kind.sql_name(), name.value);
        return Err(at(place(name), message));
    };
    let is_named = |field: &Field| field.name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&name.value));
    let mut found = fields.iter().enumerate().filter(|(_, field)| is_named(field));
    match (found.next(), found.next()) {
        (Some((index, field)), None) => {
            Ok(Typed::new(format!("{}({}, {index})", functions::only("$field"), row.sql), field.kind.clone()))
        }
        (None, _) => Err(at(place(name), format!("Column '{}' does not exist", name.value))),
        _ => Err(at(place(name), format!("Field '{}' is ambiguous", name.value))),
    }
}

fn unlike(terms: &[Typed], start: Location) -> SqlError {
    let types = terms.iter().map(|term| term.kind.sql_name()).collect::<Vec<_>>().join(", ");
    at(start, format!("'||' cannot be applied to {types}"))
}

pub(super) fn wrong(call: &Call<'_>, arguments: &[Typed]) -> SqlError {
    let types = arguments.iter().map(|given| given.kind.sql_name()).collect::<Vec<_>>().join(", ");
    at(call.start, format!("Unexpected parameters ({types}) for function {}", call.name))
}
