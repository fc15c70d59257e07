//! SHOW and DESCRIBE, answered from the catalog.

use sqlparser::tokenizer::{Location, TokenWithSpan};

use super::catalog::{Catalog, TableColumn};
use super::failure::{SqlError, at};
use super::like::Pattern;
use super::reader::Reader;
use super::statement::{Cell, Listing};
use super::translate::missing;
use super::types::{Column, ColumnType, Field};

/// The result of a SHOW or DESCRIBE; `None` when the query is neither.
pub(super) fn listing(tokens: &[TokenWithSpan], catalog: &dyn Catalog) -> Result<Option<Listing>, SqlError> {
    let mut reader = Reader::new(tokens);
    if reader.word("DESCRIBE") || reader.word("DESC") {
        return describe(&mut reader, catalog).map(Some);
    }
    if !reader.word("SHOW") {
        return Ok(None);
    }
    if reader.word("DATABASES") {
        let keep = reader.like()?;
        let names = catalog.databases().map_err(|error| missing(error, "", "", Location::empty()))?;
        return Ok(Some(single("Database", names, keep.as_ref())));
    }
    if reader.word("TABLES") {
        reader.expect("FROM")?;
        let (database, start) = reader.name()?;
        let keep = reader.like()?;
        let names = catalog.tables(&database).map_err(|_| no_database(&database, start))?;
        return Ok(Some(single("Table", names, keep.as_ref())));
    }
    if reader.word("MEASURES") {
        return measures(&mut reader, catalog).map(Some);
    }
    Err(reader.unexpected())
}

fn describe(reader: &mut Reader<'_>, catalog: &dyn Catalog) -> Result<Listing, SqlError> {
    let (database, table, start) = reader.table()?;
    reader.end()?;
    let schema = catalog.table(&database, &table).map_err(|error| missing(error, &database, &table, start))?;
    let columns = ["Column", "Type", "Timestream attribute type"].map(text_column).to_vec();
    let row = |column: &TableColumn| {
        vec![
            Cell::Text(column.name.clone()),
            Cell::Text(column.column_type.sql_name().into_owned()),
            Cell::Text(column.attribute.name().into()),
        ]
    };
    Ok(Listing { columns, rows: schema.columns.iter().map(row).collect() })
}

fn measures(reader: &mut Reader<'_>, catalog: &dyn Catalog) -> Result<Listing, SqlError> {
    reader.expect("FROM")?;
    let (database, table, start) = reader.table()?;
    let keep = reader.like()?;
    let found = catalog.measures(&database, &table).map_err(|error| missing(error, &database, &table, start))?;
    let mut columns = ["measure_name", "data_type"].map(text_column).to_vec();
    columns.push(Column::new("dimensions", dimensions()));
    let rows = found
        .into_iter()
        .filter(|measure| keep.as_ref().is_none_or(|keep| keep.matches(&measure.name)))
        .map(|measure| {
            let dimensions = measure.dimensions.into_iter().map(|name| (name, "varchar".to_owned())).collect();
            vec![Cell::Text(measure.name), Cell::Text(measure.data_type), Cell::Dimensions(dimensions)]
        })
        .collect();
    Ok(Listing { columns, rows })
}

/// The type of a list of dimensions.
fn dimensions() -> ColumnType {
    let field = |name: &str| Field { name: Some(name.to_owned()), kind: ColumnType::Varchar };
    ColumnType::Row([field("dimension_name"), field("data_type")].into()).array()
}

fn text_column(name: &str) -> Column {
    Column::new(name, ColumnType::Varchar)
}

fn single(column: &str, names: Vec<String>, keep: Option<&Pattern>) -> Listing {
    let names = names.into_iter().filter(|name| keep.is_none_or(|keep| keep.matches(name)));
    Listing { columns: vec![text_column(column)], rows: names.map(|name| vec![Cell::Text(name)]).collect() }
}

fn no_database(database: &str, start: Location) -> SqlError {
    at(start, format!("Database '{database}' does not exist"))
}
