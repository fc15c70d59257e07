//! The storage's catalog as the SQL translation sees it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::records::Kind;
use crate::sql::{
    self, Attribute, CatalogError, ColumnType, Counted, Measure, Parts, Points, TableColumn, TableSchema,
};
use crate::storage::samples::{self, Field};
use crate::storage::{Catalog, MULTI, Table, VALUE_TYPES};

/// The catalog as it was when the query started.
pub(crate) struct View {
    catalog: Arc<Catalog>,
    /// The tables that the query reads, by number.
    used: RefCell<BTreeMap<i64, UsedTable>>,
}

/// A table that a query reads.
#[derive(Debug, Clone)]
pub(super) struct UsedTable {
    pub(super) table: Arc<Table>,
    /// The name of its database, and its own.
    pub(super) names: (String, String),
}

impl View {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        View { catalog, used: RefCell::default() }
    }

    /// The tables that the translated query reads.
    pub(super) fn used(&self) -> Vec<UsedTable> {
        self.used.borrow().values().cloned().collect()
    }

    fn found(&self, database: &str, table: &str) -> Result<&Arc<Table>, CatalogError> {
        let database = self.catalog.databases.get(database).ok_or(CatalogError::DatabaseMissing)?;
        database.tables.get(table).ok_or(CatalogError::TableMissing)
    }
}

impl sql::Catalog for View {
    fn table(&self, database: &str, table: &str) -> Result<TableSchema, CatalogError> {
        let names = (database.to_owned(), table.to_owned());
        let table = self.found(database, table)?;
        self.used.borrow_mut().insert(table.number, UsedTable { table: Arc::clone(table), names });
        let column = |name: &str, column_type, attribute, field: Field| TableColumn {
            name: name.to_owned(),
            column_type,
            attribute,
            expression: field.sql(),
        };
        let dimensions = table.properties.dimensions.iter().enumerate();
        let mut columns: Vec<TableColumn> = dimensions
            .map(|(index, name)| column(name, ColumnType::Varchar, Attribute::Dimension, Field::Dimension(index)))
            .collect();
        columns.push(column("measure_name", ColumnType::Varchar, Attribute::MeasureName, Field::MeasureName));
        columns.push(column("time", ColumnType::Timestamp, Attribute::Timestamp, Field::Time));
        let present = table.measures.values().fold(0, |all, measure| all | measure.types);
        for (bit, name, kind) in VALUE_TYPES {
            if present & bit != 0 {
                let value = format!("measure_value::{name}");
                columns.push(column(&value, value_type(kind), Attribute::MeasureValue, Field::Single(kind)));
            }
        }
        for (index, measure) in table.properties.multi.iter().enumerate() {
            columns.push(column(&measure.name, value_type(measure.kind), Attribute::Multi, Field::Multi(index)));
        }
        let parts = Parts {
            series: samples::series(table),
            id: samples::ID.to_owned(),
            records: samples::records(table),
            owner: samples::owner(),
            points: Some(Points {
                relation: samples::points(table),
                owner: samples::points_owner(),
                time: samples::points_time(),
                points: samples::points_value(),
                column: Field::Single(Kind::Double).sql(),
            }),
        };
        let counted = Counted {
            relation: samples::counted(table),
            owner: samples::counted_owner(),
            time: samples::counted_time(),
            count: samples::counted_value(),
        };
        Ok(TableSchema { columns, relation: samples::relation(table), counted, parts })
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
        let measures = table.measures.iter().flat_map(|(name, measure)| {
            let singles = VALUE_TYPES.iter().map(|(bit, name, _)| (*bit, *name));
            let present = singles.chain([(MULTI, "multi")]).filter(|(bit, _)| measure.types & bit != 0);
            present.map(|(_, data_type)| Measure {
                name: name.clone(),
                data_type: data_type.to_owned(),
                dimensions: table.dimensions_of(*measure).cloned().collect(),
            })
        });
        Ok(measures.collect())
    }
}

fn value_type(kind: Kind) -> ColumnType {
    match kind {
        Kind::Double => ColumnType::Double,
        Kind::Bigint => ColumnType::Bigint,
        Kind::Boolean => ColumnType::Boolean,
        Kind::Timestamp => ColumnType::Timestamp,
        Kind::Varchar => ColumnType::Varchar,
    }
}
