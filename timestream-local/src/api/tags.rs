//! Operations on tags.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::arn::owner;
use super::shape::{Tag, check_length, check_within, request, required, tags};
use crate::error::ApiError;
use crate::names::constraint;
use crate::storage::{Change, Owner, no_database, no_scheduled_query, no_table};

/// Tags on a page of their list, at most and by default (service model, MaxTagsForResourceResult).
const MAX_TAGS: i64 = 200;

#[derive(Deserialize)]
struct TagsRequest {
    #[serde(rename = "ResourceARN")]
    arn: Option<String>,
    #[serde(rename = "Tags")]
    tags: Option<Vec<Tag>>,
    #[serde(rename = "TagKeys")]
    keys: Option<Vec<String>>,
    #[serde(rename = "MaxResults")]
    max_results: Option<i64>,
    #[serde(rename = "NextToken")]
    next_token: Option<String>,
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
        let mut asked: TagsRequest = request(body)?;
        let owner = asked.owner()?;
        let catalog = self.storage.catalog();
        let database = |name: &str| catalog.databases.get(name).ok_or_else(|| no_database(name));
        let tags = match &owner {
            Owner::Database(name) => &database(name)?.properties.tags,
            Owner::Table { database: name, table } => {
                &database(name)?.tables.get(table).ok_or_else(|| no_table(table))?.properties.tags
            }
            Owner::ScheduledQuery(id) => &catalog.scheduled.get(id).ok_or_else(|| no_scheduled_query(id))?.tags,
        };
        // A page of the write API has all tags; that of the query API may be asked for fewer.
        let from = asked.next_token.map(|token| token.parse()).transpose();
        let from: usize = from.map_err(|_| ApiError::validation("The NextToken is invalid."))?.unwrap_or(0);
        let most = asked.max_results.unwrap_or(MAX_TAGS);
        check_within("maxResults", most, MAX_TAGS)?;
        let until = from.saturating_add(usize::try_from(most).unwrap_or(usize::MAX));
        let page = tags.iter().skip(from).take(until - from);
        let page: Vec<Value> = page.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        let next = (until < tags.len()).then(|| until.to_string());
        Ok(match next {
            Some(next) => json!({"Tags": page, "NextToken": next}),
            None => json!({"Tags": page}),
        })
    }
}
