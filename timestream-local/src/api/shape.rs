//! What requests and answers of several operations have in common.

use serde::de::DeserializeOwned;

use crate::error::{ApiError, ErrorKind};
use crate::names::constraint;

/// Items on a page of a list, at most and by default.
const MAX_RESULTS: usize = 20;

/// Reads a request.
pub(super) fn request<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::new(ErrorKind::Serialization, error.to_string()))
}

/// A member that the service requires.
pub(super) fn required<T>(member: Option<T>, name: &str) -> Result<T, ApiError> {
    member.ok_or_else(|| constraint(name, "null", "Member must not be null"))
}

/// The ARN of something, in a made-up account.
pub(super) fn arn(path: &str) -> String {
    format!("arn:aws:timestream:us-east-1:000000000000:{path}")
}

/// One page of `names`, and the token of the next: the last name of this one.
pub(super) fn page<'a>(
    names: impl Iterator<Item = &'a String>,
    max_results: Option<usize>,
    token: Option<&str>,
) -> Result<(Vec<&'a String>, Option<String>), ApiError> {
    let size = max_results.unwrap_or(MAX_RESULTS);
    if !(1..=MAX_RESULTS).contains(&size) {
        let rule = format!("Member must have value between 1 and {MAX_RESULTS}");
        return Err(constraint("maxResults", &size.to_string(), &rule));
    }
    let mut rest = names.filter(|name| token.is_none_or(|token| name.as_str() > token));
    let page: Vec<_> = rest.by_ref().take(size).collect();
    let next = rest.next().and_then(|_| page.last().map(|name| (*name).clone()));
    Ok((page, next))
}
