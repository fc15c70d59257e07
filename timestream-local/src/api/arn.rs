//! What ARNs name.

use crate::error::ApiError;
use crate::names::arn;
use crate::storage::Owner;

/// The database, table or scheduled query that an ARN names. Its region and account may be any.
pub(super) fn owner(arn: &str) -> Result<Owner, ApiError> {
    let invalid = || ApiError::validation(format!("The ARN is not that of a Timestream resource: {arn}"));
    let resource = resource(arn).ok_or_else(invalid)?;
    if let Some(id) = resource.strip_prefix(SCHEDULED_QUERY) {
        return if id.is_empty() { Err(invalid()) } else { Ok(Owner::ScheduledQuery(id.to_owned())) };
    }
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["database", database] => Ok(Owner::Database((*database).to_owned())),
        ["database", database, "table", table] => {
            Ok(Owner::Table { database: (*database).to_owned(), table: (*table).to_owned() })
        }
        _ => Err(invalid()),
    }
}

/// The id of the scheduled query that an ARN names.
pub(super) fn scheduled_query(arn: &str) -> Result<String, ApiError> {
    let id = resource(arn).and_then(|resource| resource.strip_prefix(SCHEDULED_QUERY)).filter(|id| !id.is_empty());
    let invalid = || ApiError::validation(format!("The ARN is not that of a scheduled query: {arn}"));
    id.map(str::to_owned).ok_or_else(invalid)
}

/// The ARN of a scheduled query.
pub(super) fn of_scheduled_query(id: &str) -> String {
    arn(&format!("{SCHEDULED_QUERY}{id}"))
}

/// How the resources of scheduled queries begin. What follows may have slashes.
const SCHEDULED_QUERY: &str = "scheduled-query/";

/// The resource of an ARN of Timestream.
fn resource(arn: &str) -> Option<&str> {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "timestream", _, _, resource] => Some(resource),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_read_back() {
        let read = |path: &str| owner(&arn(path));
        assert_eq!(read("database/db1"), Ok(Owner::Database("db1".to_owned())));
        let table = Owner::Table { database: "db1".to_owned(), table: "t.1".to_owned() };
        assert_eq!(read("database/db1/table/t.1"), Ok(table));
        assert_eq!(read("scheduled-query/a/b-1"), Ok(Owner::ScheduledQuery("a/b-1".to_owned())));
        assert_eq!(scheduled_query(&of_scheduled_query("a/b-1")), Ok("a/b-1".to_owned()));
        for bad in
            ["", "database", "database/db1/table", "database/db1/table/t/x", "scheduled-query/", "x/scheduled-query/x"]
        {
            assert!(read(bad).is_err(), "{bad}");
            assert!(scheduled_query(&arn(bad)).is_err(), "{bad}");
        }
        assert!(owner("arn:aws:s3:us-east-1:0:database/db1").is_err());
        assert!(owner("db1").is_err());
    }
}
