//! UNLOAD: a SELECT, the place where its result goes, and how. Syntax, options and defaults are those of the developer
//! guide ("UNLOAD concepts").

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::catalog::Catalog;
use super::failure::{SqlError, at};
use super::reader::Reader;
use super::statement::{CsvForm, Times, Unload, UnloadFormat, UnloadOptions};
use super::translate;
use super::types::{Column, ColumnType};

/// The least and the largest `max_file_size`, in bytes. The largest is the default.
const FILE_BYTES: std::ops::RangeInclusive<u64> = (16 << 20)..=(78 << 30);
const NAMES: [&str; 9] = [
    "partitioned_by",
    "format",
    "compression",
    "encryption",
    "kms_key",
    "field_delimiter",
    "escaped_by",
    "include_header",
    "max_file_size",
];

/// An UNLOAD whose SELECT is not translated yet.
pub(super) struct Parsed {
    select: Vec<TokenWithSpan>,
    to: String,
    options: UnloadOptions,
    /// Where `partitioned_by` stands, or nowhere.
    place: Location,
}

/// Reads an UNLOAD; `None` when the query is something else.
pub(super) fn read(tokens: &[TokenWithSpan]) -> Result<Option<Parsed>, SqlError> {
    let mut reader = Reader::new(tokens);
    if !reader.word("UNLOAD") {
        return Ok(None);
    }
    let select = reader.parenthesis()?;
    reader.expect("TO")?;
    let (to, _) = reader.string()?;
    reader.expect("WITH")?;
    reader.expect_symbol(&Token::LParen)?;
    let mut given = Given::default();
    loop {
        given.read(&mut reader)?;
        if !reader.symbol(&Token::Comma) {
            break;
        }
    }
    reader.expect_symbol(&Token::RParen)?;
    reader.end()?;
    let place = given.place.unwrap_or(Location::empty());
    Ok(Some(Parsed { select, to, options: given.options()?, place }))
}

impl Parsed {
    /// Translates the SELECT, and checks its columns.
    pub(super) fn compile(self, catalog: &dyn Catalog, times: Times) -> Result<Unload, SqlError> {
        let Parsed { select, to, options, place } = self;
        let select = translate::query(select, catalog, times)?;
        check(&select.columns, &options.partitioned_by, place)?;
        Ok(Unload { select, to, options })
    }
}

/// Columns that can be unloaded: each with a name of its own and a type, those of partitions scalar and at the end.
fn check(columns: &[Column], partitioned_by: &[String], place: Location) -> Result<(), SqlError> {
    let mut names = BTreeSet::new();
    for column in columns {
        if !names.insert(&column.name) {
            return Err(SqlError::new(format!("Column name '{}' is specified more than once", column.name)));
        }
        if has_unknown(&column.column_type) {
            return Err(SqlError::new(format!(
                "Column '{}' is of the type unknown, which UNLOAD can't write",
                column.name
            )));
        }
    }
    let last = columns.len().checked_sub(partitioned_by.len()).filter(|data| *data > 0);
    let last = last
        .and_then(|data| columns.get(data..))
        .ok_or_else(|| at(place, "UNLOAD needs a column that is not in partitioned_by"))?;
    if !last.iter().map(|column| &column.name).eq(partitioned_by) {
        let wanted = partitioned_by.join(", ");
        return Err(at(
            place,
            format!("The columns of partitioned_by must be the last of the SELECT, in this order: {wanted}"),
        ));
    }
    match last.iter().find(|column| !column.column_type.is_comparable()) {
        Some(Column { name, column_type, .. }) => {
            let kind = column_type.sql_name();
            Err(at(place, format!("UNLOAD can't be partitioned by the column '{name}' of the type {kind}")))
        }
        None => Ok(()),
    }
}

fn has_unknown(kind: &ColumnType) -> bool {
    match kind {
        ColumnType::Unknown => true,
        ColumnType::Array(element) | ColumnType::TimeSeries(element) => has_unknown(element),
        ColumnType::Row(fields) => fields.iter().any(|field| has_unknown(&field.kind)),
        _ => false,
    }
}

