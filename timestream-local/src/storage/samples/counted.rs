//! The number of a table's records, as a table of one row.

use super::snapshot::Snapshot;
use rusqlite::Connection;
use virtual_table::{Asked, Context, Relation, Rows};

/// The column of the number.
pub(super) const COUNT: &str = "records";

/// The number of a table's records.
#[derive(Clone)]
pub(super) struct Counted {
    number: i64,
    snapshot: Snapshot,
    count: i64,
    is_next: bool,
}

impl Counted {
    pub(super) fn new(number: i64, snapshot: Snapshot) -> Self {
        Counted { number, snapshot, count: 0, is_next: false }
    }
}

impl Relation for Counted {
    type Rows = Counted;

    fn columns(&self) -> Vec<String> {
        ["key", "place", COUNT].map(str::to_owned).into()
    }

    fn rows(&self) -> Counted {
        self.clone()
    }
}

impl Rows for Counted {
    fn seek(&mut self, connection: &Connection, _: Asked) -> rusqlite::Result<()> {
        self.count = self.snapshot.count(connection, self.number)?;
        self.is_next = true;
        Ok(())
    }

    fn next(&mut self, _: &Connection) -> rusqlite::Result<bool> {
        Ok(std::mem::take(&mut self.is_next))
    }

    fn write(&self, column: usize, context: &mut Context) -> rusqlite::Result<()> {
        context.set_result(if column == 2 { self.count } else { 0 })
    }
}
