//! Entrances for fuzz targets, which skip the API and ask the SQL front end and the decoder of chunks. Programs do not need
//! them.

use std::sync::Arc;

use crate::query::View;
use crate::records::Kind;
use crate::sql;
use crate::storage::samples;
use crate::storage::{Catalog, Database, MeasureInfo, Table, VALUE_TYPES};

/// 2026-11-24, in nanoseconds since 1970.
const NOW_NS: i64 = 1_795_478_400_000_000_000;

/// Compiles and prepares a query over a table `db.t`. Returns whether one of the two takes it.
pub fn sql(text: &str) -> bool {
    let view = View::new(Arc::new(one_table()));
    let prepared = sql::prepare(text, &view, NOW_NS).is_ok();
    sql::compile(text, &view, NOW_NS).is_ok() || prepared
}

/// Reads a chunk, whose checksum is made right first. Returns how many samples it has, if it is one.
pub fn chunk(bytes: &[u8]) -> Option<usize> {
    samples::decoded(bytes)
}

/// A chunk of samples by ascending times, without its checksum: an example for [`chunk`].
pub fn example_chunk(samples: &[(i64, f64)]) -> Vec<u8> {
    samples::encoded(samples)
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
