//! The Timestream Prometheus Connector as a library: the rooms, for the binary, the tests and the benches.

pub mod batcher;
pub mod budget;
mod decimal;
pub mod dimension;
pub mod door;
pub mod error;
pub mod export;
pub mod ha;
pub mod http;
pub mod import;
pub mod ingest;
pub mod measure;
pub mod openmetrics;
pub mod options;
pub mod paths;
pub mod proto;
pub mod query;
pub mod routes;
pub mod run;
pub mod sink;
pub mod telemetry;
pub mod transfer;
mod units;
pub mod write_request;