/// The options as they stand in the text.
#[derive(Default)]
struct Given {
    texts: BTreeMap<String, (String, Location)>,
    partitioned_by: Option<Vec<String>>,
    place: Option<Location>,
}

impl Given {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), SqlError> {
        let (name, start) = reader.name()?;
        let name = name.to_ascii_lowercase();
        if !NAMES.contains(&name.as_str()) {
            return Err(at(start, format!("UNLOAD has no option '{name}'; it has {}", NAMES.join(", "))));
        }
        if self.texts.contains_key(&name) || (name == "partitioned_by" && self.partitioned_by.is_some()) {
            return Err(at(start, format!("The option '{name}' is given twice")));
        }
        reader.expect_symbol(&Token::Eq)?;
        if name != "partitioned_by" {
            let value = reader.string()?;
            self.texts.insert(name, value);
            return Ok(());
        }
        self.place = Some(reader.place());
        reader.expect("ARRAY")?;
        reader.expect_symbol(&Token::LBracket)?;
        let mut columns = vec![reader.string()?.0];
        while reader.symbol(&Token::Comma) {
            columns.push(reader.string()?.0);
        }
        reader.expect_symbol(&Token::RBracket)?;
        self.partitioned_by = Some(columns);
        Ok(())
    }

    /// One of some words, or the first of them if the option is not given.
    fn word(&self, name: &str, words: [&'static str; 2]) -> Result<&'static str, SqlError> {
        let Some((text, start)) = self.texts.get(name) else { return Ok(words[0]) };
        words.into_iter().find(|word| word == text).ok_or_else(|| {
            at(*start, format!("The option '{name}' is '{}' or '{}', and not '{text}'", words[0], words[1]))
        })
    }

    /// An ASCII character. It is no quote and no end of a line, which stand around values and rows.
    fn character(&self, name: &str, default: u8) -> Result<u8, SqlError> {
        let Some((text, start)) = self.texts.get(name) else { return Ok(default) };
        match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Ok(*byte),
            _ => Err(at(*start, format!("The option '{name}' is one ASCII character other than a double quote"))),
        }
    }

    fn options(self) -> Result<UnloadOptions, SqlError> {
        let format = match self.word("format", ["CSV", "PARQUET"])? {
            "CSV" => UnloadFormat::Csv(self.csv()?),
            _ => UnloadFormat::Parquet,
        };
        if format == UnloadFormat::Parquet {
            for name in ["field_delimiter", "escaped_by", "include_header"] {
                if let Some((_, start)) = self.texts.get(name) {
                    return Err(at(*start, format!("The option '{name}' is for the format CSV")));
                }
            }
        }
        let encryption = self.word("encryption", ["SSE_S3", "SSE_KMS"])?;
        match self.texts.get("kms_key") {
            Some((_, start)) if encryption != "SSE_KMS" => {
                return Err(at(*start, "The option 'kms_key' needs encryption = 'SSE_KMS'"));
            }
            _ => {}
        }
        let is_compressed = self.word("compression", ["GZIP", "NONE"])? == "GZIP";
        let max_file_bytes = match self.texts.get("max_file_size") {
            None => *FILE_BYTES.end(),
            Some((text, start)) => bytes(text).ok_or_else(|| {
                at(*start, "The option 'max_file_size' is a number with MB or GB behind it, from 16MB to 78GB")
            })?,
        };
        let partitioned_by = self.partitioned_by.unwrap_or_default();
        Ok(UnloadOptions { partitioned_by, format, is_compressed, max_file_bytes })
    }

    fn csv(&self) -> Result<CsvForm, SqlError> {
        let delimiter = self.character("field_delimiter", b',')?;
        let escape = self.character("escaped_by", b'\\')?;
        if delimiter == escape {
            let start = self.texts.get("escaped_by").or(self.texts.get("field_delimiter")).map(|(_, start)| *start);
            let message = "The options 'field_delimiter' and 'escaped_by' can't be the same character";
            return Err(at(start.unwrap_or(Location::empty()), message));
        }
        Ok(CsvForm { delimiter, escape, has_header: self.word("include_header", ["false", "true"])? == "true" })
    }
}

