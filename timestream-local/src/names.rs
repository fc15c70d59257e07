//! The rules for names, from the quotas and naming constraints of the Timestream developer guide.

use crate::error::ApiError;

/// Longest name of a dimension, in bytes.
pub(crate) const MAX_DIMENSION_NAME: usize = 60;
/// Longest name of a measure, in bytes.
pub(crate) const MAX_MEASURE_NAME: usize = 256;

/// The name that no column may have. The other reserved names, `measure_value` and `ts_non_existent_col`, have a reserved
/// prefix.
const RESERVED: &str = "time";
/// How no column's name may begin.
const RESERVED_PREFIXES: [&str; 3] = ["ts_", "measure_value", "measure_name"];
/// How no measure's name may begin.
const RESERVED_MEASURE_PREFIXES: [&str; 2] = ["ts_", "measure_value"];

/// How ARNs begin, in a made-up account.
const ARN_PREFIX: &str = "arn:aws:timestream:us-east-1:000000000000:";

/// The ARN of something.
pub(crate) fn arn(path: &str) -> String {
    format!("{ARN_PREFIX}{path}")
}

/// The ARN of a table.
pub(crate) fn table_arn(database: &str, table: &str) -> String {
    arn(&format!("database/{database}/table/{table}"))
}

/// Checks the name of a new database or table: 3 to 256 bytes of letters, digits, `_`, `-` and `.`.
pub(crate) fn check_resource(field: &str, name: &str) -> Result<(), ApiError> {
    let legal = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if !legal {
        return Err(constraint(field, name, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"));
    }
    if name.len() < 3 {
        return Err(constraint(field, name, "Member must have length greater than or equal to 3"));
    }
    if name.len() > 256 {
        return Err(constraint(field, name, "Member must have length less than or equal to 256"));
    }
    Ok(())
}

/// The text of a broken constraint of the API's model.
pub(crate) fn constraint(field: &str, value: &str, rule: &str) -> ApiError {
    let shown = beginning(value);
    ApiError::validation(format!(
        "1 validation error detected: Value '{shown}' at '{field}' failed to satisfy constraint: {rule}"
    ))
}

/// The error for a member that must be there.
pub(crate) fn not_null(field: &str) -> ApiError {
    constraint(field, "null", "Member must not be null")
}

/// Checks a dimension's name.
pub(crate) fn check_dimension(name: &str) -> Result<(), ApiError> {
    let bytes = name.as_bytes();
    let legal = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(|b| *b != b'_')
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    if !legal {
        return Err(ApiError::validation(
            "The dimension name is invalid. Dimension name can only contain alphanumeric characters and underscores. \
             It can only start with an alphabet and cannot end with an underscore.",
        ));
    }
    if name.len() > MAX_DIMENSION_NAME {
        return Err(ApiError::validation(format!(
            "The dimension name exceeds the limit of {MAX_DIMENSION_NAME} bytes: {name}"
        )));
    }
    check_reserved("dimension", name, &RESERVED_PREFIXES)
}

/// Checks the name of a record's measure, which is a value in the column `measure_name`.
pub(crate) fn check_measure(name: &str) -> Result<(), ApiError> {
    check_measure_name(name, &RESERVED_MEASURE_PREFIXES)
}

/// Checks the name of a value within a multi-measure record, which is the name of a measure and of a column.
pub(crate) fn check_measure_column(name: &str) -> Result<(), ApiError> {
    check_measure_name(name, &RESERVED_PREFIXES)
}

fn check_measure_name(name: &str, reserved_prefixes: &[&str]) -> Result<(), ApiError> {
    if name.is_empty() {
        return Err(ApiError::validation("A measure name is required for a record."));
    }
    if name.len() > MAX_MEASURE_NAME {
        let shown = beginning(name);
        return Err(ApiError::validation(format!(
            "The measure name exceeds the limit of {MAX_MEASURE_NAME} bytes: {shown}"
        )));
    }
    check_reserved("measure", name, reserved_prefixes)?;
    for (forbidden, called) in [(':', "colon"), ('\0', "NUL character")] {
        if name.contains(forbidden) {
            return Err(ApiError::validation(format!("The measure name is invalid: it has a {called}: {name}")));
        }
    }
    Ok(())
}

fn check_reserved(what: &str, name: &str, prefixes: &[&str]) -> Result<(), ApiError> {
    if name == RESERVED || prefixes.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(ApiError::validation(format!("The {what} name is reserved: {name}")));
    }
    Ok(())
}

/// The beginning of a text, as errors show it.
fn beginning(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimension_names() {
        for name in ["a", "job", "a_b", "A9", "time_", "_a", "a-b", "ä", "", "9a", "time", "ts_a", "measure_names"] {
            let legal = matches!(name, "a" | "job" | "a_b" | "A9");
            assert_eq!(check_dimension(name).is_ok(), legal, "{name}");
        }
        assert!(check_dimension(&"a".repeat(60)).is_ok());
        assert!(check_dimension(&"a".repeat(61)).is_err());
    }

    #[test]
    fn measure_names() {
        let long = "ü".repeat(128);
        for name in ["up", "9", "a b", "a.b/c-d", "\"'`\\", "é\n", "times", "Time", "TS_x", "_ts_", "measure", &long] {
            assert_eq!(check_measure(name), Ok(()), "{name}");
            assert_eq!(check_measure_column(name), Ok(()), "{name}");
        }
        let long = "a".repeat(257);
        for (name, why) in [
            ("job:up:rate5m", "it has a colon: job:up:rate5m"),
            (":", "it has a colon: :"),
            ("measure_value::double", "reserved: measure_value::double"),
            ("a\0", "it has a NUL"),
            ("time", "reserved: time"),
            ("measure_value", "reserved: measure_value"),
            ("measure_values", "reserved: measure_values"),
            ("ts_non_existent_col", "reserved: ts_non_existent_col"),
            ("ts_", "reserved: ts_"),
            ("", "required"),
            (&long, "256 bytes: aaa"),
        ] {
            for checked in [check_measure(name), check_measure_column(name)] {
                let message = checked.unwrap_err().message;
                assert!(message.contains(why), "{name:?}: {message}");
            }
        }
    }

    #[test]
    fn a_measure_may_be_called_what_a_column_may_not() {
        for name in ["measure_name", "measure_names"] {
            assert_eq!(check_measure(name), Ok(()));
            assert!(check_measure_column(name).unwrap_err().message.contains(&format!("reserved: {name}")));
        }
    }

    #[test]
    fn resource_names() {
        assert!(check_resource("databaseName", "a-b.c_9").is_ok());
        assert!(check_resource("databaseName", "ab").is_err());
        assert!(check_resource("databaseName", "a b c").is_err());
    }
}
