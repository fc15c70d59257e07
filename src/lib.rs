//! The Timestream Prometheus Connector as a library: the daemon's rooms, for its binary, its tests and its benches.

pub mod dimension;
pub mod error;
pub mod proto;
pub mod sink;
