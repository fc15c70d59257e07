//! What requests and answers of several operations have in common.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, ErrorKind};
use crate::names::{constraint, not_null};
use crate::storage::Tags;

/// Databases or tables on a page of their list, at most and by default.
pub(super) const MAX_RESULTS: i64 = 20;

/// Reads a request.
pub(super) fn request<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::new(ErrorKind::Serialization, error.to_string()))
}

/// A member that the service requires.
pub(super) fn required<T>(member: Option<T>, name: &str) -> Result<T, ApiError> {
    member.ok_or_else(|| not_null(name))
}

/// Checks a text's length in characters.
pub(super) fn check_length(field: &str, text: &str, least: usize, most: usize) -> Result<(), ApiError> {
    let length = text.chars().count();
    if length < least {
        return Err(constraint(field, text, &format!("Member must have length greater than or equal to {least}")));
    }
    if length > most {
        return Err(constraint(field, text, &format!("Member must have length less than or equal to {most}")));
    }
    Ok(())
}

/// A number from 1.
pub(super) fn check_within(field: &str, value: i64, most: i64) -> Result<(), ApiError> {
    if value < 1 {
        return Err(constraint(field, &value.to_string(), "Member must have value greater than or equal to 1"));
    }
    if value > most {
        let rule = format!("Member must have value less than or equal to {most}");
        return Err(constraint(field, &value.to_string(), &rule));
    }
    Ok(())
}

/// One of the words of an enumeration.
pub(super) fn check_enum(field: &str, word: &str, words: &[&str]) -> Result<(), ApiError> {
    if words.contains(&word) {
        return Ok(());
    }
    Err(constraint(field, word, &format!("Member must satisfy enum value set: [{}]", words.join(", "))))
}

/// A tag as a request gives it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: Option<String>,
    value: Option<String>,
}

/// Checks tags. A key may occur once.
pub(super) fn tags(asked: Vec<Tag>) -> Result<Tags, ApiError> {
    if asked.len() > 200 {
        let shown = format!("[{} tags]", asked.len());
        return Err(constraint("tags", &shown, "Member must have length less than or equal to 200"));
    }
    let mut tags = Tags::new();
    for tag in asked {
        let key = required(tag.key, "tags.key")?;
        check_length("tags.key", &key, 1, 128)?;
        if key.starts_with("aws:") {
            return Err(ApiError::validation(format!("Tag keys that begin with aws: are reserved: {key}")));
        }
        let value = required(tag.value, "tags.value")?;
        check_length("tags.value", &value, 0, 256)?;
        if tags.contains_key(&key) {
            return Err(ApiError::validation(format!("Duplicate tag keys are not allowed: {key}")));
        }
        tags.insert(key, value);
    }
    Ok(tags)
}

/// One page of `items`, each with its place in the order, and the token of the next page: the last place of this one.
/// A page has `most` items at most, and by default.
pub(super) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    most: i64,
    max_results: Option<i64>,
    token: Option<&str>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let size = max_results.unwrap_or(most);
    check_within("maxResults", size, most)?;
    let legal = |token: &str| token.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./|!*'()".contains(&b));
    if token.is_some_and(|token| token.is_empty() || !legal(token)) {
        return Err(ApiError::validation("The NextToken is invalid."));
    }
    let mut rest = items.filter(|(place, _)| token.is_none_or(|token| place.as_str() > token));
    let (mut page, mut last) = (Vec::new(), None);
    for (place, item) in rest.by_ref().take(usize::try_from(size).unwrap_or(1)) {
        page.push(item);
        last = Some(place);
    }
    Ok((page, rest.next().and(last)))
}
