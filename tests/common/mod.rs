//! What tests, examples and benches share. Each includes this file by its path.

#![allow(dead_code, reason = "each program uses a part of it")]
#![allow(unreachable_pub, missing_docs, clippy::unwrap_used, reason = "a module of tests, where a panic is the report")]

pub mod endpoint;
pub mod fault;
pub mod metrics;
pub mod port;
pub mod scratch;
pub mod sink;
pub mod waiting;
