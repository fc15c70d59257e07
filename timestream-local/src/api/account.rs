//! Operations on the settings of the account.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::shape::{check_enum, check_length, request, required};
use crate::error::ApiError;
use crate::names::constraint;
use crate::storage::{AccountSettings, AccountUpdate, Change, Provisioned};

/// The least and the most compute units, which come in fours (service model, member MaxQueryTCU).
const TCU: std::ops::RangeInclusive<i64> = 4..=1000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateRequest {
    #[serde(rename = "MaxQueryTCU")]
    max_query_tcu: Option<i64>,
    query_pricing_model: Option<String>,
    query_compute: Option<Compute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Compute {
    compute_mode: Option<String>,
    provisioned_capacity: Option<Capacity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    #[serde(rename = "TargetQueryTCU")]
    target_query_tcu: Option<i64>,
    notification_configuration: Option<Notification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    role_arn: Option<String>,
    sns_configuration: Option<Topic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Topic {
    topic_arn: Option<String>,
}

impl Api {
    pub(super) fn describe_account_settings(&self) -> Value {
        shape(&self.storage.catalog().account)
    }

    pub(super) async fn update_account_settings(&self, body: &[u8]) -> Result<Value, ApiError> {
        let asked: UpdateRequest = request(body)?;
        let mut update = AccountUpdate { max_query_tcu: asked.max_query_tcu, ..AccountUpdate::default() };
        if let Some(units) = asked.max_query_tcu {
            check_units("maxQueryTCU", units)?;
        }
        if let Some(model) = &asked.query_pricing_model {
            check_enum("queryPricingModel", model, &["BYTES_SCANNED", "COMPUTE_UNITS"])?;
            if model != "COMPUTE_UNITS" {
                let message = "The account pays for compute units, and can't go back to bytes scanned.";
                return Err(ApiError::validation(message));
            }
        }
        if let Some(Compute { compute_mode, provisioned_capacity }) = asked.query_compute {
            if let Some(mode) = compute_mode {
                check_enum("queryCompute.computeMode", &mode, &["ON_DEMAND", "PROVISIONED"])?;
                update.is_provisioned = Some(mode == "PROVISIONED");
            }
            update.provisioned = provisioned_capacity.map(Capacity::checked).transpose()?;
        }
        let catalog = self.storage.change(Change::UpdateAccount(update)).await?;
        Ok(shape(&catalog.account))
    }
}

impl Capacity {
    fn checked(self) -> Result<Provisioned, ApiError> {
        const FIELD: &str = "queryCompute.provisionedCapacity";
        let target_tcu = required(self.target_query_tcu, &format!("{FIELD}.targetQueryTCU"))?;
        check_units(&format!("{FIELD}.targetQueryTCU"), target_tcu)?;
        let Some(notification) = self.notification_configuration else {
            return Ok(Provisioned { target_tcu, role_arn: None, topic_arn: None });
        };
        let role = required(notification.role_arn, &format!("{FIELD}.notificationConfiguration.roleArn"))?;
        check_length("roleArn", &role, 1, 2048)?;
        let topic = notification.sns_configuration.map(|topic| required(topic.topic_arn, "topicArn")).transpose()?;
        if let Some(topic) = &topic {
            check_length("topicArn", topic, 1, 2048)?;
        }
        Ok(Provisioned { target_tcu, role_arn: Some(role), topic_arn: topic })
    }
}

fn check_units(field: &str, units: i64) -> Result<(), ApiError> {
    if TCU.contains(&units) && units % 4 == 0 {
        return Ok(());
    }
    let (least, most) = (TCU.start(), TCU.end());
    let rule = format!("Member must be a multiple of 4 between {least} and {most}");
    Err(constraint(field, &units.to_string(), &rule))
}

fn shape(settings: &AccountSettings) -> Value {
    let mut compute = json!({"ComputeMode": if settings.is_provisioned { "PROVISIONED" } else { "ON_DEMAND" }});
    if let Some(provisioned) = settings.provisioned.as_ref().filter(|_| settings.is_provisioned) {
        let units = provisioned.target_tcu;
        // Units are there as soon as they are asked for.
        let mut capacity =
            json!({"ActiveQueryTCU": units, "LastUpdate": {"TargetQueryTCU": units, "Status": "SUCCEEDED"}});
        if let Some(role) = &provisioned.role_arn {
            let mut notification = json!({"RoleArn": role});
            if let Some(topic) = &provisioned.topic_arn {
                notification["SnsConfiguration"] = json!({"TopicArn": topic});
            }
            capacity["NotificationConfiguration"] = notification;
        }
        compute["ProvisionedCapacity"] = capacity;
    }
    json!({"MaxQueryTCU": settings.max_query_tcu, "QueryPricingModel": "COMPUTE_UNITS", "QueryCompute": compute})
}
