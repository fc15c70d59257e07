//! What the connector tells of itself: metrics, log, readiness. Uses no other room.

pub mod health;
pub mod log;
pub mod metrics;
pub mod rate_limit;
pub mod reason;

pub use metrics::Metrics;
