//! The ARNs of databases and tables, in a made-up account.

use crate::error::ApiError;
use crate::storage::Owner;

const PREFIX: &str = "arn:aws:timestream:us-east-1:000000000000:";

/// The ARN of something.
pub(super) fn arn(path: &str) -> String {
    format!("{PREFIX}{path}")
}

/// The database or table that an ARN names. Its region and account may be any.
pub(super) fn owner(arn: &str) -> Result<Owner, ApiError> {
    let invalid = || ApiError::validation(format!("The ARN is not that of a Timestream database or table: {arn}"));
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "timestream", _, _, resource] = parts.as_slice() else { return Err(invalid()) };
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["database", database] => Ok(Owner { database: (*database).to_owned(), table: None }),
        ["database", database, "table", table] => {
            Ok(Owner { database: (*database).to_owned(), table: Some((*table).to_owned()) })
        }
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_read_back() {
        let read = |path: &str| owner(&arn(path)).map(|owner| (owner.database, owner.table));
        assert_eq!(read("database/db1"), Ok(("db1".to_owned(), None)));
        assert_eq!(read("database/db1/table/t.1"), Ok(("db1".to_owned(), Some("t.1".to_owned()))));
        for bad in ["", "database", "database/db1/table", "database/db1/table/t/x", "scheduled-query/x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(owner("arn:aws:s3:us-east-1:0:database/db1").is_err());
        assert!(owner("db1").is_err());
    }
}
