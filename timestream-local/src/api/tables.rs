//! Operations on tables.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::shape::{MAX_RESULTS, Tag, page, request, required, tags};
use super::table_properties::{MagneticRequest, RetentionRequest, SchemaRequest};
use crate::error::ApiError;
use crate::names;
use crate::storage::{Change, Table, no_database, no_table};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableRequest {
    database_name: Option<String>,
    table_name: Option<String>,
    retention_properties: Option<RetentionRequest>,
    magnetic_store_write_properties: Option<MagneticRequest>,
    schema: Option<SchemaRequest>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    database_name: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Api {
    pub(super) async fn create_table(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: TableRequest = request(body)?;
        let database = required(asked.database_name, "databaseName")?;
        let name = required(asked.table_name, "tableName")?;
        names::check_resource("databaseName", &database)?;
        names::check_resource("tableName", &name)?;
        let change = Change::CreateTable {
            database: database.clone(),
            name: name.clone(),
            retention: asked.retention_properties.map(RetentionRequest::checked).transpose()?.unwrap_or_default(),
            magnetic_writes: asked.magnetic_store_write_properties.map(MagneticRequest::checked).transpose()?,
            schema: asked.schema.map(SchemaRequest::checked).transpose()?,
            tags: tags(asked.tags.unwrap_or_default())?,
        };
        self.storage.change(change).await?;
        self.table(&database, &name)
    }

    pub(super) fn describe_table(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: TableRequest = request(body)?;
        self.table(&required(asked.database_name, "databaseName")?, &required(asked.table_name, "tableName")?)
    }

    pub(super) async fn update_table(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: TableRequest = request(body)?;
        let database = required(asked.database_name, "databaseName")?;
        let name = required(asked.table_name, "tableName")?;
        let change = Change::UpdateTable {
            database: database.clone(),
            name: name.clone(),
            retention: asked.retention_properties.map(RetentionRequest::checked).transpose()?,
            magnetic_writes: asked.magnetic_store_write_properties.map(MagneticRequest::checked).transpose()?,
            schema: asked.schema.map(SchemaRequest::checked).transpose()?,
        };
        self.storage.change(change).await?;
        self.table(&database, &name)
    }

    pub(super) async fn delete_table(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: TableRequest = request(body)?;
        let database = required(asked.database_name, "databaseName")?;
        let name = required(asked.table_name, "tableName")?;
        self.storage.change(Change::DeleteTable { database, name }).await?;
        Ok(json!({}))
    }

    /// The tables of a database, or of all databases when the request names none.
    pub(super) fn list_tables(&self, body: &[u8]) -> Result<Value, ApiError> {
        let ListRequest { database_name, next_token, max_results } = request(body)?;
        let catalog = self.storage.catalog();
        if let Some(name) = &database_name
            && !catalog.databases.contains_key(name)
        {
            return Err(no_database(name));
        }
        let databases = catalog.databases.iter().filter(|(name, _)| database_name.as_ref().is_none_or(|n| n == *name));
        let tables = databases.flat_map(|(owner, database)| {
            database.tables.iter().map(move |(name, table)| (format!("{owner}/{name}"), (owner, name, table)))
        });
        // "a.b/c" comes before "a/c", though the database "a" comes before "a.b".
        let mut tables: Vec<_> = tables.collect();
        tables.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (page, next) = page(tables.into_iter(), MAX_RESULTS, max_results, next_token.as_deref())?;
        let tables: Vec<Value> = page.into_iter().map(|(owner, name, table)| shape(owner, name, table)).collect();
        Ok(json!({"Tables": tables, "NextToken": next}))
    }

    fn table(&self, database: &str, name: &str) -> Result<Value, ApiError> {
        let catalog = self.storage.catalog();
        let owner = catalog.databases.get(database).ok_or_else(|| no_database(database))?;
        let table = owner.tables.get(name).ok_or_else(|| no_table(name))?;
        Ok(json!({"Table": shape(database, name, table)}))
    }
}

fn shape(database: &str, name: &str, table: &Table) -> Value {
    let properties = &table.properties;
    let magnetic_writes = properties.magnetic_writes.clone().unwrap_or_default();
    let schema = match &properties.schema {
        Some(schema) if schema.composite_partition_key.is_some() => json!(schema),
        _ => json!({"CompositePartitionKey": [{"Type": "MEASURE"}]}),
    };
    json!({
        "Arn": names::table_arn(database, name),
        "TableName": name,
        "DatabaseName": database,
        "TableStatus": "ACTIVE",
        "RetentionProperties": {
            "MemoryStoreRetentionPeriodInHours": properties.retention.memory_hours,
            "MagneticStoreRetentionPeriodInDays": properties.retention.magnetic_days,
        },
        "MagneticStoreWriteProperties": magnetic_writes,
        "Schema": schema,
        "CreationTime": properties.created,
        "LastUpdatedTime": properties.updated,
    })
}
