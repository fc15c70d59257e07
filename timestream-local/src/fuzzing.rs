//! An entrance for fuzz targets, which skips the API and asks the SQL front end. Programs do not need it.

use std::sync::Arc;

use crate::query::View;
use crate::records::Kind;
use crate::sql;
use crate::storage::{Catalog, Database, MeasureInfo, Table, VALUE_TYPES};

/// 2026-11-24, in nanoseconds since 1970.
const NOW_NS: i64 = 1_795_478_400_000_000_000;

/// Compiles and prepares a query over a table `db.t`. Returns whether one of the two takes it.
pub fn sql(text: &str) -> bool {
    let view = View::new(Arc::new(one_table()));
    let prepared = sql::prepare(text, &view, NOW_NS).is_ok();
    sql::compile(text, &view, NOW_NS).is_ok() || prepared
}

/// `db.t` with the dimension `job` and a measure of doubles.
fn one_table() -> Catalog {
    let double = VALUE_TYPES.iter().find(|(_, _, kind)| *kind == Kind::Double).map_or(0, |(bit, ..)| *bit);
    let mut table = Table { number: 1, ..Table::default() };
    table.properties.dimensions.push("job".to_owned());
    table.columns.insert("job".to_owned(), 0);
    table.measures.insert("m".to_owned(), MeasureInfo { types: double, dimensions: 1 });
    let mut database = Database::default();
    database.tables.insert("t".to_owned(), Arc::new(table));
    let mut catalog = Catalog::default();
    catalog.databases.insert("db".to_owned(), database);
    catalog
}
