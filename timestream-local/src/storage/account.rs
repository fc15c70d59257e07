//! The settings of the account, stored as JSON in the file. Nothing here goes by them.

use serde::{Deserialize, Serialize};

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
