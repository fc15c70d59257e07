//! The Timestream Prometheus Connector as a library: the daemon's rooms, for its binary, its tests and its benches.

pub mod admin;
pub mod batcher;
pub mod budget;
pub mod check;
pub mod daemon;
#[cfg(feature = "embedded")]
mod demo;
pub mod dimension;
#[cfg(feature = "embedded")]
mod embedded;
pub mod error;
pub mod held;
pub mod ingest;
pub mod lambda;
pub mod measure;
pub mod options;
pub mod page;
mod probe;
pub mod proto;
pub mod query;
pub mod read;
mod rooms;
pub mod routes;
pub mod sink;
pub mod telemetry;
pub mod web_config;
pub mod write_request;
