//! What the translation asks of the storage: which tables there are, and what their columns are.

use super::types::ColumnType;

/// Why the catalog has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CatalogError {
    /// There is no database of that name.
    #[error("database not found")]
    DatabaseMissing,
    /// The database exists but has no table of that name.
    #[error("table not found")]
    TableMissing,
}

/// A measure of a table, as SHOW MEASURES lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measure {
    /// The measure's name.
    pub name: String,
    /// Timestream's name of its type: `double`, `bigint`, `varchar`, `boolean`, `timestamp` or `multi`.
    pub data_type: String,
    /// The names of the dimensions that its series have.
    pub dimensions: Vec<String>,
}

/// What the translation asks of the storage.
pub(crate) trait Catalog {
    /// The columns of a Timestream table, and where they are.
    fn table(&self, database: &str, table: &str) -> Result<TableSchema, CatalogError>;
    /// The names of the databases, sorted.
    fn databases(&self) -> Result<Vec<String>, CatalogError>;
    /// The names of a database's tables, sorted.
    fn tables(&self, database: &str) -> Result<Vec<String>, CatalogError>;
    /// The measures of a table, sorted by name.
    fn measures(&self, database: &str, table: &str) -> Result<Vec<Measure>, CatalogError>;
}

/// What a table's column is to Timestream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// A dimension of the series.
    Dimension,
    /// The column `measure_name`.
    MeasureName,
    /// The column `time`.
    Timestamp,
    /// `measure_value::<type>`.
    MeasureValue,
    /// A value of multi-measure records.
    Multi,
}

impl Attribute {
    /// Its name in the third column of DESCRIBE.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dimension => "DIMENSION",
            Self::MeasureName => "MEASURE_NAME",
            Self::Timestamp => "TIMESTAMP",
            Self::MeasureValue => "MEASURE_VALUE",
            Self::Multi => "MULTI",
        }
    }
}

/// A column of a Timestream table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableColumn {
    /// Its name in Timestream.
    pub name: String,
    /// Its type.
    pub column_type: ColumnType,
    /// What it is to Timestream.
    pub attribute: Attribute,
    /// The SQL of its value in the table's relation.
    pub expression: String,
}

/// A Timestream table: its columns, in the order of `SELECT *`, and the SQL that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableSchema {
    /// The columns.
    pub columns: Vec<TableColumn>,
    /// The SQL behind FROM of a relation with a row for each record, in which the columns' expressions hold.
    pub relation: String,
    /// The number of records.
    pub counted: Counted,
    /// The relation in two parts.
    pub parts: Parts,
}

/// A relation that has the number of the records of a table, or of one of its series, between times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The SQL behind FROM.
    pub relation: String,
    /// The expression that is compared to give the series.
    pub owner: String,
    /// The expression that is compared to give the times.
    pub time: String,
    /// The expression of the number, an aggregate.
    pub count: String,
}

/// The relation of a table in two parts, in which the expressions of its columns hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The SQL behind FROM of a relation with a row for each series. No two have the same measure name and dimensions.
    pub series: String,
    /// The expression of a series' number in it.
    pub id: String,
    /// The SQL behind FROM of a relation with a row for each record.
    pub records: String,
    /// The expression of the number of a record's series in it.
    pub owner: String,
    /// A relation of whole time series.
    pub points: Option<Points>,
}

/// A relation with a row for a series and a stretch of time, which are given by comparisons with `owner` and `time`. It
/// has no row if there is no value then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Points {
    /// The SQL behind FROM.
    pub relation: String,
    /// The expression of the series' number.
    pub owner: String,
    /// The expression that bounds the times.
    pub time: String,
    /// The expression of the time series.
    pub points: String,
    /// The column of the table whose values it has.
    pub column: String,
}
