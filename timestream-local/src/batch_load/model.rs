//! The shapes of requests and answers (service model timestream-write, `CreateBatchLoadTaskRequest`). They are kept and
//! answered as they were given.

use serde::{Deserialize, Serialize};

/// Where the data is, and how it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DataSourceConfiguration {
    #[serde(rename = "DataSourceS3Configuration")]
    pub(crate) s3: Option<DataSourceS3>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) csv_configuration: Option<CsvConfiguration>,
    pub(crate) data_format: Option<String>,
}

/// The objects that are loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DataSourceS3 {
    pub(crate) bucket_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_key_prefix: Option<String>,
}

/// The form of CSV.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CsvConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column_separator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) escape_char: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quote_char: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) null_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trim_white_space: Option<bool>,
}

/// The data model, or the object that has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DataModelConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_model: Option<DataModel>,
    #[serde(rename = "DataModelS3Configuration", skip_serializing_if = "Option::is_none")]
    pub(crate) s3: Option<DataModelS3>,
}

/// An object with a data model as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DataModelS3 {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bucket_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_key: Option<String>,
}

/// How rows become records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DataModel {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dimension_mappings: Option<Vec<DimensionMapping>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multi_measure_mappings: Option<MultiMeasureMappings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mixed_measure_mappings: Option<Vec<MixedMeasureMapping>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) measure_name_column: Option<String>,
}

/// A dimension.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DimensionMapping {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_column: Option<String>,
}

/// A multi-measure record for each row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MultiMeasureMappings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_multi_measure_name: Option<String>,
    pub(crate) multi_measure_attribute_mappings: Option<Vec<AttributeMapping>>,
}

/// A value of a multi-measure record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeMapping {
    pub(crate) source_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_multi_measure_attribute_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) measure_value_type: Option<String>,
}

/// A record of one kind or the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MixedMeasureMapping {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) measure_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_measure_name: Option<String>,
    pub(crate) measure_value_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multi_measure_attribute_mappings: Option<Vec<AttributeMapping>>,
}

/// Where errors are reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReportConfiguration {
    #[serde(rename = "ReportS3Configuration", skip_serializing_if = "Option::is_none")]
    pub(crate) s3: Option<ReportS3>,
}

/// A folder for reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReportS3 {
    pub(crate) bucket_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_key_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_option: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key_id: Option<String>,
}
