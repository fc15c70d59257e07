//! Operations on the tags of databases and tables.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::arn::owner;
use super::shape::{Tag, check_length, request, required, tags};
use crate::error::ApiError;
use crate::names::constraint;
use crate::storage::{Change, Owner, no_database, no_table};

#[derive(Deserialize)]
struct TagsRequest {
    #[serde(rename = "ResourceARN")]
    arn: Option<String>,
    #[serde(rename = "Tags")]
    tags: Option<Vec<Tag>>,
    #[serde(rename = "TagKeys")]
    keys: Option<Vec<String>>,
}

impl TagsRequest {
    fn owner(&mut self) -> Result<Owner, ApiError> {
        let arn = required(self.arn.take(), "resourceARN")?;
        check_length("resourceARN", &arn, 1, 1011)?;
        owner(&arn)
    }
}

impl Api {
    pub(super) async fn tag_resource(&self, body: &[u8]) -> Result<Value, ApiError> {
        let mut asked: TagsRequest = request(body)?;
        let owner = asked.owner()?;
        let tags = tags(required(asked.tags, "tags")?)?;
        self.storage.change(Change::Tag { owner, tags }).await?;
        Ok(json!({}))
    }

    pub(super) async fn untag_resource(&self, body: &[u8]) -> Result<Value, ApiError> {
        let mut asked: TagsRequest = request(body)?;
        let owner = asked.owner()?;
        let keys = required(asked.keys, "tagKeys")?;
        if keys.len() > 200 {
            let shown = format!("[{} keys]", keys.len());
            return Err(constraint("tagKeys", &shown, "Member must have length less than or equal to 200"));
        }
        for key in &keys {
            check_length("tagKeys", key, 1, 128)?;
        }
        self.storage.change(Change::Untag { owner, keys }).await?;
        Ok(json!({}))
    }

    pub(super) fn list_tags(&self, body: &[u8]) -> Result<Value, ApiError> {
        let Owner { database, table } = request::<TagsRequest>(body)?.owner()?;
        let catalog = self.storage.catalog();
        let found = catalog.databases.get(&database).ok_or_else(|| no_database(&database))?;
        let tags = match &table {
            None => &found.properties.tags,
            Some(table) => &found.tables.get(table).ok_or_else(|| no_table(table))?.properties.tags,
        };
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        Ok(json!({"Tags": tags}))
    }
}
