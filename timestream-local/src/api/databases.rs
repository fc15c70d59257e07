//! Operations on databases.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::shape::{MAX_RESULTS, Tag, check_length, page, request, required, tags};
use crate::error::ApiError;
use crate::names::{self, arn};
use crate::storage::{Change, Database, no_database};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DatabaseRequest {
    database_name: Option<String>,
    kms_key_id: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Api {
    pub(super) async fn create_database(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: DatabaseRequest = request(body)?;
        let name = required(asked.database_name, "databaseName")?;
        names::check_resource("databaseName", &name)?;
        if let Some(key) = &asked.kms_key_id {
            check_length("kmsKeyId", key, 1, 2048)?;
        }
        let tags = tags(asked.tags.unwrap_or_default())?;
        self.storage.change(Change::CreateDatabase { name: name.clone(), kms_key_id: asked.kms_key_id, tags }).await?;
        self.database(&name)
    }

    pub(super) fn describe_database(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: DatabaseRequest = request(body)?;
        self.database(&required(asked.database_name, "databaseName")?)
    }

    pub(super) async fn update_database(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: DatabaseRequest = request(body)?;
        let name = required(asked.database_name, "databaseName")?;
        let kms_key_id = required(asked.kms_key_id, "kmsKeyId")?;
        check_length("kmsKeyId", &kms_key_id, 1, 2048)?;
        self.storage.change(Change::UpdateDatabase { name: name.clone(), kms_key_id }).await?;
        self.database(&name)
    }

    pub(super) async fn delete_database(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: DatabaseRequest = request(body)?;
        let name = required(asked.database_name, "databaseName")?;
        self.storage.change(Change::DeleteDatabase { name }).await?;
        Ok(json!({}))
    }

    pub(super) fn list_databases(&self, body: &[u8]) -> Result<Value, ApiError> {
        let ListRequest { next_token, max_results } = request(body)?;
        let catalog = self.storage.catalog();
        let all = catalog.databases.iter().map(|(name, database)| (name.clone(), (name, database)));
        let (page, next) = page(all, MAX_RESULTS, max_results, next_token.as_deref())?;
        let databases: Vec<Value> = page.into_iter().map(|(name, database)| shape(name, database)).collect();
        Ok(json!({"Databases": databases, "NextToken": next}))
    }

    fn database(&self, name: &str) -> Result<Value, ApiError> {
        let catalog = self.storage.catalog();
        let database = catalog.databases.get(name).ok_or_else(|| no_database(name))?;
        Ok(json!({"Database": shape(name, database)}))
    }
}

fn shape(name: &str, database: &Database) -> Value {
    let properties = &database.properties;
    let default_key = || arn("key/default").replace(":timestream:", ":kms:");
    json!({
        "Arn": arn(&format!("database/{name}")),
        "DatabaseName": name,
        "TableCount": database.tables.len(),
        "KmsKeyId": properties.kms_key_id.clone().unwrap_or_else(default_key),
        "CreationTime": properties.created,
        "LastUpdatedTime": properties.updated,
    })
}