/// Reads `12GB` or `24.7MB`.
fn bytes(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let unit = match unit {
        "MB" => 1_u64 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = digits.parse().ok().filter(|_| is_number)?;
    // Numbers that are too large become the largest.
    Some((number * unit as f64) as u64).filter(|bytes| FILE_BYTES.contains(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lexer::tokens;

    fn parsed(text: &str) -> Result<Parsed, String> {
        let read = read(&tokens(text).unwrap());
        read.map(|parsed| parsed.expect("an UNLOAD")).map_err(|error| error.message)
    }

    fn options(with: &str) -> Result<UnloadOptions, String> {
        parsed(&format!("UNLOAD (SELECT 1) TO 's3://bucket/x' WITH ({with})")).map(|parsed| parsed.options)
    }

    #[test]
    fn options_are_read_with_their_defaults() {
        let parsed = parsed("unload(SELECT (1), 'x)') TO 's3://bucket/a/' WITH (format='CSV');").unwrap();
        assert_eq!((parsed.to.as_str(), parsed.select.len()), ("s3://bucket/a/", 6));
        let csv = CsvForm { delimiter: b',', escape: b'\\', has_header: false };
        let default = UnloadOptions {
            partitioned_by: Vec::new(),
            format: UnloadFormat::Csv(csv),
            is_compressed: true,
            max_file_bytes: 78 << 30,
        };
        assert_eq!(parsed.options, default);
        let csv = CsvForm { delimiter: b'|', escape: b'!', has_header: true };
        assert_eq!(
            options(
                "partitioned_by = ARRAY['a', 'b'], compression = 'NONE', field_delimiter = '|', escaped_by = '!', \
                 include_header = 'true', max_file_size = '24.5MB', encryption = 'SSE_KMS', kms_key = 'k'"
            ),
            Ok(UnloadOptions {
                partitioned_by: vec!["a".to_owned(), "b".to_owned()],
                format: UnloadFormat::Csv(csv),
                is_compressed: false,
                max_file_bytes: 25_690_112,
            })
        );
        assert_eq!(options("format = 'PARQUET'").unwrap().format, UnloadFormat::Parquet);
    }

    #[test]
    fn what_is_no_option_is_refused_with_its_place() {
        for (with, message) in [
            ("", "line 1:44: mismatched input ')'"),
            ("formats = 'CSV'", "line 1:44: UNLOAD has no option 'formats'"),
            ("format = 'csv'", "line 1:53: The option 'format' is 'CSV' or 'PARQUET', and not 'csv'"),
            ("format = 'CSV', format = 'CSV'", "line 1:60: The option 'format' is given twice"),
            ("format = CSV", "line 1:53: mismatched input 'CSV'"),
            ("include_header = 'yes'", "'false' or 'true'"),
            ("format = 'PARQUET', include_header = 'true'", "is for the format CSV"),
            ("field_delimiter = '||'", "one ASCII character"),
            ("field_delimiter = '\"'", "one ASCII character"),
            ("field_delimiter = '\\'", "can't be the same character"),
            ("max_file_size = '15MB'", "from 16MB to 78GB"),
            ("max_file_size = '79GB'", "from 16MB to 78GB"),
            ("max_file_size = '1e9GB'", "from 16MB to 78GB"),
            ("max_file_size = 'ö'", "from 16MB to 78GB"),
            ("kms_key = 'k'", "needs encryption"),
            ("partitioned_by = ARRAY[]", "mismatched input ']'"),
            ("partitioned_by = 'a'", "mismatched input"),
        ] {
            let found = options(with).unwrap_err();
            assert!(found.contains(message), "{with}: {found}");
        }
        for text in ["UNLOAD", "UNLOAD (SELECT 1", "UNLOAD (SELECT 1) TO x", "UNLOAD (SELECT 1) TO 's3://x'"] {
            assert!(parsed(text).is_err(), "{text}");
        }
        assert!(parsed("UNLOAD (SELECT 1) TO 's3://x' WITH (format = 'CSV') x").is_err());
        assert!(read(&tokens("SELECT 1").unwrap()).unwrap().is_none());
    }
}
