//! The settings of HA pairs.

use std::time::Duration;

/// How HA pairs are told apart, and when another replica takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaSettings {
    /// The label whose value is the same for all replicas of a pair.
    pub cluster_label: String,
    /// The label whose value differs between them. It is not stored.
    pub replica_label: String,
    /// How long the elected replica may be silent before another that is heard takes its place.
    pub failover_timeout: Duration,
}
