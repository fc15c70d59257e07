//! The storage's catalog as the SQL translation sees it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::sql::{self, Attribute, CatalogError, ColumnType, Measure, TableColumn, TableSchema};
use crate::storage::{Catalog, Table, VALUE_TYPES};

/// A catalog as of the start of a query.
pub(super) struct View {
    pub(super) catalog: Arc<Catalog>,
    /// The database file, for what the catalog does not hold.
    pub(super) file: PathBuf,
}

impl View {
    fn found(&self, database: &str, table: &str) -> Result<&Table, CatalogError> {
        let database = self.catalog.databases.get(database).ok_or(CatalogError::DatabaseMissing)?;
        Ok(database.tables.get(table).ok_or(CatalogError::TableMissing)?)
    }
}

impl sql::Catalog for View {
    fn table(&self, database: &str, table: &str) -> Result<TableSchema, CatalogError> {
        let table = self.found(database, table)?;
        let column = |name: &str, column_type, attribute, expression: String| TableColumn {
            name: name.to_owned(),
            column_type,
            attribute,
            expression,
        };
        let dimensions = table.properties.dimensions.iter().enumerate();
        let mut columns: Vec<TableColumn> = dimensions
            .map(|(index, name)| column(name, ColumnType::Varchar, Attribute::Dimension, format!("s.d{index}")))
            .collect();
        columns.push(column("measure_name", ColumnType::Varchar, Attribute::MeasureName, "s.measure_name".to_owned()));
        columns.push(column("time", ColumnType::Timestamp, Attribute::Timestamp, "v.time".to_owned()));
        let present = table.measures.values().fold(0, |all, types| all | types);
        for (bit, name, _) in VALUE_TYPES {
            if present & bit != 0 {
                let value = format!("measure_value::{name}");
                columns.push(column(&value, value_type(name), Attribute::MeasureValue, format!("v.{name}")));
            }
        }
        Ok(TableSchema { columns, series_table: table.series_table(), samples_table: table.samples_table() })
    }

    fn databases(&self) -> Result<Vec<String>, CatalogError> {
        Ok(self.catalog.databases.keys().cloned().collect())
    }

    fn tables(&self, database: &str) -> Result<Vec<String>, CatalogError> {
        let database = self.catalog.databases.get(database).ok_or(CatalogError::DatabaseMissing)?;
        Ok(database.tables.keys().cloned().collect())
    }

    fn measures(&self, database: &str, table: &str) -> Result<Vec<Measure>, CatalogError> {
        let table = self.found(database, table)?;
        let measures = table.measures.iter().flat_map(|(name, types)| {
            VALUE_TYPES.iter().filter(move |(bit, ..)| types & bit != 0).map(|(_, data_type, _)| Measure {
                name: name.clone(),
                data_type: (*data_type).to_owned(),
                dimensions: table.properties.dimensions.clone(),
            })
        });
        Ok(measures.collect())
    }
}

fn value_type(name: &str) -> ColumnType {
    match name {
        "double" => ColumnType::Double,
        "bigint" => ColumnType::Bigint,
        "boolean" => ColumnType::Boolean,
        "timestamp" => ColumnType::Timestamp,
        _ => ColumnType::Varchar,
    }
}
