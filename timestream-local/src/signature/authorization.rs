//! The header `Authorization`.

use super::failure::incomplete;
use crate::error::ApiError;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What the header says.
pub(super) struct Authorization<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
}

/// `Credential`: the access key's ID, and the scope of the signature.
pub(super) struct Scope<'a> {
    pub(super) key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) terminator: &'a str,
}

impl<'a> Authorization<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ApiError> {
        let rest = text.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' '));
        let rest = rest.ok_or_else(|| {
            let algorithm = text.split(' ').next().unwrap_or_default();
            incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'."))
        })?;
        let part = |name: &str| {
            let parts = rest.split(',').filter_map(|part| part.trim().split_once('='));
            let found = parts.filter(|(own, value)| *own == name && !value.is_empty()).map(|(_, value)| value).next();
            found.ok_or_else(|| incomplete(format!("Authorization header requires '{name}' parameter.")))
        };
        let credential = part("Credential")?;
        let parts: Vec<&str> = credential.split('/').collect();
        let &[key_id, date, region, service, terminator] = parts.as_slice() else {
            return Err(incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            ));
        };
        Ok(Authorization {
            scope: Scope { key_id, date, region, service, terminator },
            signed_headers: part("SignedHeaders")?,
            signature: part("Signature")?,
        })
    }
}
