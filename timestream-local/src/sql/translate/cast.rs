//! CAST and TRY_CAST.

use sqlparser::ast::{CastKind, DataType};
use sqlparser::tokenizer::Location;

use super::super::failure::{at, unsupported};
use super::super::functions;
use super::super::types::ColumnType;
use super::arrays::row;
use super::data_type::data_type;
use super::translator::Translator;
use super::typed::{Result, Typed};

impl Translator<'_> {
    pub(super) fn cast(&mut self, kind: &CastKind, value: Typed, to: &DataType, start: Location) -> Result<Typed> {
        let attempt = match kind {
            CastKind::Cast => "",
            CastKind::TryCast => functions::TRY,
            _ => return Err(unsupported(start, "A cast other than CAST(… AS …) and TRY_CAST(… AS …)")),
        };
        let target = data_type(to).ok_or_else(|| unsupported(start, format!("CAST to {to}")))?;
        self.settle(&value, &target);
        if attempt.is_empty() || target.depth() == 0 {
            return self.cast_to(value, &target, attempt, start);
        }
        // One value that fails makes all of the array or row NULL.
        let (depth, sql, kind) = (self.frames.len(), value.sql, value.kind);
        let function = self.apart(Vec::new(), |walker, _| {
            let value = Typed::new(walker.taken(depth, sql)?, kind);
            walker.cast_to(value, &target, "", start)
        })?;
        Ok(Typed::new(format!("ts_try({})", function.sql), target))
    }

    /// A value as another type. `attempt` is the prefix of the casts of single values.
    pub(super) fn cast_to(
        &mut self,
        value: Typed,
        target: &ColumnType,
        attempt: &str,
        start: Location,
    ) -> Result<Typed> {
        if value.kind == *target || value.kind == ColumnType::Unknown {
            return Ok(Typed { kind: target.clone(), ..value.as_is(&value.sql) });
        }
        let impossible = || {
            let message = format!("Cannot cast {} to {}", value.kind.sql_name(), target.sql_name());
            Err(at(start, message))
        };
        match (&value.kind, target) {
            (ColumnType::Array(from), ColumnType::Array(to)) => {
                let argument = vec![(String::new(), (**from).clone())];
                let function = self.apart(argument, |walker, arguments| {
                    let [element] = <[Typed; 1]>::try_from(arguments).map_err(|_| unsupported(start, "This cast"))?;
                    walker.cast_to(element, to, attempt, start)
                })?;
                Ok(Typed::new(format!("ts_transform({}, {})", value.sql, function.sql), target.clone()))
            }
            (ColumnType::Row(from), ColumnType::Row(to)) if from.len() == to.len() => {
                let arguments = from.iter().map(|field| (String::new(), field.kind.clone())).collect();
                let function = self.apart(arguments, |walker, fields| {
                    let mut cast = Vec::with_capacity(fields.len());
                    for (field, to) in fields.into_iter().zip(to.iter()) {
                        cast.push(walker.cast_to(field, &to.kind, attempt, start)?);
                    }
                    Ok(row(&cast))
                })?;
                Ok(Typed::new(format!("ts_of_fields({}, {})", value.sql, function.sql), target.clone()))
            }
            (from, _) => match exact_cast(from, target) {
                Some(physical) => {
                    let typed = Typed::new(format!("{attempt}{physical}({})", value.sql), target.clone());
                    // A text may be that of NaN.
                    Ok(Typed { is_finite: *from != ColumnType::Varchar || typed.is_finite, ..typed })
                }
                None => impossible(),
            },
        }
    }
}

fn exact_cast(from: &ColumnType, target: &ColumnType) -> Option<String> {
    functions::named(&format!("$cast_{}", target.sql_name()))
        .find(|(_, scalar)| matches!(scalar.arguments, [only] if only == from))
        .map(|(physical, _)| physical)
}
