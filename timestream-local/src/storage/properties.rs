//! The properties of databases and tables, stored as JSON in the file. The names in the JSON are the API's, so that
//! properties are answered as they were given.

use crate::records::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tags of a database or table.
pub(crate) type Tags = BTreeMap<String, String>;

/// What is stored of a database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatabaseProperties {
    /// Seconds since 1970.
    pub(crate) created: f64,
    /// Seconds since 1970.
    pub(crate) updated: f64,
    /// The key that a request named. Nothing is encrypted with it.
    pub(crate) kms_key_id: Option<String>,
    /// By key.
    #[serde(default)]
    pub(crate) tags: Tags,
}

/// What is stored of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableProperties {
    /// Seconds since 1970.
    pub(crate) created: f64,
    /// Seconds since 1970.
    pub(crate) updated: f64,
    /// How long records are kept.
    pub(crate) retention: Retention,
    /// Whether late records are taken.
    pub(crate) magnetic_writes: Option<MagneticWrites>,
    /// How the service partitions records. Here it only says which dimension a record must have.
    pub(crate) schema: Option<Schema>,
    /// By key.
    #[serde(default)]
    pub(crate) tags: Tags,
    /// The dimensions' names in order of appearance: the columns `d0`, `d1`, ….
    pub(crate) dimensions: Vec<String>,
    /// The values of multi-measure records in order of appearance: the columns `m0`, `m1`, ….
    #[serde(default)]
    pub(crate) multi: Vec<MultiMeasure>,
}

/// A value of multi-measure records. Its type never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MultiMeasure {
    /// Its name, and its column's.
    pub(crate) name: String,
    /// Its type.
    pub(crate) kind: Kind,
}

/// How long records are kept, and where they may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    /// Hours, 1 to 8766.
    pub(crate) memory_hours: i64,
    /// Days, 1 to 73000.
    pub(crate) magnetic_days: i64,
}

impl Default for Retention {
    fn default() -> Self {
        // The service's own defaults.
        Retention { memory_hours: 6, magnetic_days: 73_000 }
    }
}

/// `MagneticStoreWriteProperties`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MagneticWrites {
    /// Whether records older than the memory store's retention are taken.
    pub(crate) enable_magnetic_store_writes: bool,
    /// Where the service would report late records that it could not store. Nothing is sent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) magnetic_store_rejected_data_location: Option<RejectedDataLocation>,
}

/// `MagneticStoreRejectedDataLocation`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RejectedDataLocation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) s3_configuration: Option<S3Configuration>,
}

/// `S3Configuration`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct S3Configuration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bucket_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_key_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_option: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key_id: Option<String>,
}

/// `Schema`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Schema {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) composite_partition_key: Option<Vec<PartitionKey>>,
}

/// `PartitionKey`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PartitionKey {
    /// `DIMENSION` or `MEASURE`.
    pub(crate) r#type: String,
    /// The dimension's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Whether a record must have the dimension: `REQUIRED` or `OPTIONAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enforcement_in_record: Option<String>,
}

impl TableProperties {
    /// The dimension, or `measure_name`, by which the service would partition the records.
    pub(crate) fn partition_key(&self) -> &str {
        let keys = self.schema.iter().flat_map(|schema| schema.composite_partition_key.iter().flatten());
        keys.filter_map(|key| key.name.as_deref()).next().unwrap_or("measure_name")
    }

    /// The dimensions that every record must have.
    pub(crate) fn required_dimensions(&self) -> impl Iterator<Item = &str> {
        let keys = self.schema.iter().flat_map(|schema| schema.composite_partition_key.iter().flatten());
        keys.filter(|key| key.enforcement_in_record.as_deref() == Some("REQUIRED"))
            .filter_map(|key| key.name.as_deref())
    }
}

impl Schema {
    /// Whether the partition key has the same type and name as that of another schema. Without a key, records are
    /// partitioned by the measure's name.
    pub(super) fn same_keys(&self, other: Option<&Schema>) -> bool {
        let keys = |schema: &Schema| -> Vec<(String, Option<String>)> {
            let keys = schema.composite_partition_key.iter().flatten();
            let keys: Vec<_> = keys.map(|key| (key.r#type.clone(), key.name.clone())).collect();
            if keys.is_empty() { vec![("MEASURE".to_owned(), None)] } else { keys }
        };
        keys(self) == other.map_or_else(|| keys(&Schema::default()), keys)
    }
}
