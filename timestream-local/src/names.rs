//! The rules for names, from the quotas and naming constraints of the Timestream developer guide.

use crate::error::ApiError;

/// Longest name of a dimension, in bytes.
pub(crate) const MAX_DIMENSION_NAME: usize = 60;
/// Longest name of a measure, in bytes.
pub(crate) const MAX_MEASURE_NAME: usize = 256;

const RESERVED: [&str; 4] = ["time", "measure_value", "measure_name", "ts_non_existent_col"];
const RESERVED_PREFIXES: [&str; 3] = ["ts_", "measure_name", "measure_value"];

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
    let shown: String = value.chars().take(100).collect();
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
    check_reserved("dimension", name)
}

/// Checks a measure's name.
pub(crate) fn check_measure(name: &str) -> Result<(), ApiError> {
    if name.is_empty() {
        return Err(ApiError::validation("A measure name is required for a record."));
    }
    if name.len() > MAX_MEASURE_NAME {
        return Err(ApiError::validation(format!("The measure name exceeds the limit of {MAX_MEASURE_NAME} bytes.")));
    }
    if name.contains('\0') {
        return Err(ApiError::validation("The measure name is invalid: it has a NUL character."));
    }
    check_reserved("measure", name)
}

fn check_reserved(what: &str, name: &str) -> Result<(), ApiError> {
    if RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(ApiError::validation(format!("The {what} name is reserved: {name}")));
    }
    Ok(())
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
        assert!(check_measure("http_requests:rate5m").is_ok());
        assert!(check_measure(&"a".repeat(256)).is_ok());
        assert!(check_measure(&"a".repeat(257)).is_err());
        assert!(check_measure("").is_err());
        assert!(check_measure("ts_x").is_err());
    }

    #[test]
    fn resource_names() {
        assert!(check_resource("databaseName", "a-b.c_9").is_ok());
        assert!(check_resource("databaseName", "ab").is_err());
        assert!(check_resource("databaseName", "a b c").is_err());
    }
}
