//! What exists: databases, tables, their dimensions and measures.

use super::properties::{DatabaseProperties, TableProperties};
use crate::records::Kind;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Everything that exists. Immutable once published.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    /// By name.
    pub(crate) databases: BTreeMap<String, Database>,
}

/// A database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Database {
    /// What is stored of it.
    pub(crate) properties: DatabaseProperties,
    /// By name.
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// In the names of its physical tables.
    pub(crate) number: i64,
    /// What is stored of it.
    pub(crate) properties: TableProperties,
    /// Column numbers of the dimensions.
    pub(crate) columns: HashMap<String, usize>,
    /// Column numbers of the values of multi-measure records.
    pub(crate) multi: HashMap<String, usize>,
    /// By name.
    pub(crate) measures: BTreeMap<String, MeasureInfo>,
}

/// What a measure has had so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MeasureInfo {
    /// Types of its values: bits of [`VALUE_TYPES`], or [`MULTI`].
    pub(crate) types: u8,
    /// Dimensions of its series: bit n for column n.
    pub(crate) dimensions: u128,
}

impl Table {
    /// Whether records older than the memory store's retention are taken.
    pub(crate) fn magnetic_writes(&self) -> bool {
        self.properties.magnetic_writes.as_ref().is_some_and(|writes| writes.enable_magnetic_store_writes)
    }

    /// The names of a measure's dimensions, in order of their columns.
    pub(crate) fn dimensions_of(&self, measure: MeasureInfo) -> impl Iterator<Item = &String> {
        let has = move |column: usize| measure.dimensions.checked_shr(column as u32).is_some_and(|bits| bits & 1 == 1);
        self.properties.dimensions.iter().enumerate().filter(move |(column, _)| has(*column)).map(|(_, name)| name)
    }

    /// The physical table of series.
    pub(crate) fn series_table(&self) -> String {
        format!("series_{}", self.number)
    }

    /// The physical table of samples.
    pub(crate) fn samples_table(&self) -> String {
        format!("samples_{}", self.number)
    }
}

impl Catalog {
    /// A table by name.
    pub(crate) fn table(&self, database: &str, table: &str) -> Option<&Arc<Table>> {
        self.databases.get(database)?.tables.get(table)
    }
}

/// The types of single measures: bit, column of the samples table, name in the API.
pub(crate) const VALUE_TYPES: [(u8, &str, Kind); 4] = [
    (1, "double", Kind::Double),
    (2, "bigint", Kind::Bigint),
    (4, "varchar", Kind::Varchar),
    (8, "boolean", Kind::Boolean),
];

/// The bit of a measure that multi-measure records have.
pub(crate) const MULTI: u8 = 16;
