//! The server as the AWS SDK for Rust sees it.

#![allow(unreachable_pub, missing_docs, reason = "the modules of a test binary are its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

mod server;

mod faults;
mod records;
mod resources;
