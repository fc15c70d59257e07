//! The Timestream Prometheus Connector as a library: the daemon's rooms, for its binary, its tests and its benches.

pub mod batcher;
pub mod dimension;
pub mod error;
pub mod ingest;
pub mod options;
pub mod proto;
pub mod sink;
pub mod telemetry;
pub mod write_request;
