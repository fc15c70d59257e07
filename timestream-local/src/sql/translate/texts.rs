//! Functions of text that take arguments of several types.

use super::super::failure::{at, unsupported};
use super::super::functions;
use super::super::types::ColumnType::{Array, Bigint, Boolean, Double, Integer, Unknown, Varchar};
use super::arguments::Call;
use super::arrays::{list, wrong};
use super::translator::Translator;
use super::typed::{Result, Typed};

/// Arguments in one call of FORMAT.
const MAX_FORMATTED: usize = 100;

impl Translator<'_> {
    /// CONCAT_WS: texts, or those of an array, behind each other with a separator between. NULLs are passed over.
    pub(super) fn concatenated_with(&mut self, call: &Call<'_>, arguments: &[Typed]) -> Result<Typed> {
        let is_text = |argument: &Typed| matches!(argument.kind, Varchar | Unknown);
        let array = match arguments {
            [separator, texts @ ..] if is_text(separator) && texts.iter().all(is_text) => list(texts),
            [separator, Typed { kind: Array(element), sql, .. }]
                if is_text(separator) && matches!(**element, Varchar | Unknown) =>
            {
                sql.clone()
            }
            _ => return Err(wrong(call, arguments)),
        };
        for argument in arguments.iter().filter(|argument| is_text(argument)) {
            self.settle(argument, &Varchar);
        }
        let separator = arguments.first().map_or("NULL", |separator| separator.sql.as_str());
        Ok(Typed::new(format!("{}({array}, {separator})", functions::only("$array_join")), Varchar))
    }

    /// FORMAT of a format and values.
    pub(super) fn formatted(&mut self, call: &Call<'_>, arguments: &[Typed]) -> Result<Typed> {
        let [format, values @ ..] = arguments else { return Err(wrong(call, arguments)) };
        if !matches!(format.kind, Varchar | Unknown) {
            return Err(wrong(call, arguments));
        }
        if values.len() > MAX_FORMATTED {
            return Err(at(call.start, format!("FORMAT has more than {MAX_FORMATTED} values")));
        }
        self.settle(format, &Varchar);
        let letter = |value: &Typed| match &value.kind {
            Varchar | Unknown => Ok('v'),
            Boolean => Ok('b'),
            Bigint | Integer => Ok('i'),
            Double => Ok('d'),
            other => Err(unsupported(call.start, format!("FORMAT of {}", other.sql_name()))),
        };
        // Of these letters, none has to be escaped.
        let types = values.iter().map(letter).collect::<Result<String>>()?;
        let values: String = values.iter().map(|value| format!(", {}", value.sql)).collect();
        Ok(Typed::new(format!("ts_format({}, '{types}'{values})", format.sql), Varchar))
    }
}
