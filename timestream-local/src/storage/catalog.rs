//! What exists: databases, tables, their dimensions and measures.

use serde::{Deserialize, Serialize};
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

/// What is stored of a database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatabaseProperties {
    /// Seconds since 1970.
    pub(crate) created: f64,
    /// Seconds since 1970.
    pub(crate) updated: f64,
    /// The key that was named; nothing is encrypted with it.
    pub(crate) kms_key_id: Option<String>,
}

/// How long records are kept, and where they may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    /// Hours, 1 to 8766.
    pub(crate) memory_hours: i64,
    /// Days, 1 to 73000.
    pub(crate) magnetic_days: i64,
}

impl Default for Retention {
    fn default() -> Self {
        // The service's own defaults.
        Retention { memory_hours: 6, magnetic_days: 73_000 }
    }
}

/// What is stored of a table beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableProperties {
    /// Seconds since 1970.
    pub(crate) created: f64,
    /// Seconds since 1970.
    pub(crate) updated: f64,
    /// How long records are kept.
    pub(crate) retention: Retention,
    /// MagneticStoreWriteProperties as they were given, with `EnableMagneticStoreWrites`.
    pub(crate) magnetic_writes: Option<serde_json::Value>,
    /// Schema as it was given.
    pub(crate) schema: Option<serde_json::Value>,
    /// The dimensions' names in order of appearance: the columns `d0`, `d1`, ….
    pub(crate) dimensions: Vec<String>,
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
    /// The types of each measure, as bits of [`value_bit`].
    pub(crate) measures: BTreeMap<String, u8>,
}

impl Table {
    /// Whether records older than the memory store's retention are taken.
    pub(crate) fn magnetic_writes(&self) -> bool {
        let properties = self.properties.magnetic_writes.as_ref();
        properties
            .and_then(|p| p.get("EnableMagneticStoreWrites"))
            .and_then(serde_json::Value::as_bool)
            .unwrap_or(false)
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

/// The measure types: bit, column of the samples table, name in the API.
pub(crate) const VALUE_TYPES: [(u8, &str, &str); 5] = [
    (1, "double", "DOUBLE"),
    (2, "bigint", "BIGINT"),
    (4, "varchar", "VARCHAR"),
    (8, "boolean", "BOOLEAN"),
    (16, "timestamp", "TIMESTAMP"),
];
