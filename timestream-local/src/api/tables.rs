//! Operations on tables.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::shape::{arn, page, request, required};
use crate::error::ApiError;
use crate::names::{self, constraint};
use crate::storage::{Change, Retention, Table, no_database, no_table};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableRequest {
    database_name: Option<String>,
    table_name: Option<String>,
    retention_properties: Option<RetentionRequest>,
    magnetic_store_write_properties: Option<Value>,
    schema: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RetentionRequest {
    memory_store_retention_period_in_hours: Option<i64>,
    magnetic_store_retention_period_in_days: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    database_name: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

impl RetentionRequest {
    fn checked(self) -> Result<Retention, ApiError> {
        let hours = required(self.memory_store_retention_period_in_hours, "memoryStoreRetentionPeriodInHours")?;
        let days = required(self.magnetic_store_retention_period_in_days, "magneticStoreRetentionPeriodInDays")?;
        within("memoryStoreRetentionPeriodInHours", hours, 8766)?;
        within("magneticStoreRetentionPeriodInDays", days, 73_000)?;
        Ok(Retention { memory_hours: hours, magnetic_days: days })
    }
}

fn within(field: &str, value: i64, most: i64) -> Result<(), ApiError> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(constraint(field, &value.to_string(), &format!("Member must have value between 1 and {most}")))
}

impl Api {
    pub(super) async fn create_table(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: TableRequest = request(body)?;
        let database = required(asked.database_name, "databaseName")?;
        let name = required(asked.table_name, "tableName")?;
        names::check_resource("tableName", &name)?;
        let retention = asked.retention_properties.map(RetentionRequest::checked).transpose()?.unwrap_or_default();
        let change = Change::CreateTable {
            database: database.clone(),
            name: name.clone(),
            retention,
            magnetic_writes: asked.magnetic_store_write_properties,
            schema: asked.schema,
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
            magnetic_writes: asked.magnetic_store_write_properties,
            schema: asked.schema,
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

    pub(super) fn list_tables(&self, body: &[u8]) -> Result<Value, ApiError> {
        let ListRequest { database_name, next_token, max_results } = request(body)?;
        let owner = required(database_name, "databaseName")?;
        let catalog = self.storage.catalog();
        let database = catalog.databases.get(&owner).ok_or_else(|| no_database(&owner))?;
        let (names, next) = page(database.tables.keys(), max_results, next_token.as_deref())?;
        let tables: Vec<Value> =
            names.into_iter().filter_map(|name| Some(shape(&owner, name, database.tables.get(name)?))).collect();
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
    let no_magnetic_writes = || json!({"EnableMagneticStoreWrites": false});
    json!({
        "Arn": arn(&format!("database/{database}/table/{name}")),
        "TableName": name,
        "DatabaseName": database,
        "TableStatus": "ACTIVE",
        "RetentionProperties": {
            "MemoryStoreRetentionPeriodInHours": properties.retention.memory_hours,
            "MagneticStoreRetentionPeriodInDays": properties.retention.magnetic_days,
        },
        "MagneticStoreWriteProperties": properties.magnetic_writes.clone().unwrap_or_else(no_magnetic_writes),
        "Schema": properties.schema,
        "CreationTime": properties.created,
        "LastUpdatedTime": properties.updated,
    })
}
