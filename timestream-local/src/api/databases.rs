//! Operations on databases.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::shape::{arn, page, request, required};
use crate::error::ApiError;
use crate::names;
use crate::storage::{Change, Database, no_database};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DatabaseRequest {
    database_name: Option<String>,
    kms_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    next_token: Option<String>,
    max_results: Option<usize>,
}

impl Api {
    pub(super) async fn create_database(&self, body: &[u8]) -> Result<Value, ApiError> {
        let DatabaseRequest { database_name, kms_key_id } = request(body)?;
        let name = required(database_name, "databaseName")?;
        names::check_resource("databaseName", &name)?;
        self.storage.change(Change::CreateDatabase { name: name.clone(), kms_key_id }).await?;
        self.database(&name)
    }

    pub(super) fn describe_database(&self, body: &[u8]) -> Result<Value, ApiError> {
        let DatabaseRequest { database_name, .. } = request(body)?;
        self.database(&required(database_name, "databaseName")?)
    }

    pub(super) async fn update_database(&self, body: &[u8]) -> Result<Value, ApiError> {
        let DatabaseRequest { database_name, kms_key_id } = request(body)?;
        let name = required(database_name, "databaseName")?;
        let kms_key_id = required(kms_key_id, "kmsKeyId")?;
        self.storage.change(Change::UpdateDatabase { name: name.clone(), kms_key_id }).await?;
        self.database(&name)
    }

    pub(super) async fn delete_database(&self, body: &[u8]) -> Result<Value, ApiError> {
        let DatabaseRequest { database_name, .. } = request(body)?;
        let name = required(database_name, "databaseName")?;
        self.storage.change(Change::DeleteDatabase { name }).await?;
        Ok(json!({}))
    }

    pub(super) fn list_databases(&self, body: &[u8]) -> Result<Value, ApiError> {
        let ListRequest { next_token, max_results } = request(body)?;
        let catalog = self.storage.catalog();
        let (names, next) = page(catalog.databases.keys(), max_results, next_token.as_deref())?;
        let databases: Vec<Value> =
            names.into_iter().filter_map(|name| Some(shape(name, catalog.databases.get(name)?))).collect();
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
    let default_key = || arn("key/default");
    json!({
        "Arn": arn(&format!("database/{name}")),
        "DatabaseName": name,
        "TableCount": database.tables.len(),
        "KmsKeyId": properties.kms_key_id.clone().unwrap_or_else(default_key),
        "CreationTime": properties.created,
        "LastUpdatedTime": properties.updated,
    })
}
