//! Timestream's SQL, translated into SQLite's.
//!
//! [`compile`] reads the text of a query into `sqlparser`'s typed tree and walks that tree into one SQLite statement,
//! with every literal a bound parameter, and with the Timestream type of every result column. Syntax that the walk
//! does not know is refused by name. Nothing is passed to SQLite unread.
//!
//! The statement calls scalar and aggregate functions of this module, so a connection that runs it needs
//! [`register_functions`] first.

mod aggregates;
mod catalog;
mod datum;
mod doubles;
mod evaluator;
mod extremes;
mod failure;
mod functions;
mod java_regex;
mod json_value;
mod lambdas;
mod lexer;
mod like;
mod list;
mod lists;
mod mending;
mod moments;
mod nan;
mod percentiles;
mod reader;
mod series;
mod show;
mod statement;
mod text;
mod translate;
mod types;
mod unload;
mod window_values;

pub(crate) use catalog::{Attribute, Catalog, CatalogError, Counted, Measure, Parts, Points, TableColumn, TableSchema};
pub(crate) use evaluator::end_evaluation_when;
pub(crate) use failure::{Failure, SqlError};
pub(crate) use list::read as list_values;
pub(crate) use nan::number as double_value;
pub(crate) use series::{Entries, MAX_ENTRIES, time_series};
pub(crate) use statement::{
    Cell, Compiled, CsvForm, Listing, Prepared, Statement, Times, Unload, UnloadFormat, UnloadOptions,
};
pub(crate) use types::{Column, ColumnType};
#[cfg(test)]
pub(crate) use {list::write as write_list, series::write as write_series, types::Field};

/// The longest query text that Timestream takes, in bytes.
pub(crate) const MAX_QUERY_BYTES: usize = 256 * 1024;

/// Compiles one query. `now_ns` is the time, in nanoseconds since 1970, that `now()` and `ago()` count from.
///
/// # Errors
/// [`SqlError`] for text that is not a query, and for queries that Timestream or this translation refuses.
pub(crate) fn compile(text: &str, catalog: &dyn Catalog, now_ns: i64) -> Result<Statement, SqlError> {
    compile_at(text, catalog, Times { now_ns, scheduled: None })
}

/// Compiles one query, which may have the parameter `@scheduled_runtime` if `times` has a value for it.
///
/// # Errors
/// As [`compile`].
pub(crate) fn compile_at(text: &str, catalog: &dyn Catalog, times: Times) -> Result<Statement, SqlError> {
    let tokens = tokens(text)?;
    if let Some(parsed) = unload::read(&tokens)? {
        return parsed.compile(catalog, times).map(Statement::Unload);
    }
    match show::listing(&tokens, catalog)? {
        Some(listing) => Ok(Statement::Listing(listing)),
        None => translate::query(tokens, catalog, times).map(Statement::Select),
    }
}

/// Checks a query that may have parameters, written `@name`.
///
/// # Errors
/// As [`compile`], and for a parameter whose type does not follow from the text around it.
pub(crate) fn prepare(text: &str, catalog: &dyn Catalog, now_ns: i64) -> Result<Prepared, SqlError> {
    let tokens = tokens(text)?;
    if unload::read(&tokens)?.is_some() {
        return Err(SqlError::new("PrepareQuery takes queries, and not UNLOAD."));
    }
    match show::listing(&tokens, catalog)? {
        Some(listing) => Ok(Prepared { columns: listing.columns, parameters: Vec::new() }),
        None => translate::prepare(tokens, catalog, now_ns),
    }
}

fn tokens(text: &str) -> Result<Vec<sqlparser::tokenizer::TokenWithSpan>, SqlError> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(SqlError::new(format!("The query text is longer than {MAX_QUERY_BYTES} bytes.")));
    }
    lexer::tokens(text)
}

/// Registers on a reader connection the functions that compiled statements call.
///
/// # Errors
/// What SQLite says when it refuses a function.
pub(crate) fn register_functions(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    functions::register(connection)?;
    aggregates::register(connection)?;
    doubles::register(connection)?;
    moments::register(connection)?;
    lists::register(connection)?;
    extremes::register(connection)?;
    percentiles::register(connection)?;
    window_values::register(connection)?;
    lambdas::register(connection, register_functions)
}

#[cfg(test)]
mod tests;
