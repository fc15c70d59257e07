//! The calls to Timestream: clients per caller, bodies, retries, and what the answers mean.

pub mod retry;
pub mod service_error;
