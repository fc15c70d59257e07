//! The settings of the account, stored as JSON in the file. Nothing here goes by them.

use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// `MaxQueryTCU` of a new account (developer guide, "Timestream Compute Unit").
const DEFAULT_TCU: i64 = 200;

/// What UpdateAccountSettings sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccountSettings {
    /// `MaxQueryTCU`.
    pub(crate) max_query_tcu: i64,
    /// The compute mode is PROVISIONED, and not ON_DEMAND.
    pub(crate) is_provisioned: bool,
    /// The last `ProvisionedCapacity` that was asked for.
    pub(crate) provisioned: Option<Provisioned>,
}

impl Default for AccountSettings {
    fn default() -> Self {
        AccountSettings { max_query_tcu: DEFAULT_TCU, is_provisioned: false, provisioned: None }
    }
}

/// `ProvisionedCapacity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Provisioned {
    /// `TargetQueryTCU`.
    pub(crate) target_tcu: i64,
    /// The role for notifications. It is not assumed.
    pub(crate) role_arn: Option<String>,
    /// The topic for notifications. None are sent.
    pub(crate) topic_arn: Option<String>,
}

/// What UpdateAccountSettings asks for. What is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccountUpdate {
    /// `MaxQueryTCU`.
    pub(crate) max_query_tcu: Option<i64>,
    /// The compute mode is PROVISIONED, and not ON_DEMAND.
    pub(crate) is_provisioned: Option<bool>,
    /// `ProvisionedCapacity`.
    pub(crate) provisioned: Option<Provisioned>,
}

impl AccountUpdate {
    /// The settings with the update.
    ///
    /// # Errors
    /// A ValidationException when mode and capacity do not go together.
    pub(super) fn apply(&self, settings: &AccountSettings) -> Result<AccountSettings, ApiError> {
        let is_provisioned = self.is_provisioned.unwrap_or(settings.is_provisioned);
        if self.provisioned.is_some() && !is_provisioned {
            return Err(ApiError::validation("ProvisionedCapacity needs the compute mode PROVISIONED."));
        }
        let provisioned = self.provisioned.clone().or_else(|| settings.provisioned.clone());
        if is_provisioned && provisioned.is_none() {
            return Err(ApiError::validation("The compute mode PROVISIONED needs ProvisionedCapacity."));
        }
        let max_query_tcu = self.max_query_tcu.unwrap_or(settings.max_query_tcu);
        Ok(AccountSettings { max_query_tcu, is_provisioned, provisioned })
    }
}
