//! What a request for a task must say (service model timestream-write, and quotas of the developer guide).

use super::form::CsvForm;
use super::model::{DataModel, DataModelConfiguration, DataSourceConfiguration, ReportConfiguration};
use super::plan::Plan;
use super::task::{Asked, LoadedFile};
use crate::error::ApiError;
use crate::names::{constraint, not_null};
use crate::objects::{Address, Folder, ObjectRoot, is_bucket};
use std::io::Read;

/// Most objects of a task, bytes of one, and of all.
const MAX_FILES: usize = 100;
const MAX_FILE_BYTES: u64 = 5 << 30;
const MAX_BYTES: u64 = 100 << 30;
/// Bytes of a data model in an object.
const MAX_MODEL: u64 = 1 << 20;
/// Bytes of a KmsKeyId (service model, StringValue2048).
const MAX_KEY_ID: usize = 2048;

/// Checks a request. Returns its data model and the objects that it loads.
pub(super) fn check(asked: &Asked, root: &ObjectRoot) -> Result<(DataModel, Vec<LoadedFile>), ApiError> {
    if let Some(version) = asked.version.filter(|version| *version < 1) {
        let rule = "Member must have value greater than or equal to 1";
        return Err(constraint("recordVersion", &version.to_string(), rule));
    }
    report(&asked.report)?;
    CsvForm::new(asked.source.csv_configuration.as_ref())?;
    match asked.source.data_format.as_deref() {
        Some("CSV") => {}
        Some(other) => return Err(constraint("dataFormat", other, "Member must satisfy enum value set: [CSV]")),
        None => return Err(not_null("dataSourceConfiguration.dataFormat")),
    }
    let model = model(&asked.model, root)?;
    Plan::new(&model)?;
    Ok((model, files(&asked.source, root)?))
}

/// The folder for the reports of a task.
pub(super) fn report(configuration: &ReportConfiguration) -> Result<Folder, ApiError> {
    let s3 = configuration.s3.as_ref().ok_or_else(|| not_null("reportConfiguration.reportS3Configuration"))?;
    let bucket = bucket("reportS3Configuration.bucketName", s3.bucket_name.as_deref())?;
    let prefix = s3.object_key_prefix.as_deref().unwrap_or_default();
    if s3.object_key_prefix.is_some() {
        key("reportS3Configuration.objectKeyPrefix", prefix, 1, 928)?;
    }
    match s3.encryption_option.as_deref() {
        None | Some("SSE_S3") => {}
        Some("SSE_KMS") if s3.kms_key_id.as_ref().is_some_and(|key| key.len() <= MAX_KEY_ID) => {}
        Some("SSE_KMS") => {
            return Err(ApiError::validation("The EncryptionOption SSE_KMS needs a KmsKeyId, of 2048 bytes at most."));
        }
        Some(other) => {
            let rule = "Member must satisfy enum value set: [SSE_S3, SSE_KMS]";
            return Err(constraint("encryptionOption", other, rule));
        }
    }
    Ok(Folder::new(bucket, prefix)?)
}

/// The bucket with the data.
pub(super) fn bucket<'a>(field: &str, name: Option<&'a str>) -> Result<&'a str, ApiError> {
    let name = name.ok_or_else(|| not_null(field))?;
    if is_bucket(name) {
        return Ok(name);
    }
    let rule = "Member must satisfy regular expression pattern: [a-z0-9][\\.\\-a-z0-9]{1,61}[a-z0-9]";
    Err(constraint(field, name, rule))
}

/// S3ObjectKey and S3ObjectKeyPrefix of the service model, whose patterns ask for two characters.
fn key(field: &str, text: &str, least: usize, most: usize) -> Result<(), ApiError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!-_*'()".contains(&byte);
    let (first, rest) = text.as_bytes().split_first().unwrap_or((&b'/', &[]));
    let rest_is_legal = !rest.is_empty() && rest.iter().all(|byte| legal(*byte) || matches!(byte, b'/' | b'.'));
    if !(least..=most).contains(&text.len()) || !(legal(*first) || *first == b'|') || !rest_is_legal {
        let rule = "Member must satisfy regular expression pattern: \
                    [a-zA-Z0-9|!\\-_*'\\(\\)]([a-zA-Z0-9]|[!\\-_*'\\(\\)\\/.])+";
        return Err(constraint(field, text, rule));
    }
    Ok(())
}

fn model(configuration: &DataModelConfiguration, root: &ObjectRoot) -> Result<DataModel, ApiError> {
    match (&configuration.data_model, &configuration.s3) {
        (Some(model), None) => Ok(model.clone()),
        (None, Some(s3)) => {
            let bucket = bucket("dataModelS3Configuration.bucketName", s3.bucket_name.as_deref())?;
            const FIELD: &str = "dataModelS3Configuration.objectKey";
            let object = s3.object_key.as_deref().ok_or_else(|| not_null(FIELD))?;
            key(FIELD, object, 1, 1024)?;
            let address = Address::new(bucket, object)?;
            let mut text = Vec::new();
            let read = root.read(&address)?.take(MAX_MODEL + 1).read_to_end(&mut text);
            read.map_err(|error| ApiError::internal(format!("{address} can't be read: {error}")))?;
            if text.len() as u64 > MAX_MODEL {
                return Err(ApiError::validation(format!("The data model in {address} is larger than 1 MiB.")));
            }
            serde_json::from_slice(&text)
                .map_err(|error| ApiError::validation(format!("The data model in {address} can't be read: {error}")))
        }
        _ => Err(ApiError::validation(
            "DataModelConfiguration needs either a DataModel or a DataModelS3Configuration, and not both.",
        )),
    }
}

fn files(source: &DataSourceConfiguration, root: &ObjectRoot) -> Result<Vec<LoadedFile>, ApiError> {
    let s3 = source.s3.as_ref().ok_or_else(|| not_null("dataSourceConfiguration.dataSourceS3Configuration"))?;
    let bucket = bucket("dataSourceS3Configuration.bucketName", s3.bucket_name.as_deref())?;
    let prefix = s3.object_key_prefix.as_deref().unwrap_or_default();
    if s3.object_key_prefix.is_some() {
        key("dataSourceS3Configuration.objectKeyPrefix", prefix, 1, 1024)?;
    }
    let listed = root.list(bucket, prefix, MAX_FILES)?;
    if listed.is_empty() {
        return Err(ApiError::validation(format!("There are no objects below s3://{bucket}/{prefix}.")));
    }
    if let Some(large) = listed.iter().find(|object| object.bytes > MAX_FILE_BYTES) {
        return Err(ApiError::validation(format!("{} is larger than 5 GB.", large.address)));
    }
    if listed.iter().map(|object| object.bytes).sum::<u64>() > MAX_BYTES {
        return Err(ApiError::validation("A batch load task can load at most 100 GB."));
    }
    Ok(listed
        .into_iter()
        .map(|object| LoadedFile { key: object.address.key().to_owned(), bytes: object.bytes })
        .collect())
}
