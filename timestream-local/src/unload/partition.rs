//! The folders of partitions: `column=value/column=value`.

use std::fmt::Write;

use rusqlite::types::ValueRef;

use crate::sql::Column;

/// The value of NULL, as Hive names it.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The path of a row's folder, without a slash at its end; empty without partitions.
pub(super) fn path(columns: &[Column], values: &[ValueRef<'_>]) -> String {
    let mut path = String::new();
    for (index, (column, value)) in columns.iter().zip(values).enumerate() {
        if index > 0 {
            path.push('/');
        }
        escape(&column.name, &mut path);
        path.push('=');
        match column.column_type.text(*value).filter(|text| !text.is_empty()) {
            Some(text) => escape(&text, &mut path),
            None => path.push_str(NULL),
        }
    }
    path
}

/// Writes the characters that can't be in a folder's name, or mean something in it, as Hive does: `%2F` for a slash.
fn escape(text: &str, path: &mut String) {
    for character in text.chars() {
        match character {
            '\0'..='\x1f'
            | '\x7f'
            | '"'
            | '#'
            | '%'
            | '\''
            | '*'
            | '/'
            | ':'
            | '='
            | '?'
            | '\\'
            | '{'
            | '['
            | ']'
            | '^' => {
                // A String takes all that is written to it.
                let _ = write!(path, "%{:02X}", u32::from(character));
            }
            _ => path.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::ColumnType;

    #[test]
    fn values_are_names_of_folders() {
        let columns = [Column::new("channel", ColumnType::Varchar), Column::new("n", ColumnType::Bigint)];
        let path = |text: &str, number| path(&columns, &[ValueRef::Text(text.as_bytes()), number]);
        assert_eq!(path("Social media", ValueRef::Integer(-1)), "channel=Social media/n=-1");
        assert_eq!(path("../a\0", ValueRef::Null), "channel=..%2Fa%00/n=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(path("", ValueRef::Null), "channel=__HIVE_DEFAULT_PARTITION__/n=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(super::path(&[], &[]), "");
    }
}
