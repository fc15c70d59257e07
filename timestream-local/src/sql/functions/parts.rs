//! Text, taken apart into arrays.

use std::sync::Arc;

use rusqlite::types::ValueRef;

use super::super::failure::Failure;
use super::super::java_regex::{self, Pattern};
use super::super::list;
use super::super::types::ColumnType::{self, Array, Bigint, Varchar};
use super::super::types::Element;
use super::scalar::{Arguments, Outcome, Scalar, scalar};

const TEXTS: ColumnType = Array(Element::Known(&Varchar));

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("split", &[Varchar, Varchar], TEXTS, |a| split(a, usize::MAX)),
    scalar("split", &[Varchar, Varchar, Bigint], TEXTS, |a| match usize::try_from(a.integer(2)?) {
        Ok(limit @ 1..) => split(a, limit),
        _ => Err("Limit must be positive".into()),
    }),
    scalar("regexp_extract_all", &[Varchar, Varchar], TEXTS, |a| extracted(a, 0)),
    scalar("regexp_extract_all", &[Varchar, Varchar, Bigint], TEXTS, |a| extracted(a, a.integer(2)?)),
    scalar("regexp_split", &[Varchar, Varchar], TEXTS, |a| {
        list::write(compiled(a)?.split(a.text(0)?)?.into_iter().map(written))
    }),
];

fn written(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn compiled(a: &Arguments<'_, '_>) -> Result<Arc<Pattern>, Failure> {
    let pattern = a.cached(1, |pattern| java_regex::recent(pattern).map_err(Failure))?;
    Ok(Arc::clone(&pattern))
}

fn split(a: &Arguments<'_, '_>, limit: usize) -> Outcome {
    let (text, delimiter) = (a.text(0)?, a.text(1)?);
    if delimiter.is_empty() {
        return Err("The delimiter may not be the empty string".into());
    }
    list::write(text.splitn(limit, delimiter).map(written))
}

fn extracted(a: &Arguments<'_, '_>, group: i64) -> Outcome {
    let parts = compiled(a)?;
    let parts = parts.extract_all(a.text(0)?, group)?;
    list::write(parts.into_iter().map(|part| part.map_or(ValueRef::Null, written)))
}
