//! An entrance to the SQL front end for fuzz targets, beside the API. Not for programs.

use crate::sql::{self, Attribute, Catalog, CatalogError, ColumnType, Measure, TableColumn, TableSchema};

/// 2026-11-24, in nanoseconds since 1970.
const NOW_NS: i64 = 1_795_478_400_000_000_000;

/// Compiles and prepares a query over a table `db.t`; whether it is one.
pub fn sql(text: &str) -> bool {
    let prepared = sql::prepare(text, &OneTable, NOW_NS).is_ok();
    sql::compile(text, &OneTable, NOW_NS).is_ok() || prepared
}

struct OneTable;

impl Catalog for OneTable {
    fn table(&self, database: &str, table: &str) -> Result<TableSchema, CatalogError> {
        match (database, table) {
            ("db", "t") => {}
            ("db", _) => return Err(CatalogError::TableMissing),
            _ => return Err(CatalogError::DatabaseMissing),
        }
        let column = |name: &str, column_type, attribute, expression: &str| TableColumn {
            name: name.to_owned(),
            column_type,
            attribute,
            expression: expression.to_owned(),
        };
        Ok(TableSchema {
            columns: vec![
                column("job", ColumnType::Varchar, Attribute::Dimension, "s.d0"),
                column("measure_name", ColumnType::Varchar, Attribute::MeasureName, "s.measure_name"),
                column("time", ColumnType::Timestamp, Attribute::Timestamp, "v.time"),
                column("measure_value::double", ColumnType::Double, Attribute::MeasureValue, "v.double"),
            ],
            series_table: "series_1".to_owned(),
            samples_table: "samples_1".to_owned(),
        })
    }

    fn databases(&self) -> Result<Vec<String>, CatalogError> {
        Ok(vec!["db".to_owned()])
    }

    fn tables(&self, _: &str) -> Result<Vec<String>, CatalogError> {
        Ok(vec!["t".to_owned()])
    }

    fn measures(&self, _: &str, _: &str) -> Result<Vec<Measure>, CatalogError> {
        Ok(Vec::new())
    }
}
