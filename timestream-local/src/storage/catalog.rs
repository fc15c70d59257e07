//! What exists: databases, tables, their dimensions and measures, scheduled queries, and the settings of the account.

use super::account::AccountSettings;
use super::properties::{DatabaseProperties, TableProperties};
use super::scheduled::ScheduledQuery;
use crate::calendar::HOUR;
use crate::records::{Kind, Measured};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// Everything that exists. Immutable once published.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Catalog {
    /// By name.
    pub(crate) databases: BTreeMap<String, Database>,
    /// By id, which begins with the name.
    pub(crate) scheduled: Arc<BTreeMap<String, Arc<ScheduledQuery>>>,
    /// The settings of the account.
    pub(crate) account: AccountSettings,
}

/// A database.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Database {
    /// What is stored of it.
    pub(crate) properties: DatabaseProperties,
    /// By name.
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Table {
    /// The number in the names of its SQLite tables.
    pub(crate) number: i64,
    /// What is stored of it.
    pub(crate) properties: TableProperties,
    /// The places of the dimensions, each a column of the series.
    pub(crate) columns: HashMap<String, usize>,
    /// The places of the names of values in multi-measure records.
    pub(crate) multi: HashMap<String, usize>,
    /// By name.
    pub(crate) measures: BTreeMap<String, MeasureInfo>,
}

/// What the records of a measure have had so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MeasureInfo {
    /// Types of its values: bits of [`VALUE_TYPES`], or [`MULTI`].
    pub(crate) types: u8,
    /// Dimensions of its series: bit n for the dimension at place n.
    pub(crate) dimensions: u128,
}

impl Table {
    /// Whether records older than the memory store's retention are taken.
    pub(crate) fn magnetic_writes(&self) -> bool {
        self.properties.magnetic_writes.as_ref().is_some_and(|writes| writes.enable_magnetic_store_writes)
    }

    /// The names of a measure's dimensions, in order of their places.
    pub(crate) fn dimensions_of(&self, measure: MeasureInfo) -> impl Iterator<Item = &String> {
        let has = move |column: usize| measure.dimensions.checked_shr(column as u32).is_some_and(|bits| bits & 1 == 1);
        self.properties.dimensions.iter().enumerate().filter(move |(column, _)| has(*column)).map(|(_, name)| name)
    }

    /// The time before which its records are gone, in nanoseconds since 1970.
    pub(super) fn expiry(&self, now: i64) -> i64 {
        let retention = self.properties.retention;
        let kept = retention.magnetic_days.saturating_mul(24).max(retention.memory_hours);
        now.saturating_sub(kept.saturating_mul(HOUR)).max(0)
    }
}

/// The SQLite table of a table's series.
pub(super) fn series_table(number: i64) -> String {
    format!("series_{number}")
}

impl Catalog {
    /// A table by name.
    pub(crate) fn table(&self, database: &str, table: &str) -> Option<&Arc<Table>> {
        self.databases.get(database)?.tables.get(table)
    }
}

/// The types of single measures: bit, name behind `measure_value::`, kind.
pub(crate) const VALUE_TYPES: [(u8, &str, Kind); 4] = [
    (1, "double", Kind::Double),
    (2, "bigint", Kind::Bigint),
    (4, "varchar", Kind::Varchar),
    (8, "boolean", Kind::Boolean),
];

/// The bit of measures that have multi-measure records.
pub(crate) const MULTI: u8 = 16;

/// The bit that a record sets in the types of its measure.
pub(super) fn type_bit(measured: &Measured) -> u8 {
    match measured {
        Measured::Single(value) => {
            let kind = value.kind();
            VALUE_TYPES.iter().find(|(_, _, other)| *other == kind).map_or(0, |(bit, ..)| *bit)
        }
        Measured::Multi(_) => MULTI,
    }
}

/// The catalog of the last commit, which everything but the writer sees. It is replaced as a whole.
#[derive(Clone, Default)]
pub(super) struct Published(Arc<RwLock<Arc<Catalog>>>);

impl Published {
    pub(super) fn get(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set(&self, catalog: Arc<Catalog>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    }
}
