//! What the connector reports about itself: metrics, log, readiness.

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
