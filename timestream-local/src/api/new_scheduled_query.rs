//! The request that makes a scheduled query, checked against the service model's constraints.

use serde::Deserialize;

use super::queries::text;
use super::shape::{Tag, check_enum, check_length, required, tags};
use super::table_properties::check_bucket;
use crate::error::ApiError;
use crate::names::constraint;
use crate::objects::Folder;
use crate::storage::{Attribute, Definition, DimensionMapping, ErrorReport, MixedMapping, MultiMapping, Tags, Target};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateRequest {
    name: Option<String>,
    query_string: Option<String>,
    schedule_configuration: Option<Schedule>,
    notification_configuration: Option<Notification>,
    target_configuration: Option<TargetRequest>,
    client_token: Option<String>,
    scheduled_query_execution_role_arn: Option<String>,
    tags: Option<Vec<Tag>>,
    kms_key_id: Option<String>,
    error_report_configuration: Option<ErrorReportRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Schedule {
    schedule_expression: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    sns_configuration: Option<Topic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Topic {
    topic_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorReportRequest {
    s3_configuration: Option<Bucket>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Bucket {
    bucket_name: Option<String>,
    object_key_prefix: Option<String>,
    encryption_option: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetRequest {
    timestream_configuration: Option<Configuration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    database_name: Option<String>,
    table_name: Option<String>,
    time_column: Option<String>,
    dimension_mappings: Option<Vec<DimensionMapping>>,
    multi_measure_mappings: Option<MultiMapping>,
    mixed_measure_mappings: Option<Vec<MixedMapping>>,
    measure_name_column: Option<String>,
}

impl CreateRequest {
    /// The definition, the tags and the client's token.
    pub(super) fn checked(self) -> Result<(Definition, Tags, Option<String>), ApiError> {
        let name = required(self.name, "name")?;
        check_name("name", &name, 64)?;
        let schedule = required(self.schedule_configuration, "scheduleConfiguration")?;
        let expression = required(schedule.schedule_expression, "scheduleConfiguration.scheduleExpression")?;
        check_length("scheduleConfiguration.scheduleExpression", &expression, 1, 256)?;
        let topic = required(self.notification_configuration, "notificationConfiguration")?;
        let topic = required(topic.sns_configuration, "notificationConfiguration.snsConfiguration")?;
        const TOPIC: &str = "notificationConfiguration.snsConfiguration.topicArn";
        let topic_arn = required(topic.topic_arn, TOPIC)?;
        check_length(TOPIC, &topic_arn, 1, 2048)?;
        let role_arn = required(self.scheduled_query_execution_role_arn, "scheduledQueryExecutionRoleArn")?;
        check_length("scheduledQueryExecutionRoleArn", &role_arn, 1, 2048)?;
        if let Some(key) = &self.kms_key_id {
            check_length("kmsKeyId", key, 1, 2048)?;
        }
        if let Some(token) = &self.client_token {
            check_length("clientToken", token, 32, 128)?;
        }
        let report = required(self.error_report_configuration, "errorReportConfiguration")?;
        let report = report.checked()?;
        // A report must have an address: a prefix or name with an empty part has none.
        let prefix = report.object_key_prefix.as_deref().unwrap_or_default();
        Folder::new(&report.bucket_name, prefix)?.object(&format!("{name}-0/0/Manual/0"))?;
        let definition = Definition {
            name,
            query_string: text(self.query_string)?,
            schedule_expression: expression,
            topic_arn,
            role_arn,
            kms_key_id: self.kms_key_id,
            target: self.target_configuration.map(TargetRequest::checked).transpose()?,
            error_report: report,
        };
        Ok((definition, tags(self.tags.unwrap_or_default())?, self.client_token))
    }
}

impl ErrorReportRequest {
    fn checked(self) -> Result<ErrorReport, ApiError> {
        const FIELD: &str = "errorReportConfiguration.s3Configuration";
        let Bucket { bucket_name, object_key_prefix, encryption_option } = required(self.s3_configuration, FIELD)?;
        let bucket_name = required(bucket_name, &format!("{FIELD}.bucketName"))?;
        check_bucket(&bucket_name)?;
        if let Some(prefix) = &object_key_prefix {
            check_name(&format!("{FIELD}.objectKeyPrefix"), prefix, 896)?;
        }
        if let Some(option) = &encryption_option {
            check_enum(&format!("{FIELD}.encryptionOption"), option, &["SSE_S3", "SSE_KMS"])?;
        }
        Ok(ErrorReport { bucket_name, object_key_prefix, encryption_option })
    }
}

impl TargetRequest {
    fn checked(self) -> Result<Target, ApiError> {
        let field = |name: &str| format!("targetConfiguration.timestreamConfiguration{name}");
        let asked = required(self.timestream_configuration, &field(""))?;
        let target = Target {
            database_name: required(asked.database_name, &field(".databaseName"))?,
            table_name: required(asked.table_name, &field(".tableName"))?,
            time_column: required(asked.time_column, &field(".timeColumn"))?,
            dimension_mappings: required(asked.dimension_mappings, &field(".dimensionMappings"))?,
            multi_measure_mappings: asked.multi_measure_mappings,
            mixed_measure_mappings: asked.mixed_measure_mappings,
            measure_name_column: asked.measure_name_column,
        };
        for dimension in &target.dimension_mappings {
            let field = field(".dimensionMappings.dimensionValueType");
            check_enum(&field, &dimension.dimension_value_type, &["VARCHAR"])?;
        }
        let multi = target.multi_measure_mappings.iter().map(|multi| &multi.multi_measure_attribute_mappings);
        let mixed = target.mixed_measure_mappings.iter().flatten();
        for mapping in mixed.clone() {
            let types = ["BIGINT", "BOOLEAN", "DOUBLE", "VARCHAR", "MULTI"];
            check_enum(&field(".mixedMeasureMappings.measureValueType"), &mapping.measure_value_type, &types)?;
        }
        let attributes = multi.chain(mixed.filter_map(|mapping| mapping.multi_measure_attribute_mappings.as_ref()));
        for Attribute { measure_value_type, .. } in attributes.flatten() {
            let types = ["BIGINT", "BOOLEAN", "DOUBLE", "VARCHAR", "TIMESTAMP"];
            check_enum(&field(".multiMeasureAttributeMappings.measureValueType"), measure_value_type, &types)?;
        }
        Ok(target)
    }
}

/// Checks a name or prefix of the patterns ScheduledQueryName and S3ObjectKeyPrefix, which are alike.
fn check_name(field: &str, name: &str, most: usize) -> Result<(), ApiError> {
    check_length(field, name, 1, most)?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!-_*'()".contains(&byte);
    let bytes = name.as_bytes();
    let first = bytes.first().is_some_and(|byte| legal(*byte) || *byte == b'|');
    let rest = bytes.get(1..).unwrap_or_default();
    if first && !rest.is_empty() && rest.iter().all(|byte| legal(*byte) || matches!(byte, b'/' | b'.')) {
        return Ok(());
    }
    let rule = "Member must satisfy regular expression pattern: \
                [a-zA-Z0-9|!\\-_*'\\(\\)]([a-zA-Z0-9]|[!\\-_*'\\(\\)\\/.])+";
    Err(constraint(field, name, rule))
}
