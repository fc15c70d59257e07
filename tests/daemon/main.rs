//! The whole daemon: the real binary, driven over HTTP, storing through the AWS SDK in the embedded Timestream.

#![allow(unreachable_pub, missing_docs, reason = "the modules of a test binary are its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

#[path = "../common/cases.rs"]
#[allow(dead_code, reason = "tests/model.rs uses all of it")]
mod cases;
mod chunks;
mod connector;
mod endpoint;
mod prometheus_server;
mod remote;

mod bad_requests;
mod differential;
mod durability;
mod prometheus;
mod round_trip;
mod shutdown;
mod speed;
mod start;
mod streaming;
