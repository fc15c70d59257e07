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
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// `Record`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RawRecord<'a> {
    #[serde(borrow)]
    pub(crate) dimensions: Option<Vec<RawDimension<'a>>>,
    #[serde(borrow)]
    pub(crate) measure_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) measure_value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) measure_value_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) measure_values: Option<Vec<RawMeasure<'a>>>,
    #[serde(borrow)]
    pub(crate) time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) time_unit: Option<Text<'a>>,
    pub(crate) version: Option<i64>,
}

/// `Dimension`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RawDimension<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) dimension_value_type: Option<Text<'a>>,
}

/// A value of a multi-measure record.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RawMeasure<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) r#type: Option<Text<'a>>,
}

impl<'a> Text<'a> {
    /// A text that is there.
    pub(crate) fn some(text: &'a str) -> Option<Self> {
        Some(Text(Cow::Borrowed(text)))
    }
}

/// What a text says, if it is there.
pub(super) fn text<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
    text.as_ref().map(|Text(text)| text.as_ref())
}
