//! What the connector tells of itself: metrics, log, readiness. Uses no other room.

pub mod embedded_metrics;
pub mod examples;
pub mod health;
pub mod log;
pub mod metrics;
pub mod rate_limit;
pub mod reason;
pub mod recent;
pub mod request_id;
pub mod summary;

pub use metrics::Metrics;
