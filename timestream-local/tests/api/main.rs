//! The server as the AWS SDK for Rust sees it.

#![allow(unreachable_pub, missing_docs, reason = "the modules of a test binary are its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

mod binary;
mod scheduling;
#[path = "../../../tests/common/scratch.rs"]
mod scratch;
mod server;

mod account;
mod batch_load;
mod bodies;
mod discovery;
mod documents;
mod faults;
mod grafana;
mod group_commit;
mod in_process;
mod model;
mod objects;
mod queries;
mod records;
mod resources;
mod scheduled_queries;
mod scheduled_runs;
mod scheduled_samples;
mod series_bins;
mod series_storage;
mod signatures;
mod storage;
mod unload;
