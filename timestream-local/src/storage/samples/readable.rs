//! Makes the records of tables readable on the connection of a query.

use super::super::catalog::Table;
use super::counted::Counted;
use super::points::{Format, Points};
use super::relations::{virtual_count, virtual_points, virtual_records};
use super::scan::Records;
use super::snapshot::Snapshot;
use super::trace::Trace;
use rusqlite::Connection;
use std::sync::Arc;
use virtual_table::register;

/// Makes the records of a table readable under the names that [`super::relations`] has. `snapshot` was begun on the
/// connection. `format` writes time series. What is read is noted in `trace`, if there is one.
pub(crate) fn make_readable(
    connection: &Connection,
    snapshot: &Snapshot,
    table: &Arc<Table>,
    format: Format,
    trace: Option<&Trace>,
) -> rusqlite::Result<()> {
    let number = table.number;
    let records = || Records::new(Arc::clone(table), snapshot.clone(), trace.cloned());
    register(connection, &virtual_records(number), records())?;
    register(connection, &virtual_points(number), Points::new(records(), format))?;
    register(connection, &virtual_count(number), Counted::new(records()))
}
