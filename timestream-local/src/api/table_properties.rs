//! The properties of a table as a request gives them, checked against the service model's constraints.

use serde::Deserialize;

use super::shape::{check_enum, check_length, check_within, required};
use crate::error::ApiError;
use crate::names::{check_dimension, constraint};
use crate::storage::{MagneticWrites, Retention, Schema};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RetentionRequest {
    memory_store_retention_period_in_hours: Option<i64>,
    magnetic_store_retention_period_in_days: Option<i64>,
}

impl RetentionRequest {
    pub(super) fn checked(self) -> Result<Retention, ApiError> {
        let [hours, days] = [
            "retentionProperties.memoryStoreRetentionPeriodInHours",
            "retentionProperties.magneticStoreRetentionPeriodInDays",
        ];
        let memory_hours = required(self.memory_store_retention_period_in_hours, hours)?;
        let magnetic_days = required(self.magnetic_store_retention_period_in_days, days)?;
        check_within(hours, memory_hours, 8766)?;
        check_within(days, magnetic_days, 73_000)?;
        Ok(Retention { memory_hours, magnetic_days })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MagneticRequest {
    enable_magnetic_store_writes: Option<bool>,
    magnetic_store_rejected_data_location: Option<crate::storage::RejectedDataLocation>,
}

impl MagneticRequest {
    pub(super) fn checked(self) -> Result<MagneticWrites, ApiError> {
        let enable_magnetic_store_writes =
            required(self.enable_magnetic_store_writes, "magneticStoreWriteProperties.enableMagneticStoreWrites")?;
        let location = self.magnetic_store_rejected_data_location;
        if let Some(s3) = location.as_ref().and_then(|location| location.s3_configuration.as_ref()) {
            if let Some(bucket) = &s3.bucket_name {
                check_bucket(bucket)?;
            }
            if let Some(prefix) = &s3.object_key_prefix {
                check_length("objectKeyPrefix", prefix, 1, 928)?;
            }
            if let Some(option) = &s3.encryption_option {
                check_enum("encryptionOption", option, &["SSE_S3", "SSE_KMS"])?;
            }
            if let Some(key) = &s3.kms_key_id {
                check_length("kmsKeyId", key, 1, 2048)?;
            }
        }
        Ok(MagneticWrites { enable_magnetic_store_writes, magnetic_store_rejected_data_location: location })
    }
}

/// Checks the name of a bucket (service model, S3BucketName).
pub(super) fn check_bucket(bucket: &str) -> Result<(), ApiError> {
    check_length("bucketName", bucket, 3, 63)?;
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = bucket.as_bytes();
    if bytes.iter().all(|b| legal(*b) || matches!(b, b'.' | b'-'))
        && [bytes.first(), bytes.last()].into_iter().flatten().all(|b| legal(*b))
    {
        return Ok(());
    }
    let rule = "Member must satisfy regular expression pattern: [a-z0-9][\\.\\-a-z0-9]{1,61}[a-z0-9]";
    Err(constraint("bucketName", bucket, rule))
}

#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct SchemaRequest(Schema);

impl SchemaRequest {
    /// The service takes one key: the measure name, or a dimension.
    pub(super) fn checked(self) -> Result<Schema, ApiError> {
        const FIELD: &str = "schema.compositePartitionKey";
        let Some(keys) = &self.0.composite_partition_key else { return Ok(self.0) };
        let [key] = keys.as_slice() else {
            let shown = format!("[{} keys]", keys.len());
            return Err(constraint(FIELD, &shown, "Member must have length 1"));
        };
        check_enum(&format!("{FIELD}.type"), &key.r#type, &["DIMENSION", "MEASURE"])?;
        if let Some(level) = &key.enforcement_in_record {
            check_enum(&format!("{FIELD}.enforcementInRecord"), level, &["REQUIRED", "OPTIONAL"])?;
        }
        let extra = key.name.is_some() || key.enforcement_in_record.is_some();
        match (key.r#type.as_str(), &key.name) {
            ("DIMENSION", None) => {
                Err(ApiError::validation("A partition key of the type DIMENSION needs the Name of a dimension."))
            }
            ("DIMENSION", Some(name)) => check_dimension(name).map(|()| self.0),
            _ if extra => Err(ApiError::validation(
                "A partition key of the type MEASURE takes neither Name nor EnforcementInRecord.",
            )),
            _ => Ok(self.0),
        }
    }
}
