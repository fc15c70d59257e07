//! The form of CSV files (developer guide, "CSV format parameters").

use super::model::CsvConfiguration;
use crate::error::ApiError;
use crate::names::constraint;

/// How files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CsvForm {
    separator: u8,
    quote: u8,
    /// Stands before a quote in a value. Without it, such a quote is written twice.
    escape: Option<u8>,
    /// What stands for NULL beside nothing.
    pub(super) null: Option<String>,
    trims: bool,
}

impl CsvForm {
    /// Checks what a request says.
    pub(super) fn new(configuration: Option<&CsvConfiguration>) -> Result<CsvForm, ApiError> {
        let default = CsvConfiguration::default();
        let given = configuration.unwrap_or(&default);
        let separator = one_of("columnSeparator", given.column_separator.as_deref().unwrap_or(","), ",|;\t ")?;
        let quote = one_of("quoteChar", given.quote_char.as_deref().unwrap_or("\""), "\"'")?;
        let escape = match given.escape_char.as_deref().map(str::as_bytes) {
            None => None,
            Some([byte]) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) && *byte != separator => Some(*byte),
            Some(_) => {
                let shown = given.escape_char.as_deref().unwrap_or_default();
                let rule = "Member must be one ASCII character, and not the column separator";
                return Err(constraint("csvConfiguration.escapeChar", shown, rule));
            }
        };
        let null = given.null_value.clone();
        if let Some(null) = null.as_ref().filter(|null| !(1..=256).contains(&null.chars().count())) {
            return Err(constraint("csvConfiguration.nullValue", null, "Member must have length between 1 and 256"));
        }
        // An escape that is the quote itself is a quote that is written twice.
        let escape = escape.filter(|escape| *escape != quote);
        Ok(CsvForm { separator, quote, escape, null, trims: given.trim_white_space == Some(true) })
    }

    /// A reader of this form. Rows may have any number of values to it.
    pub(super) fn reader(&self) -> csv::ReaderBuilder {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.separator).quote(self.quote);
        builder.escape(self.escape).double_quote(self.escape.is_none());
        builder.trim(if self.trims { csv::Trim::All } else { csv::Trim::None });
        builder
    }
}

fn one_of(field: &str, text: &str, choice: &str) -> Result<u8, ApiError> {
    match text.as_bytes() {
        [byte] if choice.as_bytes().contains(byte) => Ok(*byte),
        _ => {
            let rule = format!("Member must be one of the characters {:?}", choice.chars().collect::<Vec<_>>());
            Err(constraint(&format!("csvConfiguration.{field}"), text, &rule))
        }
    }
}
