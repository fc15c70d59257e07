//! What UNNEST needs: the entries of a time series or array as JSON for SQLite's json_each, and what one of them is.
//!
//! An entry is a text: a time and a colon for a time series, then a letter for the type of its value, and the value. A real
//! is written as its bits, and an array or row in hexadecimal digits.

use std::fmt::Write;

use rusqlite::types::{Value, ValueRef};

use super::super::failure::Failure;
use super::super::list;
use super::super::nan;
use super::super::series::Entries;
use super::super::types::ColumnType::{Timestamp, Unknown, Varchar};
use super::scalar::{Arguments, Outcome, Scalar, scalar, text};

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("$entries", &[Unknown], Varchar, |a| {
        let entries: Vec<String> = if list::is_list(a.raw(0)) {
            list::read(a.raw(0))?.into_iter().map(|value| format!(":{}", written(value))).collect()
        } else {
            Entries::read(a.raw(0))?.iter().map(|(time, value)| format!("{time}:{}", written(value))).collect()
        };
        text(serde_json::Value::from(entries).to_string())
    }),
    scalar("$entry_time", &[Varchar], Timestamp, |a| number(entry(a)?.0)),
    scalar("$entry_value", &[Varchar], Unknown, |a| {
        let (_, written) = entry(a)?;
        let (kind, value) = written.split_at_checked(1).ok_or_else(broken)?;
        match kind {
            "n" => Ok(Value::Null),
            "i" => number(value),
            "r" => value.parse().map(|bits| nan::held(f64::from_bits(bits))).map_err(|_| broken()),
            "t" => text(value),
            _ => bytes(value).map(Value::Blob).ok_or_else(broken),
        }
    }),
];

fn broken() -> Failure {
    "An entry cannot be read".into()
}

fn entry<'a>(a: &'a Arguments<'_, '_>) -> Result<(&'a str, &'a str), Failure> {
    a.text(0)?.split_once(':').ok_or_else(broken)
}

fn number(text: &str) -> Outcome {
    text.parse().map(Value::Integer).map_err(|_| broken())
}

fn written(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "n".to_owned(),
        ValueRef::Integer(number) => format!("i{number}"),
        ValueRef::Real(number) => format!("r{}", number.to_bits()),
        ValueRef::Text(bytes) => format!("t{}", String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => {
            let mut digits = String::with_capacity(1 + 2 * bytes.len());
            digits.push('b');
            for byte in bytes {
                // Writing to a String does not fail.
                let _ = write!(digits, "{byte:02x}");
            }
            digits
        }
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect()
}
