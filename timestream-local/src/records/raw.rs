//! The JSON of a WriteRecords call as it arrives, its texts borrowed from the body where they have no escapes.

use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    pub(super) database_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) table_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) common_attributes: Option<RawRecord<'a>>,
    #[serde(borrow)]
    pub(super) records: Option<Vec<RawRecord<'a>>>,
}

/// A text. It has a type of its own because serde does not borrow a `Cow` directly in an `Option`.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawRecord<'a> {
    #[serde(borrow)]
    pub(super) dimensions: Option<Vec<RawDimension<'a>>>,
    #[serde(borrow)]
    pub(super) measure_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) measure_value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) measure_value_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) measure_values: Option<Vec<RawMeasure<'a>>>,
    #[serde(borrow)]
    pub(super) time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) time_unit: Option<Text<'a>>,
    pub(super) version: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawDimension<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) dimension_value_type: Option<Text<'a>>,
}

/// A value of a multi-measure record.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawMeasure<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) r#type: Option<Text<'a>>,
}

/// What a text says, if it is there.
pub(super) fn text<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
    text.as_ref().map(|Text(text)| text.as_ref())
}
